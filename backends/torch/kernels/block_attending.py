"""Attention under a mask of blocks: each row of query blocks gathers the key blocks that it keeps."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .attending import finite_rows
from .blocks import split_blocks

__all__ = ["block_attention", "block_pairs", "chosen_blocks"]


def chosen_blocks(kept: Tensor) -> Tensor:
    """For each row of blocks [..., columns] the kept columns first, cut to as many as the fullest row keeps (at least 1)."""
    most = kept.sum(-1).flatten().amax().clamp(min=1)
    needed = (torch.arange(kept.shape[-1], device=kept.device) < most).nonzero().squeeze(-1)
    return kept.to(torch.uint8).sort(dim=-1, descending=True, stable=True).indices.index_select(-1, needed)


def block_pairs(chosen: Tensor, kept: Tensor, sizes: tuple[int, int], lengths: tuple[int, int], causal: bool) -> Tensor:
    """Which keys of the chosen blocks [B, h, rows, n] each query sees: [B, h, rows, 1 or queries, n * keys]."""
    column = chosen.unsqueeze(-1) * sizes[1] + torch.arange(sizes[1], device=chosen.device)
    seen = (kept.gather(-1, chosen).unsqueeze(-1) & (column < lengths[1])).flatten(-2).unsqueeze(-2)
    if not causal:
        return seen
    row = torch.arange(chosen.shape[-2] * sizes[0], device=chosen.device).reshape(-1, sizes[0], 1)
    return seen & (column.flatten(-2).unsqueeze(-2) <= row + (lengths[1] - lengths[0]))


def block_attention(
    q: Tensor, k: Tensor, v: Tensor, kept: Tensor, sizes: tuple[int, int], causal: bool = False, scale: float | None = None
) -> Tensor:
    """`attention` with a mask of `kept` [B|1, h|1, T / rows, S / columns] spread over blocks of `sizes` (rows, columns)."""
    batch, heads, length, _ = q.shape
    lengths = (length, k.shape[-2])
    (k, bad_k), (v, bad_v) = finite_rows(k), finite_rows(v)
    queries = split_blocks(q, -2, sizes[0])
    keys, values, bad = (split_blocks(x, -2, sizes[1]) for x in (k, v, bad_k | bad_v))
    columns, rows = keys.shape[2], queries.shape[2]
    kept = kept.expand(batch, heads, rows, columns)
    chosen = chosen_blocks(kept)
    # Where each chosen block lies among the blocks of all samples and key heads.
    own = torch.arange(batch, device=q.device).unsqueeze(-1) * k.shape[1]
    own = own + torch.arange(heads, device=q.device) // (heads // k.shape[1])
    places = (own[:, :, None, None] * columns + chosen).flatten()
    keys, values, bad = (
        x.flatten(0, 2).index_select(0, places).reshape(-1, 1, chosen.shape[-1] * sizes[1], x.shape[-1])
        for x in (keys, values, bad)
    )
    seen = block_pairs(chosen, kept, sizes, lengths, causal).flatten(0, 2).unsqueeze(1)
    empty = ~seen.any(-1, keepdim=True)
    value = F.scaled_dot_product_attention(queries.flatten(0, 2).unsqueeze(1), keys, values, attn_mask=seen | empty, scale=scale)
    spoiled = (seen & bad.transpose(-2, -1)).any(-1, keepdim=True)
    value = torch.where(spoiled, float("nan"), torch.where(empty, 0.0, value))
    return value.reshape(batch, heads, rows * sizes[0], v.shape[-1])[:, :, :length]
