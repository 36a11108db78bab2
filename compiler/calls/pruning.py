"""What products of kept parts launch: the kernels of `masking.py`, `own_parts.py` and `static_masks.py`."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..dims import evaluate, product
from ..ir import Node
from ..selection import keeps_all
from . import attending, products
from .nodes import Dims
from .rows import Op
from .tape import Array, Number, Tape, whole

LARGEST = 1 << 22
"""Elements of gathered weights that stand in memory at once."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What a mask keeps in one call: of `parts` parts `total` over all its `decisions`, `union` of which any decision keeps,
    `fullest` in the fullest row (of blocks; of decisions else). `alike`: whether each decision keeps as many."""

    parts: Number
    decisions: Number
    total: Number
    union: Number
    fullest: Number
    alike: bool

    @classmethod
    def expected(cls, select: Node, kept: float, dims: Dims, share: Number = 1) -> Kept:
        """Where each decision keeps this share of its parts, independently of the others."""
        shape, axes = select.selection.kept.shape, part_axes(select)
        decisions = max(1.0, share * max(1, evaluate(product(shape[:-axes]), dims)))  # type: ignore[arg-type]
        parts = evaluate(product(shape[-axes:]), dims)  # type: ignore[arg-type]
        rules = select.attrs["rules"]
        counted = all(rule.kind in ("top", "first") and rule.over == (-1,) for rule in rules) or keeps_all(select)
        alike = counted and "allowed" not in select.attrs["slots"] and not select.attrs["fallback"]
        row = evaluate(shape[-1], dims)  # type: ignore[arg-type]
        full = 1.0 if select.attrs["levels"] else min(1.0, 1.25 * kept)
        fullest = full * row if axes == 2 else kept * parts
        return cls(parts, decisions, kept * parts * decisions, parts * (1 - (1 - kept) ** decisions), fullest, alike)


def part_axes(select: Node) -> int:
    """How many last axes of what is kept are parts of one decision."""
    return {"weight": 2, "pair": 2, "block": 2}.get(str(select.attrs["grain"]), 1)


def decided_of(op: Op, kept: Kept, parts: Number | None = None) -> Array:
    """The mask beside a result: one entry for each part of a decision."""
    axis = -1 if op.node.op == "linear" else 1 - op.result.rank
    shape = [1] * op.result.rank
    shape[0] = kept.decisions  # type: ignore[call-overload]
    shape[axis] = kept.parts if parts is None else parts  # type: ignore[call-overload]
    return Array(tuple(shape), "bool")


# ---- what any decision keeps


def masked_product(t: Tape, op: Op, kept: Kept, samples: Number = 1) -> None:
    """`masked_linear` and `masked_conv…`: the rows that any decision keeps; of one of so many samples that decide apart."""
    axis = -1 if op.node.op == "linear" else 1 - op.result.rank
    decided, (x, weight, *bias) = decided_of(op, kept), op.arrays
    decided = decided.of(decided.shape[0] / samples, *decided.shape[1:])
    kept_parts(t, decided, kept, some=op.node.op != "linear")
    run = weight.shape[0] / kept.parts
    rows = kept.union * run
    if run > 1:
        part_rows(t, kept.union, run)
    own, beside = t.gather(weight, rows), [t.gather(one, rows) for one in bias]
    full = op.result.of(op.result.shape[0] / samples, *op.result.shape[1:])
    result = full.at(axis, rows)
    x = x.of(x.shape[0] / samples, *x.shape[1:])
    if op.node.op == "linear":
        products.linear(t, x, own, *beside)
    else:
        products.convolution(t, x, own, beside[0] if beside else None, result, op.node.attrs["stride"])
    mine = t.gather(decided, kept.union, axis)
    if run > 1:
        mine = t.copy(mine, op="repeat", like=mine.at(axis, rows))
    scatter_parts(t, t.each("where", result, mine, like=result), axis, full)


def packed_product(t: Tape, op: Op, kept: Kept) -> None:
    """`packed_linear` and its like: under a mask that is alike in every call, of rows that were taken out before."""
    axis = -1 if op.node.op == "linear" else 1 - op.result.rank
    x, weight, *bias = op.arrays
    rows = kept.union * weight.shape[0] / kept.parts
    own, beside, result = weight.at(0, rows), [one.at(0, rows) for one in bias], op.result.at(axis, rows)
    if op.node.op == "linear":
        products.linear(t, x, own, *beside)
    else:
        products.convolution(t, x, own, beside[0] if beside else None, result, op.node.attrs["stride"])
    live = Array((rows, *(1,) * (-axis - 1)), "bool")
    scatter_parts(t, t.each("where", result, live, like=result), axis, op.result)


def packed_rows(t: Tape, weight: Array, bias: Array | None, kept: Kept) -> None:
    """What a mask that is alike in every call keeps of a weight, taken out once."""
    kept_parts(t, Array((1, kept.parts), "bool"), kept, some=weight.rank > 2)
    run = weight.shape[0] / kept.parts
    part_rows(t, kept.union, run)
    t.each("div", Array((kept.union * run,), "i64"))
    t.gather(Array((kept.union * run,), "bool"), kept.union * run)
    for one in (weight, *([bias] if bias else [])):
        t.gather(one, kept.union * run)


def kept_parts(t: Tape, decided: Array, kept: Kept, some: bool = False) -> None:
    """`some`: at least one."""
    mine = t.along("any", decided.of(decided.elements / max(1, kept.parts), kept.parts), (0,))
    if some:
        none = t.each("not", t.along("any", mine))
        first = t.each("eq", t.fill(kept.parts, dtype="i64", op="range"), dtype="bool")
        mine = t.each("or", mine, t.each("and", none, first))
    t.nonzero(mine, kept.union)


def part_rows(t: Tape, parts: Number, run: Number) -> Array:
    places = t.each("mul", Array((parts, 1), "i64"))
    return t.each("add", places, t.fill(run, dtype="i64", op="range"))


def scatter_parts(t: Tape, value: Array, axis: int, whole: Array) -> None:
    t.fill(*whole.shape, dtype=whole.dtype)
    t.scatter(whole, value, axis)


def masked_head_attention(t: Tape, q: Array, k: Array, v: Array, kept: Kept, causal: bool) -> None:
    """Heads that any decision keeps."""
    decided = Array((kept.decisions, kept.parts, 1, 1), "bool")
    kept_parts(t, decided, kept)
    q, k, v = (t.gather(one, kept.union, 1) for one in (q, k, v))
    value = attending.attention(t, q, k, v, causal=causal)
    value = t.each("where", value, t.gather(decided, kept.union, 1), like=value)
    scatter_parts(t, value, 1, value.at(1, kept.parts))


# ---- what each decision keeps itself


def own_linear(t: Tape, op: Op, kept: Kept) -> None:
    """In rounds of as many decisions as stand in memory at once; one by one where they do not keep as many."""
    x, weight, *bias = op.arrays
    n, k = weight.shape
    run, rows = n / kept.parts, math.prod(x.shape[:-1])
    decided = Array((kept.decisions, kept.parts), "bool")
    t.along("sum", decided, dtype="i64")
    if t.how.device == "cuda":
        t.move(8 * kept.decisions, "device", "host")
    t.nonzero(decided, kept.total)
    own, inner = kept.total / kept.decisions * run, rows / kept.decisions
    most = min(kept.decisions, max(1, LARGEST // max(1, own * k))) if kept.alike else 1
    rounds = math.ceil(kept.decisions / most)
    for _ in range(rounds):
        each = kept.decisions / rounds
        if run > 1:
            part_rows(t, each * own / run, run)
        gathered = t.gather(weight, each * own)
        value = x.of(each, inner, own)
        t.product(inner, own, k, x.of(each, inner, k), gathered, value, batch=each)
        for one in bias:
            t.each("add", value, t.gather(one, each * own), like=value)
        wide = x.of(each, inner, n)
        t.fill(*wide.shape, dtype=wide.dtype)
        t.scatter(wide, value, -1)
    t.copy(op.result)


def own_convolution(t: Tape, op: Op, kept: Kept) -> None:
    """Sample by sample."""
    samples = max(1, round(kept.decisions))
    share = kept.total / kept.decisions
    one = Kept(kept.parts, 1, share, share, share, True)
    for _ in range(samples):
        masked_product(t, op, one, samples)
    t.copy(op.result)


def own_head_attention(t: Tape, q: Array, k: Array, v: Array, kept: Kept, causal: bool) -> None:
    """All kept heads of all samples, as a batch of single heads."""
    batch, heads = q.shape[:2]
    count = kept.total * batch / max(1, kept.decisions)
    t.nonzero(Array((batch * heads,), "bool"), count)
    q, k, v = (t.gather(one.of(count, 1, *one.shape[2:]), count) for one in (q, k, v))
    value = attending.attention(t, q, k, v, causal=causal)
    scatter_parts(t, value, 0, value.at(0, batch * heads))


def edges(length: Number, size: int) -> list[tuple[Number, Number]]:
    """The whole blocks of an axis, and the smaller one at its end: how many they are, and how long each."""
    blocks, rest = length // size, length % size
    return [*([(blocks, size)] if blocks else []), *([(1, rest)] if rest else [])]


def block_linear(t: Tape, x: Array, result: Array, sizes: tuple[int, int], kept: Kept) -> None:
    """Each kept block times its part of the inputs, added up by rows of blocks. Blocks at the edges are products of their own."""
    inner = whole(math.prod(x.shape[:-1]) / kept.decisions)
    strips = edges(result.shape[-1], sizes[0])
    for rows, high in strips:
        total = x.of(kept.decisions * rows, inner, high)
        t.fill(*total.shape, dtype=total.dtype)
        for columns, wide in edges(x.shape[-1], sizes[1]):
            count = kept.total * rows * columns / kept.parts
            t.nonzero(Array((kept.decisions, rows, columns), "bool"), count)
            inputs = t.fetch(x.of(count, inner, wide), 1, width=wide)
            blocks = t.fetch(x.of(count, high, wide), 1, width=wide)
            part = x.of(count, inner, high)
            t.product(inner, high, wide, inputs, blocks, part, batch=count)
            places = Array((count,), "i64")
            t.each("add", t.each("mul", places), places)
            t.scatter(total, part, 0, add=True)
        if rows > 1 and high > 1:
            t.copy(total, op="permute")
    t.copy(result)
