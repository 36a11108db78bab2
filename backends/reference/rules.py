"""The rules of a keep chain, and how far each decision is from flipping.

A rule ranks positions in groups. Here a group is the last axis: `Grouped` brings the axes ranked together there, row-major.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ...compiler.selection import Rule, Share
from .meaning import Array, Bools


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is kept so far, and each position's margin: how far values are from where its decision flips (∞: nothing small can).

    `relative` is the margin divided by the largest magnitude among the values the rule read.
    """

    kept: Bools
    absolute: Array
    relative: Array

    @staticmethod
    def given(kept: Bools) -> Verdict:
        """Decided elsewhere, beyond doubt."""
        never = np.full(kept.shape, np.inf)
        return Verdict(kept, never, never)


@dataclass(frozen=True, slots=True)
class Grouped:
    """The positions of `shape` in groups: all of the axes `over` (negative), ranked together."""

    shape: tuple[int, ...]
    over: tuple[int, ...]

    def into(self, x: Array) -> Array:
        """[shape] to [groups…, positions]."""
        moved = np.moveaxis(x, self._axes, range(-len(self._axes), 0))
        return moved.reshape(*moved.shape[: x.ndim - len(self._axes)], math.prod(self.shape[a] for a in self._axes))

    def back(self, x: Array) -> Array:
        """[groups…, positions] to [shape]."""
        split = x.reshape(*x.shape[:-1], *(self.shape[a] for a in self._axes))
        return np.moveaxis(split, range(-len(self._axes), 0), self._axes)

    @property
    def _axes(self) -> tuple[int, ...]:
        return tuple(sorted(self.over))


def apply_rule(rule: Rule, before: Verdict, allowed: Bools, values: Array, threshold: Array) -> Verdict:
    """What one rule keeps of what was kept before; all arrays have the shape of the score. `allowed` is what shares are of."""
    if rule.kind == "all":
        return before
    groups = Grouped(before.kept.shape, rule.over)
    eligible, among, v, t = (groups.into(x) for x in (before.kept, allowed, values, threshold))
    match rule.kind:
        case "above":
            kept, margin = eligible & (v > t), np.where(eligible, distance(v, t), np.inf)
        case "first":
            kept, margin = _first(eligible, _amounts(rule.amount, among))
        case "top":
            kept, margin = _top(eligible, v, _amounts(rule.amount, among))
        case "top_p":
            kept, margin = _top_p(eligible, v, t)
    scale = _scale(eligible, v, t if rule.kind in ("above", "top_p") else v)
    absolute = _chained(rule, groups.into(before.absolute), eligible, kept, margin)
    relative = _chained(rule, groups.into(before.relative), eligible, kept, _divide(margin, scale))
    return Verdict(groups.back(kept), groups.back(absolute), groups.back(relative))


def distance(a: Array, b: Array) -> Array:
    """|a − b|; equal infinities are at 0, and NaN is as far as can be."""
    gap = np.where(a == b, 0.0, np.abs(a - b))
    return np.where(np.isnan(gap), np.inf, gap)


def _chained(rule: Rule, before: Array, eligible: Bools, kept: Bools, margin: Array) -> Array:
    """Margins after a rule: its own, and those of earlier rules where they too can flip the decision.

    `above` looks at each position alone, so what it dropped only it can bring back. The others rank a set: whoever enters or
    leaves it earlier may change any decision of the group.
    """
    if rule.kind == "above":
        return np.where(eligible & ~kept, margin, np.minimum(margin, before))
    shared = before.min(axis=-1, keepdims=True, initial=np.inf)
    return np.where(eligible, np.minimum(margin, shared), before)


def _amounts(amount: int | Share, among: Bools) -> Array:
    """How many to keep of each group: [groups…, 1]."""
    totals = among.sum(axis=-1, keepdims=True)
    if isinstance(amount, Share):
        return np.vectorize(amount.count, otypes=[np.int64])(totals)
    return np.full_like(totals, amount)


def _order(eligible: Bools, v: Array) -> Array:
    """Positions from best to worst: eligible first, then by value (NaN below −∞), then by index."""
    unknown = np.isnan(v)
    return np.lexsort((np.where(unknown, 0.0, -v), unknown, ~eligible), axis=-1)


def _ranks(order: Array) -> Array:
    """Where each position stands in the order."""
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.broadcast_to(np.arange(order.shape[-1]), order.shape), axis=-1)
    return ranks


def _first(eligible: Bools, amount: Array) -> tuple[Bools, Array]:
    kept = eligible & (np.cumsum(eligible, axis=-1) <= amount)
    return kept, np.full(kept.shape, np.inf)


def _top(eligible: Bools, v: Array, amount: Array) -> tuple[Bools, Array]:
    order = _order(eligible, v)
    kept = eligible & (_ranks(order) < amount)
    return kept, _to_boundary(eligible, kept, v, order)


def _top_p(eligible: Bools, v: Array, p: Array) -> tuple[Bools, Array]:
    """Kept while the sum of all better ones is below p. Flips where that sum crosses p, or one across the boundary overtakes."""
    order = _order(eligible, v)
    descending = np.take_along_axis(np.where(eligible, v, 0.0), order, axis=-1)
    better = np.concatenate([np.zeros_like(descending[..., :1]), np.cumsum(descending, axis=-1)[..., :-1]], axis=-1)
    before = np.take_along_axis(better, _ranks(order), axis=-1)
    kept = eligible & (before < p)
    margin = np.minimum(_to_boundary(eligible, kept, v, order), distance(before, p))
    return kept, np.where(eligible, margin, np.inf)


def _to_boundary(eligible: Bools, kept: Bools, v: Array, order: Array) -> Array:
    """From each kept value to the best dropped one, and from each dropped value to the worst kept one; ∞ where there is none."""
    n = v.shape[-1]
    if n == 0:
        return np.zeros(v.shape)
    count = kept.sum(axis=-1, keepdims=True)
    ordered = np.take_along_axis(v, order, axis=-1)
    worst_kept = np.take_along_axis(ordered, np.maximum(count - 1, 0), axis=-1)
    best_dropped = np.take_along_axis(ordered, np.minimum(count, n - 1), axis=-1)
    crossed = (count > 0) & (count < eligible.sum(axis=-1, keepdims=True))
    return np.where(eligible & crossed, distance(v, np.where(kept, best_dropped, worst_kept)), np.inf)


def _scale(eligible: Bools, v: Array, t: Array) -> float:
    """The largest finite magnitude among the values that a rule reads."""
    read = np.concatenate([np.abs(v[eligible]), np.abs(t[eligible])])
    return float(read[np.isfinite(read)].max(initial=0.0))


def _divide(margin: Array, scale: float) -> Array:
    return np.where(margin == 0, 0.0, margin / scale if scale else np.inf)
