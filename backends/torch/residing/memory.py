"""What a module has for its chunks: the room, the versions that calls run on, and the loader."""

from __future__ import annotations

import os
import threading
import weakref
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import nn

from ....compiler.ir import Graph
from ....compiler.loading.leases import Lease
from ....compiler.loading.places import Resolved, Unloadable, Versions
from ....compiler.loading.residents import Residents
from ....compiler.planning.stores import optional_chunks, store_of
from ....compiler.planning.uses import budget
from ..foreign.chunks import Runners
from ..hosting import attempt
from .loader import Loader
from .missing import Missing
from .parcels import ALWAYS, parcels_of, stored_parameters
from .pins import Pins
from .recording import Recorder, noted
from .replicas import Replica
from .staging import Device, Staged
from .whole import refused, whole

if TYPE_CHECKING:
    from ..module import CompiledModule

Value = TypeVar("Value")

UNLIMITED = 1 << 62
"""The room where a spec sets no budget."""


class Memory:
    """Of one module (and the twin that logs its steps).

    `planned`: whether a plan moves chunks under a budget. Else what is stored is loaded before the first call, and stays.
    `partial`: parameters whose kept rows are loaded one by one, before what reads them.
    """

    def __init__(
        self,
        graph: Graph,
        versions: Versions | None,
        partial: frozenset[str] = frozenset(),
        device: Device | None = None,
    ) -> None:
        self.graph, self.versions, self.device = graph, versions, device
        self.partial = partial if device is None else frozenset()
        self._begin()
        MEMORIES.add(self)

    def _begin(self) -> None:
        graph = self.graph
        store = store_of(graph)
        self.planned = store is not None
        self.residents = store or Residents({}, UNLIMITED, policy="lru")
        self.recorder: Recorder | None = None
        self.lock = threading.Lock()
        self.optional = optional_chunks(graph)
        self.missed = Missing(self.optional)
        self.pins = Pins(graph, self.residents)
        self.without: tuple[Mapping[str, Resolved], frozenset[str], Mapping[str, Resolved]] = ({}, frozenset(), {})
        """A snapshot, what of it is missing inside of units, and the rest of it."""
        self.live: list[Replica] = []
        self.known: dict[str, dict[tuple[object, ...], str]] = {}
        """Of each unit the keys of its versions."""
        self.seen: Counter[str] = Counter()
        """How many there were: what tells keys apart."""
        self.runners = Runners(graph)
        if self.versions is not None:
            self.loader = Loader(self.runners) if self.device is None else self._staged(self.device)
            self.residents.mover = self.loader
            self._closing = weakref.finalize(self, self.loader.close)

    def begin_again(self) -> None:
        """With nothing resident, in a process that was forked off: whoever held locks, leases and chunks is not in it."""
        pinned = self.pins.paths
        if self.versions is not None:
            self._closing()
        self._begin()
        self.pins.paths = pinned

    def _staged(self, device: Device) -> Staged:
        sizes, room = self.residents.sizes, self.graph.memory.get("ram", UNLIMITED)
        if largest := [unit for unit, size in sizes.items() if size > room]:
            message = f"`{largest[0]}` takes {sizes[largest[0]]:,} bytes, and `ram` is {room:,}"
            raise refused(self.graph, "CC1459", message, "what goes to a device comes through RAM: set a larger `ram`")
        return Staged(device, self.residents, room, self.runners)

    @property
    def ram(self) -> Residents | None:
        """What lies in RAM, where the device is another one."""
        return self.loader.ram if self.versions is not None and isinstance(self.loader, Staged) else None

    @contextmanager
    def call(self, module: nn.Module) -> Iterator[Any]:
        """Around a call: the module to run it on."""
        if self.versions is None:
            with self.residents.call(), noted(self):
                yield module
            return
        snapshot = self.versions.now()
        absent = self.missed.now(snapshot)
        replica = self._enter(module, self._there(snapshot, absent))
        try:
            if self.planned:
                self.runners.leave()  # from training
            if replica.snapshot is self.live[-1].snapshot:
                self.pins.follow(replica.keys, absent)
            self._settle(replica, absent)
            with self.residents.call(replica.keys) as lease, noted(self):
                lease.absent, lease.around = absent, replica.base.held
                yield replica.module
        finally:
            self._leave(replica)

    def _there(self, snapshot: Mapping[str, Resolved], absent: frozenset[str]) -> Mapping[str, Resolved]:
        """The snapshot without what is missing inside of a unit: that is loaded without it, as another version of it."""
        units = {path: self.residents.home(path) for path in absent.intersection(snapshot)} if self.planned else {}
        inside = frozenset(path for path, unit in units.items() if unit is not None and not f"{unit}.".startswith(f"{path}."))
        if not inside:
            return snapshot
        with self.lock:
            if self.without[0] is not snapshot or self.without[1] != inside:
                rest = {path: one for path, one in snapshot.items() if path not in inside}
                self.without = snapshot, inside, rest
            return self.without[2]

    def note(self, error: Unloadable) -> str | None:
        """A chunk cannot be loaded: the one that calls from now on do without; None where they cannot."""
        with self.lock:
            parcels = [parcel for one in self.live for parcel in one.parcels.values() if parcel.path == error.path]
        return self.missed.note(error, set().union(*(parcel.files for parcel in parcels)))

    def stored(self) -> list[str]:
        """The paths of the parameters that lie in files."""
        return list(stored_parameters(self.graph, {*self.versions.now(), *self.optional})) if self.versions else []

    def renew(self) -> None:
        """Calls from now on run on new replicas, and try again what is missing."""
        if self.versions is not None:
            self.versions.refresh()
            self.missed.forget()
            with self.lock:
                for one in self.live:
                    one.stale = True

    # ---- replicas

    def _enter(self, module: nn.Module, snapshot: Mapping[str, Resolved]) -> Replica:
        with self.lock:
            same = (one for one in self.live if one.snapshot is snapshot and one.origin is module and not one.stale)
            found = next(same, None)
            if found is None:
                found = self._replica(module, snapshot)
                self.live.append(found)
            elif found is not self.live[-1]:
                # A call came late with the versions before, or they are back.
                self.live.remove(found)
                self.live.append(found)
                with self.residents.turn:
                    self.residents.newest.update(found.keys)
            found.users += 1
            self._retire(snapshot)
        return found

    def _leave(self, replica: Replica) -> None:
        with self.lock:
            replica.users -= 1
            with self.residents.turn:
                if not replica.users and self.residents.takers:
                    replica.base.end()
                    replica.without = None
            self._retire(self.live[-1].snapshot)

    def _replica(self, module: nn.Module, snapshot: Mapping[str, Resolved]) -> Replica:
        home = self.residents.home if self.planned else lambda path: None
        foreign = self.runners.chunks(snapshot).values()
        parcels = parcels_of(self.graph, snapshot, home, foreign, self.partial, self.optional)
        keys = {path: self._key(path, parcel.identity) for path, parcel in parcels.items()}
        # All that is stored of a unit may be missing: that is a version too.
        keys |= {unit: self._key(unit, ()) for unit in (self.residents.units if self.planned else ()) if unit not in parcels}
        with self.residents.turn:
            for path, parcel in parcels.items():
                if path.startswith(ALWAYS):
                    if self.planned and path not in self.residents.sizes:
                        # What is always there is a part of the budget; the room was told without it.
                        self.residents.room += parcel.bytes
                    self.residents.sizes[path] = parcel.bytes
                self.residents.later[keys[path]] = parcel.later
                self.loader.parcels[keys[path]] = parcel
            for path, key in keys.items():
                self.residents.sizes[key] = self.residents.sizes[path]
                self.residents.versions[key] = path
                self.residents.newest[path] = key
        optional = list(stored_parameters(self.graph, self.optional))
        device = None if self.device is None else self.device.device
        replica = Replica(module, snapshot, keys, parcels, Lease(self.residents), optional, device)
        self.loader.join(replica)
        return replica

    def _key(self, path: str, identity: tuple[object, ...]) -> str:
        versions = self.known.setdefault(path, {})
        if identity not in versions:
            versions[identity] = f"{path}@{self.seen[path]}" if self.seen[path] else path
            self.seen[path] += 1
        return versions[identity]

    def _settle(self, replica: Replica, absent: frozenset[str]) -> None:
        """What is always there is loaded. `Unloadable` if it cannot be."""
        if replica.without == absent:
            return
        with replica.lock:
            if replica.without != absent:
                always = (path for path in replica.keys if path.startswith(ALWAYS) and path.removeprefix(ALWAYS) not in absent)
                wanted = [replica.keys[path] for path in always]
                self._make_way(replica)
                replica.base.take([key for key in wanted if key not in replica.base.held])
                replica.without = absent

    def _make_way(self, other: Replica) -> None:
        """What no call runs on holds nothing while another one waits."""
        with self.lock, self.residents.turn:
            for one in self.live:
                if one is not other and not one.users:
                    one.base.end()
                    one.without = None

    def _retire(self, newest: Mapping[str, Resolved]) -> None:
        """Drops the replicas that no call runs on and none will, and what only they could use."""
        gone = [one for one in self.live if not one.users and (one.stale or one.snapshot is not newest)]
        if not gone:
            return
        self.live = [one for one in self.live if one not in gone]
        kept = {key for one in self.live for key in one.keys.values()}
        self.runners.leave(chunk for one in self.live for chunk in self.runners.chunks(one.snapshot).values())
        with self.residents.turn:
            for one in gone:
                one.base.end()
            old = dict.fromkeys([*(key for one in gone for key in one.keys.values()), *self.loader.parcels])
            for key in [key for key in old if key not in kept and key not in self.residents.held]:
                if key in self.residents.resident:
                    self.residents.drop(key)
                if key in self.loader.parcels and self.ram is None:
                    self._forget(key)

    def _forget(self, key: str) -> None:
        """A version that nothing runs on and that is away; were it to come back, it would be another one."""
        store, path = self.residents, self.residents.path(key)
        del self.known[path][self.loader.parcels.pop(key).identity]
        if key != path:
            del store.sizes[key], store.later[key], store.versions[key]


