"""What a policy would have loaded for a sequence of uses: the yardsticks of eviction, and each policy measured by them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

from .eviction import Policy
from .shadows import going


@dataclass
class Known:
    """A policy that is told beforehand what each chunk is worth: what is worth least goes."""

    sizes: Mapping[str, int]
    worth: Mapping[str, float]
    heeds_plan: bool = False

    def used(self, unit: str) -> None:
        pass

    def passed(self, unit: str) -> None:
        pass

    def dropped(self, unit: str) -> None:
        pass

    def victims(self, candidates: Sequence[str], need: int) -> list[str]:
        return going(candidates, need, self.sizes, self.worth.__getitem__)


def loads(policy: Policy, uses: Iterable[str], sizes: Mapping[str, int], room: int) -> int:
    """The bytes that are loaded for some uses, one after the other, each of a chunk that has to be resident then."""
    return max(running(policy, uses, sizes, room), default=0)


def running(policy: Policy, uses: Iterable[str], sizes: Mapping[str, int], room: int) -> Iterator[int]:
    """The same up to each of the uses."""
    resident: dict[str, None] = {}
    free, loaded = room, 0
    for unit in uses:
        if unit in resident:
            del resident[unit]
        else:
            for gone in policy.victims(list(resident), sizes[unit] - free) if free < sizes[unit] else ():
                del resident[gone]
                policy.dropped(gone)
                free += sizes[gone]
            free -= sizes[unit]
            loaded += sizes[unit]
        resident[unit] = None
        policy.used(unit)
        yield loaded


def optimal(uses: Sequence[str], sizes: Mapping[str, int], room: int) -> int:
    """The bytes that are loaded where what goes is what is used farthest ahead (Belady 1966): the fewest there can be where all
    sizes are equal. With different ones this is a good choice and not the best, which takes too long to find: `bound` is below
    that."""
    ahead: dict[str, int] = {}
    after = [0] * len(uses)
    for i in range(len(uses) - 1, -1, -1):
        after[i] = ahead.get(uses[i], len(uses))
        ahead[uses[i]] = i
    resident: dict[str, int] = {}
    farthest: list[tuple[int, str]] = []
    free, loaded = room, 0
    for unit, again in zip(uses, after):
        if unit not in resident:
            gone = []
            while free < sizes[unit]:
                when, last = heappop(farthest)
                if resident.get(last) == -when:
                    del resident[last]
                    gone.append((when, last))
                    free += sizes[last]
            for when, last in gone[::-1]:  # a later one may be large enough for both
                if free - sizes[last] >= sizes[unit]:
                    resident[last] = -when
                    heappush(farthest, (when, last))
                    free -= sizes[last]
            free -= sizes[unit]
            loaded += sizes[unit]
        resident[unit] = again
        heappush(farthest, (-again, unit))
    return loaded


def bound(uses: Sequence[str], sizes: Mapping[str, int], room: int) -> int:
    """Bytes that no policy can do without, whatever the sizes: all uses but those that would be saved first if the room, times
    the number of uses, could be cut as one likes (PFOO-L of Berger, Beckmann, Harchol-Balter 2018, "Practical bounds on optimal
    caching with variable object sizes")."""
    last: dict[str, int] = {}
    spans: list[tuple[int, int]] = []
    for i, unit in enumerate(uses):
        if unit in last:
            spans.append((i - last[unit], sizes[unit]))
        last[unit] = i
    left, saved = room * len(uses), 0
    for length, size in sorted(spans):
        if left < length * size:
            break
        left -= length * size
        saved += size
    return sum(sizes[unit] for unit in uses) - saved
