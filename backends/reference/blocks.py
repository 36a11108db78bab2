"""Absence and blocks of parts: masking a value, and going between a value and its blocks.

The last block of an axis may be smaller than the others.
"""

from __future__ import annotations

import numpy as np

from .meaning import Array, Bools, means

Pair = tuple[int, int]


@means("masked")
def masked(x: Array, kept: Bools, gate: Array | None = None) -> Array:
    """x where kept, 0 elsewhere: selected, not multiplied. `gate` has kept's value and only carries a gradient."""
    return np.where(kept, x, np.zeros((), x.dtype))


@means("pool_blocks")
def pool_blocks(x: Array, *, axes: Pair, sizes: Pair) -> Array:
    """The mean of what each block holds."""
    for axis, size in zip(axes, sizes):
        starts = np.arange(0, x.shape[axis], size)
        counts = np.minimum(size, x.shape[axis] - starts)
        x = np.add.reduceat(x, starts, axis) / counts.reshape(counts.shape + (1,) * (-1 - axis))
    return x


@means("any_blocks")
def any_blocks(x: Bools, *, axes: Pair, sizes: Pair) -> Array:
    """Whether a block holds any that is true."""
    for axis, size in zip(axes, sizes):
        x = np.logical_or.reduceat(x, np.arange(0, x.shape[axis], size), axis)
    return x


@means("expand_blocks")
def expand_blocks(x: Array, *, axes: Pair, sizes: Pair, shape: Pair) -> Array:
    """Each block's entry at every place of the block, cut to `shape` (the sizes of the two axes)."""
    for axis, size, total in zip(axes, sizes, shape):
        x = np.take(x, np.arange(total) // size, axis=axis)
    return x
