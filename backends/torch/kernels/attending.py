"""Attention over pairs. An absent pair is not multiplied by 0 but left out: infinities and NaN in its key or value do not show.

A row whose *kept* keys or values are not finite is NaN as a whole; a row that keeps nothing is 0. q is [B, h, T, e], k and v
are [B, g, S, e] with g dividing h; masks are bool and broadcastable to [B, h, T, S].
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from .selecting import at_least_f32

__all__ = [
    "attention",
    "attention_logits",
    "causal_attention",
    "causal_mask",
    "finite_rows",
    "gated_attention",
    "late_attention",
    "masked_attention",
    "repeat_heads",
    "rope",
]


def repeat_heads(x: Tensor, heads: int) -> Tensor:
    """Each key head repeated, consecutively, until there are `heads`."""
    return x if x.shape[1] == heads else x.repeat_interleave(heads // x.shape[1], dim=1)


def attention_logits(q: Tensor, k: Tensor, scale: float | None = None) -> Tensor:
    """Scaled products of all pairs, [B, h, T, S]."""
    return (q * (1 / math.sqrt(q.shape[-1]) if scale is None else scale)) @ repeat_heads(k, q.shape[1]).transpose(-2, -1)


def causal_mask(q: Tensor, k: Tensor, q_position: Tensor | None = None, k_position: Tensor | None = None) -> Tensor:
    """Key position <= query position: [B|1, 1, T, S]. Positions are [B|1, T] and [B|1, S], or [T] and [S].

    Without any, the last query stands at the last key.
    """
    if q_position is None:
        q_position = torch.arange(q.shape[-2], device=q.device)
        if k_position is None:
            q_position = q_position + (k.shape[-2] - q.shape[-2])
    if k_position is None:
        k_position = torch.arange(k.shape[-2], device=k.device)
    seen = (k_position.unsqueeze(-2) <= q_position.unsqueeze(-1)).unsqueeze(-3)
    # Of three axes no fused attention takes a mask.
    return seen if seen.ndim == 4 else seen.unsqueeze(0)


def finite_rows(x: Tensor) -> tuple[Tensor, Tensor]:
    """The rows with those that are not finite made 0, and which those are [..., 1]."""
    bad = ~x.isfinite().all(-1, keepdim=True)
    return torch.where(bad, 0.0, x), bad


def attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    mask: Tensor | None = None,
    gate: Tensor | None = None,
    q_position: Tensor | None = None,
    k_position: Tensor | None = None,
    causal: bool = False,
    after: bool = False,
    scale: float | None = None,
) -> Tensor:
    """Attention in every form: [B, h, T, e of v].

    `after`: pairs are dropped after the softmax over what is visible (`causal`), not before. `gate`: the mask as a float with a
    surrogate gradient, for training. A `mask` of integers says of packed positions (B = 1) which sample each belongs to.
    """
    if mask is not None and mask.dtype == torch.int64:
        return each_sample(q, k, v, mask, q_position, k_position, causal, scale)
    visible = causal_mask(q, k, q_position, k_position) if causal else None
    if after and mask is not None:
        return late_attention(q, k, v, mask, visible, gate, scale)
    if mask is not None and visible is not None:
        mask = mask & visible
        # A pair that is not visible is no pair: its gate has no gradient.
        gate = None if gate is None else torch.where(visible, gate, 0.0)
    elif mask is None:
        mask = visible
    if mask is None:
        return F.scaled_dot_product_attention(q, repeat_heads(k, q.shape[1]), repeat_heads(v, q.shape[1]), scale=scale)
    if gate is not None:
        return gated_attention(q, k, v, mask, gate, scale)
    return masked_attention(q, k, v, mask, scale)


def each_sample(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    sample: Tensor,
    q_position: Tensor | None,
    k_position: Tensor | None,
    causal: bool,
    scale: float | None,
) -> Tensor:
    """`attention` of samples that stand one behind the other, each among its own positions. `sample` [1, 1, 1, R] never falls."""
    sizes = sample.flatten().unique_consecutive(return_counts=True)[1].tolist()
    own = (x.split(sizes, -2) for x in (q, k, v))
    at = ([None] * len(sizes) if x is None else x.split(sizes, -1) for x in (q_position, k_position))
    return torch.cat([attention(x, y, z, None, None, a, b, causal, scale=scale) for x, y, z, a, b in zip(*own, *at)], -2)


def masked_attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor, scale: float | None = None) -> Tensor:
    """Softmax over the kept pairs only."""
    (k, bad_k), (v, bad_v) = finite_rows(k), finite_rows(v)
    bad = repeat_heads(bad_k | bad_v, q.shape[1]).transpose(-2, -1)
    empty = ~mask.any(-1, keepdim=True)
    # A row without a pair would be NaN, and so would be its gradient: let it see everything, and select it away.
    k, v = repeat_heads(k, q.shape[1]), repeat_heads(v, q.shape[1])
    value = F.scaled_dot_product_attention(q, k, v, attn_mask=mask | empty, scale=scale)
    return torch.where((mask & bad).any(-1, keepdim=True), float("nan"), torch.where(empty, 0.0, value))


def causal_attention(q: Tensor, k: Tensor, v: Tensor, scale: float | None = None) -> Tensor:
    """Each position sees itself and those before it; as many keys as queries."""
    (k, bad_k), (v, bad_v) = finite_rows(k), finite_rows(v)
    bad = repeat_heads(bad_k | bad_v, q.shape[1])
    k, v = repeat_heads(k, q.shape[1]), repeat_heads(v, q.shape[1])
    value = F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=scale)
    return torch.where(bad.cumsum(-2) > 0, float("nan"), value)


def gated_attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor, gate: Tensor, scale: float | None = None) -> Tensor:
    """`masked_attention` in value; in gradient, `gate` multiplies exp(logit) of every pair."""
    (k, bad_k), (v, bad_v) = finite_rows(k), finite_rows(v)
    bad = repeat_heads(bad_k | bad_v, q.shape[1]).transpose(-2, -1)
    logits = at_least_f32(attention_logits(q, k, scale))
    empty = ~mask.any(-1, keepdim=True)
    highest = torch.where(mask | empty, logits, float("-inf")).amax(-1, keepdim=True).detach()
    # An absent pair may lie far above every kept one: bounded, its gradient stays finite.
    each = (logits - highest).clamp(max=60).exp()
    each = torch.where(mask, each, 0.0) + (gate - gate.detach()).to(logits.dtype) * each.detach()
    total = torch.where(empty, 1.0, each.sum(-1, keepdim=True))
    value = (each / total).to(v.dtype) @ repeat_heads(v, q.shape[1])
    return torch.where((mask & bad).any(-1, keepdim=True), float("nan"), value)


def late_attention(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor, visible: Tensor | None, gate: Tensor | None = None, scale: float | None = None
) -> Tensor:
    """Softmax over all visible pairs, whose weights then count where `mask` keeps the pair."""
    (k, bad_k), (v, bad_v) = finite_rows(k), finite_rows(v)
    bad_k, bad_v = (repeat_heads(bad, q.shape[1]).transpose(-2, -1) for bad in (bad_k, bad_v))
    logits = at_least_f32(attention_logits(q, k, scale))
    seen = torch.ones_like(logits, dtype=torch.bool) if visible is None else visible.expand_as(logits)
    empty = ~seen.any(-1, keepdim=True)
    weight = torch.softmax(torch.where(seen | empty, logits, float("-inf")), dim=-1)
    kept = torch.where(mask & seen, weight, 0.0)
    if gate is not None:
        kept = kept + torch.where(seen, (gate - gate.detach()).to(weight.dtype) * weight.detach(), 0.0)
    value = kept.to(v.dtype) @ repeat_heads(v, q.shape[1])
    # A key counts in the softmax wherever it is visible, a value only where its pair is kept.
    wrong = (seen & bad_k) | (mask & seen & bad_v)
    return torch.where(wrong.any(-1, keepdim=True), float("nan"), value)


def rope(x: Tensor, position: Tensor | None = None, base: float = 10000.0) -> Tensor:
    """Rotary positions of x [..., T, e], the halves of e rotated against each other. `position` is broadcastable to [B, T]."""
    half = x.shape[-1] // 2
    if position is None:
        position = torch.arange(x.shape[-2], device=x.device)
    elif position.ndim > 1:
        position = position.reshape(position.shape[:-1] + (1,) * (x.ndim - 1 - position.ndim) + position.shape[-1:])
    wide = torch.float64 if x.dtype == torch.float64 else torch.float32
    frequency = base ** (-torch.arange(half, device=x.device, dtype=wide) / half)
    angle = position.to(wide).unsqueeze(-1) * frequency
    cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    a, b = x[..., :half], x[..., half:]
    return torch.cat((a * cos - b * sin, b * cos + a * sin), dim=-1)
