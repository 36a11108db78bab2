"""`python -m benchmarks.engine`: events a second of the simulator's engine, by tasks, as a table for `docs/engine.md`.

Four queues: a host that launches, a copy engine, a matrix and a vector stream; one event is the start or the end of a task or of
its transfer. Processor time of one thread, the least of some rounds; compiling is timed apart, in a process without a cache.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import numpy as np

from chunkc.simulator.engine import TaskList, Tasks, run, run_many

BANDWIDTH, CAPACITY = {"link": 1e11, "dram": 1e12}, {"slots": 4e6}
COLD = (
    "import time; a = time.process_time(); from benchmarks.engine import *; work(True, 8); b = time.process_time();"
    "run(work(True, 8), BANDWIDTH, CAPACITY); print(time.process_time() - b)"
)


def work(transfers: bool, count: int) -> Tasks:
    """Layers of a launch, a load, a product and a reduction; with transfers also slots for loads, and contention for memory."""
    tasks = TaskList()
    for layer in range(count // 4):
        launch = tasks.add("host", 2e-6, step=layer)
        load = tasks.add("copy", 1e-6, moves={"link": 1e6, "dram": 1e6} if transfers else None)
        use = tasks.add("matrix", 5e-6, after=[launch, load], moves={"dram": 4e6} if transfers else None)
        tasks.add("vector", 3e-6, after=[use])
        if transfers:
            tasks.hold("slots", 1e6, load, use)
    return tasks.done()


def events(tasks: Tasks) -> int:
    """Starts and ends of tasks and of transfers."""
    return 2 * len(tasks) + 2 * int(np.count_nonzero(np.diff(tasks.move_ptr)))


def least(call: Callable[[], object], rounds: int = 5) -> float:
    """Seconds of processor time, the least of some rounds."""
    call()
    taken = []
    for _ in range(rounds):
        started = time.process_time()
        call()
        taken.append(time.process_time() - started)
    return min(taken)


def cold() -> float:
    """Seconds of the first run where nothing is compiled."""
    with tempfile.TemporaryDirectory() as folder:
        variables = {**os.environ, "XDG_CACHE_HOME": folder}
        done = subprocess.run([sys.executable, "-c", COLD], env=variables, capture_output=True, text=True, check=True)
    return float(done.stdout)


def main() -> None:
    """Prints the tables."""
    print("| tasks | queues only, Mevents/s | transfers and slots, Mevents/s | in order, Mtasks/s |\n| --- | --- | --- | --- |")
    for count in (1_000, 10_000, 100_000, 400_000):
        plain, full = work(False, count), work(True, count)
        fair = [events(tasks) / least(lambda tasks=tasks: run(tasks, BANDWIDTH, CAPACITY)) / 1e6 for tasks in (plain, full)]
        in_order = count / least(lambda full=full: run(full, BANDWIDTH, CAPACITY, sharing="in order")) / 1e6
        print(f"| {count:,} | {fair[0]:.1f} | {fair[1]:.1f} | {in_order:.1f} |")
    tasks = work(True, 600)
    seconds = np.random.default_rng(0).uniform(0, 1e-5, (1000, len(tasks)))
    for sharing in ("fair", "in order"):
        taken = least(lambda sharing=sharing: run_many(tasks, BANDWIDTH, CAPACITY, seconds=seconds, sharing=sharing))
        print(f"1,000 inputs of 600 tasks, {sharing}: {1e3 * taken:.0f} ms")
    print(f"first run, compiled: {cold():.1f} s")


if __name__ == "__main__":
    main()
