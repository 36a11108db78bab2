"""Ops that fold an axis, or run along it."""

from __future__ import annotations

import numpy as np

from .meaning import Array, Bools, means

Axes = tuple[int, ...]


@means("sum")
def sum_(x: Array, *, axes: Axes, keepdims: bool = False) -> Array:
    return x.sum(axis=axes, keepdims=keepdims)


@means("mean")
def mean(x: Array, *, axes: Axes, keepdims: bool = False) -> Array:
    return x.mean(axis=axes, keepdims=keepdims)


@means("max")
def max_(x: Array, *, axes: Axes, keepdims: bool = False) -> Array:
    return x.max(axis=axes, keepdims=keepdims)


@means("min")
def min_(x: Array, *, axes: Axes, keepdims: bool = False) -> Array:
    return x.min(axis=axes, keepdims=keepdims)


@means("norm")
def norm(x: Array, *, axes: Axes, keepdims: bool = False) -> Array:
    """Euclidean length."""
    return np.sqrt((x**2).sum(axis=axes, keepdims=keepdims))


@means("any")
def any_(x: Bools, *, axes: Axes, keepdims: bool = False) -> Array:
    return np.asarray(x.any(axis=axes, keepdims=keepdims))


@means("argmax")
def argmax(x: Array, *, axis: int) -> Array:
    """The lowest index of the largest; NaN counts as largest."""
    return np.argmax(x, axis=axis)


@means("cumsum")
def cumsum(x: Array, *, axis: int) -> Array:
    return np.cumsum(x, axis=axis)
