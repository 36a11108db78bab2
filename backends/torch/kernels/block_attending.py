"""Attention under a mask of blocks: only the kept blocks of pairs are gathered and multiplied."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .attending import finite_rows, repeat_heads
from .blocks import split_blocks
from .selecting import at_least_f32

__all__ = ["block_attention", "block_pairs_visible"]


def block_pairs_visible(i: Tensor, j: Tensor, sizes: tuple[int, int], lengths: tuple[int, int], causal: bool) -> Tensor:
    """Which pairs inside the block pairs (i, j) exist, and, if `causal`, lie at or before their query: [P, rows, columns]."""
    row = (i.unsqueeze(-1) * sizes[0] + torch.arange(sizes[0], device=i.device)).unsqueeze(-1)
    column = (j.unsqueeze(-1) * sizes[1] + torch.arange(sizes[1], device=j.device)).unsqueeze(-2)
    there = (column < lengths[1]).expand(-1, sizes[0], -1)
    return there & (column <= row + (lengths[1] - lengths[0])) if causal else there


def block_attention(
    q: Tensor, k: Tensor, v: Tensor, kept: Tensor, sizes: tuple[int, int], causal: bool = False, scale: float | None = None
) -> Tensor:
    """`attention` with a mask of `kept` [B|1, h|1, T / rows, S / columns] spread over blocks of `sizes` (rows, columns)."""
    batch, heads, length, width = q.shape
    scale = 1 / math.sqrt(width) if scale is None else scale
    (k, bad_k), (v, bad_v) = finite_rows(k), finite_rows(v)
    k, v, bad = (split_blocks(repeat_heads(x, heads), -2, sizes[1]) for x in (k, v, bad_k | bad_v))
    queries = split_blocks(q, -2, sizes[0])
    blocks = queries.shape[2]
    b, h, i, j = kept.expand(batch, heads, blocks, k.shape[2]).nonzero().unbind(-1)
    row = (b * heads + h) * blocks + i
    visible = block_pairs_visible(i, j, sizes, (length, bad_k.shape[-2]), causal)
    logits = at_least_f32((queries[b, h, i] * scale) @ k[b, h, j].transpose(-2, -1))
    logits = torch.where(visible, logits, float("-inf"))
    rows = logits.new_full((batch * heads * blocks, sizes[0]), float("-inf"))
    highest = rows.scatter_reduce(0, row.unsqueeze(-1).expand(-1, sizes[0]), logits.amax(-1).detach(), "amax")
    highest = torch.where(highest == float("-inf"), 0.0, highest)
    weight = (logits - highest[row].unsqueeze(-1)).exp()
    total = torch.zeros_like(rows).index_add(0, row, weight.sum(-1)).unsqueeze(-1)
    part = weight.to(v.dtype) @ v[b, h, j]
    summed = part.new_zeros((rows.shape[0], *part.shape[1:])).index_add(0, row, part)
    value = summed / torch.where(total == 0, 1.0, total).to(v.dtype)
    wrong = (visible & bad[b, h, j].transpose(-2, -1)).any(-1)
    spoiled = torch.zeros_like(rows).index_add(0, row, wrong.to(rows.dtype)).unsqueeze(-1) > 0
    value = torch.where(spoiled, float("nan"), value)
    return value.reshape(batch, heads, blocks * sizes[0], v.shape[-1])[:, :, :length]
