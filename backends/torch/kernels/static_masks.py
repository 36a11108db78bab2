"""Products under a mask that is the same in every call: what stays of the weight is taken out once (`derived`)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .masking import kept_parts, part_rows, scatter_parts

__all__ = ["packed_conv1d", "packed_conv2d", "packed_heads", "packed_linear", "packed_rows"]


def packed_rows(kept: Tensor, weight: Tensor, bias: Tensor | None = None, *, axis: int = -1) -> tuple[Tensor, ...]:
    """Which rows of a weight [rows, …] are kept (of a convolution at least one: it has some channel), these rows, whether each is
    kept after all, and their bias.

    `kept` decides once for all along an axis (counted from the end), whose entries are each a run of equally many rows (heads).
    """
    size, parts = kept.shape[axis], kept_parts(kept, axis, some=weight.ndim > 2)
    rows = part_rows(parts, weight.shape[0] // size)
    live = kept.flatten().index_select(0, rows // (weight.shape[0] // size))
    packed = (rows, weight.index_select(0, rows), live)
    return packed if bias is None else (*packed, bias.index_select(0, rows))


def packed_linear(x: Tensor, packed: tuple[Tensor, ...], size: int) -> Tensor:
    """`linear` to `size` outputs, 0 where not kept."""
    rows, weight, live, *bias = packed
    return scatter_parts(torch.where(live, F.linear(x, weight, *bias), 0.0), rows, -1, size)


def packed_heads(x: Tensor, packed: tuple[Tensor, ...], size: int, heads: int) -> Tensor:
    """`linear` split in heads, [..., heads, T, e], 0 where a head is not kept."""
    return packed_linear(x, packed, size).unflatten(-1, (heads, -1)).transpose(-3, -2)


def packed_conv2d(
    x: Tensor,
    packed: tuple[Tensor, ...],
    size: int,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    dilation: int | tuple[int, int] = 1,
) -> Tensor:
    """`conv2d` to `size` channels, without groups, 0 where a channel is not kept."""
    rows, weight, live, *bias = packed
    value = F.conv2d(x, weight, bias[0] if bias else None, stride, padding, dilation)
    return scatter_parts(torch.where(live.reshape(-1, 1, 1), value, 0.0), rows, -3, size)


def packed_conv1d(
    x: Tensor, packed: tuple[Tensor, ...], size: int, stride: int = 1, padding: int = 0, dilation: int = 1
) -> Tensor:
    """`conv1d` to `size` channels, without groups, 0 where a channel is not kept."""
    rows, weight, live, *bias = packed
    value = F.conv1d(x, weight, bias[0] if bias else None, stride, padding, dilation)
    return scatter_parts(torch.where(live.reshape(-1, 1), value, 0.0), rows, -2, size)
