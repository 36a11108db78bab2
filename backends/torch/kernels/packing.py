"""Kept positions of each sample laid side by side, and put back."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["pack", "packed", "unpacked"]


def pack(kept: Tensor) -> Tensor:
    """For each sample of `kept` [B, T] its kept positions in order, then as many others as the fullest sample keeps more: [B,
    n]."""
    order = torch.sort(kept, dim=1, descending=True, stable=True).indices
    if torch.compiler.is_compiling() or not kept.numel():
        # How many columns to keep is known only from data, and all of them are right too.
        return order
    return order[:, : int(kept.sum(1).max().clamp(min=1))]


def packed(x: Tensor, places: Tensor) -> Tensor:
    """The positions `places` [B, n] of x [B, T, …]."""
    index = places.reshape(places.shape + (1,) * (x.ndim - 2))
    return x.gather(1, index.expand(places.shape + x.shape[2:]))


def unpacked(y: Tensor, places: Tensor, positions: int) -> Tensor:
    """What was computed of packed positions, y [B, n, …], at their places among `positions`; 0 elsewhere."""
    index = places.reshape(places.shape + (1,) * (y.ndim - 2)).expand_as(y)
    return y.new_zeros((y.shape[0], positions, *y.shape[2:])).scatter(1, index, y)
