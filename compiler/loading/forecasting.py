"""Guesses of what will be used: how likely each chunk is, when the plan comes to it next, by what routers did so far.

Like a branch predictor with two levels (Yeh, Patt 1991): the recent past of a chunk, and whether the one before it in the plan
ran just now, pick a counter, and the counter says how often the chunk was used in that situation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from .prefetching import Kind

LEVELS = 8
"""How finely the past of a chunk is told apart."""
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


@dataclass
class Forecast:
    """`open`: the chunks that a selection may leave out."""

    open: frozenset[str] = frozenset()
    strengths: dict[str, float] = field(default_factory=dict)
    """A running mean over the calls, in [0, 1]: how much of a chunk was asked for; the last call counts half."""
    counters: dict[Situation, Counter] = field(default_factory=dict)
    told: dict[str, float] = field(default_factory=dict)
    """Strengths of this call."""

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

    def asked(self, unit: str, strength: float) -> None:
        """A router has decided how much of a chunk is asked for, in [0, 1]: from 0.5 up where it is kept, by the share of the
        positions that do; below that a near miss, by how close its score comes to what was kept."""
        self.told[unit] = strength

    def passed(self, unit: str, used: bool, before: bool | None) -> None:
        """The plan has come to a chunk, and it was used or not, as the one `before` it was in this call (None: there is none)."""
        if unit not in self.open:
            return
        for situation in self._situations(unit, before):
            self.counters.setdefault(situation, Counter()).told(used)
        strength = self.told.pop(unit, 1.0 if used else 0.0)
        self.strengths[unit] = (self.strengths.get(unit, strength) + strength) / 2

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
        level = min(LEVELS - 1, int(LEVELS * self.strengths.get(unit, 0.0)))
        wide: list[Situation] = [(unit, -1, None), (unit, level, None)]
        return wide if before is None else [*wide, (unit, level, before)]
