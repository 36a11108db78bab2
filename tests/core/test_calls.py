"""The work of ops and kernels as calls: nothing left out, nothing counted twice."""

from __future__ import annotations

import math

import pytest
from op_examples import EXAMPLES, SIZES, Example

import chunkc
from chunkc.compiler.calls import ROWS, node_calls
from chunkc.compiler.dims import evaluate
from chunkc.compiler.ir import Graph
from chunkc.compiler.ops import OPS
from chunkc.compiler.work import call_dims, dense_macs

BY_INDEX = ("gather", "take", "embedding")
"""Of what these read, only what they are told to."""


def test_every_op_has_its_calls() -> None:
    assert set(ROWS) == set(OPS)


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_calls_of_an_op_hold_its_work(example: Example) -> None:
    """Multiply-adds are those of the table; bytes at least what is read and written once."""
    (node,) = (node for node in example.graph().nodes if node.op == example.op)
    calls = node_calls(node, SIZES)
    work = OPS[node.op].cost([operand.tensor for operand in node.operands], node.attrs, node.tensor)
    assert sum(call.macs for call in calls) == evaluate(work.macs, SIZES)
    moved = sum(call.bytes for call in calls)
    assert not calls or moved >= evaluate(work.bytes, SIZES) or node.op in BY_INDEX
    assert all(call.shape is not None and call.launches == 1 and call.bytes > 0 for call in calls)


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_a_share_of_the_positions_is_a_share_of_the_work(example: Example) -> None:
    (node,) = (node for node in example.graph().nodes if node.op == example.op)
    whole, half, none = (node_calls(node, SIZES, share) for share in (1, 0.5, 0))
    assert len(whole) == len(half) == len(none)
    assert all(b.macs <= a.macs and b.bytes <= a.bytes for a, b in zip(whole, half))
    assert sum(call.macs for call in none) == 0


def dense(graph: Graph, dims: dict[str, int]) -> float:
    """Multiply-adds of all calls of a graph, each body as often as it is called."""
    total = 0.0
    for node in graph.nodes:
        if node.op != "apply":
            total += sum(call.macs for call in node_calls(node, dims))
        elif node.attrs["body"] is not None:
            total += len(node.attrs["members"]) * dense(node.attrs["body"], call_dims(node, dims))
    return total


SPECS = [("moe", "B=3,T=5"), ("mixtral", "B=2,T=5"), ("resnet18", "B=3,H=40,W=48"), ("gpt", "B=2,T=6"), ("ponder_net", "B=8")]


@pytest.mark.parametrize("training", [False, True], ids=["eval", "training"])
@pytest.mark.parametrize("spec, sizes", SPECS)
def test_multiply_adds_of_a_spec_are_kept(root, spec: str, sizes: str, training: bool) -> None:
    small = {
        "mixtral": {"d": 8, "ffn": 6, "h": 4, "g": 2, "experts": 4},
        "gpt": {"layers": 2, "d": 8, "h": 2},
        "resnet18": {"width": 2},
    }
    graph = chunkc.load(root / "specs" / f"{spec}.cc", training=training, **small.get(spec, {}))
    dims = {name: int(size) for name, size in (pair.split("=") for pair in sizes.split(","))}
    assert math.isclose(dense(graph, dims), dense_macs(graph, dims), rel_tol=1e-12)
