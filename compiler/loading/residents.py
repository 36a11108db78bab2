"""Residents: which chunks are resident within a budget, what is loaded and what goes.

A store knows what is resident and does not hold it: parameters stay where they are in the state dict, under their keys, the same
objects. `Residents` stands for a device with room for some of them: it refuses what a device would.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from .eviction import Policy, policy_of

NO_LIMIT = 1 << 30


class Store(Protocol):
    """Loads chunks and lets them go. Paths are those of units (`compiler.residency`)."""

    def acquire(self, path: str) -> None:
        """Holds a chunk, and waits until it is resident."""

    def prefetch(self, path: str) -> None:
        """Begins to load a chunk, if there is room."""

    def release(self, path: str) -> None:
        """Holds it no longer: it stays while nothing needs the room."""

    def evict(self, path: str, target: str) -> None:
        """Lets a chunk go, if another needs its room."""


class NotResident(RuntimeError):
    """A region reads a chunk that is not resident, or a chunk does not fit beside those that are held: the plan is wrong."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What a store with so much `room` has done since it was made. `hits`: chunks that were resident when acquired; of these
    `ahead` had been prefetched for it. `log`: the steps of the last call as (kind, chunk, whether it did anything)."""

    room: int
    loads: int
    bytes: int
    hits: int
    ahead: int
    evictions: int
    peak: int
    resident: tuple[str, ...]
    log: tuple[tuple[str, str, bool], ...]


@dataclass
class Residents:
    """A store in memory with room for `room` bytes of the chunks whose `sizes` it is given.

    `order`: the chunks in the order in which a call acquires them. `outside`: parameters below their paths that never go.
    `policy` says what goes where the plan does not: because a chunk that it counts on going was left out, or one is still there
    from the call before. `lru`: what was used longest ago; `lfu`: least often; `cost`: what is loaded again for the fewest
    bytes; `belady`: what the plan uses farthest ahead; `adaptive`: by what the calls have used so far (`adaptive.py`), which
    goes before what the plan evicts.
    """

    sizes: Mapping[str, int]
    room: int
    order: Sequence[str] = ()
    outside: frozenset[str] = frozenset()
    policy: str = "adaptive"
    resident: dict[str, None] = field(default_factory=dict)
    """In the order in which they were used last."""
    held: Counter[str] = field(default_factory=Counter)
    waiting: set[str] = field(default_factory=set)
    """Prefetched, and not acquired since."""
    ways: Mapping[tuple[str, int], Sequence[tuple[str, int]]] = field(default_factory=dict)
    """For a chunk and the way that reads it, those that run behind it in the same fuse."""
    ahead: int = 0
    """How many that are decided on may be on their way."""
    counts: Counter[str] = field(default_factory=Counter)
    peak: int = 0
    bytes: int = 0
    place: int = 0
    log: list[tuple[str, str, bool]] = field(default_factory=list)
    lock: Any = field(default_factory=threading.RLock)
    owner: int | None = None
    homes: dict[str, str | None] = field(default_factory=dict)
    eviction: Policy = field(init=False)

    def __post_init__(self) -> None:
        self.eviction = policy_of(self.policy, self.sizes, self._distance, self.room, len(self.order))

    @contextmanager
    def call(self) -> Iterator[None]:
        """One call at a time: the budget is of all calls together."""
        with self.lock:
            outer, self.owner = self.owner, threading.get_ident()
            if outer is None:
                self.log, self.place = [], 0
                self.waiting.clear()
            try:
                yield
            finally:
                self.owner = outer
                if outer is None:
                    self.held.clear()

    # ---- steps

    def acquire(self, path: str) -> None:
        if path in self.resident:
            self.counts["hits"] += 1
            self.counts["ahead"] += path in self.waiting
        elif not self._load(path, spare=set()):
            raise NotResident(f"`{path}` ({self.sizes[path]:,} bytes) does not fit beside {', '.join(self.held) or 'nothing'}")
        self.held[path] += 1
        self.eviction.used(path)
        self.waiting.discard(path)
        self.resident[path] = self.resident.pop(path)

    def prefetch(self, path: str) -> None:
        self.prefetch_first([path])

    def prefetch_first(self, paths: Iterable[str], most: int = NO_LIMIT) -> None:
        """Begins to load chunks, those that are needed first first, until `most` are on their way. None takes the room of one
        that is needed before it."""
        sooner = set(self.waiting)
        for path in paths:
            if len(self.waiting) >= most:
                return
            if path not in self.resident and self._load(path, spare=sooner):
                self.waiting.add(path)
            sooner.add(path)

    def prefetch_kept(self, path: str, way: int, kept: Sequence[bool], mine: bool) -> None:
        """Begins to load a chunk that a way reads, if that way is kept (`mine`), and those behind it that are: by `kept`, of all
        ways of their selection."""
        later = (other for other, at in self.ways.get((path, way), ()) if kept[at])
        self.prefetch_first([*([path] if mine else []), *later], self.ahead)

    def release(self, path: str) -> None:
        if self.held[path] > 1:
            self.held[path] -= 1
        else:
            del self.held[path]

    def evict(self, path: str, target: str) -> None:
        going = self.eviction.heeds_plan and path in self.resident and path not in self.held
        if going and target not in self.resident and not self._fits(target):
            self._drop(path)

    def passed(self, path: str) -> None:
        """The call has come to where a chunk is acquired, whether it is or not."""
        ahead = (i for i in range(self.place, len(self.order)) if self.order[i] == path)
        self.place = next(ahead, self.place - 1) + 1
        self.eviction.passed(path)

    # ---- what regions read

    def check(self, reads: Sequence[str]) -> None:
        """`NotResident` where a region of the call that runs here reads something of a chunk that is not held."""
        if self.owner != threading.get_ident():
            return
        for path in reads:
            home = self.homes[path] if path in self.homes else self.homes.setdefault(path, self._home(path))
            if home is not None and home not in self.held:
                raise NotResident(f"`{path}` is read, and `{home}` is not resident")

    @property
    def traffic(self) -> Traffic:
        counts = self.counts
        return Traffic(
            self.room,
            counts["loads"],
            counts["bytes"],
            counts["hits"],
            counts["ahead"],
            counts["evictions"],
            self.peak,
            tuple(self.resident),
            tuple(self.log),
        )

    def _home(self, path: str) -> str | None:
        """The chunk that a parameter or module lies in; None: none that is ever away."""
        if any(f"{other}.".startswith(f"{path}.") for other in self.outside):
            return None
        return next((unit for unit in self.sizes if f"{path}.".startswith(f"{unit}.")), None)

    # ---- room

    def _fits(self, path: str) -> bool:
        return self.bytes + self.sizes[path] <= self.room

    def _load(self, path: str, spare: set[str]) -> bool:
        """Load a chunk, in the room of others by the policy, if those that are neither held nor in `spare` leave enough."""
        victims = [other for other in self.resident if other not in self.held and other not in spare]
        if self.bytes - sum(self.sizes[other] for other in victims) + self.sizes[path] > self.room:
            return False
        # What was loaded ahead and is still to be used goes last.
        for some in ([one for one in victims if one not in self.waiting], [one for one in victims if one in self.waiting]):
            need = self.bytes + self.sizes[path] - self.room
            for victim in self.eviction.victims(some, need) if need > 0 else ():
                self._drop(victim)
        self.resident[path] = None
        self.bytes += self.sizes[path]
        self.peak = max(self.peak, self.bytes)
        self.counts["loads"] += 1
        self.counts["bytes"] += self.sizes[path]
        return True

    def _distance(self, path: str) -> int:
        """How many acquisitions ahead a chunk is used, in this call or the next."""
        count = len(self.order)
        return next((i for i in range(count) if self.order[(self.place + i) % count] == path), count)

    def _drop(self, path: str) -> None:
        del self.resident[path]
        self.eviction.dropped(path)
        self.waiting.discard(path)
        self.bytes -= self.sizes[path]
        self.counts["evictions"] += 1
