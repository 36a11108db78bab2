"""Draws and hashes: splitmix on the dense position, in 64-bit integers that wrap around, so that skipping moves no draw."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["hash_mod", "shift_right", "splitmix", "uniform", "wrapped"]


def wrapped(value: int) -> int:
    """An integer modulo 2^64, as the signed one with the same bits."""
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value


def shift_right(h: Tensor, bits: int) -> Tensor:
    """A logical shift: zeros come in from the left."""
    return (h >> bits) & ((1 << (64 - bits)) - 1)


def splitmix(x: Tensor, seed: int | Tensor) -> Tensor:
    """64 well-mixed bits for each i64 `x`."""
    factor = wrapped(0xBF58476D1CE4E5B9)
    offset = seed * factor if isinstance(seed, Tensor) else wrapped(seed * factor)
    h = x * wrapped(0x9E3779B97F4A7C15) + offset
    h = (h ^ shift_right(h, 30)) * factor
    h = (h ^ shift_right(h, 27)) * wrapped(0x94D049BB133111EB)
    return h ^ shift_right(h, 31)


def hash_mod(x: Tensor, n: int, seed: int = 0) -> Tensor:
    """A number in [0, n) for each integer."""
    return shift_right(splitmix(x.long(), seed), 1) % n


def uniform(x: Tensor, seed: int | Tensor, key: int, rows: Tensor | None = None) -> Tensor:
    """Draws in (0, 1) in the shape of `x`, f32 (f64 for f64).

    `seed` is the call's, `key` the draw's (of its path). A draw belongs to its flat position in the dense value;
    `rows` says which dense row each leading row of a gathered `x` is.
    """
    if rows is None:
        position = torch.arange(x.numel(), device=x.device)
    else:
        inner = math.prod(x.shape[1:])
        position = rows.unsqueeze(-1) * inner + torch.arange(inner, device=x.device)
    mixed = seed ^ wrapped(key) if isinstance(seed, Tensor) else wrapped(seed ^ key)
    # 23 bits and a half: exact in f32, and never 0 or 1.
    draw = (shift_right(splitmix(position.reshape(x.shape), mixed), 41).double() + 0.5) / (1 << 23)
    return draw if x.dtype == torch.float64 else draw.float()
