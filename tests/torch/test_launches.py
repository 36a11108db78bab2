"""What ops and kernels are said to launch (`compiler.calls`) is what torch launches: counted call by call, views left out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hand import Builder, tensor
from launches import launched
from op_examples import EXAMPLES, SIZES, Example
from torch import Tensor

from chunkc.backends.torch import compile as lower
from chunkc.backends.torch.kernels import KERNELS
from chunkc.compiler.calls import (
    Array,
    Kept,
    Tape,
    attending,
    blocks,
    combine_calls,
    dispatch_calls,
    gather_calls,
    holding,
    node_calls,
    pruning,
    routing,
    selecting,
)
from chunkc.compiler.calls.kernels import KERNELS as DESCRIBED
from chunkc.compiler.calls.nodes import operands_of
from chunkc.compiler.cost import Cost


def told(names: list[str], tape: Tape) -> str:
    """Both lists, for who reads that they differ."""
    return f"{names}\n{[getattr(call.shape, 'op', type(call.shape).__name__) for call in tape.calls]}"


def count(calls: list[Cost]) -> int:
    """Launches on the device; a call without a shape is the host's alone."""
    return sum(call.shape is not None for call in calls)


SIZED = [example for example in EXAMPLES if example.operands and example.op not in ("one_hot", "foreign")]
"""Those of which a model can be made that has the sizes, a number of the model's dtype, and nothing that lies in a file."""


@pytest.mark.parametrize("example", SIZED, ids=str)
def test_an_op_launches_what_is_said(example: Example) -> None:
    graph = example.graph()
    (node,) = (node for node in graph.nodes if node.op == example.op)
    made = lower(graph).eval()
    given = [torch.from_numpy(value) for value in example.values().values()]
    given = [one.float() if one.dtype == torch.float64 else one for one in given]
    names = launched(made, *given)
    assert len(names) == count(node_calls(node, SIZES)), names


def test_every_kernel_is_described() -> None:
    assert set(DESCRIBED) == set(KERNELS)


# ---- kernels, each on tensors and on their sizes


def array(x: Tensor) -> Array:
    kinds = {torch.float32: "f32", torch.bool: "bool", torch.int64: "i64", torch.bfloat16: "bf16"}
    return Array(tuple(x.shape), kinds[x.dtype])


