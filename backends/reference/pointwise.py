"""Elementwise ops, with NumPy's right-aligned broadcasting."""

from __future__ import annotations

import math

import numpy as np

from .meaning import MEANING, Array, Bools, means, standard

_erf = np.frompyfunc(math.erf, 1, 1)

# One table for what is one NumPy function; float infinities and NaN follow IEEE, as in PyTorch.
MEANING.update(
    {
        "tanh": np.tanh,
        "exp": np.exp,
        "log": np.log,
        "sqrt": np.sqrt,
        "abs": np.abs,
        "sign": np.sign,
        "neg": np.negative,
        "not": np.logical_not,
        "add": np.add,
        "sub": np.subtract,
        "mul": np.multiply,
        "div": np.divide,
        "mod": np.mod,
        "pow": np.power,
        "maximum": np.maximum,
        "minimum": np.minimum,
        "eq": np.equal,
        "ne": np.not_equal,
        "lt": np.less,
        "le": np.less_equal,
        "gt": np.greater,
        "ge": np.greater_equal,
        "and": np.logical_and,
        "or": np.logical_or,
    }
)


@means("relu")
def relu(x: Array) -> Array:
    """max(x, 0); NaN stays NaN."""
    return np.maximum(x, np.zeros((), x.dtype))


@means("gelu")
def gelu(x: Array) -> Array:
    """x · Φ(x), with the exact error function."""
    return x * 0.5 * (1 + np.asarray(_erf(x / math.sqrt(2)), np.float64))


@means("sigmoid")
def sigmoid(x: Array) -> Array:
    """1 / (1 + e⁻ˣ): an overflowing exponential gives 0, as it should."""
    return 1 / (1 + np.exp(-x))


@means("silu")
def silu(x: Array) -> Array:
    return x * sigmoid(x)


@means("stop_gradient")
def stop_gradient(x: Array) -> Array:
    """The value itself: the reference has no gradients."""
    return x


@means("cast")
def cast(x: Array, *, dtype: str) -> Array:
    """To another kind of number. All floats are float64 here, so they keep their precision; to integers they round towards 0."""
    return standard(x, dtype)


@means("where")
def where(condition: Bools, a: Array, b: Array) -> Array:
    return np.where(condition, a, b)
