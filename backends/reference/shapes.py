"""Ops that move, repeat or pick elements, and constants of a shape."""

from __future__ import annotations

import numpy as np

from .meaning import Array, means, standard

Shape = tuple[int, ...]


@means("reshape")
def reshape(x: Array, *, shape: Shape) -> Array:
    return x.reshape(shape)


@means("transpose")
def transpose(x: Array, *, a: int, b: int) -> Array:
    return np.swapaxes(x, a, b)


@means("permute")
def permute(x: Array, *, order: tuple[int, ...]) -> Array:
    return np.transpose(x, order)


@means("flip")
def flip(x: Array, *, axis: int) -> Array:
    return np.flip(x, axis)


@means("concat")
def concat(*values: Array, axis: int) -> Array:
    return np.concatenate(values, axis)


@means("stack")
def stack(*values: Array, axis: int) -> Array:
    """`axis` is the new one's place in the result."""
    return np.stack(values, axis)


@means("slice")
def slice_(x: Array, *, axis: int, start: int, stop: int, step: int = 1) -> Array:
    return np.moveaxis(np.moveaxis(x, axis, 0)[start:stop:step], 0, axis)


@means("index")
def index(x: Array, *, axis: int, index: int) -> Array:
    """One position of an axis, which goes."""
    return np.moveaxis(x, axis, 0)[index]


@means("gather")
def gather(x: Array, index: Array, *, axis: int) -> Array:
    """result[…, i, …] = x[…, index[…, i, …], …]: an index for each place."""
    return np.take_along_axis(x, index, axis)


@means("take")
def take(x: Array, index: Array, *, axis: int) -> Array:
    """The axis replaced by the axes of `index`, one index for all places."""
    return np.take(x, index, axis=axis)


@means("one_hot")
def one_hot(ids: Array, *, n: int) -> Array:
    """1.0 at the id along a new last axis; an id outside 0..n gives zeros."""
    return (ids[..., None] == np.arange(n)).astype(np.float64)


@means("unsqueeze")
def unsqueeze(x: Array, *, axis: int) -> Array:
    """A new axis of size 1 at its place in the result."""
    return np.expand_dims(x, axis)


@means("squeeze")
def squeeze(x: Array, *, axis: int) -> Array:
    return np.squeeze(x, axis)


@means("broadcast")
def broadcast(x: Array, *, shape: Shape) -> Array:
    return np.broadcast_to(x, shape)


@means("repeat")
def repeat(x: Array, *, n: int, axis: int) -> Array:
    """Each position n times in a row."""
    return np.repeat(x, n, axis)


@means("heads")
def heads(x: Array, *, n: int) -> Array:
    """[..., T, d] to [..., n, T, d / n]."""
    split = x.reshape(*x.shape[:-1], n, x.shape[-1] // n)
    return np.swapaxes(split, -2, -3)


@means("merge_heads")
def merge_heads(x: Array) -> Array:
    """[..., n, T, e] to [..., T, n · e]."""
    joined = np.swapaxes(x, -2, -3)
    return joined.reshape(*joined.shape[:-2], joined.shape[-2] * joined.shape[-1])


@means("pairs")
def pairs(a: Array, b: Array) -> Array:
    """[..., T, p] and [..., S, q] to [..., T, S, p + q]: every a beside every b."""
    grid = np.broadcast_shapes(a.shape[:-2], b.shape[:-2]) + (a.shape[-2], b.shape[-2])
    rows = np.broadcast_to(a[..., :, None, :], (*grid, a.shape[-1]))
    columns = np.broadcast_to(b[..., None, :, :], (*grid, b.shape[-1]))
    return np.concatenate([rows, columns], -1)


@means("ones")
def ones(*, shape: Shape, dtype: str) -> Array:
    return standard(np.ones(shape), dtype)


@means("zeros")
def zeros(*, shape: Shape, dtype: str) -> Array:
    return standard(np.zeros(shape), dtype)


@means("range")
def range_(*, n: int) -> Array:
    return np.arange(n, dtype=np.int64)