def draw(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


SCORE, LEVEL = draw(3, 5, 8), draw(3, 5, 8, 2)
BOTH = draw(3, 5, 8) > 0
ALLOWED = draw(3, 5, 8) > -1
Q, KEY = draw(2, 4, 6, 8), draw(2, 2, 7, 8)
PAIRS = draw(2, 4, 6, 7) > 0
S, E, L = array(SCORE), array(BOTH), array(LEVEL)
q, k, pairs = array(Q), array(KEY), array(PAIRS)
BIAS = draw(8)
HALF = Array((3, 5, 1), "i64")

SAME_TENSORS: dict[str, tuple[tuple[Any, ...], Callable[[Tape], object]]] = {
    "top few": ((SCORE, 3), lambda t: selecting.top(t, S, 3)),
    "top many": ((SCORE, 12, (-2, -1)), lambda t: selecting.top(t, S, 12, (-2, -1))),
    "top before": ((SCORE, 2, (-3,)), lambda t: selecting.top(t, S, 2, (-3,))),
    "top among": ((SCORE, 3, (-1,), ALLOWED), lambda t: selecting.top(t, S, 3, (-1,), E)),
    "top share": ((SCORE, torch.full((3, 5, 1), 2)), lambda t: selecting.top(t, S, HALF)),
    "share": ((0.5, SCORE), lambda t: selecting.share(t, S)),
    "first": ((SCORE, 2, (-1,), ALLOWED), lambda t: selecting.first(t, S, 2, (-1,), E)),
    "above": ((SCORE, 0.5, ALLOWED), lambda t: selecting.above(t, S, None, E)),
    "top_p": ((SCORE, 0.5), lambda t: selecting.top_p(t, S)),
    "top_p among": ((SCORE, 0.5, (-1,), ALLOWED), lambda t: selecting.top_p(t, S, None, (-1,), E)),
    "keep_level": ((LEVEL, BOTH, BOTH), lambda t: selecting.keep_level(t, L, E, E)),
    "fallback_all": ((BOTH, SCORE, 0.5), lambda t: selecting.fallback_all(t, E, S)),
    "fallback_last": ((BOTH,), lambda t: selecting.fallback_last(t, E)),
    "renormalise": ((SCORE, BOTH), lambda t: selecting.renormalise(t, S, E)),
    "load": ((BOTH, torch.float32), lambda t: selecting.load(t, E, "f32")),
    "masked gate": ((SCORE, BOTH, SCORE), lambda t: selecting.masked(t, S, E, S)),
    "surrogate_top": ((SCORE, BOTH), lambda t: selecting.surrogate_top(t, S, E)),
    "surrogate_levels": ((LEVEL, BOTH, BOTH), lambda t: selecting.surrogate_levels(t, L, E, E)),
    "hash_mod": ((torch.arange(9), 4), lambda t: blocks.hash_mod(t, Array((9,), "i64"))),
    "masked_attention": ((Q, KEY, KEY, PAIRS), lambda t: attending.masked_attention(t, q, k, k, pairs)),
    "gated_attention": (
        (Q, KEY, KEY, PAIRS, PAIRS.float()),
        lambda t: attending.gated_attention(t, q, k, k, pairs, pairs.typed("f32")),
    ),
    "causal_attention": ((Q, Q, Q), lambda t: attending.causal_attention(t, q, q, q)),
    "fuse_dense": (
        ([SCORE, SCORE], BOTH[..., :2], SCORE[..., :2]),
        lambda t: routing.fuse_dense(t, [S, S], E.at(-1, 2), S.at(-1, 2)),
    ),
    "fuse_kept": (([SCORE, SCORE], SCORE[..., :2], (0, 1)), lambda t: routing.fuse_kept(t, [S, S], S.at(-1, 2))),
    "share_of_kept": ((SCORE, BOTH), lambda t: routing.share_of_kept(t, S, E)),
}


@pytest.mark.parametrize("case", SAME_TENSORS)
def test_a_kernel_launches_what_is_said(case: str) -> None:
    given, describe = SAME_TENSORS[case]
    tape = Tape()
    describe(tape)
    names = launched(KERNELS[case.split()[0]], *given)
    assert len(names) == count(tape.calls), told(names, tape)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("kernel", ["block_attention", "own_block_attention"])
def test_attention_of_kept_blocks(kernel: str, causal: bool) -> None:
    kept = draw(2, 4, 3, 3) > 0
    most, found = int(kept.sum(-1).max()), int(kept.sum())
    names = launched(KERNELS[kernel], Q, draw(2, 2, 6, 8), draw(2, 2, 6, 8), kept, (2, 2), causal)
    tape, keys = Tape(), Array((2, 2, 6, 8))
    counted = most if kernel == "block_attention" else found
    DESCRIBED[kernel](tape, q, keys, keys, array(kept), (2, 2), counted, causal)
    assert len(names) == count(tape.calls), told(names, tape)


def test_a_routed_sum() -> None:
    """Dispatch, taking and combining, of few rows and of many."""
    for tokens in (40, 4000):
        x, kept, weight = draw(tokens, 6), draw(tokens, 4) > 0, draw(tokens, 4)
        rows = KERNELS["dispatch"](kept, 1)
        loads = [len(one) for one in rows]
        parts = KERNELS["take_each"](x, rows, 1)
        assert len(launched(KERNELS["dispatch"], kept, 1)) == count(dispatch_calls(tokens, 4, sum(loads)))
        assert len(launched(KERNELS["take_each"], x, rows, 1)) == count(gather_calls([array(x)], 1, loads))
        for kind in ("sum", "mean", "concat"):
            names = launched(KERNELS["combine"], parts, rows, kept, weight, 1, kind)
            assert len(names) == count(combine_calls(loads, Array((6,)), tokens, kind=kind)), names


def test_a_rung() -> None:
    done, rows = draw(9) > 0, torch.arange(9)
    for at in (None, rows):
        names = launched(KERNELS["split_rows"], done, at)
        assert len(names) == count(routing.split_calls(9, int(done.sum()), first=at is None))
    names = launched(KERNELS["rung_mask"], [rows[:4], rows[4:]], done)
    assert len(names) == count(routing.rung_mask_calls([4, 5], 9))


def test_packed_positions() -> None:
    x, kept = draw(3, 8, 5), draw(3, 8) > 0
    fullest, total = int(kept.sum(1).max()), int(kept.sum())
    for name, rows in (("pack", False), ("pack_rows", True)):
        places = KERNELS[name](kept)
        assert len(launched(KERNELS[name], kept)) == count(holding.pack_calls(3, 8, total, rows=rows))
        packed = KERNELS["packed"](x, places)
        assert len(launched(KERNELS["packed"], x, places)) == count(holding.packed_calls(array(x), fullest, total, rows=rows))
        names = launched(KERNELS["unpacked"], packed, places, kept)
        assert len(names) == count(holding.unpacked_calls(array(x), fullest, total, rows=rows)), names


PRODUCTS = {
    "masked_linear": pruning.masked_product,
    "own_linear": pruning.own_linear,
    "masked_conv2d": pruning.masked_product,
    "own_conv2d": pruning.own_convolution,
}


@pytest.mark.parametrize("kernel", PRODUCTS)
def test_products_of_kept_parts(kernel: str) -> None:
    b = Builder()
    if "linear" in kernel:
        x, weight, kept = draw(3, 5, 6), draw(8, 6), draw(3, 1, 8).argsort(-1) < 4
        operands = [b.input("x", "f32", 3, 5, 6), b.input("w", "f32", 8, 6), b.input("b", "f32", 8)]
        node = b.op("linear", *operands, type=tensor("f32", 3, 5, 8), slots=("x", "weight", "bias"))
    else:
        x, weight, kept = draw(3, 4, 6, 6), draw(8, 4, 3, 3), draw(3, 8, 1, 1).argsort(1) < 4
        operands = [b.input("x", "f32", 3, 4, 6, 6), b.input("w", "f32", 8, 4, 3, 3), b.input("b", "f32", 8)]
        size = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1}
        node = b.op("conv2d", *operands, type=tensor("f32", 3, 8, 4, 4), slots=("x", "weight", "bias"), **size)
    axis = -1 if "linear" in kernel else 1
    union = int(kept.movedim(axis, -1).reshape(-1, 8).any(0).sum())
    part, tape = Kept(8, 3, 12, union, 4, True), Tape()
    PRODUCTS[kernel](tape, operands_of(node, {}, 1, tape.how), part)
    names = launched(KERNELS[kernel], x, weight, kept, draw(8))
    assert len(names) == count(tape.calls), told(names, tape)
    macs = [one.macs for one in tape.calls]
    assert sum(macs) == (union if "masked" in kernel else 4) * 3 * (5 * 6 if "linear" in kernel else 16 * 36)


