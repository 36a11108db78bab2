"""Eviction: which of the resident chunks goes when another needs its room."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


class Policy(Protocol):
    """Is told what happens to chunks, and picks one that goes."""

    def used(self, unit: str) -> None:
        """A chunk is acquired: it is resident now, and was needed."""

    def dropped(self, unit: str) -> None:
        """A chunk has gone."""

    def victim(self, candidates: Sequence[str]) -> str:
        """Which of these goes, the first to be given up. They come in the order in which they were used last."""
        ...


@dataclass
class ByRule:
    """`lru`: what was used longest ago; `lfu`: least often; `cost`: what is loaded again for the fewest bytes; `belady`: what is
    used farthest ahead by `distance`. Of equals, what was used longest ago."""

    rule: str
    sizes: Mapping[str, int]
    distance: Callable[[str], int]
    counts: Counter[str] = field(default_factory=Counter)

    def used(self, unit: str) -> None:
        self.counts[unit] += 1

    def dropped(self, unit: str) -> None:
        pass

    def victim(self, candidates: Sequence[str]) -> str:
        worth: dict[str, Callable[[str], int]] = {
            "lru": lambda unit: 0,
            "lfu": lambda unit: self.counts[unit],
            "cost": lambda unit: self.sizes[unit],
            "belady": lambda unit: -self.distance(unit),
        }
        return min(candidates, key=worth[self.rule])


def policy_of(name: str, sizes: Mapping[str, int], distance: Callable[[str], int]) -> Policy:
    """The policy that a `memory` block names. `distance`: how many acquisitions ahead the plan uses a chunk."""
    return ByRule(name, sizes, distance)
