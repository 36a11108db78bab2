"""
Discrete events over flat arrays: when tasks start and end on queues that run in parallel. `docs/engine.md` says what holds.

    tasks = TaskList()
    load = tasks.add("copy", moves={"link": 64e6}, latency=2e-6)        # -> its number
    use = tasks.add("device", 1e-3, after=[load], moves={"dram": 64e6})  # ends when seconds and transfer are both through
    tasks.hold("memory", 64e6, load, use)                                # from the start of one to the end of the other

    run(tasks.done(), {"link": 64e9, "dram": 4.8e12}, {"memory": 1e9}) -> Schedule
"""

from .schedule import DoesNotFit, Schedule, Wait, run
from .tasks import TaskList, Tasks

__all__ = ["DoesNotFit", "Schedule", "TaskList", "Tasks", "Wait", "run"]
