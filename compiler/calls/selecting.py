"""What the rules of a selection launch (`backends/torch/kernels/selecting.py`), and gates trained straight through."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .tape import Array, Tape

FEW = 8
"""Up to how many kept parts rounds of argmax are taken instead of a sort."""


def at_least_f32(t: Tape, x: Array) -> Array:
    return x if x.wide else t.cast(x, "f32")


def order_key(t: Tape, of: Array) -> Array:
    of = at_least_f32(t, of) if of.dtype in ("f64", "f32", "bf16", "f16") else t.cast(of, "f64")
    ints = "i64" if of.dtype == "f64" else "i32"
    zero = t.each("eq", of, dtype="bool")
    bits = t.each("where", of, zero).typed(ints)
    below = t.each("lt", bits, dtype="bool")
    flipped = t.each("xor", bits)
    key = t.each("where", flipped, bits, below)
    return t.each("where", key, t.each("isnan", of, dtype="bool"))


def group(t: Tape, x: Array, over: Sequence[int] = (-1,)) -> Array:
    """A copy, unless the axes stand one behind the other."""
    if tuple(over) == (-1,):
        return x
    last = sorted(axis % x.rank for axis in over)
    shape = (*(size for axis, size in enumerate(x.shape) if axis not in last), math.prod(x.shape[axis] for axis in last))
    grouped = x.of(*shape)
    return grouped if last == list(range(last[0], last[0] + len(last))) else t.copy(x, op="permute", like=grouped)


def ungroup(t: Tape, x: Array, over: Sequence[int], like: Array) -> Array:
    return x.of(*like.shape)


def share(t: Tape, of: Array, over: Sequence[int] = (-1,), allowed: Array | None = None) -> Array:
    counted = t.fill(*of.shape, dtype="bool", op="ones") if allowed is None else allowed.of(*of.shape)
    x = t.cast(t.along("sum", group(t, counted, over), keepdims=True, dtype="i64"), "f64")
    for op in ("mul", "sub", "ceil", "maximum"):
        x = t.each(op, x)
    return t.cast(x, "i64")


def top(t: Tape, of: Array, count: int | Array, over: Sequence[int] = (-1,), among: Array | None = None) -> Array:
    key = order_key(t, of)
    if among is not None:
        key = t.each("where", key, among)
    key = group(t, key, over)
    kept = t.fill(*key.shape, dtype="bool")
    if isinstance(count, Array):
        order = t.sort(key)
        rank = t.fill(key.shape[-1], dtype="i64", op="range")
        under = t.each("lt", rank, count, dtype="bool")
        _scatter(t, kept, order, under)
    elif count <= FEW and tuple(over) == (-1,):
        for _ in range(count):
            best = t.along("argmax", key, keepdims=True, dtype="i64")
            _scatter(t, kept, best)
            _scatter(t, key, best)
    else:
        order = t.sort(key)
        _scatter(t, kept, order.at(-1, min(count, key.shape[-1])))
    kept = ungroup(t, kept, over, of)
    return kept if among is None else t.each("and", kept, among)


def _scatter(t: Tape, into: Array, index: Array, value: Array | None = None) -> Array:
    """`scatter` along the last axis: a copy, and an element for each index."""
    return t.scatter(into, index.typed(into.dtype), -1)


def first(t: Tape, of: Array, count: int | Array, over: Sequence[int] = (-1,), among: Array | None = None) -> Array:
    eligible = keep_all(t, of, among)
    grouped = group(t, eligible, over)
    place = t.rows("cumsum", grouped, grouped.shape[-1], dtype="i64")
    under = t.each("le", place, *([count] if isinstance(count, Array) else []), dtype="bool")
    return t.each("and", ungroup(t, under, over, of), eligible)


def above(t: Tape, of: Array, threshold: Array | None = None, among: Array | None = None) -> Array:
    kept = t.each("gt", of, *([] if threshold is None else [threshold]), dtype="bool")
    return kept if among is None else t.each("and", kept, among)


def top_p(t: Tape, of: Array, limit: Array | None = None, over: Sequence[int] = (-1,), among: Array | None = None) -> Array:
    key, value = order_key(t, of), at_least_f32(t, of)
    if among is not None:
        key, value = t.each("where", key, among), t.each("where", value, among)
    order = t.sort(group(t, key, over))
    sorted_ = t.fetch(order.typed(value.dtype), width=1)
    running = t.rows("cumsum", sorted_, sorted_.shape[-1])
    before = t.copy(running, op="pad")
    against = [t.fetch(group(t, limit.of(*of.shape), over), width=1)] if limit is not None else []
    under = t.each("lt", before, *against, dtype="bool")
    kept = t.fill(*order.shape, dtype="bool")
    kept = ungroup(t, _scatter(t, kept, order, under), over, of)
    return kept if among is None else t.each("and", kept, among)


def keep_all(t: Tape, of: Array, among: Array | None = None) -> Array:
    return t.fill(*of.shape, dtype="bool", op="ones") if among is None else among.of(*of.shape)


def level_choice(t: Tape, level: Array) -> Array:
    places = t.fill(level.shape[-1], dtype="i64", op="range")
    return t.each("eq", places, t.along("argmax", level, keepdims=True, dtype="i64"), dtype="bool", like=level)


def keep_level(t: Tape, level: Array, *kept: Array) -> Array:
    chosen = level_choice(t, level)
    stacked = t.copy(*kept, op="stack", like=Array((*kept[0].shape, len(kept)), "bool"))
    return t.along("any", t.each("and", chosen, stacked))


def fallback_all(t: Tape, kept: Array, coverage: Array, allowed: Array | None = None) -> Array:
    covered = t.along("sum", t.each("where", coverage, kept), keepdims=True)
    everything = t.fill(*kept.shape, dtype="bool", op="ones") if allowed is None else allowed
    return t.each("where", kept, everything, t.each("lt", covered, dtype="bool"))


def fallback_last(t: Tape, kept: Array, allowed: Array | None = None) -> Array:
    last = t.each("eq", t.fill(kept.shape[-1], dtype="i64", op="range"), dtype="bool")
    last = last if allowed is None else t.each("and", last, allowed)
    none = t.each("not", t.along("any", kept, keepdims=True))
    return t.each("or", kept, t.each("and", last, none))


def renormalise(t: Tape, weight: Array, kept: Array) -> Array:
    weight = t.each("where", weight, kept)
    some = t.along("any", kept, keepdims=True)
    total = t.each("where", t.along("sum", weight, keepdims=True), some)
    return t.each("where", t.each("div", weight, total), kept)


def load(t: Tape, kept: Array, dtype: str) -> Array:
    count = t.along("sum", kept, range(kept.rank - 1), dtype="i64") if kept.rank > 1 else kept
    return t.cast(count, dtype)


def straight_through(t: Tape, kept: Array, surrogate: Array) -> Array:
    return t.each("add", t.cast(kept, surrogate.dtype), t.each("sub", surrogate, surrogate))


def surrogate_above(t: Tape, of: Array, threshold: Array | None = None) -> Array:
    distance = t.each("sub", of, *([] if threshold is None else [threshold]))
    return t.each("sigmoid", t.each("where", distance, t.each("isnan", distance, dtype="bool")))


def surrogate_top(t: Tape, of: Array, kept: Array, over: Sequence[int] = (-1,)) -> Array:
    some = t.each("and", kept, t.each("not", t.each("isnan", of, dtype="bool")))
    lowest = t.along("min", group(t, t.each("where", of, some), over), keepdims=True)
    return surrogate_above(t, of, lowest.of(*of.shape[:-1], 1))


def surrogate_levels(t: Tape, level: Array, *kept: Array) -> Array:
    bad = t.along("any", t.each("isnan", level, dtype="bool"), keepdims=True)
    chosen = t.each("where", t.cast(level_choice(t, level), level.dtype), level, bad)
    stacked = t.copy(*kept, op="stack", like=Array((*kept[0].shape, len(kept)), "bool"))
    return t.along("sum", t.each("mul", t.rows("softmax", chosen, chosen.shape[-1]), stacked))


def masked(t: Tape, x: Array, kept: Array, gate: Array | None = None) -> Array:
    value = t.each("where", x, kept)
    if gate is None:
        return value
    finite = t.each("where", x, isfinite(t, x))
    slope = t.cast(t.each("sub", gate, gate), x.dtype)
    return t.each("add", value, t.each("mul", slope, finite))


def isfinite(t: Tape, x: Array) -> Array:
    """It compares twice and puts both together."""
    size = t.each("abs", x)
    return t.each("and", t.each("ne", size, dtype="bool"), t.each("eq", x, x, dtype="bool"))
