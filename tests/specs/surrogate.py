"""The reference with straight-through gates that move: its finite differences are what backward must give.

At the base point a gate is what was kept, 0 or 1. Elsewhere it is that plus how much the surrogate (sigmoid(v - t), …) has moved.
Decisions are replayed, and what the surrogates treat as constants is frozen at the base point.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from chunkc.backends.reference import interpret
from chunkc.backends.reference.attention import _causal, _share_heads, attention_logits
from chunkc.backends.reference.fuse import _beside
from chunkc.backends.reference.meaning import MEANING
from chunkc.backends.reference.rules import Grouped, Verdict, apply_rule
from chunkc.backends.reference.select import select as dense_select

Array = np.ndarray


@dataclass(frozen=True, slots=True)
class Soft:
    """A selection's results; `full` is the weight before keeping, of which an absent stream's gate still needs the value."""

    score: Array
    kept: Array
    weight: Array
    load: Array
    first: Array
    gate: Array
    full: Array


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def softmax(x: Array) -> Array:
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


@dataclass
class Surrogates:
    """Constants of the base point by call path, taken at the first run."""

    frozen: dict[str, Any] = field(default_factory=dict)
    rectified: int = 0

    def constant(self, key: str, value: Any) -> Any:
        return self.frozen.setdefault(key, value)

    def relu(self, x: Array) -> Array:
        """With the slopes of the base point: an absent neuron stands exactly on the kink, where PyTorch's slope is 0."""
        self.rectified += 1
        return np.where(self.constant(f"relu:{self.rectified}", x > 0), x, 0.0)

    def start(self) -> None:
        """Before each run: a graph's ops are computed in the same order every time, by which they are known again."""
        self.rectified = 0

    def select(self, attrs: Mapping[str, Any], slots: Mapping[str, Array], path: str, replay: Any, first: Any) -> Any:
        result, disagreements = dense_select(attrs, slots, path, replay, first)
        gate = result.gate
        if attrs["train"] == "straight_through":
            moved = self._surrogate(attrs, slots, path)
            gate = gate + moved - self.constant(path, moved)
        full = np.broadcast_to(slots.get("weight", np.ones(())), result.kept.shape)
        if attrs.get("renormalise"):
            total = np.where(result.kept, full, 0.0).sum(axis=-1, keepdims=True)
            full = np.where(total == 0, 0.0, full / np.where(total == 0, 1.0, total))
        fields = (result.score, result.kept, result.weight, result.load, result.first)
        return Soft(*fields, gate=gate, full=full), disagreements

    def _surrogate(self, attrs: Mapping[str, Any], slots: Mapping[str, Array], path: str) -> Array:
        shape = slots["score"].shape
        allowed = np.broadcast_to(slots.get("allowed", np.True_), shape)
        if attrs.get("levels"):
            kept = [self._rule(rule, f"{path}:{i}", allowed, allowed, slots)[1] for i, rule in enumerate(attrs["rules"])]
            total = (softmax(np.broadcast_to(slots["level"], (*shape, len(kept)))) * np.stack(kept, -1)).sum(axis=-1)
        else:
            total, kept_so_far = np.ones(shape), allowed
            for i, rule in enumerate(attrs["rules"]):
                smooth, kept_so_far = self._rule(rule, f"{path}:{i}", kept_so_far, allowed, slots)
                total = total * smooth
        return total * slots["allowed_gate"] if "allowed_gate" in slots else total

    def _rule(self, rule: Any, key: str, eligible: Array, allowed: Array, slots: Mapping[str, Array]) -> tuple[Array, Array]:
        """The surrogate of one rule, and what it kept at the base point."""
        shape = allowed.shape
        of = np.broadcast_to(slots.get(rule.of, np.ones(())) if rule.of == "weight" else slots[rule.of], shape)
        limit = np.broadcast_to(slots[rule.threshold] if rule.threshold else (rule.limit or 0.0), shape)
        kept = self.constant(key, apply_rule(rule, Verdict.given(eligible), allowed, of, limit).kept)
        if rule.kind in ("first", "all"):
            return np.ones(shape), kept
        if rule.kind == "above":
            return sigmoid(of - limit), kept
        groups = Grouped(shape, rule.over)
        lowest = groups.into(np.where(kept, of, np.inf)).min(axis=-1, keepdims=True)
        lowest = groups.back(np.broadcast_to(lowest, groups.into(of).shape))
        return sigmoid(of - self.constant(key + ":lowest", lowest)), kept


def fuse(kind: str, streams: Sequence[Array], by: Soft | None) -> Array:
    if by is None:
        parts = list(streams)
    else:
        parts = [s * _beside((by.gate * by.full)[..., i], s) for i, s in enumerate(streams)]
    if kind == "concat":
        return np.concatenate(parts, axis=-1)
    if kind == "stack":
        return np.stack(parts, axis=-2)
    total = np.sum(parts, axis=0)
    count = len(parts) if by is None else _beside(by.kept.sum(axis=-1), total)
    return total if kind == "sum" else np.where(np.asarray(count) > 0, total / np.maximum(count, 1), 0.0)


def masked(x: Array, kept: Array, gate: Array | None = None) -> Array:
    return np.where(kept, x, 0.0) if gate is None else x * gate


def attention(
    q: Array,
    k: Array,
    v: Array,
    mask: Array | None = None,
    gate: Array | None = None,
    q_position: Array | None = None,
    k_position: Array | None = None,
    *,
    causal: bool = False,
    after: bool = False,
    scale: float | None = None,
) -> Array:
    logits = attention_logits(q, k, scale=scale)
    visible = np.broadcast_to(_causal(*logits.shape[-2:], q_position, k_position) if causal else np.True_, logits.shape)
    kept = visible if mask is None else visible & mask
    moving = kept.astype(float) if gate is None else np.where(visible, gate, 0.0)
    among = np.where(visible, np.exp(logits - logits.max(axis=-1, keepdims=True)), 0.0)
    if after:
        weights = among / among.sum(axis=-1, keepdims=True) * moving
    else:
        total = (among * moving).sum(axis=-1, keepdims=True)
        weights = np.where(kept.any(axis=-1, keepdims=True), among * moving / np.where(total == 0, 1.0, total), 0.0)
    return weights @ _share_heads(v, q.shape[-3])


@contextmanager
def moving_gates() -> Iterator[Surrogates]:
    """While this lasts, the reference's gates move; the first run is the base point."""
    surrogates = Surrogates()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(interpret, "select", surrogates.select)
        patch.setattr(interpret, "fuse", fuse)
        patch.setitem(MEANING, "masked", masked)
        patch.setitem(MEANING, "attention", attention)
        patch.setitem(MEANING, "relu", surrogates.relu)
        yield surrogates
