"""Chunks that stay, whatever else is needed."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Mapping, Sequence

from ....compiler.diagnostics import CompileError, Diagnostic, Label, did_you_mean
from ....compiler.ir import Graph
from ....compiler.loading.leases import within
from ....compiler.loading.residents import Residents


class Pins:
    """Of one module: the paths of what is pinned, which the `pins` of its residents hold in the version that new calls run on."""

    def __init__(self, graph: Graph, residents: Residents) -> None:
        self.graph, self.residents = graph, residents
        self.paths: set[str] = set()
        self.lock = threading.Lock()
        """Of what is held; and of the paths."""
        self.changing = threading.Lock()

    def add(self, chunks: Sequence[str], around: Collection[str] = ()) -> None:
        """Loads chunks, and holds them; inside of a call, for their versions are known then. `around`: what is held besides.

        `CompileError` where there is none of that name, or a call would have no room beside them; `Unloadable`."""
        units, sizes = self.residents.units, self.residents.sizes
        with self.changing:
            wanted = self.paths.union(chunks)
            if unknown := sorted(wanted.difference(units)):
                hint = did_you_mean(unknown[0], units) or f"there are {', '.join(units)}"
                raise self.refused(f"there is no chunk {', '.join(unknown)} that comes and goes", hint)
            # A call may run on another version than the pinned one.
            most = sum(sizes[key] for key in wanted.union(around)) + self.residents.most
            if most > self.residents.room:
                message = f"with {', '.join(sorted(wanted))} pinned, a call needs {most:,} bytes of {self.residents.room:,}"
                raise self.refused(message, "pin fewer chunks, or set a larger budget")
            new, self.paths = wanted - self.paths, wanted
        try:
            here = self.residents.here
            self.follow({} if here is None else here.keys, wait=self._waits)
        except BaseException:
            with self.changing:
                self.paths = self.paths - new
            raise

    def remove(self, chunks: Sequence[str]) -> None:
        """Holds chunks no longer."""
        with self.changing:
            self.paths = self.paths.difference(chunks)
        if self.lock.acquire(blocking=self._waits):
            try:
                self._keep({key for key in self.residents.pins.held if self.residents.path(key) in self.paths})
            finally:
                self.lock.release()

    @property
    def _waits(self) -> bool:
        """Whether another thread may be waited for: it may wait for what a call in this one holds."""
        here = self.residents.here
        return here is None or not here.held

    def follow(self, keys: Mapping[str, str], absent: Iterable[str] = (), *, wait: bool = False) -> None:
        """What is pinned is held in the versions that this call runs on (`keys`, where they are not the paths), and nothing else;
        but for what lies in chunks that are missing."""
        pins = self.residents.pins
        if not self.paths and not pins.held:
            return
        if not self.lock.acquire(blocking=wait):
            return  # another call is at it
        try:
            wanted = {keys.get(path, path) for path in self.paths if not within(path, absent)}
            if wanted != set(pins.held):
                self._keep(wanted)
                pins.take(sorted(wanted.difference(pins.held)))
        finally:
            self.lock.release()

    def _keep(self, wanted: set[str]) -> None:
        """Holds nothing but these."""
        pins = self.residents.pins
        with self.residents.turn:
            for key in set(pins.held) - wanted:
                pins.give(key)

    def refused(self, message: str, hint: str) -> CompileError:
        """What cannot be pinned."""
        return CompileError([Diagnostic("CC1458", message, (Label(self.graph.span, "this model"),), hint)])
