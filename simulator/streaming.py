"""When each step is through where chunks move: tasks of host, device and links, run by the engine input after input.

The store decides what is loaded and what leaves, as it does in a call: what is resident from the calls before stays. A load
begins when the host asks for it, and where it takes the room of a chunk, when the device is through with that one. What runs on a
chunk waits until it is there; so does the host where a decision says whether it is loaded at all. What a load takes is said by
`loading.Disk`: of files the first one is slow, and later ones come out of the page cache."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ..compiler.ir import Node
from ..compiler.loading.residents import Lease, Moves, Residents
from ..compiler.plan import RESIDENCY
from .engine import Schedule, TaskList
from .engine import run as run_tasks
from .loading.disk import Disk, Loading
from .pricing import Priced
from .pricing.columns import HOST, LAG, SECONDS, SYNC
from .report import Loads
from .target import Target
from .timing import Copy, Floats, Times
from .walking import Place

NONE = -1


@dataclass(slots=True)
class Call:
    """The tasks of one call so far. Numbers of tasks, or `NONE`."""

    lease: Lease
    disk: Disk
    scale: float
    """Bytes on the way for a byte of the spec: modules may be moved to a smaller dtype."""
    tasks: TaskList = field(default_factory=TaskList)
    host: int = NONE
    device: int = NONE
    synced: int = NONE
    """What the host has to wait for before it goes on."""
    freed: int = NONE
    """The last task that ran on a chunk that has left."""
    loads: dict[str, int] = field(default_factory=dict)
    used: dict[str, int] = field(default_factory=dict)
    ends: dict[int, int] = field(default_factory=dict)
    """By step the device task with which it ends."""
    asked: dict[int, int] = field(default_factory=dict)
    """By device task the host task that launched it."""
    came: dict[int, int] = field(default_factory=dict)
    """By step its first host task."""
    moved: list[tuple[int, str, Loading, float, tuple[str, ...]]] = field(default_factory=list)
    """Of each load its step, chunk and tasks, the bytes of chunks resident from then on, and what went since the one before."""
    gone: list[str] = field(default_factory=list)
    """What went since the last load, of this call or one before."""

    def step(self, i: int, priced: Priced, n: int) -> None:
        """The tasks of one step of input `n`."""
        ran = priced.ran.ran is None or bool(priced.ran.ran[n])
        if priced.ran.step.kind in RESIDENCY:
            self.move(i, priced, n, ran)
        elif ran:
            row = priced.rows[n if len(priced.rows) > 1 else 0]
            self.compute(i, row, bool(row[SYNC] > 0))

    def compute(self, i: int, row: Floats, syncs: bool) -> None:
        """The host launches the first call, then the others; the device runs them all (`pricing.columns`)."""
        ahead = row[LAG] - row[SECONDS]
        first = self.on_host(i, ahead)
        if row[SECONDS] > 0:
            self.on_device(i, float(row[SECONDS]), [first])
        if row[HOST] > ahead:
            self.on_host(i, float(row[HOST] - ahead))
        if syncs:
            self.synced = self.device

    def on_host(self, i: int, seconds: float) -> int:
        after = [self.synced] if self.synced != NONE else []
        self.came.setdefault(i, len(self.tasks))
        self.host, self.synced = self.tasks.add("host", max(0.0, float(seconds)), after=after, step=i), NONE
        return self.host

    def on_device(self, i: int, seconds: float, after: Sequence[int]) -> None:
        self.device = self.tasks.add("device", seconds, after=after, step=i)
        self.ends[i], self.asked[self.device] = self.device, self.host
        self.used.update(dict.fromkeys(self.lease.held, self.device))

    # ---- chunks

    def move(self, i: int, priced: Priced, n: int, ran: bool) -> None:
        step, store = priced.ran.step, self.lease.store
        if step.wanted:  # the host asks what was decided
            self.synced = self.device
        with store.watched() as moves:
            match step.kind:
                case "acquire":
                    for by, way in step.wanted:
                        if by.op != "ladder":
                            self.lease.decided(step.label, way, self.kept(priced.ran.place, by)[n])
                    if ran:
                        self.lease.acquire(step.label)
                    self.lease.passed(step.label)
                case "prefetch":
                    self.prefetch(priced, n, ran)
                case "release" if ran:
                    self.lease.release(step.label)
                case "evict" if ran:
                    self.lease.evict(step.label, step.target)
        if moves.gone or moves.loads:
            self.changed(i, moves)
        if step.kind == "acquire" and ran and step.label in self.loads:
            self.on_device(i, 0.0, [self.loads[step.label], *([self.host] if self.host != NONE else [])])

    def changed(self, i: int, moves: Moves) -> None:
        """What has left, and what is loaded then."""
        store = self.lease.store
        for gone in moves.gone:
            self.freed = max(self.freed, self.used.get(gone, NONE))
            self.loads.pop(gone, None)
            self.gone.append(gone)
            self.disk.give_back(self.tasks, "copy", store.sizes[gone] * self.scale, after=self.asking(i), step=i)
        held = (store.bytes - sum(store.sizes[unit] for unit in moves.loads)) * self.scale
        for unit in moves.loads:
            amount = store.sizes[unit] * self.scale
            held += amount
            load = self.disk.load(self.tasks, "copy", unit, amount, after=self.asking(i), step=i)
            self.loads[unit] = load.last
            self.moved.append((i, unit, load, held, tuple(self.gone)))
            self.gone.clear()

    def prefetch(self, priced: Priced, n: int, ran: bool) -> None:
        step, place = priced.ran.step, priced.ran.place
        if not step.wanted:
            self.lease.prefetch(step.label)
        for by, way in step.wanted:
            if by.op != "ladder":
                self.lease.prefetch_kept(step.label, way, self.kept(place, by)[n], ran)

    def kept(self, place: Place, by: Node) -> list[list[bool]]:
        """Which ways of a selection any position keeps, by input."""
        if ("kept", by) not in place.fallen:
            counts = place.fallen[by].counts(max(1, len(by.selection.kept.shape) - 1))
            place.fallen["kept", by] = (counts > 0).tolist()
        found: list[list[bool]] = place.fallen["kept", by]
        return found

    def asking(self, i: int) -> list[int]:
        """What a load, or giving back, comes after: the host asks, and the device is through with what has left."""
        return [self.on_host(i, 0.0), *([self.freed] if self.freed != NONE else [])]


def streamed(
    steps: Sequence[Priced], inputs: int, store: Residents, target: Target, *, source: str = "host", scale: float = 1.0
) -> tuple[Times, Loads]:
    """
    Calls one after the other, each begun when the one before it is through.

    Args:
        source: the memory level that chunks are loaded from.
        scale: bytes on the way for each byte of the spec.

    Raises:
        CompileError: no links lead from there to the device.
        NotResident: the plan acquires what does not fit.
    """
    disk = Disk.of(target, source)
    begin, spent, launched, loaded, came = (np.zeros((len(steps), inputs)) for _ in range(5))
    copies: list[Copy] = []
    gone: list[str] = []
    times = Times(begin, spent, launched, loaded, came, np.zeros(inputs), copies)
    for n in range(inputs):
        with store.call() as lease:
            call = Call(lease, disk, scale, gone=gone)
            for i, priced in enumerate(steps):
                call.step(i, priced, n)
        schedule = run_tasks(call.tasks.done(), disk.speeds)
        _timed(call, schedule, times, n)
        copies += _copies(call, schedule, n)
    counts = store.counts
    mean = {name: counts[name] / inputs for name in ("loads", "evictions", "hits", "ahead")}
    moved = counts["bytes"] * scale / inputs
    took = {"loading": sum(one.end - one.begin for one in copies) / inputs, "stalled": float(times.loaded.sum()) / inputs}
    return times, Loads(**mean, **took, bytes=moved, peak=store.peak * scale, room=store.room * scale)


def _timed(call: Call, schedule: Schedule, times: Times, n: int) -> None:
    """What each step adds to the end of the device, and what of it was waiting: for a launch, or for a chunk."""
    start, end, through = schedule.start.tolist(), schedule.end.tolist(), 0.0
    for i, task in call.ends.items():
        own, asked = start[task], call.asked[task]
        launched = end[asked] if asked != NONE else 0.0
        times.begin[i, n], times.spent[i, n] = through, end[task] - through
        times.launched[i, n] = max(0.0, min(own, launched) - through)
        times.loaded[i, n] = max(0.0, own - max(through, launched))
        through = end[task]
    for i, task in call.came.items():
        times.host[i, n] = start[task]
    times.total[n] = max(through, end[call.host] if call.host != NONE else 0.0)
    if call.ends:
        last = next(reversed(call.ends))
        times.spent[last, n] += times.total[n] - through


def _copies(call: Call, schedule: Schedule, n: int) -> list[Copy]:
    """The loads of one call as they went."""
    start, end, sizes = schedule.start, schedule.end, call.lease.store.sizes
    return [
        Copy(n, i, unit, float(start[load.first]), float(end[load.last]), sizes[unit] * call.scale, load.links, held, left)
        for i, unit, load, held, left in call.moved
    ]
