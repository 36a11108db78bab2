"""Kept positions of each sample laid side by side, and put back."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["pack", "pack_rows", "packed", "sample_of", "unpacked"]


def pack(kept: Tensor) -> Tensor:
    """For each sample of `kept` [B, T] its kept positions in order, then as many others as the fullest sample keeps more: [B,
    n]."""
    order = torch.sort(kept, dim=1, descending=True, stable=True).indices
    if torch.compiler.is_compiling() or not kept.numel():
        # How many columns to keep is known only from data, and all of them are right too.
        return order
    return order[:, : int(kept.sum(1).max().clamp(min=1))]


def pack_rows(kept: Tensor) -> Tensor:
    """The kept positions of all samples one behind the other, [R], as places among B * T: none to spare. In a captured graph, of
    which no attention may ask how many each sample has, they are `pack`'s."""
    return pack(kept) if torch.compiler.is_compiling() or not kept.any() else kept.flatten().nonzero().squeeze(1)


def sample_of(kept: Tensor, places: Tensor) -> Tensor:
    """What attention is told of packed positions: the sample of each, [1, R]; of `pack`'s places, whether it is kept, [B, n]."""
    return packed(kept, places) if places.ndim == 2 else (places // kept.shape[1]).unsqueeze(0)


def packed(x: Tensor, places: Tensor) -> Tensor:
    """The positions `places` [B, n] of x [B, T, …]; or [R], of all samples one behind the other: [1, R, …]."""
    if places.ndim == 1:
        return x.flatten(0, 1).index_select(0, places).unsqueeze(0)
    index = places.reshape(places.shape + (1,) * (x.ndim - 2))
    return x.gather(1, index.expand(places.shape + x.shape[2:]))


def unpacked(y: Tensor, places: Tensor, kept: Tensor) -> Tensor:
    """What was computed of packed positions, y [B, n, …] or [1, R, …], at their places among those of `kept`; 0 elsewhere."""
    if places.ndim == 1:
        total = y.new_zeros((kept.shape[0] * kept.shape[1], *y.shape[2:])).index_copy(0, places, y.squeeze(0))
        return total.unflatten(0, (kept.shape[0], kept.shape[1]))
    index = places.reshape(places.shape + (1,) * (y.ndim - 2)).expand_as(y)
    return y.new_zeros((y.shape[0], kept.shape[1], *y.shape[2:])).scatter(1, index, y)
