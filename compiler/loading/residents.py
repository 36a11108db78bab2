"""Residents: which chunks are resident within a budget, what is loaded and what goes.

`Residents` decides, in the thread of the call that asks, and counts; what it decides is done by a `Mover`, in the background and
in the same order: room is reserved before a load begins, and belongs to another load only behind the drop that gave it back.
Without a mover nothing is moved: so the simulator drives it, and so run modules whose parameters are all in memory, for which it
refuses what a device with that much room would.

Chunks are known by keys: their paths (units of `compiler.residency`), or those of another version of them. What a call does is
done through its lease (`leases.py`).
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from .eviction import Policy, policy_of
from .forecasting import Forecast
from .leases import Lease, NotResident
from .prefetching import Kind, Prefetching
from .shadows import going

__all__ = ["Lease", "Mover", "Moves", "NotResident", "Residents", "Traffic"]


class Mover(Protocol):
    """Does what is decided. It is told under the lock of the residents, and is to come back at once."""

    def load(self, key: str) -> None:
        """Begins to load a chunk, behind all that it was told before."""

    def drop(self, key: str) -> None:
        """Gives the memory of a chunk back; a load that is on its way is called off."""

    def wait(self, key: str) -> float:
        """Until a chunk is there: the seconds that this took, 0 where it was. `Unloadable` if it cannot be."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What a store with so much `room` has done since it was made. `hits`: chunks that were resident when acquired; of these
    `ahead` had been prefetched for it; `loads`: those that began, prefetched or not, of so many `bytes`; `wasted`: prefetched,
    and gone before anything ran on them; `rows`: of `bytes`, those of weights of which only kept rows are read. `stalls`:
    acquisitions and reads of rows that had to wait, `stalled` seconds together. `peak` and `now`: bytes. `log`: the steps of the
    last call as (kind, chunk, whether it did anything). `ram`: the same of RAM, where the device is another one."""

    room: int
    loads: int
    bytes: int
    hits: int
    ahead: int
    evictions: int
    peak: int
    resident: tuple[str, ...]
    log: tuple[tuple[str, str, bool], ...]
    misses: int = 0
    wasted: int = 0
    stalls: int = 0
    stalled: float = 0.0
    now: int = 0
    rows: int = 0
    ram: Traffic | None = None


@dataclass
class Moves:
    """What a store has done while it was watched: what has gone, and then what was loaded, in order (a chunk that went may be
    loaded again). What was loaded and has gone again is neither."""

    gone: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)

    def load(self, key: str) -> None:
        self.loads.append(key)

    def drop(self, key: str) -> None:
        if key in self.loads:
            self.loads.remove(key)
        else:
            self.gone.append(key)


@dataclass
class Residents:
    """A store in memory with room for `room` bytes of the chunks whose `sizes` it is given.

    `order`: the chunks in the order in which a call acquires them. `outside`: parameters below their paths that never go.
    `policy` says what goes where the plan does not: because a chunk that it counts on going was left out, or one is still there
    from the call before. `lru`: what was used longest ago; `lfu`: least often; `cost`: what is loaded again for the fewest
    bytes; `belady`: what the plan uses farthest ahead; `adaptive`: by what the calls have used so far (`adaptive.py`), which
    goes before what the plan evicts.

    All of it is guarded by `turn`. Calls of many threads run at once, each with a lease. One that has to wait for room gives up
    all that it holds, waits its turn (first come, first served) holding nothing, and takes all of it again at once: so no two
    wait for each other. A call that holds nothing does not overtake those that wait.
    """

    sizes: dict[str, int]
    room: int
    order: Sequence[str] = ()
    outside: frozenset[str] = frozenset()
    policy: str = "adaptive"
    resident: dict[str, None] = field(default_factory=dict)
    """In the order in which they were used last."""
    held: Counter[str] = field(default_factory=Counter)
    """By how many acquisitions, of all leases."""
    later: dict[str, int] = field(default_factory=dict)
    """Of the bytes of a chunk, those that are not read with it, but row by row as they are needed. They have room with it."""
    ways: Mapping[tuple[str, int], Sequence[tuple[str, int]]] = field(default_factory=dict)
    """For a chunk and the way that reads it, those that run behind it in the same fuse."""
    ahead: int = 0
    """How many that are decided on may be on their way."""
    guesses: int = 0
    """How many may be on their way where it is guessed what is going to be used."""
    forecast: Forecast = field(default_factory=Forecast)
    mover: Mover | None = None
    moves: Moves | None = None
    """Told of what is done now."""
    counts: Counter[str] = field(default_factory=Counter)
    stalled: float = 0.0
    peak: int = 0
    bytes: int = 0
    place: int = 0
    """How far in `order` the call is that decides now."""
    known: Mapping[str, bool] = field(default_factory=dict)
    """What that call knows: whether it is going to use chunks when its plan comes to them next."""
    unused: set[str] = field(default_factory=set)
    """Loaded ahead, and not acquired by anything since."""
    versions: dict[str, str] = field(default_factory=dict)
    """The paths of keys that are none."""
    newest: dict[str, str] = field(default_factory=dict)
    """By path the key that new calls use, where it is not the path."""
    turn: threading.Condition = field(default_factory=threading.Condition)
    most: int = 0
    """The bytes that a call holds at most at once."""
    lasting: Counter[str] = field(default_factory=Counter)
    """What is held for longer than a call, by how many leases."""
    takers: deque[Lease] = field(default_factory=deque)
    """Those that wait to hold something for long."""
    queue: deque[Lease] = field(default_factory=deque)
    """Those that wait for room, in the order in which they came."""
    leases: list[Lease] = field(default_factory=list)
    pins: Lease = field(init=False)
    """Holds what is pinned."""
    last: Lease = field(init=False)
    """Of the call that began last."""
    eviction: Policy = field(init=False)
    prefetching: Prefetching = field(init=False)
    units: dict[str, None] = field(init=False)
    """The paths of the chunks, without those of other versions."""

    def __post_init__(self) -> None:
        self.sizes = dict(self.sizes)
        self.units = dict.fromkeys(self.sizes)
        self.pins = self.last = Lease(self)
        self.eviction = policy_of(self.policy, self.sizes, self._distance, self.room, len(self.order), self._known)
        self.prefetching = Prefetching(self.room)
        self._places: dict[str, list[int]] = {}
        for i, path in enumerate(self.order):
            self._places.setdefault(path, []).append(i)
        self._thread = threading.local()

    @property
    def here(self) -> Lease | None:
        """The lease of the call that runs in this thread."""
        return getattr(self._thread, "lease", None)

    @contextmanager
    def call(self, keys: Mapping[str, str] | None = None) -> Iterator[Lease]:
        """The lease of a call in this thread. `keys`: those of the versions it runs on, where they are not the paths."""
        if self.here is not None:
            yield self.here
            return
        lease = Lease(self, keys or {})
        try:
            with self.turn:
                self.leases.append(lease)
                self.last = lease
            self._thread.lease = lease
            yield lease
        finally:
            self._thread.lease = None
            with self.turn:
                lease.close()
                self.leases.remove(lease)

    @contextmanager
    def watched(self) -> Iterator[Moves]:
        """What is done meanwhile, whoever asks for it. One may watch at a time."""
        moves = Moves()
        with self.turn:
            self.moves = moves
        try:
            yield moves
        finally:
            with self.turn:
                self.moves = None

    # ---- room

    def fits(self, key: str) -> bool:
        """Whether a chunk could be loaded with nothing leaving."""
        return self.bytes + self.sizes[key] <= self.room

    def fit_beside(self, keys: set[str], others: Mapping[str, int] | None = None, spare: int = 0) -> bool:
        """Whether these fit beside all that is held (or beside `others` alone) and so many bytes."""
        held = self.held if others is None else others
        return sum(self.sizes[key] for key in keys.union(held)) + spare <= self.room

    def fit_lasting(self, keys: set[str]) -> bool:
        """Whether these may be held for long: a call has room beside all that is."""
        return self.fit_beside(keys) and self.fit_beside(keys, self.lasting, self.most)

    def waiting(self) -> set[str]:
        """What calls have prefetched, and not acquired since."""
        return set().union(*(lease.waiting for lease in self.leases))

    def load(self, key: str, spare: set[str], kind: Kind | None = None) -> bool:
        """Load a chunk, in the room of others by the policy, if those that are neither held nor in `spare` leave enough; ahead of
        its use (then of some `kind`), if that is worth it."""
        if kind is not None and not self.prefetching.allows(self.sizes[key], kind):
            return False
        victims = [other for other in self.resident if other not in self.held and other not in spare]
        if self.bytes - sum(self.sizes[other] for other in victims) + self.sizes[key] > self.room:
            return False
        # What was loaded ahead and is still to be used goes last.
        waiting, gone = self.waiting(), list[str]()
        for some in ([one for one in victims if one not in waiting], [one for one in victims if one in waiting]):
            need = self.bytes + self.sizes[key] - self.room
            for victim in self._victims(some, need) if need > 0 else ():
                self.drop(victim)
                gone.append(victim)
        self.prefetching.loaded(key, self.sizes[key], gone, kind)
        self.resident[key] = None
        self.bytes += self.sizes[key]
        self.peak = max(self.peak, self.bytes)
        self.counts["loads"] += 1
        self.counts["bytes"] += self.read_with(key)
        if self.mover is not None:
            self.mover.load(key)
        if self.moves is not None:
            self.moves.load(key)
        return True

    def drop(self, key: str) -> None:
        """A chunk goes."""
        del self.resident[key]
        if self.current(key):
            self.eviction.dropped(self.path(key))
        for lease in self.leases:
            lease.waiting.discard(key)
        self.prefetching.dropped(key, self.sizes[key])
        self.bytes -= self.sizes[key]
        self.counts["evictions"] += 1
        self.counts["wasted"] += key in self.unused
        self.unused.discard(key)
        if self.mover is not None:
            self.mover.drop(key)
        if self.moves is not None:
            self.moves.drop(key)

    def used(self, key: str) -> None:
        """A chunk is acquired that is resident."""
        if self.current(key):
            self.eviction.used(self.path(key))
        self.prefetching.used(key, self.sizes[key])
        self.unused.discard(key)
        self.resident[key] = self.resident.pop(key)

    def read_with(self, key: str) -> int:
        """The bytes of a chunk that are read when it is loaded."""
        return self.sizes[key] - self.later.get(key, 0)

    def read_rows(self, count: int, seconds: float) -> None:
        """Bytes of a resident chunk that were read now: a call waited for them."""
        with self.turn:
            self.counts.update(bytes=count, rows=count, stalls=int(count > 0))
            self.stalled += seconds if count else 0.0

    def let_go(self, key: str, times: int = 1) -> None:
        """So many acquisitions of a chunk end."""
        if self.held[key] > times:
            self.held[key] -= times
        else:
            del self.held[key]
        self.turn.notify_all()

    def _victims(self, candidates: Sequence[str], need: int) -> Sequence[str]:
        """Versions that no new call runs on go before the policy is asked."""
        old = [key for key in candidates if not self.current(key)]
        freed = sum(self.sizes[key] for key in old)
        if freed >= need:
            return going(old, need, self.sizes, lambda key: 0)
        paths = {self.path(key): key for key in candidates if self.current(key)}
        return [*old, *(paths[path] for path in self.eviction.victims(list(paths), need - freed))]

    def path(self, key: str) -> str:
        """The chunk that a key is a version of."""
        return self.versions.get(key, key)

    def current(self, key: str) -> bool:
        """Whether new calls run on this version of a chunk."""
        path = self.path(key)
        return path in self.units and self.newest.get(path, path) == key

    def _distance(self, path: str) -> int:
        """How many acquisitions ahead a chunk is used, in this call or the next."""
        count, places = len(self.order), self._places.get(path)
        if places is None:
            return count
        i = bisect_left(places, self.place)
        return places[i] - self.place if i < len(places) else places[0] + count - self.place

    def _known(self, path: str) -> bool | None:
        return self.known.get(path)

    def home(self, path: str) -> str | None:
        """The chunk that a parameter or module lies in; None: none that is ever away."""
        if any(f"{other}.".startswith(f"{path}.") for other in self.outside):
            return None
        return next((unit for unit in self.units if f"{path}.".startswith(f"{unit}.")), None)

    @property
    def traffic(self) -> Traffic:
        """The counts so far."""
        with self.turn:
            names = ("loads", "bytes", "hits", "ahead", "evictions", "misses", "wasted", "stalls", "rows")
            counted = {name: self.counts[name] for name in names}
            memory = {"room": self.room, "peak": self.peak, "now": self.bytes}
            log, resident = tuple(self.last.log), tuple(self.resident)
            return Traffic(**counted, **memory, stalled=self.stalled, resident=resident, log=log, ram=None)