MEMORIES: weakref.WeakSet[Memory] = weakref.WeakSet()
"""All that there are."""


def _begin_again() -> None:
    for memory in list(MEMORIES):
        memory.begin_again()


os.register_at_fork(after_in_child=_begin_again)


def memory_of(
    graph: Graph, versions: Versions | None, partial: frozenset[str] = frozenset(), device: torch.device | None = None
) -> Memory | None:
    """What a module of this graph on this device needs: nothing where all is resident."""
    if versions is None and not (graph.schedule and budget(graph) is not None):
        return None
    return Memory(graph, versions, partial, None if device is None or device.type == "cpu" else Device(device))


def running(module: CompiledModule, hosted: bool, run: Callable[[Any], Value]) -> Value:
    """A call: `run` on what it is to run on. `hosted`: whether it has host steps.

    Where a chunk that it can do without turns out to be missing, it begins again: until it leaves, a call changes nothing."""
    if module.training:
        whole(module, "training reads all weights, and changes them")
    memory = module._memory
    if memory is None or module.training or not (hosted or memory.versions is not None):
        return run(module)
    noted: set[str | None] = {None}
    while True:
        try:
            with attempt(), memory.call(module) as host:
                return run(host)
        except Unloadable as error:
            path = memory.note(error)
            if path in noted:
                raise
            noted.add(path)
