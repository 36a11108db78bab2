"""Positions, pairs of them, and blocks of those; the last block of an axis may be smaller."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["any_blocks", "count_up", "expand_blocks", "one_hot", "pairs", "pool_blocks", "split_blocks"]


def count_up(n: int, like: Tensor) -> Tensor:
    """0, 1 ... n - 1, where `like` lives."""
    return torch.arange(n, device=like.device)


def one_hot(ids: Tensor, n: int) -> Tensor:
    """True at the place that each integer names; nowhere if it names none."""
    return ids.unsqueeze(-1) == torch.arange(n, device=ids.device)


def pairs(a: Tensor, b: Tensor) -> Tensor:
    """Each position of `a` [B, T, p] beside each of `b` [B, S, q]: [B, T, S, p + q]."""
    rows = a.unsqueeze(-2).expand(-1, -1, b.shape[-2], -1)
    columns = b.unsqueeze(-3).expand(-1, a.shape[-2], -1, -1)
    return torch.cat((rows, columns), dim=-1)


def split_blocks(x: Tensor, axis: int, size: int) -> Tensor:
    """An axis (counted from the end) split in two, [blocks, size], padded with zeros: 13 in blocks of 5 is [3, 5]."""
    short = -x.shape[axis] % size
    padded = F.pad(x, [0, 0] * (-axis - 1) + [0, short])
    return padded.unflatten(axis, (-1, size))


def edges(length: int, size: int) -> list[tuple[int, int, int]]:
    """The whole blocks of an axis, and the smaller one at its end: (where they start, how many they are, how long each is)."""
    whole, rest = length // size, length % size
    found = [(0, whole, size)] if whole else []
    return found + ([(whole * size, 1, rest)] if rest else [])


def pool_blocks(x: Tensor, axes: tuple[int, int], sizes: tuple[int, int]) -> Tensor:
    """The mean of what is there, over blocks of two axes."""
    for axis, size in zip(axes, sizes):
        length = x.shape[axis]
        total = split_blocks(x, axis, size).sum(axis)
        blocks = torch.arange(total.shape[axis], device=x.device)
        count = (length - blocks * size).clamp(max=size)
        x = total / count.to(x.dtype).reshape([-1] + [1] * (-axis - 1))
    return x


def any_blocks(x: Tensor, axes: tuple[int, int], sizes: tuple[int, int]) -> Tensor:
    """Whether any of a block is True."""
    for axis, size in zip(axes, sizes):
        x = split_blocks(x, axis, size).any(axis)
    return x


def expand_blocks(x: Tensor, axes: tuple[int, int], sizes: tuple[int, int], shape: tuple[int, int]) -> Tensor:
    """Each entry repeated over its block, cut to `shape`."""
    for axis, size, length in zip(axes, sizes, shape):
        x = x.index_select(axis, torch.arange(length, device=x.device) // size)
    return x
