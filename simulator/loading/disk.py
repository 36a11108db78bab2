"""A disk with the page cache before it: what loading a chunk takes.

A thread beside the call does all of it, one thing after the other, as the torch backend's loader does. With b bytes, a load takes

    max(latency + b / bandwidth, request + b / mapped)      where the file comes from the disk,
    max(latency + b / past, request)                        where it comes past the page cache, that keeps nothing,
    request + b / mapped                                    where the page cache holds it,
    + b / hashed                                            the first time that its file is read in a process,

and giving b bytes back b / dropped. The page cache keeps what was used last, as much as the memory holds that files are mapped
into. Not modelled: that loads and kernels of the call share memory and cores, and what others ask of the disk.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from ...compiler.diagnostics import CompileError, Diagnostic, Label
from ...compiler.loading.page_cache import LEAST, PageCache, Way
from ...compiler.loading.trace import LoadTrace
from ...compiler.shapes import Transfer
from ...compiler.source import NOWHERE
from ..constants import LoadConstants
from ..engine import TaskList
from ..links import way_of
from ..target import Link, Target

STORAGE, PAGE_CACHE = "storage", "page cache"
FREE = LoadConstants(request=0.0, mapped=float("inf"), hashed=float("inf"), dropped=float("inf"))
"""Of a target that says no more than its links."""


class Loading(NamedTuple):
    """A load among the tasks of the engine: its first and its last, and what its bytes come over."""

    first: int
    last: int
    links: tuple[str, ...]


def name_of(link: Link) -> str:
    """A link as a resource of the engine."""
    return f"{link.source} -> {link.destination}"


@dataclass
class Disk:
    """Where chunks are loaded from, and which of their files have been. `way`: the links from there to the device; `room`: bytes
    of the page cache."""

    way: tuple[Link, ...]
    constants: LoadConstants = FREE
    room: float = 0.0
    cached: dict[str, float] = field(default_factory=dict)
    """Bytes of the files that the page cache holds, that which was used longest ago first."""
    hashed: set[str] = field(default_factory=set)
    known: PageCache = field(default_factory=PageCache)
    """What the loader knows of the page cache, by which it reads past it or not."""

    def __post_init__(self) -> None:
        if self.constants.past:
            for _ in range(LEAST):
                self.known.took("through", 1, 1 / self.way[0].bandwidth)
                self.known.took("past", 1, 1 / self.constants.past)

    @classmethod
    def of(cls, target: Target, source: str = STORAGE) -> Disk:
        """The way of chunks on a target from `source` to the device; `CompileError` (CC1305) where no links lead there."""
        way = way_of(target, Transfer(0.0, source, "device"))
        if not way or way[0].source != STORAGE:
            return cls(way)
        return cls(way, target.loading or FREE, target.level(way[0].destination).size if target.loading else 0.0)

    @classmethod
    def mapped(cls, target: Target) -> Disk:
        """The same, `CompileError` (CC1483) where the target does not say what mapping files takes."""
        if target.loading is None or not any(link.source == STORAGE for link in target.links):
            message = f"`{target.name}` says nothing of loads from files"
            hint = "measure this machine: chunkc calibrate -o here.toml"
            raise CompileError([Diagnostic("CC1483", message, (Label(NOWHERE),), hint)])
        return cls.of(target)

    @property
    def speeds(self) -> dict[str, float]:
        """B/s of each link on the way."""
        return {name_of(link): link.bandwidth for link in self.way}

    def load(
        self,
        tasks: TaskList,
        queue: str,
        unit: str,
        amount: float,
        *,
        after: Iterable[int],
        verified: bool | None = None,
        step: int | None = None,
    ) -> Loading:
        """
        Adds the next load of a chunk to the tasks of the engine.

        Args:
            queue: the thread that loads.
            amount: bytes.
            after: what it is asked for behind.
            verified: whether the bytes are hashed; by default the first time.
            step: as `TaskList.add` has it.
        """
        own = self.constants
        hashes = unit not in self.hashed if verified is None else verified
        self.hashed.add(unit)
        way = self._read(unit, amount, watched=not hashes)
        links = tuple(link for link in self.way if link.source != STORAGE) if way == "cached" and own is not FREE else self.way
        latency, moves = sum(link.latency for link in links), {name_of(link): amount for link in links}
        if way == "past":
            moves[name_of(links[0])] *= links[0].bandwidth / own.past
        busy = own.request if way == "past" else own.request + amount / own.mapped
        first = tasks.add(queue, busy, latency=latency, after=after, moves=moves, step=step)
        hashing = amount / own.hashed if hashes else 0.0
        last = tasks.add(queue, hashing, step=step) if hashing else first
        return Loading(first, last, tuple(moves) or (PAGE_CACHE,))

    def give_back(self, tasks: TaskList, queue: str, amount: float, *, after: Iterable[int], step: int | None = None) -> None:
        """Adds what giving bytes back takes."""
        if seconds := amount / self.constants.dropped:
            tasks.add(queue, seconds, after=after, step=step)

    def _read(self, unit: str, amount: float, watched: bool) -> Way:
        """How a file comes into memory; what does not come past the page cache lies there from now on, while it has room. What is
        not `watched` says nothing of what the cache keeps."""
        here = self.cached.pop(unit, 0.0) >= amount
        if watched and self.constants.past:
            way = self.known.way(unit, here)
        else:
            way = "cached" if here else "through"
            self.known.through.add(unit)
        if way != "past":
            self.cached[unit] = amount
        while sum(self.cached.values()) > self.room and self.cached:
            del self.cached[next(iter(self.cached))]
        return way

    def warm(self, sizes: Mapping[str, float]) -> None:
        """From now on the page cache holds these files, as far as it has room."""
        for unit, amount in sizes.items():
            self._read(unit, amount, watched=False)


def disk_at(trace: LoadTrace, target: Target, cold: bool) -> Disk:
    """A target's disk as it was when a trace began: the page cache holds all files, or (`cold`) those of resident chunks.
    Nothing is known of the cache, as in a module that was made then."""
    disk = Disk.mapped(target)
    disk.warm({unit: size for unit, size in trace.sizes.items() if not cold or unit in trace.resident})
    return disk
