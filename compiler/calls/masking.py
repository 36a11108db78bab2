"""What a product under a mask launches by each kernel: those of `masking.py`, `own_parts.py` and `static_masks.py`."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..cost import Cost, How
from ..dims import evaluate, product
from ..ir import Node
from ..selection import keeps_all
from . import attending, products
from .nodes import Dims, array_of, operands_of
from .rows import ROWS, Op
from .tape import EAGER, Array, Number, Tape

LARGEST = 1 << 22
"""Elements of gathered weights that stand in memory at once."""

Calls = dict[str, list[Cost]]


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


def masked_calls(node: Node, select: Node, kept: Kept, dims: Dims, share: Number = 1, how: How = EAGER) -> Calls:
    """By kernel, the calls of a product under the mask of a selection, with what selects its absent parts away: they stand for
    the product and for the nodes that `covered` names. Empty where there is only one way."""
    grain, op = select.attrs["grain"], operands_of(node, dims, share, how)
    if node.op == "attention" and grain in ("pair", "block"):
        return _attention(op, select, kept, how)
    if grain in ("neuron", "channel", "head") and node.op in ("linear", "conv1d", "conv2d"):
        return _parts(op, kept, how)
    if grain in ("weight", "block") and node.op in ("linear", "einsum"):
        return _entries(op, select, kept, how)
    return {}


def covered(node: Node, readers: list[Node]) -> tuple[Node, ...]:
    """The nodes whose calls are among those of a product under a mask: the `masked` around it or beside it, and the spreading of
    blocks over entries. `readers`: what reads the product."""
    around = [reader for reader in readers if reader.op == "masked"] if len(readers) == 1 else []
    beside = [one for one in node.operands if one.op == "masked"] if node.op in ("linear", "einsum") else []
    masks = [one.operands[1] for one in (*around, *beside)]
    masks += [mask for mask in [node.slot("mask")] if mask is not None] if node.op == "attention" else []
    masks += [one.operands[0] for one in masks if one.op == "unsqueeze"]
    return (*around, *beside, *(one for one in masks if one.op == "expand_blocks"))


def _run(how: How, write) -> list[Cost]:  # type: ignore[no-untyped-def]
    t = Tape(how)
    write(t)
    return t.calls


# ---- rows of a weight


def _parts(op: Op, kept: Kept, how: How) -> Calls:
    """Rows of a weight: all; those that any decision keeps; those of each decision."""

    def dense(t: Tape) -> None:
        ROWS[op.node.op](t, op)
        t.each("where", op.result, _decided(op, kept))

    found = {"dense": _run(how, dense), "union": _run(how, lambda t: masked_product(t, op, kept))}
    # A convolution for each sample makes less of the machine than one for all.
    if kept.decisions > 1 and op.node.op == "linear":
        found["gather"] = _run(how, lambda t: own_linear(t, op, kept))
    return found


def _decided(op: Op, kept: Kept, parts: Number | None = None) -> Array:
    """The mask beside a result: one entry for each part of a decision."""
    axis = -1 if op.node.op == "linear" else 1 - op.result.rank
    shape = [1] * op.result.rank
    shape[0] = kept.decisions  # type: ignore[call-overload]
    shape[axis] = kept.parts if parts is None else parts  # type: ignore[call-overload]
    return Array(tuple(shape), "bool")


def masked_product(t: Tape, op: Op, kept: Kept) -> None:
    """`masked_linear` and `masked_conv…`: the rows that any decision keeps."""
    axis = -1 if op.node.op == "linear" else 1 - op.result.rank
    decided, (x, weight, *bias) = _decided(op, kept), op.arrays
    kept_parts(t, decided, axis, kept)
    run = weight.shape[0] / kept.parts
    rows = kept.union * run
    if run > 1:
        part_rows(t, kept.union, run)
    own = t.gather(weight, rows)
    beside = [t.gather(one, rows) for one in bias]
    result = op.result.at(axis, rows)
    if op.node.op == "linear":
        products.linear(t, x, own, *beside)
    else:
        products.convolution(t, x, own, beside[0] if beside else None, result, op.node.attrs["stride"])
    mine = t.gather(decided, kept.union, axis)
    if run > 1:
        mine = t.copy(mine, op="repeat", like=mine.at(axis, rows))
    t.each("where", result, mine)
    scatter_parts(t, result, op.result, axis)


def kept_parts(t: Tape, decided: Array, axis: int, kept: Kept) -> None:
    mine = t.along("any", decided.of(decided.elements / max(1, kept.parts), kept.parts), (0,))
    t.nonzero(mine, kept.union)


def part_rows(t: Tape, parts: Number, run: Number) -> Array:
    places = t.each("mul", Array((parts, 1), "i64"))
    return t.each("add", places, t.fill(run, dtype="i64", op="range"))


def scatter_parts(t: Tape, value: Array, result: Array, axis: int) -> None:
    t.fill(*result.shape, dtype=result.dtype)
    t.scatter(result, value, axis)


def own_linear(t: Tape, op: Op, kept: Kept) -> None:
    """Each decision multiplies the rows that it keeps, in rounds of as many decisions as stand in memory at once."""
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


# ---- entries and blocks of a weight


def _entries(op: Op, select: Node, kept: Kept, how: How) -> Calls:
    """Entries or blocks of a weight: all, under a mask that is spread over it, or the kept ones."""
    x, weight = op.arrays[0], op.arrays[1]

    def dense(t: Tape) -> None:
        mask = weight.typed("bool")
        if select.attrs["grain"] == "block":
            for axis in (-2, -1):
                t.each("div", t.fill(weight.shape[axis], dtype="i64", op="range"))
                t.gather(mask.at(-1, kept.parts) if axis == -2 else mask, weight.shape[axis], axis)
        t.each("where", weight, mask)
        ROWS[op.node.op](t, op)

    sizes = select.attrs["block"] if select.attrs["grain"] == "block" else (1, 1)
    own = _run(how, lambda t: block_linear(t, x, op.result, sizes, kept))
    if op.node.op == "linear" and len(op.arrays) > 2:
        own += _run(how, lambda t: t.each("add", op.result, op.arrays[2]))
    return {"dense": _run(how, dense), "gather": own}


def block_linear(t: Tape, x: Array, result: Array, sizes: tuple[int, int], kept: Kept) -> None:
    """Each kept block times its part of the inputs, added up by rows of blocks."""
    high, wide = sizes
    decided = Array((kept.decisions, kept.parts), "bool")
    inner = math.prod(x.shape[:-1]) / kept.decisions
    rows = result.shape[-1] / high
    t.nonzero(decided, kept.total)
    inputs = t.fetch(x.of(kept.total, inner, wide), 1)
    blocks = t.fetch(x.of(kept.total, high, wide), 1)
    part = x.of(kept.total, inner, high)
    t.product(inner, high, wide, inputs, blocks, part, batch=kept.total)
    t.each("add", t.each("mul", Array((kept.total,), "i64")), Array((kept.total,), "i64"))
    total = x.of(kept.decisions * rows, inner, high)
    t.fill(*total.shape, dtype=total.dtype)
    t.scatter(total, part, 0, add=True)
    t.copy(result)


# ---- pairs


def _attention(op: Op, select: Node, kept: Kept, how: How) -> Calls:
    """Pairs: all; for each row of blocks as many as the fullest keeps; the kept ones."""
    given, causal = op.slots(), op.node.attrs["causal"]
    q, k, v, mask = given["q"], given["k"], given["v"], given["mask"]
    sizes = select.attrs["block"] if select.attrs["grain"] == "block" else (1, 1)
    spread = max(1.0, q.shape[0] * q.shape[1] / kept.decisions)  # heads and samples that one decision stands for
    count = kept.total * spread
    found: Calls = {}

    def dense(t: Tape) -> None:
        if select.attrs["grain"] == "block":
            for axis in (-2, -1):
                t.each("div", t.fill(mask.shape[axis], dtype="i64", op="range"))
                t.gather(mask, mask.shape[axis], axis)
        ROWS["attention"](t, op)

    found["dense"] = _run(how, dense)
    if select.attrs["grain"] == "block":
        blocks = array_of(select.selection.kept, op.dims)
        small = blocks.of(kept.decisions, 1, *blocks.shape[-2:])
        most = max(1, kept.fullest)
        found["blocks"] = _run(how, lambda t: attending.block_attention(t, q, k, v, small, sizes, most, causal))
        found["gather"] = _run(how, lambda t: attending.own_block_attention(t, q, k, v, small, sizes, count, causal))
    else:
        found["gather"] = _run(how, lambda t: attending.own_block_attention(t, q, k, v, mask, sizes, count, causal))
    return found
