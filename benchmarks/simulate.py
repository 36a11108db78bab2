"""`python -m benchmarks.simulate`: how long a simulation thinks, by layers, inputs and experts, as a table for `docs/timing.md`.

The model is `layers.cc`, 512 tokens a call. Routes are given as counts; drawing them is timed apart. Warm: the machine has priced
these shapes before. Processor time of one thread, the least of some rounds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

import chunkc
from chunkc.compiler.plan import Plan
from chunkc.compiler.planning import lower
from chunkc.simulator.machine import Machine
from chunkc.simulator.model import machine_of
from chunkc.simulator.routes import route_of
from chunkc.simulator.simulate import simulate
from chunkc.simulator.target_reading import load_target
from chunkc.simulator.workloads import Workload

SPEC = Path(__file__).parent / "layers.cc"
DIMS = {"B": 1, "T": 512}
KEPT = 8
ROUTE = route_of("zipf(1.2)")
CASES = [
    *({"layers": layers} for layers in (6, 12, 24, 48)),
    *({"inputs": inputs} for inputs in (1, 10, 100, 10_000)),
    *({"experts": experts} for experts in (32, 64, 256)),
    {"passes": ()},
    {"target": "cpu-generic"},
]


def drawn(layers: int, experts: int, inputs: int) -> dict[str, Any]:
    """Counts of each layer's router, [inputs, experts]."""
    tokens = np.full(inputs, DIMS["B"] * DIMS["T"])
    return {f"layer.{i}.route": ROUTE.counts(tokens, experts, KEPT, np.random.default_rng(i)) for i in range(layers)}


def least(call: Callable[[], object], rounds: int = 3) -> float:
    """Seconds of processor time, the least of some rounds."""
    taken = []
    for _ in range(rounds):
        started = time.process_time()
        call()
        taken.append(time.process_time() - started)
    return min(taken)


def planned(layers: int, experts: int, passes: tuple[str, ...]) -> tuple[Any, Plan]:
    graph = chunkc.optimize(chunkc.load(SPEC, layers=layers, experts=experts), passes)
    return graph, lower(graph)


def measured(case: Mapping[str, Any], machines: dict[str, Machine]) -> str:
    """One row of the table."""
    given = {"layers": 48, "experts": 128, "inputs": 1000, "passes": ("group-chunks",), "target": "h200", **case}
    layers, experts, inputs = given["layers"], given["experts"], given["inputs"]
    graph, plan = planned(layers, experts, given["passes"])
    started = time.process_time()
    counts = drawn(layers, experts, inputs)
    drawing = time.process_time() - started
    if given["target"] not in machines:
        machines[given["target"]] = machine_of(load_target(given["target"]))
    machine = machines[given["target"]]
    workload = Workload.of(graph, DIMS, dtype="bf16", routes=counts)
    started = time.process_time()
    report = simulate(plan, machine, workload)
    first = time.process_time() - started
    warm = least(lambda: simulate(plan, machine, workload))
    kernel = "grouped" if given["passes"] else "one by one"
    told = f"{layers} | {experts} | {inputs} | {given['target']} | {kernel}"
    return f"| {told} | {drawing:.2f} | {first:.2f} | {warm:.3f} | {1e3 * report.seconds:.2f} |"


def main() -> None:
    print("| layers | experts | inputs | target | experts run | drawing, s | first, s | warm, s | simulated, ms |")
    print("| ---: | ---: | ---: | --- | --- | ---: | ---: | ---: | ---: |")
    machines: dict[str, Machine] = {}
    for case in CASES:
        print(measured(case, machines), flush=True)


if __name__ == "__main__":
    main()
