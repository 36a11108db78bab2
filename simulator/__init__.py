"""Plan, target and workload to cycles, bytes and joules."""
