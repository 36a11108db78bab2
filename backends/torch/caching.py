"""Caches across calls: rows that a part was computed for, by the bytes of what it read (`docs/caching.md`)."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from .hosting import counted, host_step
from .keys import Projections, keys_of, signature_of
from .tensors import Loan, plain, stamp, standing, stands

if TYPE_CHECKING:
    from .module import CompiledModule


@dataclass(frozen=True, slots=True)
class CacheStats:
    """What a cache did since the module was made: `rows` looked up, `hits` among them (rows that came twice in one call
    included), `used` of at most `entries` rows held in `bytes` (keys not counted)."""

    entries: int
    used: int
    rows: int
    hits: int
    bytes: int

    @property
    def rate(self) -> float:
        """The share of rows that were not computed."""
        return self.hits / self.rows if self.rows else 0.0


@dataclass(slots=True)
class Found:
    """What a call found. `source[i]`: where row i is in the held rows followed by the computed ones (None: as computed).

    `fresh`: the keys of the computed rows, None for one that is not to be remembered. Of a call that the cache is no part of,
    `cache` is None."""

    cache: Cache | None
    rows: int
    hits: int = 0
    signature: tuple[Any, ...] = ()
    generation: int = 0
    fresh: Sequence[bytes | None] = ()
    held: Sequence[Tensor] = ()
    source: Tensor | None = None
    lead: tuple[int, ...] = ()


@dataclass(slots=True)
class _Store:
    """Rows of one signature: `slots` from the least recently used to the most, into each of the `values`."""

    slots: OrderedDict[bytes, int] = field(default_factory=OrderedDict)
    free: list[int] = field(default_factory=list)
    values: list[Tensor] = field(default_factory=list)
    last: torch.cuda.Event | None = None
    """On CUDA, what is done when the values were last read or written."""

    @contextmanager
    def turn(self, device: torch.device) -> Iterator[None]:
        """Inside, the values may be read and written: on CUDA after all that earlier calls do with them, on whatever streams."""
        if device.type != "cuda":
            yield
            return
        stream = torch.cuda.current_stream(device)
        if self.last is not None:
            stream.wait_event(self.last)
        for value in self.values:
            value.record_stream(stream)
        yield
        self.last = stream.record_event()

    @property
    def capacity(self) -> int:
        return self.values[0].shape[0] if self.values else 0

    def grow(self, capacity: int, like: Sequence[Tensor]) -> None:
        """Makes room for so many rows."""
        before = self.capacity
        for i, value in enumerate(like):
            larger = value.new_empty((capacity, *value.shape[1:]))
            if before:
                larger[:before] = self.values[i]
                self.values[i] = larger
            else:
                self.values.append(larger)
        self.free += range(capacity - 1, before - 1, -1)

    def put(self, chosen: Sequence[tuple[bytes, int]], rows: Sequence[Tensor], entries: int) -> None:
        """Writes rows by their places under their keys, in room for at most `entries`."""
        needed = len(self.slots) + len(chosen)
        if needed > self.capacity:
            self.grow(min(entries, max(needed, 2 * self.capacity)), rows)
        slots = [self.free.pop() for _ in chosen]
        self.slots.update(zip((key for key, _ in chosen), slots))
        to, of = (torch.tensor(places, device=rows[0].device) for places in (slots, [i for _, i in chosen]))
        for value, computed in zip(self.values, rows):
            value.index_copy_(0, to, computed.index_select(0, of))


class Cache:
    """One cached part at one call path: at most `entries` rows, those looked up least recently leave first.

    The rows of each signature (sizes, dtypes, device of a row) stand in tensors of their own. A lock guards all of it; what was
    found is copied under it, so that no later call can change what an earlier one goes on with."""

    def __init__(self, entries: int) -> None:
        self.entries, self.generation = entries, 0
        self.sources: tuple[Tensor | Loan, ...] = ()
        self.stamps: tuple[tuple[int, int], ...] = ()
        self.rows = self.hits = 0
        self.lock = threading.Lock()
        self.stores: OrderedDict[tuple[Any, ...], _Store] = OrderedDict()
        self.projections = Projections()

    def look(
        self, signature: tuple[Any, ...], keys: Sequence[bytes | None], sources: Sequence[Tensor], device: torch.device
    ) -> tuple[Found, Tensor | None]:
        """What is held of these rows, and the places of those to compute (None: all of them, as they are).

        `sources`: what rows are made of besides. If they are other tensors than they were, or written to, nothing is held."""
        stamps = tuple(map(stamp, sources))
        with self.lock:
            stand = tuple(map(standing, sources))
            same = len(stand) == len(self.sources) and all(map(stands, stand, self.sources))
            if not same or stamps != self.stamps:
                self.sources, self.stamps = stand, stamps
                self._empty()
            store = self.stores.get(signature)
            hit: list[int] = []
            fresh: dict[Any, int] = {}
            places: list[int] = []
            source: list[int] = []
            for i, key in enumerate(keys):
                slot = store.slots.get(key) if store is not None and key is not None else None
                if slot is not None and store is not None and key is not None:
                    store.slots.move_to_end(key)
                    source.append(-1 - len(hit))
                    hit.append(slot)
                    continue
                # A row without a key is like no other.
                name = i if key is None else key
                if name not in fresh:
                    fresh[name] = len(places)
                    places.append(i)
                source.append(fresh[name])
            if store is not None:
                self.stores.move_to_end(signature)
            self._count(len(keys), len(keys) - len(places))
            slots = torch.tensor(hit, dtype=torch.int64, device=device)
            held: list[Tensor] = []
            if store is not None and hit:
                with store.turn(device):
                    held = [value.index_select(0, slots) for value in store.values]
            found = Found(self, len(keys), len(keys) - len(places), signature, self.generation)
        counted(lambda: self._uncount(found.rows, found.hits))
        found.fresh = [keys[i] for i in places]
        if len(places) == len(keys):
            return found, None
        found.held = held
        order = [-1 - place if place < 0 else len(hit) + place for place in source]
        found.source = torch.tensor(order, dtype=torch.int64, device=device)
        return found, torch.tensor(places, dtype=torch.int64, device=device)

    def _count(self, rows: int, hits: int) -> None:
        self.rows += rows
        self.hits += hits

    def _uncount(self, rows: int, hits: int) -> None:
        """Does not count what was asked by a call that begins again."""
        with self.lock:
            self._count(-rows, -hits)

    def keep(self, found: Found, rows: Sequence[Tensor]) -> None:
        """Holds the computed rows [computed, …], unless the cache was emptied since they were looked for."""
        # Tensors made under inference mode could not be written to outside it.
        with torch.inference_mode(False), torch.no_grad(), self.lock:
            if found.generation != self.generation:
                return
            store = self.stores.setdefault(found.signature, _Store())
            self.stores.move_to_end(found.signature)
            new = {key: i for i, key in enumerate(found.fresh) if key is not None and key not in store.slots}
            chosen = list(new.items())[-self.entries :]
            if not chosen:
                return
            self._evict(len(chosen) - (self.entries - sum(len(one.slots) for one in self.stores.values())))
            self.stores.setdefault(found.signature, store)
            with store.turn(rows[0].device):
                store.put(chosen, rows, self.entries)
        counted(lambda: self._drop(found, [key for key, _ in chosen]))

    def _drop(self, found: Found, keys: Sequence[bytes]) -> None:
        """Gives up what a call held that begins again."""
        with self.lock:
            store = self.stores.get(found.signature) if found.generation == self.generation else None
            if store is not None:
                store.free += [store.slots.pop(key) for key in keys if key in store.slots]

    def _evict(self, count: int) -> None:
        """Gives up the least recently used rows, of the signature that was used least recently first."""
        while count > 0:
            signature, store = next((name, one) for name, one in self.stores.items() if one.slots)
            while count > 0 and store.slots:
                store.free.append(store.slots.popitem(last=False)[1])
                count -= 1
            if not store.slots:
                del self.stores[signature]
                store.values.clear()
                store.free.clear()

    def clear(self) -> None:
        """Gives up all rows, and what calls under way are about to remember."""
        with self.lock:
            self._empty()

    def _empty(self) -> None:
        self.stores.clear()
        self.generation += 1

    def stats(self) -> CacheStats:
        with self.lock:
            stores = list(self.stores.values())
            size = sum(value.numel() * value.element_size() for store in stores for value in store.values)
            return CacheStats(self.entries, sum(len(store.slots) for store in stores), self.rows, self.hits, size)


# ---- the steps


@host_step
def probe(
    module: CompiledModule | None,
    path: str,
    keys: Sequence[Tensor],
    sources: Sequence[Tensor],
    axes: int,
    entries: int,
    bits: int = 0,
) -> tuple[Found | None, Tensor | None, bool]:
    """What the cache at a path holds of rows, the places of the rows to compute (None: all of them, as they are), and whether
    there are none.

    `keys` [P1 … P`axes`, …]: what a row depends on; `sources`: what all rows do. `bits`: of the fingerprint that stands for a
    row; 0: its own bytes. The cache is no part of a call on tensors without data, nor of one in training or whose values are to
    have gradients, and that empties it: the optimizer may step, and not all optimizers tell."""
    if module is None:
        return None, None, False
    lead = tuple(keys[0].shape[:axes])
    count = math.prod(lead)
    cache = module._caches.setdefault(path, Cache(entries))
    trains = module.training or (torch.is_grad_enabled() and any(one.requires_grad for one in (*keys, *sources)))
    if trains:
        cache.clear()
    captured = keys[0].is_cuda and torch.cuda.is_current_stream_capturing()
    if trains or captured or count == 0 or not all(plain(one) and not one.is_meta for one in (*keys, *sources)):
        return Found(None, count), None, False
    rows = [key.detach().flatten(0, axes - 1) for key in keys]
    found, places = cache.look(signature_of(rows, bits), keys_of(rows, bits, cache.projections), sources, keys[0].device)
    found.lead = lead
    return found, places, found.hits == count


@host_step
def remember(module: CompiledModule | None, found: Found | None, values: Sequence[Tensor] | None, axes: int) -> list[Tensor]:
    """The values of all rows [P1 … P`axes`, …], of those just computed [computed, 1 …, …] and those held; holds the former.

    `values` is None where all rows are held."""
    if module is None or found is None or found.cache is None:
        assert values is not None
        return list(values)
    rows = [value.detach().flatten(0, axes - 1) for value in values or ()]
    if rows:
        found.cache.keep(found, rows)
    if found.source is None:
        return list(values or ())
    pools = [torch.cat(both) for both in zip(found.held, rows)] if found.held and rows else found.held or rows
    return [pool.index_select(0, found.source).unflatten(0, found.lead) for pool in pools]
