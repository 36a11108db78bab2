"""Normalisations: softmax, and division by a spread."""

from __future__ import annotations

import numpy as np

from .meaning import Array, means


@means("softmax")
def softmax(x: Array, *, axis: int) -> Array:
    """Along one axis; a line that is all −∞ is NaN, as in PyTorch (attention has its own meaning for a row with no pair)."""
    shifted = np.exp(x - x.max(axis=axis, keepdims=True)) if x.shape[axis] else x
    return shifted / shifted.sum(axis=axis, keepdims=True)


def _affine(x: Array, weight: Array | None, bias: Array | None) -> Array:
    scaled = x if weight is None else x * weight
    return scaled if bias is None else scaled + bias


def _standardise(x: Array, axes: int | tuple[int, ...], eps: float) -> Array:
    centred = x - x.mean(axis=axes, keepdims=True)
    return centred / np.sqrt((centred**2).mean(axis=axes, keepdims=True) + eps)


def _along(vector: Array | None, axis: int) -> Array | None:
    """A vector that stands along a (negative) axis, ready to broadcast."""
    return None if vector is None else vector.reshape(vector.shape + (1,) * (-1 - axis))


@means("layer_norm")
def layer_norm(x: Array, weight: Array | None = None, bias: Array | None = None, *, eps: float = 1e-5) -> Array:
    """Zero mean and unit (biased) variance over the last axis."""
    return _affine(_standardise(x, -1, eps), weight, bias)


@means("rms_norm")
def rms_norm(x: Array, weight: Array | None = None, *, eps: float = 1e-6) -> Array:
    """x / √(mean(x²) + eps) over the last axis."""
    return _affine(x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + eps), weight, None)


@means("l2_norm")
def l2_norm(x: Array, *, eps: float = 1e-12) -> Array:
    """x / max(‖x‖, eps) over the last axis."""
    return x / np.maximum(np.sqrt((x**2).sum(axis=-1, keepdims=True)), eps)


@means("group_norm")
def group_norm(x: Array, weight: Array | None = None, bias: Array | None = None, *, groups: int, eps: float = 1e-5) -> Array:
    """x [B, C, ...]: each group of C / groups channels of a sample is standardised together."""
    grouped = x.reshape(x.shape[0], groups, -1)
    back = _standardise(grouped, -1, eps).reshape(x.shape)
    channel = 1 - x.ndim
    return _affine(back, _along(weight, channel), _along(bias, channel))


@means("batch_norm")
def batch_norm(x: Array, mean: Array, var: Array, weight: Array, bias: Array, *, axis: int, eps: float = 1e-5) -> Array:
    """The inference form: (x − mean) / √(var + eps) · weight + bias, each a vector along the channel axis."""
    m, v, w, b = (vector.reshape(vector.shape + (1,) * (-1 - axis)) for vector in (mean, var, weight, bias))
    return (x - m) / np.sqrt(v + eps) * w + b
