"""Attention and rotary positions: against PyTorch, and row by row where PyTorch has no such thing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hand import normal
from oracle import check, evaluate

T = torch.from_numpy
Q, K, V = normal(2, 4, 3, 6), normal(2, 2, 5, 6), normal(2, 2, 5, 7)


def attend(q, k, v, causal=False, after=False, scale=None, **slots):
    given = {"q": q, "k": k, "v": v, **slots}
    return evaluate("attention", *given.values(), slots=tuple(given), causal=causal, after=after, scale=scale)


def dense(q, k, v, kept, scale=None):
    return F.scaled_dot_product_attention(T(q), T(k), T(v), T(np.ascontiguousarray(kept)), scale=scale, enable_gqa=True)


def by_rows(q, k, v, visible, kept, scale):
    """Each query by itself, in plain loops."""
    out = np.zeros((*q.shape[:3], v.shape[-1]))
    share = q.shape[1] // k.shape[1]
    for b, h, t in np.ndindex(q.shape[:3]):
        seen = [s for s in range(k.shape[2]) if visible[b, h, t, s]]
        weights = {s: np.exp(scale * q[b, h, t] @ k[b, h // share, s]) for s in seen}
        total = sum(weights.values())
        for s in seen:
            if kept[b, h, t, s]:
                out[b, h, t] += weights[s] / total * v[b, h // share, s]
    return out


def test_plain_and_scaled():
    everything = np.ones((3, 5), bool)
    check(attend(Q, K, V), dense(Q, K, V, everything))
    check(attend(Q, K, V, scale=0.3), dense(Q, K, V, everything, 0.3))
    logits = evaluate("attention_logits", Q, K, scale=0.5)
    check(logits, np.einsum("bhte,bhse->bhts", Q, K.repeat(2, axis=1)) * 0.5)
    check(evaluate("attention_logits", Q, K, scale=None) * np.sqrt(6), logits * 2)


@pytest.mark.parametrize("shape", [(2, 4, 3, 5), (2, 1, 3, 5), (1, 4, 1, 5), (3, 5), (5,)])
def test_mask_broadcasts(shape):
    mask = normal(*shape) > -1
    full = np.broadcast_to(mask, (2, 4, 3, 5))
    check(attend(Q, K, V, mask=mask), by_rows(Q, K, V, full, full, 6**-0.5))
    check(attend(Q, K, V, mask=mask, after=True), by_rows(Q, K, V, np.ones_like(full), full, 6**-0.5))


def test_causal_aligns_the_last_query_with_the_last_key():
    check(attend(Q, K, V, causal=True), dense(Q, K, V, np.tril(np.ones((3, 5), bool), 2)))
    check(attend(Q[:, :, :, :], Q, Q, causal=True), dense(Q, Q, Q, np.tril(np.ones((3, 3), bool))))


def test_causal_by_position():
    of_queries, of_keys = np.array([[4, 0, 2], [1, 1, 3]]), np.array([0, 1, 2, 3, 4])
    visible = (of_keys <= of_queries[..., None])[:, None]
    full = np.broadcast_to(visible, (2, 4, 3, 5))
    check(attend(Q, K, V, causal=True, q_position=of_queries, k_position=of_keys), by_rows(Q, K, V, full, full, 6**-0.5))
    check(attend(Q, K, V, causal=True, q_position=of_queries), by_rows(Q, K, V, full, full, 6**-0.5))
    mask = normal(2, 4, 3, 5) > 0
    both = attend(Q, K, V, causal=True, after=True, q_position=of_queries, mask=mask)
    check(both, by_rows(Q, K, V, full, full & mask, 6**-0.5))


def test_a_row_without_a_pair_is_zero():
    mask = np.ones((2, 4, 3, 5), bool)
    mask[0, 1, 2] = False
    for after in (False, True):
        y = attend(Q, K, V, mask=mask, after=after)
        assert (y[0, 1, 2] == 0).all() and (y[0, 1, 1] != 0).all()


@pytest.mark.parametrize("poison", [np.inf, -np.inf, np.nan])
def test_what_is_absent_cannot_reach_the_result(poison):
    mask = np.ones((3, 5), bool)
    mask[:, 2] = False
    bad_k, bad_v = K.copy(), V.copy()
    bad_k[:, :, 2] = poison
    bad_v[:, :, 2] = poison
    check(attend(Q, bad_k, bad_v, mask=mask), attend(Q, K, V, mask=mask))
    check(attend(Q, K, bad_v, mask=mask, after=True), attend(Q, K, V, mask=mask, after=True))
    last_v = V.copy()
    last_v[:, :, 4] = poison
    check(attend(Q, K, last_v, causal=True)[:, :, :2], attend(Q, K, V, causal=True)[:, :, :2])
    assert not np.isfinite(attend(Q, K, last_v, causal=True)[:, :, 2]).any()


def test_a_gate_only_carries_a_gradient():
    mask = normal(2, 4, 3, 5) > 0
    for after in (False, True):
        gated = attend(Q, K, V, mask=mask, gate=mask.astype(float), after=after)
        check(gated, attend(Q, K, V, mask=mask, after=after))


def rotated(x, positions, base=10000.0):
    """Each pair (i, i + e/2) as a complex number, turned."""
    half = x.shape[-1] // 2
    angles = np.asarray(positions)[..., None] * np.array([base ** (-i / half) for i in range(half)])
    turned = (x[..., :half] + 1j * x[..., half:]) * np.exp(1j * angles)
    return np.concatenate([turned.real, turned.imag], -1)


def test_rope():
    check(evaluate("rope", Q, slots=("x",), base=10000.0), rotated(Q, np.arange(3)))
    check(evaluate("rope", Q[:, 0], slots=("x",), base=100.0), rotated(Q[:, 0], np.arange(3), 100.0))
    one, each = np.array([5, 0, 2]), np.array([[5, 0, 2], [1, 1, 7]])
    check(evaluate("rope", Q, one, slots=("x", "position"), base=10000.0), rotated(Q, one))
    check(evaluate("rope", Q, each, slots=("x", "position"), base=10000.0), rotated(Q, each[:, None]))
    check(evaluate("rope", Q[:, 0], each, slots=("x", "position"), base=10000.0), rotated(Q[:, 0], each))


def test_rope_is_that_of_llama():
    from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

    angles = np.concatenate([np.arange(3)[:, None] * 10000.0 ** (-np.arange(3) / 3)] * 2, -1)[None]
    expected, _ = apply_rotary_pos_emb(T(Q), T(Q), T(np.cos(angles)), T(np.sin(angles)))
    check(evaluate("rope", Q, slots=("x",), base=10000.0), expected)
