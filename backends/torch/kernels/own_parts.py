"""Products of which each decision computes its own kept parts, and nothing that only another decision keeps.

How many those are is known only now, so decisions go one after the other (all at once where each keeps as many). In a captured
graph, where nothing may look at data, the parts that any decision keeps are computed instead: the same values.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .attending import attention
from .masking import block_linear, masked_conv1d, masked_conv2d, masked_linear, part_rows

__all__ = [
    "block_weight_linear",
    "own_conv1d",
    "own_conv2d",
    "own_head_attention",
    "own_heads",
    "own_linear",
]


def own_linear(x: Tensor, weight: Tensor, kept: Tensor, bias: Tensor | None = None, largest: int = 1 << 22) -> Tensor:
    """`masked_linear` in value; each decision multiplies the rows of the weight that it keeps itself.

    x is [..., in], `kept` broadcastable to the result [..., out], or its last axis counts runs of equally many outputs (heads).
    No more than `largest` elements of gathered weights stand in memory at once.
    """
    kept = kept.reshape((1,) * (x.ndim - kept.ndim) + kept.shape)
    wide = [axis for axis in range(x.ndim - 1) if kept.shape[axis] != 1]
    if torch.compiler.is_compiling() or x.is_meta or not wide or not x.numel():
        return masked_linear(x, weight, kept, bias)
    axes = wide[-1] + 1
    decided = kept.expand(*x.shape[:axes], *kept.shape[axes:]).reshape(-1, kept.shape[-1])
    each = x.reshape(decided.shape[0], -1, x.shape[-1])
    run = weight.shape[0] // kept.shape[-1]
    counts = decided.sum(-1).tolist()
    alike = len(set(counts)) == 1
    most = max(1, largest // max(1, counts[0] * run * weight.shape[1])) if alike else 1
    parts = decided.nonzero()[:, 1].split([sum(counts[i : i + most]) for i in range(0, len(counts), most)])
    terms = []
    for start, mine in zip(range(0, len(counts), most), parts):
        rows = (part_rows(mine, run) if run > 1 else mine).reshape(min(most, len(counts) - start), -1)
        own = weight.index_select(0, rows.flatten()).unflatten(0, rows.shape)
        value = each[start : start + most] @ own.transpose(-2, -1)
        if bias is not None:
            value = value + bias.index_select(0, rows.flatten()).reshape(rows.shape).unsqueeze(-2)
        places = rows.unsqueeze(-2).expand_as(value)
        terms.append(value.new_zeros((*value.shape[:-1], weight.shape[0])).scatter(-1, places, value))
    return torch.cat(terms).reshape(*x.shape[:-1], weight.shape[0])


def own_conv2d(
    x: Tensor,
    weight: Tensor,
    kept: Tensor,
    bias: Tensor | None = None,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    dilation: int | tuple[int, int] = 1,
) -> Tensor:
    """`masked_conv2d` in value; each sample computes the channels that it keeps itself."""
    alone = torch.compiler.is_compiling() or x.is_meta or kept.ndim < 4 or kept.shape[0] == 1
    each = [(x, kept)] if alone else list(zip(x.split(1), kept.split(1)))
    return torch.cat([masked_conv2d(one, weight, mine, bias, stride, padding, dilation) for one, mine in each])


def own_conv1d(
    x: Tensor, weight: Tensor, kept: Tensor, bias: Tensor | None = None, stride: int = 1, padding: int = 0, dilation: int = 1
) -> Tensor:
    """`masked_conv1d` in value; each sample computes the channels that it keeps itself."""
    alone = torch.compiler.is_compiling() or x.is_meta or kept.ndim < 3 or kept.shape[0] == 1
    each = [(x, kept)] if alone else list(zip(x.split(1), kept.split(1)))
    return torch.cat([masked_conv1d(one, weight, mine, bias, stride, padding, dilation) for one, mine in each])


def own_heads(x: Tensor, weight: Tensor, kept: Tensor, heads: int, bias: Tensor | None = None) -> Tensor:
    """`masked_heads` in value; each sample multiplies the heads that it keeps itself. `kept` is [..., heads, 1, 1]."""
    value = own_linear(x, weight, kept.transpose(-3, -1).squeeze(-3), bias)
    return value.unflatten(-1, (heads, -1)).transpose(-3, -2)


def own_head_attention(
    q: Tensor, k: Tensor, v: Tensor, kept: Tensor, causal: bool = False, scale: float | None = None
) -> Tensor:
    """`masked_head_attention` in value; each sample attends in the heads that it keeps itself. `kept` is [B|1, h, 1, 1]."""
    batch, heads = q.shape[:2]
    mine = kept[..., 0, 0].expand(batch, heads).flatten().nonzero().squeeze(-1)
    q, k, v = (x.flatten(0, 1).index_select(0, mine).unsqueeze(1) for x in (q, k, v))
    value = attention(q, k, v, causal=causal, scale=scale).squeeze(1)
    return value.new_zeros((batch * heads, *value.shape[1:])).index_copy(0, mine, value).unflatten(0, (batch, heads))


def block_weight_linear(x: Tensor, weight: Tensor, kept: Tensor, sizes: tuple[int, int], bias: Tensor | None = None) -> Tensor:
    """`linear` with a weight of which one decision keeps blocks of `sizes`: [blocks of rows, blocks of columns]."""
    value = block_linear(x.unsqueeze(0), weight, kept.unsqueeze(0), sizes).squeeze(0)
    return value if bias is None else value + bias
