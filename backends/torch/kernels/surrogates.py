"""Straight-through training: kept as 0 or 1 in value, with the gradient of a smooth surrogate."""

from __future__ import annotations

import torch
from torch import Tensor

from .selecting import group, level_choice, ungroup

__all__ = ["masked", "straight_through", "surrogate_above", "surrogate_levels", "surrogate_top"]


def straight_through(kept: Tensor, surrogate: Tensor) -> Tensor:
    """`kept` as 0 or 1 in the surrogate's dtype, and its gradient."""
    return kept.to(surrogate.dtype) + (surrogate - surrogate.detach())


def surrogate_above(of: Tensor, threshold: float | Tensor) -> Tensor:
    """sigmoid(v - t). A NaN score has a constant surrogate."""
    distance = of - threshold
    return torch.sigmoid(torch.where(distance.isnan(), 0.0, distance))


def surrogate_top(of: Tensor, kept: Tensor, over: tuple[int, ...] = (-1,)) -> Tensor:
    """sigmoid(v - the lowest kept v of the group), which is treated as a constant; also of `top_p`."""
    lowest = group(torch.where(kept & ~of.isnan(), of.detach(), float("inf")), over).amin(-1, keepdim=True)
    return surrogate_above(of, ungroup(lowest.expand_as(group(of, over)), over, of))


def surrogate_levels(level: Tensor, *kept: Tensor) -> Tensor:
    """The sum over levels of softmax(level score) * what that level's rule keeps."""
    chosen = torch.where(level.isnan().any(-1, keepdim=True), level_choice(level).to(level.dtype), level)
    return (torch.softmax(chosen, dim=-1) * torch.stack(kept, dim=-1)).sum(-1)


def masked(x: Tensor, kept: Tensor, gate: Tensor | None = None) -> Tensor:
    """`x` where kept, else 0: a dropped infinity does not show. `gate` (`kept` as a float) gets the gradient `x`."""
    value = torch.where(kept, x, 0.0)
    if gate is None:
        return value
    finite = torch.where(x.isfinite(), x, 0.0).detach()
    return value + (gate - gate.detach()).to(x.dtype) * finite
