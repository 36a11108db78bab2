"""Chunks that stay, whatever else is needed."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence

from ....compiler.diagnostics import CompileError, Diagnostic, Label, did_you_mean
from ....compiler.ir import Graph
from ....compiler.loading.residents import Residents
from ....compiler.planning.stores import most_held


class Pins:
    """Of one module: the paths of what is pinned, which the `pins` of its residents hold in the version that new calls run on."""

    def __init__(self, graph: Graph, residents: Residents) -> None:
        self.graph, self.residents = graph, residents
        self.paths: set[str] = set()
        self.lock = threading.Lock()

    def add(self, chunks: Sequence[str], around: Collection[str] = ()) -> None:
        """Loads chunks, and holds them; inside of a call, for their versions are known then. `around`: what is held besides.

        `CompileError` where there is none of that name, or a call would have no room beside them; `Unloadable`."""
        units = self.residents.units
        wanted = {*self.paths, *chunks}
        if unknown := sorted(wanted.difference(units)):
            hint = did_you_mean(unknown[0], units) or f"there are {', '.join(units)}"
            raise self.refused(f"there is no chunk {', '.join(unknown)} that comes and goes", hint)
        most = most_held(self.graph.schedule, self.residents.sizes, {*wanted, *around})
        if most > self.residents.room:
            message = f"with {', '.join(sorted(wanted))} pinned, a call needs {most:,} bytes of {self.residents.room:,}"
            raise self.refused(message, "pin fewer chunks, or set a larger budget")
        before, self.paths = self.paths, wanted
        try:
            self.follow()
        except Exception:
            self.paths = before
            raise

    def remove(self, chunks: Sequence[str]) -> None:
        """Holds chunks no longer."""
        self.paths = self.paths.difference(chunks)
        self.follow()

    def follow(self) -> None:
        """What is pinned is held in its newest version, and nothing else."""
        pins, newest = self.residents.pins, self.residents.newest
        if not self.paths and not pins.held:
            return
        if not self.lock.acquire(blocking=False):
            return  # another call is at it
        try:
            wanted = {newest.get(path, path) for path in self.paths}
            if wanted == set(pins.held):
                return
            with self.residents.turn:
                for key in set(pins.held) - wanted:
                    pins.give(key)
            pins.take(sorted(wanted.difference(pins.held)))
        finally:
            self.lock.release()

    def refused(self, message: str, hint: str) -> CompileError:
        """What cannot be pinned."""
        return CompileError([Diagnostic("CC1458", message, (Label(self.graph.span, "this model"),), hint)])
