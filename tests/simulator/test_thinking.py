"""How long a simulation thinks: a second at most for a thousand inputs of 48 layers of 128 experts, and linear in layers."""

import time

import numpy as np
import pytest

import chunkc
from chunkc.compiler.planning import lower
from chunkc.simulator.model import machine_of
from chunkc.simulator.routes import route_of
from chunkc.simulator.simulate import simulate
from chunkc.simulator.target_reading import load_target
from chunkc.simulator.workloads import Workload

TOKENS, INPUTS = 512, 1000


def warm(root, layers, machine, passes=("group-chunks",)):
    """Seconds of processor time of a simulation whose shapes have been priced, its routes given as counts; the least of three."""
    graph = chunkc.optimize(chunkc.load(root / "benchmarks" / "layers.cc", layers=layers), passes)
    plan, route, tokens = lower(graph), route_of("zipf(1.2)"), np.full(INPUTS, TOKENS)
    counts = {f"layer.{i}.route": route.counts(tokens, 128, 8, np.random.default_rng(i)) for i in range(layers)}
    workload = Workload.of(graph, {"B": 1, "T": TOKENS}, dtype="bf16", routes=counts)
    simulate(plan, machine, workload)
    taken = []
    for _ in range(3):
        started = time.process_time()
        simulate(plan, machine, workload)
        taken.append(time.process_time() - started)
    return min(taken)


@pytest.mark.slow
@pytest.mark.parametrize("passes", [("group-chunks",), ()], ids=["grouped", "one by one"])
def test_a_thousand_inputs_take_a_second_at_most(root, passes):
    assert warm(root, 48, machine_of(load_target("h200")), passes) <= 1.0


@pytest.mark.slow
def test_thinking_is_linear_in_steps(root):
    machine = machine_of(load_target("h200"))
    few, many = (warm(root, layers, machine) for layers in (12, 48))
    assert many <= 4 * 1.4 * few
