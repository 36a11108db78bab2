"""Eviction: which of the resident chunks goes when another needs its room."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from .adaptive import Adaptive
from .shadows import going

POLICIES = ("adaptive", "lru", "lfu", "cost", "belady")
"""The default first."""


class Policy(Protocol):
    """Is told what happens to chunks, and picks one that goes."""

    heeds_plan: bool
    """Whether what the plan evicts goes without asking."""

    def used(self, unit: str) -> None:
        """A chunk is acquired: it is resident now, and was needed."""

    def passed(self, unit: str) -> None:
        """The plan has come to where a chunk is acquired, whether it was or not."""

    def dropped(self, unit: str) -> None:
        """A chunk has gone."""

    def victims(self, candidates: Sequence[str], need: int) -> list[str]:
        """Which of these go so that `need` bytes are free (all, if they are too few). They come in the order in which they were
        used last."""
        ...


@dataclass
class ByRule:
    """`lru`: what was used longest ago; `lfu`: least often; `cost`: what is loaded again for the fewest bytes; `belady`: what is
    used farthest ahead by `distance`. Of equals, what was used longest ago."""

    rule: str
    sizes: Mapping[str, int]
    distance: Callable[[str], int]
    counts: Counter[str] = field(default_factory=Counter)
    heeds_plan: bool = True

    def used(self, unit: str) -> None:
        self.counts[unit] += 1

    def passed(self, unit: str) -> None:
        pass

    def dropped(self, unit: str) -> None:
        pass

    def victims(self, candidates: Sequence[str], need: int) -> list[str]:
        worth: dict[str, Callable[[str], int]] = {
            "lru": lambda unit: 0,
            "lfu": lambda unit: self.counts[unit],
            "cost": lambda unit: self.sizes[unit],
            "belady": lambda unit: -self.distance(unit),
        }
        return going(candidates, need, self.sizes, worth[self.rule])


def policy_of(
    name: str,
    sizes: Mapping[str, int],
    distance: Callable[[str], int],
    room: int,
    cycle: int,
    known: Callable[[str], bool | None] = lambda unit: None,
) -> Policy:
    """The policy that a `memory` block names. `room`: bytes for chunks; `distance`: how many acquisitions ahead the plan comes to
    a chunk; `known`: whether it uses it there, if that is decided; `cycle`: how many there are in a call, 0 without a plan."""
    return Adaptive(sizes, room, distance, cycle, known) if name == "adaptive" else ByRule(name, sizes, distance)