@pytest.mark.parametrize("sizes", [(1, 1), (4, 3), (5, 4)], ids=["entries", "blocks", "edges"])
def test_products_of_kept_blocks(sizes: tuple[int, int]) -> None:
    grid = tuple(-(-length // size) for length, size in zip((8, 6), sizes))
    x, weight, kept = draw(3, 5, 6), draw(8, 6), draw(3, *grid) > 0
    part, tape = Kept(grid[0] * grid[1], 3, int(kept.sum()), 0, 0, False), Tape()
    pruning.block_linear(tape, array(x), Array((3, 5, 8)), sizes, part)
    names = launched(KERNELS["block_linear"], x, weight, kept, sizes)
    assert len(names) == count(tape.calls), told(names, tape)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("kernel", ["masked_head_attention", "own_head_attention"])
def test_attention_of_kept_heads(kernel: str, causal: bool) -> None:
    kept = draw(2, 4, 1, 1).argsort(1) < 2
    part, tape = Kept(4, 2, 4, int(kept.any(0).sum()), 2, True), Tape()
    DESCRIBED[kernel](tape, q, q, q, part, causal)
    names = launched(KERNELS[kernel], Q, Q, Q, kept, causal)
    assert len(names) == count(tape.calls), told(names, tape)


def linear_of(x: Tensor, weight: Tensor) -> Any:
    b = Builder()
    operands = [b.input("x", "f32", *x.shape), b.input("w", "f32", *weight.shape), b.input("b", "f32", weight.shape[0])]
    node = b.op("linear", *operands, type=tensor("f32", *x.shape[:-1], weight.shape[0]), slots=("x", "weight", "bias"))
    return operands_of(node, {}, 1, Tape().how)


def test_projections_of_kept_heads() -> None:
    """Each head is a run of rows of the weight."""
    x, weight, kept = draw(3, 5, 6), draw(8, 6), draw(3, 4, 1, 1).argsort(1) < 2
    part, tape = Kept(4, 3, 6, int(kept.any(0).sum()), 2, True), Tape()
    pruning.masked_product(tape, linear_of(x, weight), part)
    names = launched(KERNELS["masked_heads"], x, weight, kept, 4, BIAS)
    assert len(names) == count(tape.calls), told(names, tape)


def test_what_a_mask_keeps_in_every_call_is_taken_out_once() -> None:
    x, weight, kept = draw(3, 5, 6), draw(8, 6), draw(8).argsort() < 4
    bias = draw(8)
    taken = KERNELS["packed_rows"](kept, weight, bias)
    part, once, tape = Kept(8, 1, 4, 4, 4, True), Tape(), Tape()
    pruning.packed_rows(once, array(weight), Array((8,)), part)
    names = launched(KERNELS["packed_rows"], kept, weight, bias)
    assert len(names) == count(once.calls), told(names, once)
    pruning.packed_product(tape, linear_of(x, weight), part)
    names = launched(KERNELS["packed_linear"], x, taken, 8)
    assert len(names) == count(tape.calls), told(names, tape)
