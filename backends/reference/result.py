"""What a run gives back, and what it says about decisions that were replayed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .meaning import Array, Bools

Value = Any
"""Of a node, by its type: an array; a tuple (bundle); a dict (record); a `Selection`."""


class RunError(ValueError):
    """The inputs, parameters or replayed values do not fit the graph."""


class Inadmissible(AssertionError):
    """A replayed decision is further from the boundary than the tolerance allows."""


@dataclass(frozen=True, slots=True)
class SelectionStats:
    """What one selection kept: `kept` parts of `decisions · ways`; `load[i]` decisions kept way i."""

    kept: int
    ways: int
    decisions: int
    load: tuple[int, ...]

    @property
    def density(self) -> float:
        """Mean of kept; 0 where nothing was decided."""
        total = self.ways * self.decisions
        return self.kept / total if total else 0.0


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One part that a replayed decision treats unlike the reference would at the same inputs.

    `absolute` is how far the values that decide are from where this decision flips: the least over the rules that could flip it.
    `relative` is the same divided by the largest magnitude among the values that its rule ranks. Infinite where no small
    change of values explains it (a part that `within` does not allow, say).
    """

    path: str
    index: tuple[int, ...]
    replayed: bool
    absolute: float
    relative: float


@dataclass(frozen=True, slots=True)
class Selection:
    """The value of a `select`: its fields."""

    score: Array
    kept: Bools
    weight: Array
    load: Array
    first: Bools
    gate: Array


@dataclass(frozen=True, slots=True)
class Result:
    """Everything that a run computed. Paths are full: call path, then the name inside.

    `losses` holds each entry, and for entries of a `for` (`work.3`) also their sum (`work`). `decisions` and `draws` are what was
    used, replayed or not, and can be replayed. `nexts` are states after the call. `unused` names what was given to replay but
    never asked for.
    """

    outputs: Mapping[str, Value]
    losses: Mapping[str, float] = field(default_factory=dict)
    decisions: Mapping[str, Bools] = field(default_factory=dict)
    draws: Mapping[str, Array] = field(default_factory=dict)
    nexts: Mapping[str, Array] = field(default_factory=dict)
    stats: Mapping[str, SelectionStats] = field(default_factory=dict)
    disagreements: tuple[Disagreement, ...] = ()
    unused: tuple[str, ...] = ()

    @property
    def output(self) -> Value:
        """The first output."""
        return next(iter(self.outputs.values()))


def statistics(kept: Bools) -> SelectionStats:
    """Counts of decisions of shape [decisions…, ways]."""
    ways = kept.shape[-1]
    load = kept.reshape(-1, ways).sum(axis=0) if ways else kept.reshape(0, 0).sum(axis=0)
    return SelectionStats(int(kept.sum()), ways, math.prod(kept.shape[:-1]), tuple(int(n) for n in load))


def admissible(result: Result, tolerance: float) -> bool:
    """Whether every replayed decision is right up to `tolerance`, relative to the values that it was taken on."""
    return all(d.relative <= tolerance for d in result.disagreements)


def add_up(losses: Mapping[str, float]) -> dict[str, float]:
    """The entries, and after them the sum of those that differ only in trailing indices."""
    totals: dict[str, float] = {}
    for name, value in losses.items():
        base = name
        while base.rpartition(".")[2].isdigit() and "." in base:
            base = base.rpartition(".")[0]
        if base != name:
            totals[base] = totals.get(base, 0.0) + value
    return {**losses, **{name: total + losses.get(name, 0.0) for name, total in totals.items()}}
