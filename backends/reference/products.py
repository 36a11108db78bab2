"""Sums of products: linear maps, matrix products, einsum, embedding."""

from __future__ import annotations

import numpy as np

from .meaning import Array, means


@means("linear")
def linear(x: Array, weight: Array, bias: Array | None = None) -> Array:
    """x [..., in] by weight [out, in], and bias [out]: [..., out]."""
    product = x @ np.swapaxes(weight, -1, -2)
    return product if bias is None else product + bias


@means("matmul")
def matmul(a: Array, b: Array) -> Array:
    """[..., n, k] by [..., k, m], leading axes broadcast."""
    return np.matmul(a, b)


@means("einsum")
def einsum(*values: Array, equation: str) -> Array:
    return np.einsum(equation, *values, optimize=True)


@means("embedding")
def embedding(ids: Array, weight: Array) -> Array:
    """Rows of weight [n, d]: [..., d]."""
    return weight[ids]
