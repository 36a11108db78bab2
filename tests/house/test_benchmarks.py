"""The benchmarks still run, and their contenders agree."""

import subprocess
import sys

import pytest


@pytest.mark.slow
def test_every_contender_runs(root):
    command = [sys.executable, "-m", "benchmarks.run", "--seconds", "0", "--rounds", "2", "--tries", "1", "--dry"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("| hugging face |") == 8


@pytest.mark.slow
def test_every_kernel_runs_on_the_grid(root):
    command = [sys.executable, "-m", "benchmarks.kernels", "--seconds", "0", "--rounds", "2", "--tries", "1", "--dry"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert " gather " in done.stdout and " dense " in done.stdout and " union " in done.stdout
