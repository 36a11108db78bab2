"""What a graph costs: products counted by hand, calls by their members, and what runs of them."""

from __future__ import annotations

import pytest
from hand import tensor
from op_examples import EXAMPLES, SIZES

import chunkc
from chunkc.compiler.dims import UnboundDim, evaluate
from chunkc.compiler.ops import OPS
from chunkc.compiler.work import dense_macs, dense_work, executed, node_work

MOE = """
model moe(d: int = 4, experts: int = 3) {
  input x: f32[B, T, d]

  chunk expert[experts](h) { h |> linear(2 * d) |> relu |> linear(d) }

  router gate { score = x |> linear(experts)  keep = top(1) }

  fuse y = weighted_sum(expert(x), by=gate)
  output y
}
"""

NESTED = """
model nested(d: int = 4) {
  input x: f32[B, d]

  chunk outer[2](h) {
    chunk inner[2](g) { g |> linear(d) }
    router pick { score = h |> linear(2)  keep = top(1) }
    fuse y = weighted_sum(inner(h), by=pick)
    output y
  }
  router gate { score = x |> linear(2)  keep = top(1) }
  fuse y = weighted_sum(outer(x), by=gate)
  output y
}
"""

PRUNED = """
model pruned(d: int = 4) {
  input x: f32[B, d]
  param w: f32[8, d]

  mask live { score = x |> linear(8)  grain = neuron  keep = top(50%) }

  output y = x |> linear(w, mask=live) |> relu |> linear(d)
}
"""

MACS = {
    "linear": 3 * 4 * 6 * 5,
    "conv1d": 3 * 8 * 4 * (4 * 3),
    "conv2d": 3 * 8 * 6 * 7 * (2 * 3 * 3),
    "attention": 3 * 4 * (4 * 5) * (6 + 6),
    "attention_logits": 3 * 4 * (4 * 5) * 6,
    "matmul": 3 * 4 * 6 * 5,
    "add": 0,
    "softmax": 0,
}


@pytest.fixture
def spec(tmp_path):
    """The graph of a spec given as text."""

    def load(text: str, **params: object):
        path = tmp_path / "x.cc"
        path.write_text(text, encoding="utf-8")
        return chunkc.load(path, **params)

    return load


@pytest.mark.parametrize("name", MACS)
def test_multiply_adds_of_an_op(name: str):
    example = next(e for e in EXAMPLES if e.op == name)
    cost = OPS[name].cost(example.operands, example.attrs, example.result)
    assert evaluate(cost.macs, SIZES) == MACS[name]


def test_an_einsum_costs_its_loops():
    found = {e.attrs["equation"]: OPS["einsum"].cost(e.operands, e.attrs, e.result).macs for e in EXAMPLES if e.op == "einsum"}
    assert evaluate(found["bti,oi->bto"], SIZES) == 3 * 4 * 6 * 5
    assert evaluate(found["...i,i->..."], SIZES) == 3 * 4 * 6


def test_an_embedding_reads_only_the_rows_it_gives():
    example = next(e for e in EXAMPLES if e.op == "embedding")
    cost = OPS["embedding"].cost(example.operands, example.attrs, tensor("f32", "B", "T", 5))
    assert evaluate(cost.bytes, SIZES) == 3 * 4 * (2 * 5 * 4 + 8)


def test_a_call_costs_its_body_once_for_each_member(spec):
    graph, dims = spec(MOE), {"B": 2, "T": 5}
    expert, gate = 2 * 5 * 4 * 8 * 2, 2 * 5 * 4 * 3
    assert dense_macs(graph, dims) == 3 * expert + gate
    assert sum(work.macs for work in node_work(graph, dims).values()) == dense_macs(graph, dims)
    assert dense_work(graph, dims).bytes > 0
    with pytest.raises(UnboundDim):
        dense_work(graph, {"B": 2})


def test_what_runs_of_a_routed_array(spec):
    graph, dims = spec(MOE), {"B": 2, "T": 5}
    expert, gate = 2 * 5 * 4 * 8 * 2, 2 * 5 * 4 * 3
    assert executed(graph, dims, {}) == dense_macs(graph, dims)
    assert executed(graph, dims, {"expert.0": 0.5, "expert.1": 0.3, "expert.2": 0.2}) == expert + gate
    assert executed(graph, dims, {"gate.0": 0.0, "gate.1": 1.0, "gate.2": 0.0}) == expert + gate
    assert executed(graph, dims, {"expert.0": 0.0}) == 2 * expert + gate


def test_shares_inside_a_call_are_of_all_positions(spec):
    graph, dims = spec(NESTED), {"B": 10}
    gate, pick, inner = 10 * 4 * 2, 10 * 4 * 2, 10 * 4 * 4
    half = {"outer.0": 0.5, "outer.1": 0.5}
    assert executed(graph, dims, half) == gate + 2 * 0.5 * (pick + 2 * inner)
    routed = {**half, **{f"outer.{i}.inner.{j}": 0.25 for i in range(2) for j in range(2)}}
    assert executed(graph, dims, routed) == gate + 2 * 0.5 * pick + 4 * 0.25 * inner
    by_selection = {**half, **{f"outer.{i}.pick.{j}": 0.25 for i in range(2) for j in range(2)}}
    assert executed(graph, dims, by_selection) == executed(graph, dims, routed)


def test_what_runs_under_a_mask(spec):
    graph, dims = spec(PRUNED), {"B": 10}
    score, up, down = 10 * 4 * 8, 10 * 4 * 8, 10 * 8 * 4
    assert dense_macs(graph, dims) == score + up + down
    assert executed(graph, dims, {"masked:live": 0.5}) == score + up / 2 + down
