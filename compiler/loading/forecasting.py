"""Guesses of what will be used: how likely each chunk is, when the plan comes to it next, by what routers did so far.

Like a branch predictor with two levels (Yeh, Patt 1991): the recent past of a chunk, and whether the one before it in the plan
ran just now, pick a counter, and the counter says how often the chunk was used in that situation.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from .prefetching import Kind

LEVELS = 4
"""How finely the last call and those before it are told apart, each."""
LONGEST = 64.0
"""A counter that has seen so many calls is halved: what was long ago counts less."""
LIKELY = 2 / 3
"""A wrong guess costs its own load, and that of what went for it: so it has to be right twice as often as wrong."""
LOOK = 32
"""Places."""
PRIOR = 8.0
"""So many calls is what is known without a situation worth in it: one call alone makes nothing likely."""

Situation = tuple[str, int, bool | None]


@dataclass(slots=True)
class Counter:
    """How often something was used, of so many times."""

    used: float = 0.0
    seen: float = 0.0

    def told(self, used: bool) -> None:
        self.used += used
        self.seen += 1.0
        if self.seen >= LONGEST:
            self.used, self.seen = self.used / 2, self.seen / 2

    def share(self, prior: float) -> float:
        return (self.used + PRIOR * prior) / (self.seen + PRIOR)


@dataclass(slots=True)
class Line:
    """Where a router draws the line, by its scores: what it kept lies above, what it left below. Running means; the last call
    counts half."""

    kept: float | None = None
    left: float | None = None

    def near(self, best: Sequence[float], kept: Sequence[bool]) -> list[float]:
        """How near each way comes to the line, in [0, 1): exp(-d), where d is its distance from what is kept in units of the gap.

        Args:
            best: the highest score of each way, of all positions.
            kept: which ways were kept by any.
        """
        above = [score for score, one in zip(best, kept) if one]
        below = [score for score, one in zip(best, kept) if not one]
        if above:
            self.kept = min(above) if self.kept is None else (self.kept + min(above)) / 2
        if below:
            self.left = max(below) if self.left is None else (self.left + max(below)) / 2
        if self.kept is None or self.left is None or self.kept <= self.left:
            return [0.0] * len(best)
        line, gap = self.kept, self.kept - self.left
        return [math.exp(-max(0.0, line - score) / gap) * 0.999 for score in best]


@dataclass
class Forecast:
    """`open`: the chunks that a selection may leave out."""

    open: frozenset[str] = frozenset()
    last: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    """What the last call made of a chunk: 1 where it was used, up to a half for a near miss."""
    past: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    """The running mean of the calls before; of these, the last counts half."""
    lines: dict[str, Line] = field(default_factory=lambda: defaultdict(Line))
    """Of a selection, by the chunk that is asked about first."""
    counters: dict[Situation, Counter] = field(default_factory=dict)

    def likely(
        self, order: Sequence[str], place: int, known: Mapping[str, bool], before: bool | None
    ) -> Iterator[tuple[str, Kind]]:
        """The chunks that are likely used from a `place` of the plan on, in its order, up to `LOOK` places on. `known`: which
        this call has decided on; `before`: whether the one before that place was used."""
        for unit in order[place : place + LOOK]:
            sure = known.get(unit, True if unit not in self.open else None)
            if sure or (sure is None and self.chance(unit, before) >= LIKELY):
                yield unit, "decided" if sure else "guess"
            before = sure

    def passed(self, unit: str, used: bool, before: bool | None, near: float = 0.0) -> None:
        """The plan has come to a chunk, and it was used or not, as the one `before` it was in this call (None: there is none).
        `near`: how near it came to being used, in [0, 1)."""
        for situation in self._situations(unit, before):
            self.counters.setdefault(situation, Counter()).told(used)
        self.past[unit] = (self.past[unit] + self.last[unit]) / 2
        self.last[unit] = 1.0 if used else near / 2

    def chance(self, unit: str, before: bool | None = None, prior: float = 0.5) -> float:
        """How likely it is used when the plan comes to it next; `before`: whether the one before it is used, if that is known;
        `prior`: what is taken for likely before there was a call."""
        share = prior
        for situation in self._situations(unit, before):
            if situation in self.counters:
                share = self.counters[situation].share(share)
        return share

    def _situations(self, unit: str, before: bool | None) -> list[Situation]:
        """From the widest to the narrowest, each the prior of the next."""
        last, past = (min(LEVELS - 1, int(LEVELS * one[unit])) for one in (self.last, self.past))
        level = LEVELS * last + past
        wide: list[Situation] = [(unit, -1, None), (unit, level, None)]
        return wide if before is None else [*wide, (unit, level, before)]
