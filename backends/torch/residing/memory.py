"""What a module has for its chunks: the room, the versions that calls run on, and the loader."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ....compiler.ir import Graph
from ....compiler.loading.leases import Lease
from ....compiler.loading.places import Resolved, Versions
from ....compiler.loading.residents import Residents
from ....compiler.planning.stores import store_of
from ....compiler.planning.uses import budget
from ..foreign.chunks import Runners
from .loader import Loader
from .parcels import ALWAYS, Parcel, parcels_of
from .recording import Recorder, noted
from .replicas import Replica

if TYPE_CHECKING:
    from ..module import CompiledModule

UNLIMITED = 1 << 62
"""The room where a spec sets no budget."""


class Memory:
    """Of one module (and the twin that logs its steps).

    `planned`: whether a plan moves chunks under a budget. Else what is stored is loaded before the first call, and stays.
    `partial`: parameters whose kept rows are loaded one by one, before what reads them.
    """

    def __init__(self, graph: Graph, versions: Versions | None, partial: frozenset[str] = frozenset()) -> None:
        self.graph, self.versions, self.partial = graph, versions, partial
        store = store_of(graph)
        self.planned = store is not None
        self.residents = store or Residents({}, UNLIMITED, policy="lru")
        self.recorder: Recorder | None = None
        self.lock = threading.Lock()
        self.live: list[Replica] = []
        self.known: dict[str, list[tuple[object, ...]]] = {}
        """Of each unit the versions that were seen: their places are what tells keys apart."""
        self.runners = Runners(graph)
        if versions is not None:
            self.loader = Loader(self.runners)
            self.residents.mover = self.loader
            weakref.finalize(self, self.loader.close)

    @contextmanager
    def call(self, module: CompiledModule) -> Iterator[Any]:
        """Around a call: the module to run it on."""
        if self.versions is None:
            with self.residents.call(), noted(self):
                yield module
            return
        replica = self._enter(module, self.versions.now())
        if self.planned:
            self.runners.leave()  # from training
        try:
            self._settle(replica)
            with self.residents.call(replica.keys), noted(self):
                yield replica.module
        finally:
            self._leave(replica)

    # ---- replicas

    def _enter(self, module: CompiledModule, snapshot: Mapping[str, Resolved]) -> Replica:
        with self.lock:
            found = next((one for one in self.live if one.snapshot is snapshot and one.origin is module), None)
            if found is None:
                found = self._replica(module, snapshot)
                self.live.append(found)
            found.users += 1
            self._retire(snapshot)
        return found

    def _leave(self, replica: Replica) -> None:
        with self.lock:
            replica.users -= 1
            self._retire(self.live[-1].snapshot)

    def _replica(self, module: CompiledModule, snapshot: Mapping[str, Resolved]) -> Replica:
        home = self.residents.home if self.planned else lambda path: None
        foreign = self.runners.chunks(snapshot).values()
        parcels = parcels_of(self.graph, snapshot, home, foreign, self.partial)
        keys = {path: self._key(path, parcel) for path, parcel in parcels.items()}
        with self.residents.turn:
            for path, parcel in parcels.items():
                if path.startswith(ALWAYS):
                    if self.planned and path not in self.residents.sizes:
                        # What is always there is a part of the budget; the room was told without it.
                        self.residents.room += parcel.bytes
                    self.residents.sizes[path] = parcel.bytes
                self.residents.sizes[keys[path]] = self.residents.sizes[path]
                self.residents.later[keys[path]] = parcel.later
                self.residents.versions[keys[path]] = path
                self.residents.newest[path] = keys[path]
                self.loader.parcels[keys[path]] = parcel
        replica = Replica(module, snapshot, keys, parcels, Lease(self.residents))
        self.loader.join(replica)
        return replica

    def _key(self, path: str, parcel: Parcel) -> str:
        versions = self.known.setdefault(path, [])
        if parcel.identity not in versions:
            versions.append(parcel.identity)
        number = versions.index(parcel.identity)
        return f"{path}@{number}" if number else path

    def _settle(self, replica: Replica) -> None:
        """What is always there is loaded. `Unloadable` if it cannot be."""
        if replica.ready:
            return
        with replica.lock:
            if not replica.ready:
                always = [key for path, key in replica.keys.items() if path.startswith(ALWAYS)]
                replica.base.take(always)
                replica.ready = True

    def _retire(self, newest: Mapping[str, Resolved]) -> None:
        """Drops the replicas that no call runs on and none will, and what only they could use."""
        gone = [one for one in self.live if not one.users and one.snapshot is not newest]
        if not gone:
            return
        self.live = [one for one in self.live if one not in gone]
        kept = {key for one in self.live for key in one.keys.values()}
        self.runners.leave(chunk for one in self.live for chunk in self.runners.chunks(one.snapshot).values())
        with self.residents.turn:
            for one in gone:
                one.base.end()
                for key in one.keys.values():
                    if key not in kept and key in self.residents.resident and key not in self.residents.held:
                        self.residents.drop(key)
                        self.loader.parcels.pop(key, None)


def memory_of(graph: Graph, versions: Versions | None, partial: frozenset[str] = frozenset()) -> Memory | None:
    """What a module of this graph needs: nothing where all is resident."""
    return Memory(graph, versions, partial) if versions is not None or graph.schedule and budget(graph) is not None else None


@contextmanager
def calling(module: CompiledModule, hosted: bool) -> Iterator[Any]:
    """Around a call: what it runs on. `hosted`: whether it has host steps."""
    memory = module._memory
    if memory is None or module.training or not (hosted or memory.versions is not None):
        yield module
        return
    with memory.call(module) as host:
        yield host
