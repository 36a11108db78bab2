"""The walk against dense decisions: every way on the rows that keep it, bodies only where they run, several inputs at once."""

import numpy as np
import pytest

from chunkc.backends.reference import run
from chunkc.compiler.diagnostics import CompileError
from chunkc.compiler.init import initial
from chunkc.compiler.planning import lower
from chunkc.grammar.elaborate import loads
from chunkc.simulator.walking import Decided, step_log, walk

NESTED = """
model nested(d: int = 8) {
  input x: f32[B, T, d]
  chunk outer[3](h) {
    chunk inner[4](h) { h |> linear(d) |> gelu }
    router fine { score = h |> linear(4)  keep = top(2) }
    fuse y = weighted_sum(inner(h), by=fine)
    output y
  }
  router coarse { score = x |> linear(3)  keep = top(1) }
  fuse y = weighted_sum(outer(x), by=coarse)
  output y
}
"""
LADDER = """
model ladder(d: int = 4) {
  input x: f32[B, d]
  chunk stage[3](h) { h |> linear(d) }
  h = x
  for i in 0..3 {
    h = stage[i](h)
    answer[i] = h |> linear(2)
    sure[i] = h |> mean
  }
  router exit { score = stack(sure)  weight = 1  keep = above(0.0, of=score) |> first(1)  fallback = last when none }
  fuse y = weighted_sum(answer, by=exit)
  output y
}
"""


def decided(text, dims, seeds=(0, 1, 2)):
    """The plan of a spec, and the reference's decisions on some inputs."""
    graph, calls = loads(text), []
    (given,) = graph.inputs
    shape = [dims.get(str(size), size) for size in given.shape]
    for seed in seeds:
        params = {entry.path: np.array(initial(entry, seed)) * 3 for entry in graph.parameters}
        x = np.random.default_rng(seed).standard_normal(shape)
        calls.append(dict(run(graph, {"x": x}, params).decisions))
    return lower(graph), calls


def log(plan, calls, dims, n=0):
    return step_log(walk(plan, Decided(calls), dims), n)


def test_ways_run_on_the_rows_that_keep_them_and_routers_inside_of_them_decide_there_only():
    dims = {"B": 3, "T": 5}
    plan, calls = decided(NESTED, dims)
    for n, call in enumerate(calls):
        entries = log(plan, calls, dims, n)
        coarse = call["coarse"].reshape(-1, 3)
        (each,) = [entry for entry in entries if entry.kind == "each" and entry.path == ""]
        assert each.rows == tuple(coarse.sum(0))
        for way in range(3):
            inner = [entry for entry in entries if entry.path == f"outer.{way}."]
            mine = coarse[:, way]
            assert bool(inner) == bool(mine.any())
            fine = call[f"outer.{way}.fine"].reshape(-1, 4)[mine]
            assert all(entry.rows == tuple(fine.sum(0)) for entry in inner if entry.kind in ("dispatch", "each", "combine"))


def test_each_input_is_walked_as_if_it_were_alone():
    for text, dims in ((NESTED, {"B": 2, "T": 3}), (LADDER, {"B": 7})):
        plan, calls = decided(text, dims)
        for n, call in enumerate(calls):
            assert log(plan, calls, dims, n) == log(plan, [call], dims)


def test_rungs_are_asked_on_what_is_left():
    dims = {"B": 9}
    plan, calls = decided(LADDER, dims)
    kept = calls[0]["exit"]
    entries = log(plan, calls, dims)
    left = [entry.rows[0] for entry in entries if entry.kind == "dispatch"]
    assert left == [9 - int(kept[:, :i].sum()) for i in (1, 2)] and 0 < left[0] < 9
    assert [entry.rows for entry in entries if entry.kind == "combine"] == [tuple(kept.sum(0))]


def test_a_decision_that_is_not_given_is_told_by_its_path():
    plan, calls = decided(NESTED, {"B": 2, "T": 3})
    del calls[0]["coarse"]
    with pytest.raises(CompileError, match="coarse"):
        log(plan, calls, {"B": 2, "T": 3})
