"""Convolution and pooling over the last one or two axes, by sliding windows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from .meaning import Array, means

Sizes = tuple[int, ...]


def _tuple(value: int | Sizes) -> Sizes:
    return (value,) if isinstance(value, int) else tuple(value)


def _windows(x: Array, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes, fill: float) -> Array:
    """Windows over the last axes of x: [..., out…, kernel…]."""
    rank = len(kernel)
    padded = np.pad(x, [(0, 0)] * (x.ndim - rank) + [(p, p) for p in padding], constant_values=fill)
    reach = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilation))
    every = sliding_window_view(padded, reach, axis=tuple(range(-rank, 0)))
    steps: tuple[Any, ...] = tuple(slice(None, None, step) for step in (*stride, *dilation))
    return every[(..., *steps)]


def _convolve(x: Array, weight: Array, bias: Array | None, stride: Sizes, padding: Sizes, dilation: Sizes, groups: int) -> Array:
    """x [B, C, …] with weight [out, C / groups, kernel…]: each group of outputs sees its own group of channels."""
    rank = weight.ndim - 2
    windows = _windows(x, weight.shape[2:], stride, padding, dilation, 0.0)
    kernel_axes = tuple(range(-rank, 0))
    parts = [
        np.tensordot(seen, kernel, axes=((1, *kernel_axes), (1, *kernel_axes)))  # [B, out…, outputs of the group]
        for seen, kernel in zip(np.split(windows, groups, axis=1), np.split(weight, groups, axis=0))
    ]
    joined = np.concatenate(parts, axis=-1)
    return np.moveaxis(joined if bias is None else joined + bias, -1, 1)


@means("conv1d")
def conv1d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    stride: int | Sizes = 1,
    padding: int | Sizes = 0,
    dilation: int | Sizes = 1,
    groups: int = 1,
) -> Array:
    """x [B, C, L], weight [out, C / groups, k]: [B, out, L′]."""
    return _convolve(x, weight, bias, _tuple(stride), _tuple(padding), _tuple(dilation), groups)


@means("conv2d")
def conv2d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    stride: Sizes = (1, 1),
    padding: Sizes = (0, 0),
    dilation: Sizes = (1, 1),
    groups: int = 1,
) -> Array:
    """x [B, C, H, W], weight [out, C / groups, kh, kw]: [B, out, H′, W′]."""
    return _convolve(x, weight, bias, stride, padding, dilation, groups)


def _max_pool(x: Array, kernel: Sizes, stride: Sizes, padding: Sizes) -> Array:
    axes = tuple(range(-len(kernel), 0))
    return _windows(x, kernel, stride, padding, (1,) * len(kernel), -np.inf).max(axis=axes)


def _avg_pool(x: Array, kernel: Sizes, stride: Sizes, padding: Sizes) -> Array:
    axes = tuple(range(-len(kernel), 0))
    return _windows(x, kernel, stride, padding, (1,) * len(kernel), 0.0).mean(axis=axes)


@means("max_pool1d")
def max_pool1d(x: Array, *, kernel: int | Sizes, stride: int | Sizes, padding: int | Sizes = 0) -> Array:
    """Padding never wins: it is −∞."""
    return _max_pool(x, _tuple(kernel), _tuple(stride), _tuple(padding))


@means("max_pool2d")
def max_pool2d(x: Array, *, kernel: Sizes, stride: Sizes, padding: Sizes = (0, 0)) -> Array:
    """Padding never wins: it is −∞."""
    return _max_pool(x, kernel, stride, padding)


@means("avg_pool1d")
def avg_pool1d(x: Array, *, kernel: int | Sizes, stride: int | Sizes, padding: int | Sizes = 0) -> Array:
    """Padding counts as zeros."""
    return _avg_pool(x, _tuple(kernel), _tuple(stride), _tuple(padding))


@means("avg_pool2d")
def avg_pool2d(x: Array, *, kernel: Sizes, stride: Sizes, padding: Sizes = (0, 0)) -> Array:
    """Padding counts as zeros."""
    return _avg_pool(x, kernel, stride, padding)
