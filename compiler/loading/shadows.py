"""Shadow caches: what would be resident had one rule decided from the start, known without loading anything.

Each is told of every use, and evicts what its rule says is worth least. Because they all see the same uses, what each had to load
says which rule is the best one for them (Ari et al. 2002, "ACME: adaptive caching using multiple experts").
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

LARGEST = 1e200
"""Above this, shares that grow instead of ageing are divided by their scale."""


def going(candidates: Collection[str], need: int, sizes: Mapping[str, int], worth: Callable[[str], float]) -> list[str]:
    """Those of least worth that together free `need` bytes, first the least, without those that can stay because a later one is
    large enough for them too. All, if that is not enough."""
    least = min(candidates, key=worth, default=None)
    if least is not None and sizes[least] >= need:
        return [least]
    gone: list[str] = []
    freed = 0
    for one in sorted(candidates, key=worth):
        if freed >= need:
            break
        gone.append(one)
        freed += sizes[one]
    for one in gone[::-1]:
        if freed - sizes[one] >= need:
            gone.remove(one)
            freed -= sizes[one]
    return gone


@dataclass
class Shadow:
    """A cache of `room` bytes in which the chunk with the least `worth` goes first. It may hold too little, never too much."""

    sizes: Mapping[str, int]
    room: int
    worth: Callable[[str], float]
    resident: dict[str, None] = field(default_factory=dict)
    bytes: int = 0

    def use(self, unit: str) -> int:
        """The bytes that the use of a chunk loads: 0 where it is resident."""
        if unit in self.resident:
            return 0
        size = self.sizes[unit]
        need = self.bytes + size - self.room
        if need > 0:
            for gone in going(self.resident, need, self.sizes, self.worth):
                del self.resident[gone]
                self.bytes -= self.sizes[gone]
        self.resident[unit] = None
        self.bytes += size
        return size


@dataclass
class Shares:
    """How often each chunk was used and could have been, where the past counts half as much after each `half` uses.

    Instead of all the counts shrinking with each use, what is added grows, so that one use costs one addition; `scale` is what a
    use adds now.
    """

    half: float
    used: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    """Uses, in a unit that is the same for all chunks at any one time."""
    offered: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    scale: float = 1.0
    growth: float = field(init=False)

    def __post_init__(self) -> None:
        self.growth = 2.0 ** (1.0 / self.half)

    def use(self, unit: str) -> None:
        self.used[unit] += self.scale
        self.scale *= self.growth
        if self.scale > LARGEST:
            for counts in (self.used, self.offered):
                counts.update({one: count / self.scale for one, count in counts.items()})
            self.scale = 1.0

    def offer(self, unit: str) -> None:
        """The plan has come to a chunk, whether it is used or not."""
        self.offered[unit] += self.scale

    def share(self, unit: str) -> float:
        """The share of the times the plan came to it in which it was used, in (0, 1]; 1 of what it never came to: each begins as
        though it had been used once."""
        return (self.used[unit] + self.scale) / (max(self.offered[unit], self.used[unit]) + self.scale)
