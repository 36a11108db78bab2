"""What a `fuse` launches around its streams: the kernels of `routing.py`, and `Members` of `backends/torch/grouped.py`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ..cost import Cost, How
from ..dims import UnboundDim
from ..ir import Graph
from ..ops import OPS
from . import selecting
from .rows import ROWS, Op
from .tape import EAGER, Array, Number, Tape

FEW = 2048
"""Up to how many kept rows of all ways they are added up in one go, on CPU."""

TOGETHER, EACH = 5, 0.3
"""Launches that take the host as long as seeing whether an array's members may run together; as cutting out one way's rows."""


def dispatch_calls(decisions: Number, ways: int, kept: Number, how: How = EAGER, *, finer: Number = 1) -> list[Cost]:
    """Finding the rows of each way: `kept` rows of all ways together, of `decisions` rows that each decide for `ways`.
    `finer`: how many decisions a row holds."""
    t = Tape(how)
    flat = Array((decisions, ways), "bool")
    if finer > 1:
        flat = t.along("any", Array((decisions, finer, ways), "bool"), (1,))
    t.nonzero(flat.of(ways, decisions), kept)
    t.along("sum", flat, (0,), dtype="i64")
    if how.device == "cuda":
        t.move(8 * ways, "device", "host")
    t.calls.append(Cost(0, 0, 1 + EACH * ways))  # rows are told, and cut for each way
    return t.calls


def gather_calls(
    arguments: Sequence[Array], axes: int, loads: Sequence[Number], how: How = EAGER, *, together: bool = True
) -> list[Cost]:
    """Taking the rows of each way out of the arguments that have the positions, of which the first `axes` axes are rows.
    `together`: with one gather for all ways (members of an array), or one for each that is written out."""
    t = Tape(how)
    kept = sum(loads)
    for argument in arguments:
        rest = argument.shape[axes:]
        if together:
            t.copy(Array((kept,), "i64"))
            t.gather(argument.of(kept, *rest), kept)
            continue
        for load in loads:
            t.gather(argument.of(load, *rest), load)
    return t.calls


def combine_calls(
    loads: Sequence[Number], row: Array, decisions: Number, how: How = EAGER, *, kind: str = "sum", finer: Number = 1
) -> list[Cost]:
    """Putting together what the ways made of their rows: `row` is the shape of one row of a way, without its position."""
    t, kept, ways = Tape(how), sum(loads), len(loads)
    total = row.of(decisions, *row.shape)
    if how.device == "cpu" and kind in ("sum", "mean") and finer == 1 and kept <= FEW:
        _sum_of_few(t, row, total, kept, decisions, ways)
    else:
        terms = [weighted_rows(t, row.of(load, *row.shape), finer) for load in loads]
        if kind in ("concat", "stack"):
            for term in terms:
                scatter_rows(t, term, total)
            made = row.of(decisions, *row.shape[:-1], row.shape[-1] * ways if row.rank else ways)
            t.copy(*(total for _ in terms), op=kind, like=made)
        else:
            t.fill(*total.shape, dtype=row.dtype)
            for term in terms:
                t.scatter(total, term, 0, add=True, fresh=True)
    if kind == "mean":
        mean_of_kept(t, total, Array((decisions, ways), "bool"))
    return t.calls


def _sum_of_few(t: Tape, row: Array, total: Array, kept: Number, decisions: Number, ways: int) -> None:
    term = t.copy(row.of(kept, *row.shape))
    mask = Array((ways, decisions), "bool")
    factor = t.each("masked_select", mask.typed(row.dtype), mask, like=mask.typed(row.dtype)).of(kept)
    t.each("mul", term, factor.of(kept, *(1,) * row.rank))
    t.fill(*total.shape, dtype=row.dtype)
    t.copy(Array((kept,), "i64"))
    t.scatter(total, term, 0, add=True, fresh=True)


def scatter_rows(t: Tape, part: Array, total: Array) -> Array:
    t.fill(*total.shape, dtype=total.dtype)
    return t.scatter(total, part)


def weighted_rows(t: Tape, part: Array, finer: Number = 1) -> Array:
    factor = t.gather(Array((part.shape[0], finer), part.dtype), part.shape[0])
    term = t.each("mul", part, factor, like=part)
    if finer == 1:
        return term
    kept = t.gather(factor.typed("bool"), part.shape[0])
    return t.each("where", term, kept, like=part)


def mean_of_kept(t: Tape, total: Array, kept: Array) -> Array:
    count = t.each("maximum", t.along("sum", kept, dtype="i64"))
    return t.each("div", total, t.cast(count, total.dtype), like=total)


def fuse_terms(t: Tape, terms: Sequence[Array], kind: str = "sum") -> Array:
    """Streams put together as they are."""
    first = terms[0]
    if kind in ("concat", "stack"):
        made = first.at(-1, sum(term.shape[-1] for term in terms)) if kind == "concat" else first.of(*first.shape, len(terms))
        return t.copy(*terms, op=kind, like=made)
    for term in terms[1:]:
        t.each("add", first, term)
    return t.each("div", first) if kind == "mean" else first


def fuse_dense(t: Tape, streams: Sequence[Array], kept: Array, weight: Array, kind: str = "sum", gate: bool = False) -> Array:
    """All streams times their weights, selected; `gate`: with the gradient of each stream for what was decided."""
    beside = kept.of(*kept.shape[:-1], *(1,) * (streams[0].rank - kept.rank + 1))
    for stream in streams:
        factor = t.cast(beside.typed(weight.dtype), stream.dtype)
        term = t.each("where", t.each("mul", stream, factor), beside)
        if gate:
            finite = t.each("where", term, selecting.isfinite(t, term))
            t.each("add", term, t.each("mul", t.each("sub", factor, factor), finite))
    if kind == "mean":
        return mean_of_kept(t, fuse_terms(t, streams), kept)
    return fuse_terms(t, streams, kind)


def fuse_kept(t: Tape, streams: Sequence[Array], weight: Array, kind: str = "sum") -> Array:
    """Where every decision keeps the same ways: their streams times their weights."""
    for stream in streams:
        factor = t.cast(weight.of(*weight.shape[:-1], *(1,) * (stream.rank - weight.rank + 1)), stream.dtype)
        t.each("mul", stream, factor)
    return fuse_terms(t, streams, kind)


def share_of_kept(t: Tape, weight: Array, kept: Array) -> Array:
    total = t.along("sum", t.each("where", weight, kept), keepdims=True)
    some = t.along("any", kept, keepdims=True)
    return t.each("where", t.each("div", weight, t.each("where", total, some)), some)


def split_calls(rows: Number, kept: Number, how: How = EAGER, *, first: bool = False) -> list[Cost]:
    """One rung: parting what is kept here from what is left, and (but on the first) their places among all."""
    t = Tape(how)
    done = Array((rows,), "bool")
    t.nonzero(done, kept)
    t.nonzero(t.each("not", done), rows - kept)
    for count in () if first else (kept, rows - kept):
        t.gather(Array((rows,), "i64"), count)
    return t.calls


def rung_mask_calls(loads: Sequence[Number], decisions: Number, how: How = EAGER) -> list[Cost]:
    """The decision of a ladder, put together from the rows that each rung kept."""
    t = Tape(how)
    for load in loads:
        scatter_rows(t, t.fill(load, dtype="bool", op="ones"), Array((decisions,), "bool"))
    column = Array((decisions,), "bool")
    t.copy(*(column for _ in loads), op="stack", like=column.of(decisions, len(loads)))
    return t.calls


# ---- members of an array together


def fits_grouped(how: How, weight: Array) -> bool:
    """Whether one kernel makes the products of all members: bf16 on CUDA, rows of 16 bytes."""
    return how.device == "cuda" and weight.dtype == "bf16" and all(size * 2 % 16 == 0 for size in weight.shape)


def grouped_calls(body: Graph, axes: int, loads: Sequence[Number], dims: Mapping[str, Number], how: How = EAGER) -> list[Cost]:
    """A body on the rows of all members at once, `loads` of each: products by their own weights, all else once. `dims` are the
    sizes in the body as for a dense call, of whose values the first `axes` axes are rows."""
    from .nodes import operands_of

    t, kept = Tape(how), sum(loads)
    t.calls.append(Cost(0, 0, TOGETHER + EACH * len(loads)))
    told = False
    for node in body.nodes:
        if node.op not in OPS:
            continue
        try:
            op = operands_of(node, dims, 1, how)
        except UnboundDim:
            continue
        op = _on_rows(op, axes, kept)
        given = [(i, one) for i, one in enumerate(node.operands) if i and one.op in ("param", "state")]
        own = [i for i, one in given if not one.attrs["up"]]
        if not own:
            ROWS[node.op](t, op)
        elif node.op == "linear":
            _own_linear(t, op.arrays, loads)
        else:
            if not told:
                t.each("repeat", Array((len(loads),), "i64"), like=Array((kept,), "i64"))
                told = True
            for i in own:
                t.gather(op.arrays[i].of(kept, *op.arrays[i].shape), kept)
            x = op.arrays[0]
            t.rows(node.op, x, x.shape[-1])
            for i, word in zip(own, ("mul", "add")):
                t.each(word, x, op.arrays[i], like=x)
    return t.calls


def _on_rows(op: Op, axes: int, kept: Number) -> Op:
    """The op on so many rows, one position each, in the place of the dense positions."""

    def rows(array: Array) -> Array:
        return array.of(kept, *(1,) * (axes - 1), *array.shape[axes:]) if array.rank >= axes else array

    fixed = [operand.op in ("param", "state", "const") for operand in op.node.operands]
    operands = tuple(one if one is None or whole else rows(one) for one, whole in zip(op.operands, fixed))
    return Op(op.node, operands, rows(op.result), op.dims)


def _own_linear(t: Tape, arrays: Sequence[Array], loads: Sequence[Number]) -> None:
    x, weight, *bias = arrays
    (n, k), inner = weight.shape, math.prod(x.shape[1:-1])
    loads = [load * inner for load in loads]
    rows = sum(loads)
    if fits_grouped(t.how, weight):
        t.move(4 * len(loads), "host", "device")
        t.each("mul", Array((len(loads),), "i32"))
        t.grouped(loads, n, k, weight.dtype)
        for one in bias:
            t.each("add", Array((rows, n), x.dtype), t.gather(one.of(rows, n), rows))
        return
    for load in loads:
        if load:
            t.product(load, n, k, x.of(load, k), weight, *bias, x.of(load, n))
    t.copy(x.of(rows, n))
