"""Attention of kept pairs, or kept blocks of pairs, and of nothing else."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .attending import attention, finite_rows
from .block_attending import block_attention
from .blocks import edges
from .selecting import at_least_f32

__all__ = ["own_block_attention"]


def own_block_attention(
    q: Tensor, k: Tensor, v: Tensor, kept: Tensor, sizes: tuple[int, int], causal: bool = False, scale: float | None = None
) -> Tensor:
    """`block_attention` in value, without filling rows of blocks up to the fullest one: each kept block is a product of its own,
    and a row's softmax is put together from its blocks. Blocks of (1, 1) are single pairs."""
    if torch.compiler.is_compiling() or q.is_meta or 0 in (q.numel(), k.numel()):
        if tuple(sizes) == (1, 1):
            return attention(q, k, v, kept, causal=causal, scale=scale)
        return block_attention(q, k, v, kept, sizes, causal, scale)
    (batch, heads, length, _), lag = q.shape, k.shape[-2] - q.shape[-2]
    (k, bad_k), (v, bad_v) = finite_rows(k), finite_rows(v)
    decided, strips = kept.expand(batch, heads, *kept.shape[-2:]), []
    for top, rows, high in edges(length, sizes[0]):
        queries = q[:, :, top : top + rows * high].unflatten(2, (rows, high))
        parts: list[tuple[Tensor, ...]] = []
        for left, columns, wide in edges(k.shape[-2], sizes[1]):
            there = decided[:, :, top // sizes[0] :, left // sizes[1] :][:, :, :rows, :columns].nonzero()
            b, h, i, j = there.unbind(-1)
            # Key heads repeat, each for as many heads of queries.
            at = (b, h // (heads // k.shape[1]), j)
            own = [x[:, :, left : left + columns * wide].unflatten(2, (columns, wide))[at] for x in (k, v, bad_k | bad_v)]
            first = (top + i * high + lag, left + j * wide) if causal else None
            logits, spoiled = own_logits(queries[b, h, i], own[0], own[2], first, scale)
            parts.append((logits, own[1], spoiled, (b * heads + h) * rows + i))
        strips.append(joined(parts, batch * heads * rows).reshape(batch, heads, rows * high, v.shape[-1]))
    return torch.cat(strips, 2)


def own_logits(
    q: Tensor, k: Tensor, bad: Tensor, first: tuple[Tensor, Tensor] | None, scale: float | None
) -> tuple[Tensor, Tensor]:
    """Scaled products of blocks of queries [N, queries, e] and keys [N, keys, e], -inf for those that are not seen, and which
    queries see a key that is not finite. `first`: the positions [N] of the first query and key, where later keys are not seen."""
    logits = at_least_f32(q @ k.transpose(-2, -1)) * (1 / math.sqrt(q.shape[-1]) if scale is None else scale)
    seen = torch.ones_like(logits, dtype=torch.bool)
    if first is not None:
        row, column = (torch.arange(x.shape[1], device=x.device) + at.unsqueeze(-1) for x, at in zip((q, k), first))
        seen = column.unsqueeze(-2) <= row.unsqueeze(-1)
    return torch.where(seen, logits, float("-inf")), (seen & bad.transpose(-2, -1)).any(-1)


def joined(parts: list[tuple[Tensor, ...]], count: int) -> Tensor:
    """The softmax of `count` rows of queries over the blocks that belong to each: (logits [N, queries, keys], values
    [N, keys, e], which queries are spoiled [N, queries], the row of each block [N]). 0 where a row sees nothing."""
    logits, values = parts[0][:2]
    size = (count, logits.shape[1])
    highest = logits.new_full(size, float("-inf"))
    for part, _, _, at in parts:
        top = part.detach().amax(-1)
        highest = highest.scatter_reduce(0, at.unsqueeze(-1).expand_as(top), top, "amax")
    highest = torch.where(highest.isfinite(), highest, 0.0)
    total, wrong, mixed = highest.new_zeros(size), highest.new_zeros(size), values.new_zeros((*size, values.shape[-1]))
    for part, value, spoiled, at in parts:
        each = (part - highest.index_select(0, at).unsqueeze(-1)).exp()
        total = total.index_add(0, at, each.sum(-1))
        mixed = mixed.index_add(0, at, each.to(value.dtype) @ value)
        wrong = wrong.index_add(0, at, spoiled.to(wrong.dtype))
    value = mixed / torch.where(total == 0, 1.0, total).to(mixed.dtype).unsqueeze(-1)
    return torch.where((wrong > 0).unsqueeze(-1), float("nan"), value)
