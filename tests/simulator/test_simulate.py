"""From a spec to a report: what adds up, what bounds it, and what is said where something is missing."""

import json

import numpy as np
import pytest
from toy_machine import ToyMachine, toy_target

import chunkc
from chunkc.compiler.diagnostics import CompileError
from chunkc.compiler.planning import lower
from chunkc.compiler.profile import Activity, KeptSet, Profile, fingerprint
from chunkc.compiler.work import dense_macs, executed
from chunkc.grammar.elaborate import loads
from chunkc.passes import pipeline
from chunkc.passes.specialize import Specialize
from chunkc.simulator.comparing import dense_graph
from chunkc.simulator.simulate import simulate
from chunkc.simulator.workloads import Workload

MOE = """
model moe(d: int = 64, experts: int = 6) {
  input x: f32[B, T, d]
  chunk expert[experts](h) { h |> linear(4 * d) |> gelu |> linear(d) }
  chunk norm(h) { h |> layer_norm }
  router gate { score = norm(x) |> linear(experts)  keep = top(2) }
  fuse y = weighted_sum(expert(x), by=gate)
  output y
}
"""
DIMS = {"B": 4, "T": 32}


def report(text=MOE, dims=DIMS, machine=None, launch="eager", dense=False, **told):
    graph = loads(text)
    workload = Workload.of(graph, dims, **told)
    return simulate(lower(dense_graph(graph) if dense else graph), machine or ToyMachine(), workload, launch=launch)


def test_steps_add_up_to_the_totals():
    found = report(routes="zipf(1.1)", inputs=7)
    assert sum(one.seconds for one in found.steps) == pytest.approx(found.seconds)
    assert sum(one.macs for one in found.steps) == pytest.approx(found.macs)
    assert sum(one.joules for one in found.steps) == pytest.approx(found.joules)
    for level, moved in found.bytes.items():
        assert sum(one.bytes[level] for one in found.steps) == pytest.approx(moved)
    assert sum(found.bound.values()) == pytest.approx(found.seconds)
    assert found.seconds == pytest.approx(found.samples.mean()) and len(found.samples) == 7
    assert found.latency.p50 <= found.latency.p90 <= found.latency.p99 <= found.latency.longest


def test_multiply_adds_are_those_of_the_graph():
    graph = loads(MOE)
    counts = np.array([[100, 60, 40, 30, 20, 6], [128, 128, 0, 0, 0, 0]])
    found = [report(routes={"gate": row[None]}) for row in counts]
    for row, one in zip(counts, found):
        rows = {f"expert.{way}": count / 128 for way, count in enumerate(row)}
        assert one.macs == pytest.approx(executed(graph, DIMS, rows))
        assert [way.rows for way in one.ways] == list(row)
    assert report(routes={"gate": counts}).macs == pytest.approx(np.mean([one.macs for one in found]))
    assert report(dense=True).macs == dense_macs(graph, DIMS)


def test_steps_stay_under_the_roofline():
    target = toy_target(macs=5e12, bandwidth=5e11)
    found = report(machine=ToyMachine(target), routes="zipf(2)")
    for step in found.steps:
        assert step.seconds * (1 + 1e-9) >= max(step.macs / 5e12, step.bytes["hbm"] / 5e11)
        if step.macs:
            assert step.roofline.achieved <= step.roofline.ceiling * (1 + 1e-9)


def test_launches_bound_what_is_small_and_a_graph_takes_them_away():
    eager, graph = (report(dims={"B": 1, "T": 2}, launch=launch) for launch in ("eager", "graph"))
    assert max(eager.bound, key=eager.bound.get) == "launch"
    assert graph.seconds < eager.seconds and all(step.host == 0 for step in graph.steps)
    assert graph.seconds == pytest.approx(sum(step.busy for step in graph.steps))


@pytest.mark.parametrize("more", [{"macs": 4e12}, {"bandwidth": 4e12}, {"host": 1e-6}, {"device": 1e-6}])
def test_more_of_anything_is_never_slower(more):
    assert report(machine=ToyMachine(toy_target(**more))).seconds <= report().seconds * (1 + 1e-12)


def test_a_comparison_says_where_it_was_won(tmp_path):
    spec = tmp_path / "moe.cc"
    spec.write_text(MOE)
    found = chunkc.simulate(spec, toy_cpu(), dims={"B": 8, "T": 128}, compare="dense", passes="O1")
    assert found.dense.ratio > 1.5 and found.dense.macs > found.macs
    assert found.dense.parts[0].label == "expert"
    saved = sum(part.saved for part in found.dense.parts)
    assert saved == pytest.approx(found.dense.seconds - found.seconds)
    told = json.loads(json.dumps(found.as_json(), allow_nan=False))
    assert told["seconds"] == found.seconds and told["dense"]["ratio"] == found.dense.ratio
    assert {"path", "step", "kind", "seconds", "bound", "roofline"} <= set(told["steps"][0])


def toy_cpu():
    from chunkc.simulator.target_reading import load_target

    return load_target("cpu-generic")


def test_everything_that_is_missing_is_told_at_once():
    with pytest.raises(CompileError) as caught:
        report(dims={"C": 4, "B": 0})
    messages = [one.message for one in caught.value.diagnostics]
    assert any("`C`" in text for text in messages) and any("`B`" in text for text in messages)
    assert any("`T`" in text and "not given" in text for text in messages)


@pytest.mark.parametrize(
    "routes, said",
    [
        ("ziff(1)", "no route"),
        ({"gat": "balanced"}, "no selection"),
        ({"gate": np.ones((1, 6), int)}, "keeps 2 ways"),
        ({"gate": np.ones((1, 5), int)}, "whole numbers"),
        ({"gate": 2.0}, "from 0 to 1"),
    ],
)
def test_routes_that_cannot_be(routes, said):
    with pytest.raises(CompileError, match=said):
        report(routes=routes)


def test_the_same_seed_draws_the_same():
    first, second, other = (report(routes="uniform", inputs=3, seed=seed) for seed in (1, 1, 2))
    assert list(first.samples) == list(second.samples) and [w.rows for w in first.ways] == [w.rows for w in second.ways]
    assert [w.rows for w in first.ways] != [w.rows for w in other.ways]


def test_a_guard_that_holds_saves_what_takes_rows_out_and_puts_them_back():
    graph = loads(MOE)
    seen = Activity(6, 10, (10, 10, 0, 0, 0, 0), (1.0, 1.0, 0, 0, 0, 0), (KeptSet((0, 1), 10, 10),))
    profile = Profile(graph.name, fingerprint(graph), 10, (), {"gate": seen})
    guarded = pipeline.run(graph, [Specialize(profile, decisions=1, share=0.0)])
    counts = {"gate": np.array([[128, 128, 0, 0, 0, 0], [128, 127, 1, 0, 0, 0]])}
    machine = ToyMachine(toy_target(host=0.0))
    plain, held = (simulate(lower(one), machine, Workload.of(one, DIMS, routes=counts)).samples for one in (graph, guarded))
    assert held[0] < plain[0] and held[1] == pytest.approx(plain[1])
