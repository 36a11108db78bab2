"""A recorded trace of loads, timed again: the thread of the call and the one that loads, with the recorded times of all that is
computed and the recorded decisions, but not the times of loads: these come from a disk's model."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from ...compiler.loading.trace import Event, LoadTrace
from ..engine import Schedule, TaskList
from ..engine import run as run_tasks
from .disk import Disk

NONE = -1


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
    """A trace, timed: by call, and together. `hidden`: the share of the time that loads take in which the call did not wait."""

    calls: tuple[CallLoads, ...]

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
    """What the trace itself says. How long loads took is not recorded: `loading` is 0."""
    found = []
    for call in trace.calls:
        begun = [load for event in call for load in event.loads]
        counted = [event.seconds for event in call if event.kind in ("acquire", "compute")]
        stalled = sum(event.seconds for event in call if event.kind == "acquire")
        found.append(CallLoads(sum(counted), stalled, 0.0, len(begun), sum(load.bytes for load in begun)))
    return Replay(tuple(found))


def replay(trace: LoadTrace, disk: Disk) -> Replay:
    """A trace on a disk. `disk`: as it stood when the trace began; what it has read and hashed by the end stays with it."""
    return _Replaying(trace, disk).run()


@attrs.define
class _Replaying:
    trace: LoadTrace
    disk: Disk
    tasks: TaskList = attrs.field(factory=TaskList)
    thread: int = NONE
    """The last task of the call's thread."""
    coming: dict[str, int] = attrs.field(factory=dict)
    """The load of each chunk that is not known to be through."""

    def run(self) -> Replay:
        ends: list[int] = []
        begun: list[list[int]] = []
        waits: list[list[int]] = []
        for call in self.trace.calls:
            first = len(self.tasks)
            waits.append([task for event in call for task in self.event(event)])
            begun.append([task for task in range(first, len(self.tasks)) if task in self.loaders])
            ends.append(self.thread)
        schedule = run_tasks(self.tasks.done(), self.disk.speeds, sharing="in order")
        return self.timed(schedule, ends, begun, waits)

    loaders: dict[int, int] = attrs.field(factory=dict)
    """Bytes by task of the thread that loads."""
    before: dict[int, int] = attrs.field(factory=dict)
    """By task that waits, the one of the same thread before it."""

    def event(self, event: Event) -> Sequence[int]:
        """The tasks of one step; returns those that wait for a load."""
        gone = sum(self.trace.sizes[unit] for unit in event.gone)
        for load in event.loads:
            cost = self.disk.load(load.unit, load.bytes, verified=load.verified, gone=gone)
            gone = 0
            after = [self.thread] if self.thread != NONE else []
            task = self.tasks.add("loader", cost.seconds, latency=cost.latency, after=after, moves=cost.moves)
            self.coming[load.unit], self.loaders[task] = task, load.bytes
        if event.kind == "compute":
            self.thread = self.tasks.add("call", event.seconds)
        elif event.kind == "acquire" and event.unit in self.coming:
            wait = self.tasks.add("call", after=[self.coming.pop(event.unit)])
            self.before[wait], self.thread = self.thread, wait
            return [wait]
        return []

    def timed(self, schedule: Schedule, ends: Sequence[int], begun: Sequence[list[int]], waits: Sequence[list[int]]) -> Replay:
        start, end, through = schedule.start.tolist(), schedule.end.tolist(), 0.0
        found = []
        for last, loads, waited in zip(ends, begun, waits):
            done = end[last] if last != NONE else 0.0
            stalled = sum(start[task] - (end[self.before[task]] if self.before[task] != NONE else 0.0) for task in waited)
            loading = sum(end[task] - start[task] for task in loads)
            found.append(CallLoads(done - through, stalled, loading, len(loads), sum(self.loaders[task] for task in loads)))
            through = done
        return Replay(tuple(found))
