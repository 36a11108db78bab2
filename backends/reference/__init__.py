"""The plain dense meaning in NumPy float64: the oracle for everything else."""
