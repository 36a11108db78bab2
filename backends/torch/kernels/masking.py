"""Products of which only the kept parts are computed: rows of a weight that no decision of the call keeps are not read."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from .attending import attention
from .blocks import edges

__all__ = [
    "block_linear",
    "kept_parts",
    "masked_conv1d",
    "masked_conv2d",
    "masked_head_attention",
    "masked_heads",
    "masked_linear",
    "part_rows",
    "scatter_parts",
]


def kept_parts(kept: Tensor, axis: int, some: bool = False) -> Tensor:
    """The indices along an axis (counted from the end) that any decision keeps; the first if there are none and there must be
    `some` (a convolution has at least one channel)."""
    mine = kept.movedim(axis, -1).reshape(-1, kept.shape[axis]).any(0)
    if some:
        mine = mine | (~mine.any() & (torch.arange(mine.shape[0], device=mine.device) == 0))
    return mine.nonzero().squeeze(-1)


def part_rows(parts: Tensor, rows: int) -> Tensor:
    """Each part as `rows` consecutive rows."""
    return (parts.unsqueeze(-1) * rows + torch.arange(rows, device=parts.device)).flatten()


def scatter_parts(value: Tensor, parts: Tensor, axis: int, size: int) -> Tensor:
    """The value's parts at their places along an axis of `size`, 0 elsewhere."""
    shape = list(value.shape)
    shape[axis] = size
    return value.new_zeros(shape).index_copy(axis, parts, value)


def masked_linear(x: Tensor, weight: Tensor, kept: Tensor, bias: Tensor | None = None) -> Tensor:
    """`linear`, 0 where not kept.

    `kept` is broadcastable to the result, but its last axis may count parts, each a run of equally many outputs (heads).
    """
    size, parts = weight.shape[0], kept_parts(kept, -1)
    rows = part_rows(parts, size // kept.shape[-1]) if size != kept.shape[-1] else parts
    value = F.linear(x, weight.index_select(0, rows), None if bias is None else bias.index_select(0, rows))
    decided = kept.index_select(-1, parts)
    if size != kept.shape[-1]:
        decided = decided.repeat_interleave(size // kept.shape[-1], dim=-1)
    return scatter_parts(torch.where(decided, value, 0.0), rows, -1, size)


def masked_conv2d(
    x: Tensor,
    weight: Tensor,
    kept: Tensor,
    bias: Tensor | None = None,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    dilation: int | tuple[int, int] = 1,
) -> Tensor:
    """`conv2d` without groups, 0 where a channel is not kept. `kept` is broadcastable to the result, channels on axis -3."""
    parts = kept_parts(kept, -3, some=True)
    channel_bias = None if bias is None else bias.index_select(0, parts)
    value = F.conv2d(x, weight.index_select(0, parts), channel_bias, stride, padding, dilation)
    return scatter_parts(torch.where(kept.index_select(-3, parts), value, 0.0), parts, -3, weight.shape[0])


def masked_conv1d(
    x: Tensor, weight: Tensor, kept: Tensor, bias: Tensor | None = None, stride: int = 1, padding: int = 0, dilation: int = 1
) -> Tensor:
    """`conv1d` without groups, 0 where a channel is not kept. `kept` is broadcastable to the result, channels on axis -2."""
    parts = kept_parts(kept, -2, some=True)
    channel_bias = None if bias is None else bias.index_select(0, parts)
    value = F.conv1d(x, weight.index_select(0, parts), channel_bias, stride, padding, dilation)
    return scatter_parts(torch.where(kept.index_select(-2, parts), value, 0.0), parts, -2, weight.shape[0])


def masked_heads(x: Tensor, weight: Tensor, kept: Tensor, heads: int, bias: Tensor | None = None) -> Tensor:
    """`linear` split in heads, [..., heads, T, e], 0 where a head is not kept. `kept` is [..., heads, 1, 1]."""
    value = masked_linear(x, weight, kept.transpose(-3, -1).squeeze(-3), bias)
    return value.unflatten(-1, (heads, -1)).transpose(-3, -2)


def masked_head_attention(
    q: Tensor, k: Tensor, v: Tensor, kept: Tensor, causal: bool = False, scale: float | None = None
) -> Tensor:
    """`attention` with a key head for each query head, 0 where a head is not kept. `kept` is [B|1, h, 1, 1]."""
    parts = kept_parts(kept, -3)
    q, k, v = (x.index_select(-3, parts) for x in (q, k, v))
    value = torch.where(kept.index_select(-3, parts), attention(q, k, v, causal=causal, scale=scale), 0.0)
    return scatter_parts(value, parts, -3, kept.shape[-3])


def block_linear(x: Tensor, weight: Tensor, kept: Tensor, sizes: tuple[int, int]) -> Tensor:
    """`linear` with a weight of which each decision keeps its own blocks of `sizes` (rows, columns); only those are multiplied.

    `kept` is [decisions..., blocks of rows, blocks of columns], and x has the decisions as its first axes. Smaller blocks at the
    edges are products of their own.
    """
    axes = kept.ndim - 2
    flat = x.reshape(math.prod(kept.shape[:axes]), math.prod(x.shape[axes:-1]), x.shape[-1])
    decided = kept.reshape(flat.shape[0], *kept.shape[-2:])
    columns = list(edges(weight.shape[1], sizes[1]))
    strips = []
    for top, rows, high in edges(weight.shape[0], sizes[0]):
        total = flat.new_zeros((flat.shape[0] * rows, flat.shape[1], high))
        for left, count, wide in columns:
            d, i, j = decided[:, top // sizes[0] :, left // sizes[1] :][:, :rows, :count].nonzero().unbind(-1)
            inputs = flat[..., left : left + count * wide].unflatten(-1, (count, wide))
            blocks = weight[top : top + rows * high, left : left + count * wide]
            blocks = blocks.unflatten(0, (rows, high)).unflatten(-1, (count, wide)).transpose(1, 2)
            part = inputs[d, :, j] @ blocks[i, j].transpose(-2, -1)
            total = total.index_add(0, d * rows + i, part)
        strips.append(total.unflatten(0, (flat.shape[0], rows)).transpose(1, 2).flatten(-2))
    return torch.cat(strips, -1).reshape(*x.shape[:-1], weight.shape[0])
