"""`python -m benchmarks.systolic [scalesim.csv]`: what it takes to know the cycles of a product, beside SCALE-Sim's own CPU time.

Of runs of the table that say their `cpu_s`, the dearest and some others: the closed form, the schedule behind a bus and SRAM,
and the array that is stepped, which moves every operand and computes the product. CPU seconds of one core, kernels compiled.
"""

from __future__ import annotations

import csv
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from chunkc.simulator.systolic.closed import FLOWS, compute_cycles
from chunkc.simulator.systolic.memory import Room, stream_product
from chunkc.simulator.systolic.stepped import step_product

TABLE = Path(__file__).resolve().parents[2] / "shared" / "data" / "scalesim_3.0.0.csv"
COUNT = 8


def cpu_seconds(call: Callable[[], object], least: float = 0.05) -> float:
    """Of one call, as the mean of enough of them."""
    call()
    calls, begun = 0, time.process_time()
    while (taken := time.process_time() - begun) < least:
        call()
        calls += 1
    return taken / calls


def main() -> None:
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else TABLE
    if not path.exists():
        sys.exit(f"{path} is not there: name a table of SCALE-Sim's runs")
    with path.open(encoding="utf-8") as file:
        runs = [row for row in csv.DictReader(file) if row["cpu_s"] and row["mode"] == "CALC" and not row["sparsity_nm"]]
    runs.sort(key=lambda row: -float(row["cpu_s"]))
    print(f"{'':30}{'SCALE-Sim':>10} {'stepped':>10} {'ratio':>7} {'schedule':>12} {'ratio':>9} {'closed':>12} {'ratio':>9}")
    for row in runs[:: max(1, len(runs) // COUNT)]:
        report(row)


def report(row: dict[str, str]) -> None:
    """One line: seconds of each way to know, and how often it fits into SCALE-Sim's."""
    m, n, k, rows, columns = (int(row[name]) for name in ("M", "N", "K", "array_h", "array_w"))
    flow, theirs = FLOWS[row["dataflow"]], float(row["cpu_s"])
    room = Room(*(1024.0 * int(row[f"{name}_sram_kb"]) for name in ("ifmap", "filter", "ofmap")))
    a, b = (np.random.default_rng(0).integers(-9, 10, shape) for shape in ((m, k), (k, n)))
    stepped = step_product(flow, a, b, rows, columns)
    assert np.array_equal(stepped.product, a @ b) and stepped.cycles == int(row["compute_cycles"])
    ways = (
        cpu_seconds(lambda: step_product(flow, a, b, rows, columns), 0.001),
        cpu_seconds(lambda: stream_product(flow, m, n, k, rows, columns, sram=room, bandwidth=64)),
        cpu_seconds(lambda: compute_cycles(flow, m, n, k, rows, columns)),
    )
    name = f"{flow} {m}x{n}x{k} on {rows}x{columns}"
    step, schedule, closed = ((f"{taken:.3g} s", f"{theirs / taken:.3g}x") for taken in ways)
    print(
        f"{name:30}{theirs:8.3g} s {step[0]:>10} {step[1]:>7} {schedule[0]:>12} {schedule[1]:>9} {closed[0]:>12} {closed[1]:>9}"
    )


if __name__ == "__main__":
    main()
