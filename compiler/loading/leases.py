"""Leases: what one call holds, and the steps of its plan that move chunks."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from .forecasting import LIKELY
from .prefetching import Kind

if TYPE_CHECKING:
    from .residents import Residents

NO_LIMIT = 1 << 30


def within(path: str, chunks: Iterable[str]) -> bool:
    """Whether a path is that of one of these chunks, or lies in one."""
    return any(f"{path}.".startswith(f"{one}.") for one in chunks)


class NotResident(RuntimeError):
    """A region reads a chunk that is not resident, or a chunk does not fit beside those that are held: the plan is wrong."""


class Lease:
    """What one call holds of a store. Only the thread of the call uses it; what it shares with others is the store's.

    `keys`: by path that of the version that the call runs on (none: the path). `held`: by key, how often it is acquired and not
    released; `waiting`: prefetched, and not acquired since; `log`: its steps as (kind, chunk, whether it did anything).
    """

    def __init__(self, store: Residents, keys: Mapping[str, str] | None = None) -> None:
        self.store, self.keys = store, keys or {}
        self.held: Counter[str] = Counter()
        self.taken: set[str] = set()
        """What of it is held for longer than a call."""
        self.waiting: set[str] = set()
        self.place = 0
        self.known: dict[str, bool] = {}
        """On which chunks the call has decided, and whether it uses them."""
        self.near: dict[str, float] = {}
        """How near chunks came to being kept, by the scores of their routers."""
        self.ways: dict[int, tuple[object, list[bool]]] = {}
        """Which ways of selections are kept, by the identity of what says so, which is held so that it stays."""
        self.scores: dict[int, tuple[object, list[float]]] = {}
        """How near they came, likewise."""
        self.ran: bool | None = None
        """Whether it used the one that its plan came to last."""
        self.log: list[tuple[str, str, bool]] = []
        self.around: Mapping[str, int] = {}
        """What is held for longer than the call, and as long as it runs."""
        self.absent: frozenset[str] = frozenset()
        """Paths of chunks that the call does without, because they are missing."""
        self.seconds = 0.0
        """What the last acquisition took."""
        self._homes: dict[str, str | None] = {}

    def key(self, path: str) -> str:
        """Of the version of a chunk that the call runs on."""
        return self.keys.get(path, path)

    # ---- steps

    def acquire(self, path: str) -> None:
        """Holds a chunk, and waits until it is resident. `Unloadable` if it cannot be loaded, `NotResident` if there is no room
        for it beside what the call holds already."""
        store, key, begun = self.store, self.key(path), time.perf_counter()
        with store.turn:
            store.place, store.known = self.place, self.known
            hit = key in store.resident
            store.counts["hits" if hit else "misses"] += 1
            store.counts["ahead"] += hit and key in self.waiting
            if (store.queue and not self.held) or not (hit or store.load(key, spare=set())):
                taken = self._in_turn(key)
            else:
                taken = [key]
                self._hold({key: 1})
        self._arrived(taken)
        self.seconds = time.perf_counter() - begun

    def prefetch(self, path: str) -> None:
        """Begins to load a chunk, if there is room, and if it is likely used where that is not decided."""
        forecast = self.store.forecast
        if path not in forecast.open:
            self.prefetch_first([path])
        elif forecast.chance(path, prior=1.0) >= LIKELY:  # the plan holds it likely
            self.prefetch_first([path], kind="guess")

    def prefetch_first(self, paths: Iterable[str], most: int = NO_LIMIT, kind: Kind = "decided") -> None:
        """Begins to load chunks, those that are needed first first, until `most` are on their way."""
        self._begin(((path, kind) for path in paths), most)

    def _begin(self, wanted: Iterable[tuple[str, Kind]], most: int) -> None:
        """None takes the room of one that is needed before it, or of one that another call has prefetched; none is begun while a
        call waits for room, or where loading ahead has been in vain."""
        store = self.store
        with store.turn:
            if store.queue:
                return
            store.place, store.known = self.place, self.known
            sooner = store.waiting()
            for path, kind in wanted:
                if self.without(path):
                    continue
                if len(self.waiting) >= most:
                    return
                key = self.key(path)
                if key not in store.resident and store.load(key, spare=sooner, kind=kind):
                    self.waiting.add(key)
                    store.unused.add(key)
                sooner.add(key)

    def prefetch_kept(self, path: str, way: int, kept: Sequence[bool], mine: bool) -> None:
        """Begins to load a chunk that a way reads, if that way is kept (`mine`), and those behind it that are: by `kept`, of all
        ways of their selection."""
        self.decided(path, way, kept)
        self.known[path] = mine
        later = (other for other, at in self.store.ways.get((path, way), ()) if kept[at])
        self.prefetch_first([*([path] if mine else []), *later], self.store.ahead)

    def decided(self, path: str, way: int, kept: Sequence[bool]) -> None:
        """It is known which ways of a selection are kept: of what runs behind the way that reads a chunk."""
        self.known.update((other, kept[at]) for other, at in self.store.ways.get((path, way), ()))

    def release(self, path: str) -> None:
        """Holds a chunk no longer: it stays while nothing needs the room."""
        key = self.key(path)
        with self.store.turn:
            self.store.let_go(key)
            if self.held[key] > 1:
                self.held[key] -= 1
            else:
                del self.held[key]

    def evict(self, path: str, target: str) -> None:
        """Lets a chunk go, if another needs its room."""
        store, key, other = self.store, self.key(path), self.key(target)
        with store.turn:
            going = store.eviction.heeds_plan and key in store.resident and key not in store.held
            if going and other not in store.resident and not store.fits(other):
                store.drop(key)

    def passed(self, path: str) -> None:
        """The call has come to where a chunk is acquired, whether it is or not."""
        order = self.store.order
        ahead = (i for i in range(self.place, len(order)) if order[i] == path)
        self.place = next(ahead, self.place - 1) + 1
        store, used = self.store, self.holds(path)
        with store.turn:
            store.eviction.passed(path)
            if path in store.forecast.open:
                self._learn(path, used)
        if not used:
            self.waiting.discard(self.key(path))
        self.ran = used
        self.known.pop(path, None)
        if store.guesses:
            self._begin(store.forecast.likely(order, self.place, self.known, used), store.guesses)

    def _learn(self, path: str, used: bool) -> None:
        """What became of a chunk on which something decides."""
        store, forecast = self.store, self.store.forecast
        if path not in self.known and forecast.chance(path, self.ran) >= LIKELY:
            store.prefetching.unmade(store.sizes[path], used)
        forecast.passed(path, used, self.ran, self.near.pop(path, 0.0))

    def holds(self, path: str) -> bool:
        """Whether a chunk is acquired."""
        return self.key(path) in self.held

    def without(self, path: str) -> bool:
        """Whether a chunk lies in one that the call does without."""
        return within(path, self.absent)

    def check(self, reads: Sequence[str]) -> None:
        """`NotResident` where a region of the call reads something of a chunk that is not held."""
        for path in reads:
            home = self._homes[path] if path in self._homes else self._homes.setdefault(path, self.store.home(path))
            if home is not None and not self.holds(home) and not self.without(home):
                raise NotResident(f"`{path}` is read, and `{home}` is not resident")

    def end(self) -> None:
        """Lets all go, whatever the call came to; under the lock of the store."""
        for key in list(self.held):
            self.give(key)

    def close(self) -> None:
        """The same, and the call is through: nothing that it computed stays because of it."""
        self.end()
        for known in (self.waiting, self.ways, self.scores):
            known.clear()

    def give(self, key: str) -> None:
        """Lets a chunk go altogether; under the lock of the store."""
        if key in self.taken:
            self.taken.remove(key)
            self.store.lasting -= Counter([key])
        self.store.let_go(key, self.held.pop(key))

    # ---- waiting

    def take(self, keys: Sequence[str]) -> None:
        """Holds several at once for longer than a call, as soon as they fit beside what is held, and leave room for a call beside
        all that is held for long. Who takes waits for others who do, first come, first served, and is in no call's way."""
        store, wanted = self.store, set(keys)
        with store.turn:
            if not store.fit_beside(wanted, store.pins.held, store.most):
                raise NotResident(f"{', '.join(keys)} do not fit beside what is pinned")
            store.takers.append(self)
            try:
                store.turn.wait_for(lambda: store.takers[0] is self and store.fit_lasting(wanted))
                self._hold(dict.fromkeys(keys, 1))
                self.taken |= wanted
                store.lasting.update(wanted)
            finally:
                store.takers.remove(self)
                store.turn.notify_all()
        try:
            self._arrived(keys)
        except BaseException:
            # Whoever asks again is to wait for them again.
            with store.turn:
                for key in wanted.intersection(self.held):
                    self.give(key)
            raise

    def _in_turn(self, key: str) -> list[str]:
        """Waits, holding nothing, until all that is held and one more fit beside what others hold, and takes them; gives all."""
        store, mine = self.store, self.held.copy()
        wanted = mine + Counter([key])
        lasting = {**store.pins.held, **self.around}
        if not store.fit_beside(set(wanted), lasting):
            beside = ", ".join([*mine, *lasting]) or "nothing"
            raise NotResident(f"`{key}` ({store.sizes[key]:,} bytes) does not fit beside {beside}")
        self.end()
        store.queue.append(self)
        try:
            store.turn.wait_for(lambda: store.queue[0] is self and store.fit_beside(set(wanted)))
            self._hold(wanted)
        finally:
            store.queue.remove(self)
            store.turn.notify_all()
        return list(wanted)

    def _hold(self, wanted: Mapping[str, int]) -> None:
        """Takes what fits beside what is held."""
        store = self.store
        store.place, store.known = self.place, self.known
        for one, times in wanted.items():
            if one not in store.resident and not store.load(one, spare=set(wanted)):
                raise NotResident(f"`{one}` ({store.sizes[one]:,} bytes) does not fit beside {', '.join(store.held)}")
            store.held[one] += times
            self.held[one] += times
            store.used(one)
            self.waiting.discard(one)

    def _arrived(self, keys: Sequence[str]) -> None:
        """Waits for loads on their way. The room of one that fails is given back."""
        store = self.store
        if store.mover is None:
            return
        stalled, failed = 0.0, None
        for key in keys:
            try:
                stalled += store.mover.wait(key)
            except Exception as error:
                failed = failed or error
                with store.turn:
                    self.give(key)
                    if key not in store.held:
                        store.drop(key)
        if failed is not None:
            raise failed
        if stalled:
            with store.turn:
                store.counts["stalls"] += 1
                store.stalled += stalled
