"""Chunks that move while a call runs: what waits for them, what hides them, and no overlap but what the plan allows."""

from dataclasses import replace

import attrs
import pytest
from toy_machine import ToyMachine, toy_target

from chunkc.compiler.diagnostics import CompileError
from chunkc.compiler.ir import Attrs
from chunkc.compiler.planning import lower
from chunkc.compiler.planning.stores import store_of
from chunkc.grammar.elaborate import loads
from chunkc.passes import pipeline
from chunkc.simulator.constants import LoadConstants
from chunkc.simulator.simulate import simulate
from chunkc.simulator.target import Level, Link
from chunkc.simulator.workloads import Workload

CHAIN = """
model chain(d: int = 256) {
  input x: f32[B, d]
  chunk layer[8](h) { h |> linear(4 * d) |> gelu |> linear(d) }
  h = x
  for i in 0..8 { h = layer[i](h) }
  output h
}
"""
MOE = """
model moe(d: int = 128) {
  input x: f32[B, d]
  chunk expert[8](h) { h |> linear(4 * d) |> gelu |> linear(d) }
  router gate { score = x |> linear(8)  keep = top(1) }
  fuse y = weighted_sum(expert(x), by=gate)
  output y
}
"""


def report(text, share, ahead=0, inputs=3, rows=64, **target):
    graph = loads(text)
    if share < 1:
        graph = pipeline.run(replace(graph, memory=Attrs(budget=("share", share), prefetch=("ahead", ahead))), ["schedule"])
    workload = Workload.of(graph, {"B": rows}, inputs=inputs, routes="zipf(1.5)")
    return simulate(lower(graph), ToyMachine(toy_target(**target)), workload, store=store_of(graph))


def moved(found, link=16e9):
    """Seconds that the loads of a call take alone."""
    return found.loads.loads * 1e-6 + found.loads.bytes / link


def test_without_prefetches_loads_and_steps_take_turns():
    whole, tight = report(CHAIN, 1), report(CHAIN, 0.3)
    assert tight.loads.loads > 0
    waited = sum(step.seconds for step in tight.steps if step.bound == "load")
    assert waited >= 0.9 * moved(tight)  # but for what the host launches meanwhile
    assert tight.seconds >= max(whole.seconds, moved(tight))
    assert tight.seconds <= whole.seconds + moved(tight) + 1e-4
    assert sum(step.seconds for step in tight.steps) == pytest.approx(tight.seconds)


def test_prefetches_hide_loads_behind_steps_and_never_more_than_the_slower_of_both():
    slow, fast = report(CHAIN, 0.4, rows=65536), report(CHAIN, 0.4, ahead=1, rows=65536)
    assert fast.loads.ahead > 0
    assert max(moved(fast), sum(step.busy for step in fast.steps)) <= fast.seconds < slow.seconds


@pytest.mark.parametrize("text", [CHAIN, MOE])
def test_more_bandwidth_is_never_slower_and_a_fast_link_is_no_link(text):
    times = [report(text, 0.4, ahead=2, link=link).seconds for link in (1e9, 4e9, 16e9, 1e15)]
    assert times == sorted(times, reverse=True)
    assert times[-1] == pytest.approx(report(text, 1).seconds, rel=0.3)


def test_what_stays_from_the_call_before_is_not_loaded_again():
    once, often = report(MOE, 0.9, inputs=1), report(MOE, 0.9, inputs=20)
    assert often.loads.loads < once.loads.loads
    assert often.samples[0] > often.samples[-1]


def test_a_target_without_a_link_is_told():
    with pytest.raises(CompileError, match="no links"):
        graph = pipeline.run(replace(loads(CHAIN), memory=Attrs(budget=("share", 0.4))), ["schedule"])
        bare = ToyMachine(attrs.evolve(toy_target(), links=()))
        simulate(lower(graph), bare, Workload.of(graph, {"B": 4}), store=store_of(graph))


def test_files_are_slow_the_first_time_and_come_out_of_the_page_cache_later():
    constants = LoadConstants(mapped=10e9, hashed=1e9, dropped=40e9, request=1e-4)
    graph = pipeline.run(replace(loads(CHAIN), memory=Attrs(budget=("share", 0.3), prefetch=("ahead", 0))), ["schedule"])
    memory = (Level("hbm", 1e11, 1e12), Level("storage", 1e13, 2e9))
    target = attrs.evolve(toy_target(kind="cpu"), memory=memory, links=(Link("storage", "hbm", 2e9, 1e-4),), loading=constants)
    workload = Workload.of(graph, {"B": 4}, inputs=3)
    found = simulate(lower(graph), ToyMachine(target), workload, store=store_of(graph))
    unit = 4 * 256 * (2 * 4 * 256) + 4 * 5 * 256
    loaded = found.loads.loads * 3
    assert found.loads.bytes == pytest.approx(found.loads.loads * unit) and loaded == pytest.approx(24 - found.loads.hits * 3)
    first, warm = 1e-4 + unit / 2e9 + unit / 1e9, 1e-4 + unit / 10e9
    assert found.loads.loading * 3 == pytest.approx(8 * first + (loaded - 8) * warm)
    gone = found.loads.evictions * unit / 40e9
    assert found.loads.stalled == pytest.approx(found.loads.loading + gone, rel=1e-2) and found.loads.hidden < 0.01
    assert {link for copy in found.course.copies for link in copy.links} == {"page cache"}  # the call of median length
