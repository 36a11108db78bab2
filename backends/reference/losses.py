"""Distances between distributions."""

from __future__ import annotations

import numpy as np

from .meaning import Array, means


@means("kl")
def kl(p: Array, q: Array, *, axis: int = -1) -> Array:
    """Σ p · (log p − log q) along an axis, with 0 · log 0 = 0."""
    return np.where(p == 0, 0.0, p * (np.log(p) - np.log(q))).sum(axis=axis)


@means("bce")
def bce(p: Array, t: Array) -> Array:
    """−(t · log p + (1 − t) · log(1 − p)) for each element; logarithms are at least −100, as in PyTorch."""
    return -(t * np.maximum(np.log(p), -100) + (1 - t) * np.maximum(np.log(1 - p), -100))
