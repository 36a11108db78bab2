"""Kernels on elements and rows, each as a call on given numbers. What an op is computed on is made before, not in the call."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

Call = Callable[[], Any]


def _of(function: Callable[[Tensor], Any]) -> Callable[[Tensor], Call]:
    return lambda x: lambda: function(x)


def _where(x: Tensor) -> Call:
    """Kept ones side by side, as masks have them: a kernel that asks for each element guesses right."""
    kept = torch.arange(x.numel()) < x.numel() // 2
    return lambda: torch.where(kept, x, 0.0)


def _and(x: Tensor) -> Call:
    kept = x > 1.0
    return lambda: kept & kept


def _any(x: Tensor) -> Call:
    kept = x > 0.5
    return lambda: kept.any(-1)


def _nonzero(x: Tensor) -> Call:
    kept = x > 0.5
    return lambda: kept.nonzero()


def _cast(x: Tensor) -> Call:
    other = torch.bfloat16 if x.dtype == torch.float32 else torch.float32
    return lambda: x.to(other)


def _merge_heads(x: Tensor) -> Call:
    """Rows of 64 elements in another order."""
    width = min(64, x.numel())
    heads = min(8, x.numel() // width)
    parts = x[: x.numel() // (heads * width) * heads * width].reshape(1, heads, -1, width)
    return lambda: parts.transpose(1, 2).flatten(2)


def _batch_norm(x: Tensor) -> Call:
    """`rows` channels of so many places."""
    side = max(1, math.isqrt(x.shape[1]))
    image, mean = x[:, : side * side].reshape(1, x.shape[0], side, side), torch.zeros(x.shape[0], dtype=x.dtype)
    variance = torch.ones_like(mean)
    return lambda: F.batch_norm(image, mean, variance, variance, mean)


POINTWISE: dict[str, Callable[[Tensor], Call]] = {
    "relu": _of(F.relu),
    "gelu": _of(F.gelu),
    "silu": _of(F.silu),
    "tanh": _of(torch.tanh),
    "sigmoid": _of(torch.sigmoid),
    "exp": _of(torch.exp),
    "log": _of(torch.log),
    "sqrt": _of(torch.sqrt),
    "abs": _of(torch.abs),
    "neg": _of(torch.neg),
    "add": _of(lambda x: x + x),
    "mul": _of(lambda x: x * x),
    "div": _of(lambda x: x / x),
    "pow": _of(lambda x: x**1.5),
    "maximum": _of(lambda x: torch.maximum(x, x)),
    "gt": _of(lambda x: x > 1.0),
    "where": _where,
    "and": _and,
    "copy": _of(torch.clone),
    "cast": _cast,
    "merge_heads": _merge_heads,
    "zeros": _of(torch.zeros_like),
}
"""By the name that calls have; what is not here takes the time of one alike (`simulator.cpu.kernels`)."""

REDUCTIONS: dict[str, Callable[[Tensor], Call]] = {
    "softmax": _of(lambda x: F.softmax(x, -1)),
    "layer_norm": _of(lambda x: F.layer_norm(x, x.shape[-1:])),
    "batch_norm": _batch_norm,
    "sum": _of(lambda x: x.sum(-1)),
    "max": _of(lambda x: x.amax(-1)),
    "any": _any,
    "nonzero": _nonzero,
    "cumsum": _of(lambda x: x.cumsum(-1)),
    "argmax": _of(lambda x: x.argmax(-1)),
}
