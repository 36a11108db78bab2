"""Attention over projected heads, and rotary positions."""

from __future__ import annotations

import math

import numpy as np

from .meaning import Array, Bools, means


def _share_heads(x: Array, heads: int) -> Array:
    """[..., g, S, e] to [..., heads, S, e]: each key head serves heads / g query heads in a row."""
    return np.repeat(x, heads // x.shape[-3], axis=-3)


@means("attention_logits")
def attention_logits(q: Array, k: Array, *, scale: float | None = None) -> Array:
    """q [..., h, T, e] by k [..., g, S, e], scaled (by 1/√e unless told): [..., h, T, S]."""
    factor = 1 / math.sqrt(q.shape[-1]) if scale is None else scale
    return q @ np.swapaxes(_share_heads(k, q.shape[-3]), -1, -2) * factor


def _positions(given: Array | None, count: int, offset: int) -> Array:
    """Positions as [count], [B, 1, count] (to stand beside heads) or as given with more axes."""
    if given is None:
        return np.arange(count) + offset
    return given[:, None, :] if given.ndim == 2 else given


def _causal(t: int, s: int, q_position: Array | None, k_position: Array | None) -> Bools:
    """Which keys stand no later than each query. Without any positions, the last query stands where the last key does."""
    alone = q_position is None and k_position is None
    queries = _positions(q_position, t, s - t if alone else 0)
    keys = _positions(k_position, s, 0)
    return np.less_equal(keys[..., None, :], queries[..., :, None])


def _softmax_over(logits: Array, kept: Bools) -> Array:
    """Softmax along the last axis of what is kept: the rest, and rows with nothing kept, are 0 whatever they hold."""
    inside = np.where(kept, logits, -np.inf)
    peak = inside.max(axis=-1, keepdims=True, initial=-np.inf)
    exponentials = np.where(kept, np.exp(logits - peak), 0.0)
    return np.where(kept, exponentials / exponentials.sum(axis=-1, keepdims=True), 0.0)


def _weigh(weights: Array, kept: Bools, v: Array) -> Array:
    """Σ over the kept of weight · value. Absent values are selected away: 0 · ∞ would be NaN."""
    if np.isfinite(v).all():
        return weights @ v
    terms = weights[..., :, :, None] * v[..., None, :, :]
    return np.where(kept[..., None], terms, 0.0).sum(axis=-2)


@means("attention")
def attention(
    q: Array,
    k: Array,
    v: Array,
    mask: Bools | None = None,
    gate: Array | None = None,
    q_position: Array | None = None,
    k_position: Array | None = None,
    *,
    causal: bool = False,
    after: bool = False,
    scale: float | None = None,
) -> Array:
    """q [..., h, T, e], k and v [..., g, S, e]: [..., h, T, e].

    A pair is visible unless `causal` hides it, and kept if the mask keeps it too. The softmax is over kept pairs; with `after`,
    over visible pairs, and absent ones count 0 afterwards (so an absent key still takes its share, but its value never
    enters). A row that keeps no pair is 0. `gate` has the mask's value and only carries a gradient.
    """
    logits = attention_logits(q, k, scale=scale)
    t, s = logits.shape[-2:]
    visible = np.broadcast_to(_causal(t, s, q_position, k_position) if causal else np.True_, logits.shape)
    kept = visible if mask is None else visible & mask
    weights = _softmax_over(logits, visible if after else kept)
    return _weigh(np.where(kept, weights, 0.0), kept, _share_heads(v, q.shape[-3]))


@means("rope")
def rope(x: Array, position: Array | None = None, *, base: float = 10000.0) -> Array:
    """Rotary embedding of x [B, ..., T, e]: element i and i + e/2 turn together, as in Llama.

    `position` is [T], or [B, T] for a position each sample; by default 0, 1, 2 …
    """
    half = x.shape[-1] // 2
    places = np.arange(x.shape[-2]) if position is None else position
    if places.ndim == 2:
        places = places.reshape(places.shape[0], *(1,) * (x.ndim - 3), places.shape[1])
    angle = places[..., None] * base ** (-np.arange(half) / half)
    low, high = x[..., :half], x[..., half:]
    return np.concatenate([low * np.cos(angle) - high * np.sin(angle), high * np.cos(angle) + low * np.sin(angle)], -1)
