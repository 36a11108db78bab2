"""Numbers of calls in rows: what is added up, and what their order makes of it.

The device runs calls one behind the other, and the host launches them ahead of it. With `h` the time until which the host is busy
and `d` that of the device, a call of `host` seconds there and `seconds` on the device gives

    h' = h + host        d' = max(d + seconds, h + host + seconds)

and so does a run of calls, with sums and one more number, its `lag`: d' = max(d + seconds, h + lag). Of two runs together the lag
is max(lag₁ + seconds₂, host₁ + lag₂): the maps are matrices of the (max, +) algebra (Baccelli et al., 1992).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...compiler.cost import Cost
from ...compiler.shapes import Reduction, Transfer
from ..machine import Bound, Timing, Timings
from ..target import Target

Floats = NDArray[np.float64]
BOUNDS: tuple[Bound, ...] = ("compute", "memory", "launch")
"""What a call alone can be bound by."""
HOST, SECONDS, LAG, COMPUTE, MEMORY, LAUNCH, MACS, FLOPS, JOULES, CALLS, SYNC, BOUND = range(12)
"""Places in a row. `SYNC`: calls whose result the host reads, and so waits for. From `BOUND` on the seconds of calls that were
bound by each of `BOUNDS`, then bytes by memory level."""
BYTES = BOUND + len(BOUNDS)


@dataclass(frozen=True, slots=True)
class Columns:
    """Which row a timing makes on a target."""

    levels: tuple[str, ...]
    host: Literal["ahead", "beside", "none"] = "ahead"
    """The thread that launches runs ahead of the device; is the device itself; or launches nothing (a captured graph)."""

    @classmethod
    def of(cls, target: Target, eager: bool = True) -> Columns:
        host: Literal["ahead", "beside", "none"] = "beside" if target.kind != "gpu" else "ahead" if eager else "none"
        return cls(tuple(level.name for level in target.memory), host)

    @property
    def width(self) -> int:
        return BYTES + len(self.levels)

    def row(self, timing: Timing) -> Floats:
        found = np.zeros(self.width)
        self.launched(found, timing.host)
        found[SECONDS] += timing.seconds
        found[LAG] = found[HOST] + found[SECONDS]
        found[COMPUTE : JOULES + 1] = timing.compute, timing.memory, timing.launch, timing.macs, timing.flops, timing.joules
        found[CALLS] = 1
        bound = timing.bound if timing.bound in BOUNDS else "launch"
        found[BOUND + BOUNDS.index(bound)] = timing.seconds
        for place, level in enumerate(self.levels):
            found[BYTES + place] = timing.bytes.get(level, 0.0)
        return found

    def rows(self, timings: Timings) -> Floats:
        """A row for each input."""
        found = np.zeros((len(timings.seconds), self.width))
        found[:, HOST if self.host == "ahead" else SECONDS] = 0.0 if self.host == "none" else timings.host
        found[:, SECONDS] += timings.seconds
        found[:, LAG] = found[:, HOST] + found[:, SECONDS]
        parts = (timings.compute, timings.memory, timings.launch, timings.macs, timings.flops, timings.joules)
        found[:, COMPUTE : JOULES + 1] = np.stack(np.broadcast_arrays(*parts, timings.seconds)[:-1], 1)
        found[:, CALLS] = 1
        slowest = found[:, COMPUTE : LAUNCH + 1].argmax(1)
        found[np.arange(len(found)), BOUND + slowest] = timings.seconds
        for place, level in enumerate(self.levels):
            found[:, BYTES + place] = timings.bytes.get(level, 0.0)
        return found

    def idle(self, host: float) -> Floats:
        """What the host does and the device never sees."""
        found = self.nothing()
        self.launched(found, host)
        found[LAG] = found[HOST] + found[SECONDS]
        found[BOUND + BOUNDS.index("launch")] = found[SECONDS]
        return found

    def launched(self, row: Floats, host: float) -> None:
        """Adds seconds of the thread that launches."""
        if self.host != "none":
            row[HOST if self.host == "ahead" else SECONDS] += host

    def nothing(self) -> Floats:
        return np.zeros(self.width)


def read_by_host(call: Cost) -> bool:
    """Whether the host goes on only when a call is through: it asks how many were found, or for a value."""
    found = isinstance(call.shape, Reduction) and call.shape.op == "nonzero"
    return found or (isinstance(call.shape, Transfer) and call.shape.destination == "host")


def together(rows: Sequence[Any], width: int) -> Floats:
    """Runs of calls one behind the other, each [width] or [inputs, width]."""
    total = np.zeros(width)
    for row in rows:
        lag = np.maximum(total[..., LAG] + row[..., SECONDS], total[..., HOST] + row[..., LAG])
        total = total + row
        total[..., LAG] = lag
    return total


def many(rows: Floats) -> Floats:
    """The sum of runs whose order is not followed: the host launches all of them, the device runs all of them. A lower bound of
    the lag that their order would give, and never below what either takes alone."""
    total: Floats = rows.copy()
    total[..., LAG] = np.maximum(rows[..., HOST], rows[..., SECONDS])
    return total
