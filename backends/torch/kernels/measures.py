"""Divergences whose limits are taken where the formula has none."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["bce", "clamped_log", "kl"]


def kl(p: Tensor, q: Tensor, axis: int = -1) -> Tensor:
    """sum of p * (log p - log q) along an axis, with 0 log 0 = 0."""
    zero = p == 0
    p, q = torch.where(zero, 1.0, p), torch.where(zero, 1.0, q)
    return (p * (p.log() - q.log())).sum(axis)


def clamped_log(x: Tensor) -> Tensor:
    """log(x), at least -100; without a gradient at 0."""
    zero = x == 0
    return torch.where(zero, -100.0, torch.where(zero, 1.0, x).log()).clamp(min=-100.0)


def bce(p: Tensor, t: Tensor) -> Tensor:
    """Elementwise binary cross entropy of probabilities `p`; logs are clamped at -100, as PyTorch does."""
    return -(t * clamped_log(p) + (1 - t) * clamped_log(1 - p))
