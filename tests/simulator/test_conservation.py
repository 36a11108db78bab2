"""What goes in comes out: work of steps and totals, rooflines, and that more of anything is never slower, on drawn mixtures."""

from functools import cache

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_machine import ToyMachine, toy_target

from chunkc.compiler.planning import lower
from chunkc.compiler.work import dense_macs, executed
from chunkc.grammar.elaborate import loads
from chunkc.passes import pipeline
from chunkc.simulator.comparing import dense_graph
from chunkc.simulator.model import machine_of
from chunkc.simulator.routes import Route
from chunkc.simulator.simulate import simulate
from chunkc.simulator.target_reading import load_target
from chunkc.simulator.workloads import Workload

MIXTURE = """
model mixture(d: int, experts: int, k: int, layers: int) {
  input x: f32[B, T, d]
  chunk layer[layers](x) {
    chunk expert[experts](h) { h |> linear(2 * d) |> gelu |> linear(d) }
    router gate { score = x |> linear(experts)  weight = softmax  keep = top(k) }
    fuse y = residual(x, weighted_sum(expert(x), by=gate))
    output y
  }
  s = x
  for i in 0..layers { s = layer[i](s) }
  output s
}
"""
TARGETS = ("h200", "a100", "edge-npu-32x32", "tpu-v4-like", "cpu-generic")
MIXTURES = st.fixed_dictionaries(
    {"d": st.sampled_from([16, 48, 128]), "experts": st.integers(2, 9), "k": st.integers(1, 2), "layers": st.integers(1, 3)}
)
SIZES = st.fixed_dictionaries({"B": st.integers(1, 4), "T": st.integers(1, 60)})
ROUTES = st.sampled_from([Route("balanced"), Route("uniform"), Route("zipf", 1.2), Route("power_law", 0.6)])


@cache
def built(grouped, dense=False, **params):
    graph = loads(MIXTURE, **params)
    graph = pipeline.run(graph, ["group-chunks"]) if grouped else graph
    return graph, lower(dense_graph(graph) if dense else graph)


@cache
def machine(name):
    return ToyMachine(toy_target(host=1e-7)) if name == "toy" else machine_of(load_target(name))


def simulated(params, dims, route, on, grouped=False, dense=False, launch="eager", inputs=3):
    graph, plan = built(grouped, dense, **params)
    workload = Workload.of(graph, dims, routes=route, inputs=inputs, dtype="bf16")
    return graph, workload, simulate(plan, on, workload, launch=launch)


@given(MIXTURES, SIZES, ROUTES, st.booleans(), st.sampled_from(("toy", *TARGETS)))
@settings(max_examples=30)
def test_work_that_goes_in_is_accounted(params, dims, route, grouped, name):
    graph, workload, found = simulated(params, dims, route, machine(name), grouped)
    counts = {path: drawn for (path, _), drawn in workload.falls.known.items()}
    tokens = dims["B"] * dims["T"]
    expected = [
        executed(graph, dims, {f"{path[:-4]}expert.{way}": row[way] / tokens for path, rows in counts.items()
                               for way, row in [(way, rows[n]) for way in range(params["experts"])]})
        for n in range(3)
    ]  # fmt: skip
    assert found.macs == pytest.approx(np.mean(expected), rel=1e-6)
    assert sum(step.macs for step in found.steps) == pytest.approx(found.macs)
    assert sum(step.seconds for step in found.steps) == pytest.approx(found.seconds)
    for level, moved in found.bytes.items():
        assert sum(step.bytes[level] for step in found.steps) == pytest.approx(moved)
    assert simulated(params, dims, route, machine(name), grouped, dense=True)[2].macs == dense_macs(graph, dims)


@given(MIXTURES, SIZES, ROUTES, st.booleans(), st.sampled_from(("toy", *TARGETS)))
@settings(max_examples=30)
def test_nothing_is_faster_than_the_roofline_nor_overlaps_itself(params, dims, route, grouped, name):
    on = machine(name)
    _, _, found = simulated(params, dims, route, on, grouped)
    target = on.target
    peak = max(target.peak_macs(dtype) for dtype in ("f32", "bf16") if dtype in target.matrix.macs)
    memory = target.device_memory
    for step in found.steps:
        assert step.seconds * (1 + 1e-9) >= max(step.macs / peak, step.bytes[memory.name] / memory.bandwidth)
        assert step.seconds * (1 + 1e-9) >= step.busy >= 0
    assert found.seconds * (1 + 1e-9) >= max(sum(step.busy for step in found.steps), sum(step.host for step in found.steps))


@given(MIXTURES, SIZES, ROUTES, st.booleans(), st.sampled_from(["macs", "bandwidth", "host", "device"]))
@settings(max_examples=30)
def test_more_is_never_slower(params, dims, route, grouped, name):
    numbers = {"macs": 1e12, "bandwidth": 1e12, "host": 4e-6, "device": 2e-6}
    more = {**numbers, name: numbers[name] * (0.3 if name in ("host", "device") else 3)}
    before, after = (
        simulated(params, dims, route, ToyMachine(toy_target(**given)), grouped)[2].samples for given in (numbers, more)
    )
    assert (after <= before * (1 + 1e-12)).all()


@given(MIXTURES, SIZES, ROUTES, st.booleans())
@settings(max_examples=15)
def test_more_memory_bandwidth_is_never_slower_on_a_gpu(params, dims, route, grouped):
    target = load_target("h200")
    faster = [
        attrs.evolve(level, bandwidth=level.bandwidth * (2 if level == target.device_memory else 1)) for level in target.memory
    ]
    before, after = (
        simulated(params, dims, route, machine_of(attrs.evolve(target, memory=tuple(levels))), grouped)[2].samples
        for levels in (target.memory, faster)
    )
    assert (after <= before * (1 + 1e-9)).all()


@given(MIXTURES, SIZES, ROUTES)
@settings(max_examples=15)
def test_a_graph_of_launches_is_never_slower_and_never_faster_than_its_device(params, dims, route):
    eager, graph = (simulated(params, dims, route, machine("h200"), launch=launch)[2] for launch in ("eager", "graph"))
    assert graph.seconds <= eager.seconds * (1 + 1e-12)
    assert graph.seconds == pytest.approx(sum(step.busy for step in graph.steps))
