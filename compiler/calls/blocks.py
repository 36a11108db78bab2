"""What positions, pairs and blocks of them launch (`blocks.py`), draws (`drawing.py`), and divergences (`measures.py`)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .tape import Array, Number, Tape


def count_up(t: Tape, n: Number) -> Array:
    return t.fill(n, dtype="i64", op="range")


def one_hot(t: Tape, ids: Array, n: Number) -> Array:
    return t.each("eq", ids.of(*ids.shape, 1), t.fill(n, dtype="i64", op="range"), dtype="bool")


def pairs(t: Tape, a: Array, b: Array) -> Array:
    batch, rows, columns = a.shape[0], a.shape[1], b.shape[1]
    made = a.of(batch, rows, columns, a.shape[-1] + b.shape[-1])
    return t.copy(a, b, like=made)


def split_blocks(t: Tape, x: Array, axis: int, size: int) -> Array:
    """A padded copy in any case: without anything to pad torch copies too."""
    place, blocks = axis % x.rank, math.ceil(x.shape[axis] / size)
    padded = t.copy(x, op="pad", like=x.at(axis, blocks * size))
    return padded.of(*padded.shape[:place], blocks, size, *padded.shape[place + 1 :])


def pool_blocks(t: Tape, x: Array, axes: Sequence[int], sizes: Sequence[int]) -> Array:
    for axis, size in zip(axes, sizes):
        total = t.along("sum", split_blocks(t, x, axis, size), (axis,))
        blocks = t.fill(total.shape[axis], dtype="i64", op="range")
        for op in ("mul", "sub", "minimum"):
            blocks = t.each(op, blocks)
        count = t.cast(blocks, x.dtype)
        x = t.each("div", total, count.of(count.shape[0], *(1,) * (-axis - 1)))
    return x


def any_blocks(t: Tape, x: Array, axes: Sequence[int], sizes: Sequence[int]) -> Array:
    for axis, size in zip(axes, sizes):
        x = t.along("any", split_blocks(t, x, axis, size), (axis,))
    return x


def expand_blocks(t: Tape, x: Array, axes: Sequence[int], shape: Sequence[Number]) -> Array:
    for axis, length in zip(axes, shape):
        t.each("div", t.fill(length, dtype="i64", op="range"))
        x = t.gather(x, length, axis)
    return x


def shift_right(t: Tape, h: Array) -> Array:
    return t.each("and", t.each("shift", h))


def splitmix(t: Tape, x: Array) -> Array:
    h = t.each("add", t.each("mul", x))
    for _ in range(2):
        h = t.each("mul", t.each("xor", h, shift_right(t, h)))
    return t.each("xor", h, shift_right(t, h))


def hash_mod(t: Tape, x: Array) -> Array:
    return t.each("mod", shift_right(t, splitmix(t, t.cast(x, "i64"))))


def uniform(t: Tape, x: Array, rows: bool = False) -> Array:
    """`rows`: whether they are gathered ones, whose places in the dense value are told."""
    if rows:
        at = t.each("mul", Array((x.shape[0], 1), "i64"))
        t.each("add", at, t.fill(math.prod(x.shape[1:]), dtype="i64", op="range"))
    else:
        t.fill(x.elements, dtype="i64", op="range")
    seed = t.each("xor", Array((), "i64"))
    t.each("mul", seed)
    h = t.cast(shift_right(t, splitmix(t, x.typed("i64"))), "f64")
    h = t.each("div", t.each("add", h))
    return t.cast(h, "f64" if x.dtype == "f64" else "f32")


def kl(t: Tape, p: Array, q: Array, axis: int = -1) -> Array:
    zero = t.each("eq", p, dtype="bool")
    p, q = t.each("where", p, zero), t.each("where", q, zero)
    return t.along("sum", t.each("mul", p, t.each("sub", t.each("log", p), t.each("log", q))), (axis,))


def clamped_log(t: Tape, x: Array) -> Array:
    zero = t.each("eq", x, dtype="bool")
    return t.each("maximum", t.each("where", t.each("log", t.each("where", x, zero)), zero))


def bce(t: Tape, p: Array, target: Array) -> Array:
    yes = t.each("mul", target, clamped_log(t, p))
    no = t.each("mul", t.each("sub", target), clamped_log(t, t.each("sub", p)))
    return t.each("neg", t.each("add", yes, no))
