"""What a recorded run would have loaded under another budget, policy or depth of prefetches: `Residents`, as in the backend,
driven with the chunks that were recorded as used.

A chunk on which nothing decides is known from the beginning of a call; others from the first step on that had their decision: a
deeper prefetch does not look into decisions that were not taken yet.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace

from ...compiler.diagnostics import CompileError, Diagnostic, Label
from ...compiler.loading.residents import Lease, Moves, NotResident, Residents
from ...compiler.loading.trace import Event, Load, LoadTrace
from ...compiler.source import NOWHERE


def decided(trace: LoadTrace, *, room: int | None = None, policy: str | None = None, ahead: int | None = None) -> LoadTrace:
    """The trace as it would have been: its loads decided anew. What stays None is as it was recorded. The policy decides all that
    goes: evictions of the plan are left out. Policy `belady` looks into the whole trace. Stalls are not known (0): `replay` times
    them.

    Raises:
        CompileError: CC1482, the room is too small for what a call holds at once.
    """
    deep = trace.ahead if ahead is None else ahead
    return _Deciding(trace, trace.room if room is None else room, policy or trace.policy, policy == "belady", deep).run()


@dataclass
class _Deciding:
    trace: LoadTrace
    room: int
    policy: str
    oracle: bool
    """Whether what goes is decided by all that the trace uses later: Belady's yardstick."""
    ahead: int
    bytes: dict[str, int] = field(default_factory=dict)
    fresh: set[str] = field(default_factory=set)
    """Whose file is hashed when it is loaded next: its first load was recorded so."""
    asks: tuple[str, ...] = ("prefetch",)
    """The steps at which it looks ahead: those of the plan; at another depth all that are computed, too: then what was acquired
    is there."""
    residents: Residents = field(init=False)
    lease: Lease = field(init=False)
    """Of the call that is decided."""

    def __post_init__(self) -> None:
        if self.ahead != self.trace.ahead:
            self.asks = ("prefetch", "compute")
        acquired = [[event for event in call if event.kind == "acquire"] for call in self.trace.calls]
        plan = [event.unit for event in max(acquired, key=len, default=[])]
        future = [event.unit for call in acquired for event in call if event.done]
        self.residents = Residents(dict(self.trace.sizes), self.room, future if self.oracle else plan, policy=self.policy)
        for load in (load for call in self.trace.calls for event in call for load in event.loads):
            self.bytes[load.unit] = max(load.bytes, self.bytes.get(load.unit, 0))
            self.fresh |= {load.unit} if load.verified else set()
        for unit in self.trace.resident:
            self.residents.load(unit, spare=set(self.trace.resident))

    def run(self) -> LoadTrace:
        resident = tuple(self.residents.resident)
        with self.residents.call() if self.oracle else nullcontext():
            calls = tuple(tuple(self.call(call)) for call in self.trace.calls)
        return replace(self.trace, calls=calls, room=self.room, policy=self.policy, resident=resident, ahead=self.ahead)

    def call(self, call: Sequence[Event]) -> Iterator[Event]:
        known = self.known(call)
        with self.residents.call() as self.lease:
            self.lease.waiting.clear()
            for place, event in enumerate(call):
                if event.by and event.kind in ("acquire", "prefetch"):
                    behind = call[place + (event.kind == "acquire") :]
                    alike = (one for one in behind if one.kind == "acquire" and one.by == event.by)
                    self.lease.known.update((one.unit, one.done) for one in alike)
                with self.residents.watched() as moves:
                    self.step(event)
                    if self.ahead and event.kind in self.asks:
                        self.prefetch(call, place, known)
                yield self.said(event, moves)

    def step(self, event: Event) -> None:
        lease = self.lease
        match event.kind:
            case "acquire":
                if event.done:
                    self.acquire(event.unit)
                if event.done or not self.oracle:
                    lease.passed(event.unit)
            case "release" if lease.holds(event.unit):
                lease.release(event.unit)

    def acquire(self, unit: str) -> None:
        try:
            self.lease.acquire(unit)
        except NotResident as error:
            message = f"a budget of {self.room:,} bytes is too small: {error}"
            hint = "the chunks that a call holds at once have to fit"
            raise CompileError([Diagnostic("CC1482", message, (Label(NOWHERE),), hint)]) from error

    def prefetch(self, call: Sequence[Event], place: int, known: dict[int, int]) -> None:
        """The next chunks that this call is known by now to use."""
        coming = [call[later].unit for later, since in known.items() if later > place >= since]
        self.lease.prefetch_first(dict.fromkeys(coming), self.ahead)

    def known(self, call: Sequence[Event]) -> dict[int, int]:
        """By place of each acquisition of a call, the place from which on it can be known."""
        taken: dict[int, int] = {0: 0}
        for place, event in enumerate(call):
            taken.setdefault(event.by, place)
        acquired = [place for place, event in enumerate(call) if event.kind == "acquire" and event.done]
        return {place: taken[call[place].by] for place in acquired}

    def said(self, event: Event, moves: Moves) -> Event:
        begun = []
        for unit in moves.loads:
            begun.append(Load(unit, self.bytes.get(unit, self.trace.sizes[unit]), unit in self.fresh))
            self.fresh.discard(unit)
        seconds = event.seconds if event.kind == "compute" else 0.0
        return replace(event, seconds=seconds, loads=tuple(begun), gone=tuple(moves.gone))
