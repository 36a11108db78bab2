"""Prices of calls, kept: the same work is priced once, for inputs that are alike as for steps that are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...compiler.cost import Cost, How
from ...compiler.plan import Plan, Step
from ...compiler.work import Dims
from ..machine import Machine
from ..walking import Place
from ..walking.positions import Array
from .columns import CALLS, HOST, SYNC, Columns, Floats, read_by_host, together
from .tables import Table, distinct


@dataclass(slots=True)
class Remembered:
    """A machine, and what it has priced so far for so many inputs."""

    machine: Machine
    plan: Plan
    how: How
    columns: Columns
    inputs: int
    known: dict[Any, Floats] = field(default_factory=dict)
    calls_known: dict[Cost, Floats] = field(default_factory=dict)
    tables: dict[Any, Table] = field(default_factory=dict)

    def calls(self, calls: Sequence[Cost]) -> Floats:
        """One row of calls one behind the other."""
        return together([self.call(call) for call in calls], self.columns.width)

    def call(self, call: Cost) -> Floats:
        if call not in self.calls_known:
            idle = not call.macs and not call.bytes
            launch = self.machine.target.launch.host
            found = self.columns.idle(call.launches * launch) if idle else self.columns.row(self.machine.time(call))
            found[CALLS], found[SYNC] = call.launches, read_by_host(call)
            self.calls_known[call] = found
        return self.calls_known[call]

    def unseen(self, row: Floats) -> Floats:
        """A run of calls on no rows: the host makes them, the device has nothing to do."""
        return self.columns.idle(row[HOST] if self.columns.host == "ahead" else row[CALLS] * self.machine.target.launch.host)

    def once(self, key: Any, calls: Callable[[], list[Cost]]) -> Floats:
        if key not in self.known:
            self.known[key] = self.calls(calls())
        return self.known[key]

    def sized(self, place: Place, step: Step, calls: Callable[[Dims, float], list[Cost]]) -> Floats:
        """A step by the sizes of its place."""
        return self.by_numbers(
            place, step, [], lambda step, dims, share, numbers, how: calls(dims, share), name=calls.__qualname__
        )

    def by_numbers(
        self, place: Place, step: Step, numbers: Sequence[Array], calls: Callable[..., list[Cost]], *, name: str = ""
    ) -> Floats:
        """A step by the sizes of its place and some numbers of each input; those that are alike are priced once. `name` tells
        several parts of one step apart."""
        part = name or calls.__qualname__
        given = [np.broadcast_to(np.asarray(one, np.float64), (self.inputs,)) for one in (*place.levels, *numbers)]
        if not given:
            dims, share = place.dims
            fixed = (part, step.id, id(step), tuple(sorted(dims.items())), share)
            return self.once(fixed, lambda: calls(step, dims, share, (), self.how))[None]
        found, inverse = distinct(np.stack(given, 1))
        rows, depth = [], len(place.levels)
        for one in found.tolist():
            dims, share = place.sizes(tuple(one[:depth]))
            rest = tuple(int(x) if x == int(x) else x for x in one[depth:])
            key = (part, step.id, id(step), tuple(sorted(dims.items())), share, rest)
            rows.append(self.once(key, lambda: calls(step, dims, share, rest, self.how)))  # noqa: B023
        return np.array(rows)[inverse] if len(rows) > 1 else rows[0][None]

    def summed(self, place: Place, key: Any, loads: Array, one: Callable[[Dims, float, float], Floats]) -> tuple[Floats, Floats]:
        """Σ over ways of what one takes on its rows, [inputs, width]; and the mean over inputs of each way, [ways, width]."""
        if not place.levels:
            dims, share = place.dims
            return self.table(key, dims, share).summed(loads, lambda load: one(dims, share, load))
        total, ways = np.zeros((len(loads), self.columns.width)), np.zeros((loads.shape[1], self.columns.width))
        found, inverse = distinct(np.stack([np.asarray(level, np.float64) for level in place.levels], 1))
        for i, values in enumerate(found.tolist()):
            mine, (dims, share) = inverse == i, place.sizes(tuple(values))
            some, each = self.table(key, dims, share).summed(loads[mine], lambda load: one(dims, share, load))  # noqa: B023
            total[mine] = some
            ways += each * (mine.sum() / len(loads))
        return total, ways

    def table(self, key: Any, dims: Dims, share: float) -> Table:
        whole = (key, tuple(sorted(dims.items())), share)
        if whole not in self.tables:
            self.tables[whole] = Table(self.columns.width)
        return self.tables[whole]
