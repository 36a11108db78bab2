"""A recorded trace of loads, timed again: the thread of the call and the one that loads, with the recorded times of all that is
computed and the recorded decisions, but not the times of loads: these come from a disk's model."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from ...compiler.loading.trace import Event, LoadTrace
from ..engine import Schedule, TaskList
from ..engine import run as run_tasks
from ..stays import Stay
from .disk import Disk

NONE, LOADER = -1, "loader"
Span = tuple[float, float]
"""From when to when, in seconds."""


@attrs.frozen
class CallLoads:
    """One call, in seconds: the whole; what its thread waited for chunks; what the loads that it began take (`loading`); and how
    many there were, of how many bytes."""

    seconds: float
    stalled: float
    loading: float
    loads: int
    bytes: int


@attrs.frozen
class Replay:
    """A trace, timed: by call, and together. `hidden`: the share of the time that loads take in which the call did not wait.
    From the beginning of the first call on: when each chunk was in memory (`stays`), of `room` bytes; when was `computed`, and
    when was waited for a chunk (`waits`). Of what was measured only sums are known."""

    calls: tuple[CallLoads, ...]
    room: int = 0
    stays: tuple[Stay, ...] = ()
    computed: tuple[Span, ...] = ()
    waits: tuple[Span, ...] = ()

    @property
    def seconds(self) -> float:
        return sum(call.seconds for call in self.calls)

    @property
    def stalled(self) -> float:
        return sum(call.stalled for call in self.calls)

    @property
    def loading(self) -> float:
        return sum(call.loading for call in self.calls)

    @property
    def loads(self) -> int:
        return sum(call.loads for call in self.calls)

    @property
    def bytes(self) -> int:
        return sum(call.bytes for call in self.calls)

    @property
    def hidden(self) -> float:
        return max(0.0, 1 - self.stalled / self.loading) if self.loading else 1.0


def measured(trace: LoadTrace) -> Replay:
    """What the trace itself says."""
    found = []
    for call in trace.calls:
        begun = [load for event in call for load in event.loads]
        counted = [event.seconds for event in call if event.kind in ("acquire", "compute")]
        stalled = sum(event.seconds for event in call if event.kind == "acquire")
        loading = sum(load.seconds for load in begun)
        found.append(CallLoads(sum(counted), stalled, loading, len(begun), sum(load.bytes for load in begun)))
    return Replay(tuple(found))


def replay(trace: LoadTrace, disk: Disk | None) -> Replay:
    """A trace on a disk. `disk`: as it stood when the trace began; what it has read and hashed by the end stays with it. None:
    loads take what was recorded, so that what is waited for follows from their order alone."""
    return _Replaying(trace, disk).run()


@attrs.define
class _Replaying:
    trace: LoadTrace
    disk: Disk | None
    tasks: TaskList = attrs.field(factory=TaskList)
    thread: int = NONE
    """The last task of the call's thread."""
    coming: dict[str, int] = attrs.field(factory=dict)
    """The load of each chunk that is not known to be through."""
    begun: list[tuple[int, int, int]] = attrs.field(factory=list)
    """Of each load its first and last task, and its bytes."""
    waits: list[tuple[int, int]] = attrs.field(factory=list)
    """Tasks that wait for a load, and that of the same thread before each."""
    computed: list[int] = attrs.field(factory=list)
    here: dict[str, tuple[int, int]] = attrs.field(factory=dict)
    """Of each chunk that is resident the first and last task of its load."""
    been: list[tuple[str, tuple[int, int], int]] = attrs.field(factory=list)
    """Of each that was: its load, and the task behind which it went."""

    def run(self) -> Replay:
        marks = []
        self.here = dict.fromkeys(self.trace.resident, (NONE, NONE))
        for call in self.trace.calls:
            for event in call:
                self.event(event)
            marks.append((self.thread, len(self.begun), len(self.waits)))
        speeds = {} if self.disk is None else self.disk.speeds
        return self.timed(run_tasks(self.tasks.done(), speeds, sharing="in order"), marks)

    def event(self, event: Event) -> None:
        """The tasks of one step: what goes is given back first, then loads begin."""
        after = [self.thread] if self.thread != NONE else []
        for unit in event.gone:
            self.coming.pop(unit, None)
            self.been.append((unit, self.here.pop(unit, (NONE, NONE)), self.thread))
        if self.disk is not None:
            self.disk.give_back(self.tasks, LOADER, sum(self.trace.sizes[unit] for unit in event.gone), after=after)
        for load in event.loads:
            if self.disk is None:
                first = last = self.tasks.add(LOADER, load.seconds, after=after)
            else:
                first, last, _ = self.disk.load(self.tasks, LOADER, load.unit, load.bytes, after=after, verified=load.verified)
            self.begun.append((first, last, load.bytes))
            self.here[load.unit] = first, last
            self.coming[load.unit] = last
        if event.kind == "compute":
            self.thread = self.tasks.add("call", event.seconds)
            self.computed.append(self.thread)
        elif event.kind == "acquire" and event.unit in self.coming:
            wait = self.tasks.add("call", after=[self.coming.pop(event.unit)])
            self.waits.append((wait, self.thread))
            self.thread = wait

    def timed(self, schedule: Schedule, marks: Sequence[tuple[int, int, int]]) -> Replay:
        start, end = schedule.start.tolist(), schedule.end.tolist()
        found, through, loads, waits = [], 0.0, 0, 0
        for last, begun, waited in marks:
            done = end[last] if last != NONE else 0.0
            stalled = sum(start[task] - (end[before] if before != NONE else 0.0) for task, before in self.waits[waits:waited])
            mine = self.begun[loads:begun]
            loading = sum(end[behind] - start[first] for first, behind, _ in mine)
            found.append(CallLoads(done - through, stalled, loading, len(mine), sum(amount for *_, amount in mine)))
            through, loads, waits = done, begun, waited
        computed = tuple((start[task], end[task]) for task in self.computed if end[task] > start[task])
        spans = ((end[before] if before != NONE else 0.0, start[task]) for task, before in self.waits)
        stays = self.stays(start, end, through)
        return Replay(tuple(found), self.trace.room, stays, computed, tuple(one for one in spans if one[1] > one[0]))

    def stays(self, start: Sequence[float], end: Sequence[float], through: float) -> tuple[Stay, ...]:
        """What was in memory when, until the last call was `through`."""
        left = [(unit, load, end[after] if after != NONE else 0.0) for unit, load, after in self.been]
        found = []
        for unit, (first, last), gone in [*left, *((unit, load, through) for unit, load in self.here.items())]:
            begin, there = (start[first], end[last]) if first != NONE else (0.0, 0.0)
            if gone > begin:
                found.append(Stay(unit, begin, min(there, gone), gone, self.trace.sizes[unit]))
        return tuple(found)
