"""Records what calls load and for how long they wait: a `LoadTrace`, which `chunkc loads` replays."""

from __future__ import annotations

import errno
import functools
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from ....compiler.loading.residents import Moves
from ....compiler.loading.trace import Event, Kind, Load, LoadTrace
from ....compiler.loading.trace_files import write_trace
from .loader import Job

if TYPE_CHECKING:
    from .memory import Memory

Function = TypeVar("Function", bound=Callable[..., Any])
SAMPLES = 8
"""Places of a file that are asked for, to tell whether it is in the page cache."""


class Recorder:
    """Records the calls of the thread that made it, while it is the `recorder` of a memory.

    What is between two steps that move chunks is computed: so the seconds of all events of a call are those of the call. What is
    always resident takes no part, and its bytes are no part of the room."""

    def __init__(self, memory: Memory) -> None:
        self.memory, self.thread = memory, threading.get_ident()
        self.cold, self.room, self.resident = False, 0, ()  # type: tuple[bool, int, tuple[str, ...]]
        self.calls: list[list[Event]] = []
        self.sizes: dict[str, int] = {}
        self.jobs: list[Job | None] = []
        """What does the loads of these, in order; None where nothing is to be read."""
        self.decisions: dict[int, int] = {}
        self.kept: list[Any] = []
        """What decided so far in this call, numbered in order; held so that no other takes its place in memory."""
        self.since = 0.0

    @property
    def mine(self) -> bool:
        """Whether the call that asks is to be recorded."""
        return threading.get_ident() == self.thread

    def units(self) -> dict[str, int]:
        """Bytes of what comes and goes, by key."""
        store = self.memory.residents
        with store.turn:
            return {key: size for key, size in store.sizes.items() if store.path(key) in store.units}

    @contextmanager
    def call(self) -> Iterator[None]:
        """Around a call, whose parcels are known."""
        if not self.calls:
            self._begin()
        self.calls.append([])
        self.sizes |= self.units()
        self.decisions, self.kept = {}, []
        self.since = time.perf_counter()
        try:
            yield
        finally:
            self._computed()

    def _begin(self) -> None:
        store, units = self.memory.residents, self.units()
        with store.turn:
            self.resident = tuple(key for key in store.resident if key in units)
            self.room = store.room - sum(size for key, size in store.sizes.items() if key not in units and key in store.resident)
        self.cold = self.memory.versions is not None and _cold(self.memory, self.resident)

    @contextmanager
    def step(self, kind: Kind, path: str, wanted: Sequence[Any]) -> Iterator[list[bool]]:
        """Around a step, and what was kept by what decides on it; is given whether it did anything."""
        store, done = self.memory.residents, [False]  # a step that fails does nothing
        self._computed()
        begun = time.perf_counter()
        moves = Moves()
        try:
            with store.watched() as moves:
                yield done
        finally:
            self.since = time.perf_counter()
            lease = store.here
            unit = path if lease is None else lease.key(path)
            loads = tuple(Load(key, store.read_with(key)) for key in moves.loads)
            jobs = {} if self.memory.versions is None else self.memory.loader.jobs
            self.jobs += [jobs.get(key) for key in moves.loads]
            by = self.decisions.setdefault(id(wanted[0][0]), len(self.decisions) + 1) if wanted else 0
            self.kept += [one for one, _ in wanted]
            self.calls[-1].append(Event(kind, unit, done[0], self.since - begun, loads, tuple(moves.gone), by))

    def _computed(self) -> None:
        now = time.perf_counter()
        self.calls[-1].append(Event("compute", seconds=now - self.since))

    def trace(self) -> LoadTrace:
        """What was recorded."""
        jobs = iter(self.jobs)
        calls = tuple(tuple(_with_loads(event, jobs) for event in call) for call in self.calls)
        store = self.memory.residents
        return LoadTrace(calls, self.units() | self.sizes, self.room, store.policy, self.cold, self.resident, store.ahead)

    def write(self, path: str | os.PathLike[str]) -> None:
        """The trace as a file for `chunkc loads`."""
        write_trace(self.trace(), path)


@contextmanager
def recording(memory: Memory) -> Iterator[Recorder]:
    """While a memory is recorded, and until loads on their way are through; one recorder at a time."""
    if memory.recorder is not None:
        raise RuntimeError("loads of this module are being recorded already")
    memory.recorder = recorder = Recorder(memory)
    try:
        yield recorder
    finally:
        memory.recorder = None
        if memory.versions is not None:
            for job in list(memory.loader.jobs.values()):
                job.done.wait()


def noted(memory: Memory) -> AbstractContextManager[None]:
    """Around a call, which a recorder is told of where there is one."""
    recorder = memory.recorder
    return recorder.call() if recorder is not None and recorder.mine else nullcontext()


def _with_loads(event: Event, jobs: Iterator[Job | None]) -> Event:
    """With what became of its loads since: `jobs` are theirs, and those of later events."""
    done = [(load, next(jobs)) for load in event.loads]
    loads = (load if job is None else replace(load, verified=job.verified, seconds=job.seconds) for load, job in done)
    return replace(event, loads=tuple(loads))


def recorded(step: Function) -> Function:
    """A host step that moves a chunk, which a recorder is told of where there is one."""
    kind: Any = step.__name__

    @functools.wraps(step)
    def told(module: Any, path: str, *rest: Any) -> bool:
        recorder: Recorder | None = None if module is None else module._memory.recorder
        if recorder is None or not recorder.mine:
            return bool(step(module, path, *rest))
        with recorder.step(kind, path, [one for one in rest if isinstance(one, tuple)]) as done:
            done[0] = bool(step(module, path, *rest))
        return done[0]

    return told  # type: ignore[return-value]


def _cold(memory: Memory, resident: tuple[str, ...]) -> bool:
    """Whether most of what is not resident lies outside the page cache, as far as the system tells."""
    away = [parcel for key, parcel in memory.loader.parcels.items() if key not in resident]
    files = {place.blob.path for parcel in away for place in parcel.places.values()}
    return sum(not in_page_cache(path) for path in files) * 2 > len(files)


def in_page_cache(path: str) -> bool:
    """Whether most of a file is in the page cache: reading there would not wait. True where the system does not say, and where
    there is nothing to read."""
    held = 0
    if not hasattr(os, "RWF_NOWAIT"):
        return True
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return True
    try:
        size = os.fstat(file).st_size
        for sample in range(SAMPLES):
            try:
                os.preadv(file, [bytearray(1)], sample * size // SAMPLES, os.RWF_NOWAIT)
                held += 1
            except OSError as error:
                held += error.errno != errno.EAGAIN
    finally:
        os.close(file)
    return held * 2 > SAMPLES
