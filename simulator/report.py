"""
What a simulation found.

    Report
      seconds, cycles, macs, flops, bytes {level}, joules, utilisation {engine}     means over inputs
      latency: Latencies (p50, p90, p99 …)      samples: [inputs] seconds
      steps: StepReport …     by call path and step: what it took, what bound it, where it stands under the roofline
      ways: WayReport …       by chunk or way: rows, seconds, work
      loads: Loads            chunks moved, where memory has a budget
      dense: Comparison       the same spec with everything kept, if it was asked for
      unknown: [path]         chunks of which only loads are timed
      course: Course          the input of median length, step by step

`seconds` of the steps add up to `Report.seconds`; so do their work, bytes and joules. `as_json` is a plain dictionary of stable
names. Times are in seconds, bytes in bytes, energy in joules.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from .engine import Latencies
from .machine import Bound
from .stays import Stay
from .timing import Copy

Floats = NDArray[np.float64]


@attrs.frozen
class Roofline:
    """Where work stands (Williams, Waterman & Patterson, 2009): FLOPs a byte of device memory, FLOP/s reached, and the most that
    the peak rate and the memory's bandwidth allow at that intensity."""

    intensity: float
    achieved: float
    ceiling: float


@attrs.frozen
class Roof:
    """What bounds all rooflines of a target: FLOP/s of products, two a multiply-add, and B/s of the device's memory."""

    peak: float
    bandwidth: float


@attrs.frozen
class StepReport:
    """
    One step of the plan at one call path, as a mean over inputs.

    Attributes:
        path, step, kind, label: as in the plan and its log; `engine`: what runs it.
        start: when it began; NaN where no input ran it.
        seconds: its share of the total: from the end of the step before it on the device to its own.
        busy, host: seconds of the device, and of the thread that launches.
        flops: two a multiply-add, and what is done to single elements.
        bound: what it was as slow as.
        rows: mean rows of all its ways together; of a step on all positions NaN.
        ran: the share of inputs that ran it.
    """

    path: str
    step: int
    kind: str
    label: str
    engine: str
    start: float
    seconds: float
    busy: float
    host: float
    macs: float
    flops: float
    bytes: Mapping[str, float]
    joules: float
    calls: float
    bound: Bound
    roofline: Roofline
    rows: float
    ran: float


@attrs.frozen
class WayReport:
    """One way of a routed step (or member of an array), as a mean over inputs: `rows` that keep it, the share of inputs where any
    does, and what its body takes on the device."""

    path: str
    step: int
    way: str
    rows: float
    ran: float
    seconds: float
    macs: float
    bytes: Mapping[str, float]
    joules: float


@attrs.frozen
class Loads:
    """Chunks moved, as a mean over inputs: how many loads, of how many bytes, evictions, hits (of these `ahead` by a prefetch),
    and the most bytes resident at once; seconds that loads take (`loading`), and that the device stood idle for want of a chunk
    (`stalled`)."""

    loads: float
    bytes: float
    evictions: float
    hits: float
    ahead: float
    peak: float
    room: float
    loading: float = 0.0
    stalled: float = 0.0

    @property
    def hidden(self) -> float:
        """The share of the time of loads in which the device did not wait for them."""
        return max(0.0, 1 - self.stalled / self.loading) if self.loading else 1.0


@attrs.frozen
class Won:
    """One step, or call path, of both: seconds dense and conditional. Negative `saved`: lost."""

    path: str
    label: str
    dense: float
    conditional: float

    @property
    def saved(self) -> float:
        return self.dense - self.conditional


@attrs.frozen
class Comparison:
    """The same spec with everything kept, on the same target: how many times as long it takes, and where that comes from, the
    largest difference first."""

    seconds: float
    joules: float
    macs: float
    bytes: Mapping[str, float]
    ratio: float
    parts: tuple[Won, ...]


@attrs.frozen(eq=False)
class Course:
    """
    One input as it went, in seconds from the beginning of its call. Arrays have an entry for each of the report's steps.

    Attributes:
        input: which one; `total`: what it took.
        ran: whether it came to the step at all.
        begin, end: the step's share of the device's time; `busy`: how much of it the device ran something.
        host_begin, host_end: when the thread that launches was at it.
        flops, bytes {level}: what it did.
        copies: the chunks that were loaded; `stays`: those that were in memory, and when.
    """

    input: int
    total: float
    ran: NDArray[np.bool_]
    begin: Floats
    end: Floats
    busy: Floats
    host_begin: Floats
    host_end: Floats
    flops: Floats
    bytes: Mapping[str, Floats]
    copies: tuple[Copy, ...] = ()
    stays: tuple[Stay, ...] = ()


@attrs.frozen(eq=False)
class Report:
    """A simulation; the module says what is in it."""

    model: str
    target: str
    dtype: str
    launch: str
    routes: str
    dims: Mapping[str, int]
    inputs: int
    seconds: float
    cycles: float
    macs: float
    flops: float
    bytes: Mapping[str, float]
    joules: float
    utilisation: Mapping[str, float]
    bound: Mapping[str, float]
    """Seconds of steps by what bound them."""
    roof: Roof
    latency: Latencies
    samples: Floats
    steps: tuple[StepReport, ...]
    course: Course
    """The input of median length."""
    ways: tuple[WayReport, ...] = ()
    loads: Loads | None = None
    dense: Comparison | None = None
    unknown: tuple[str, ...] = ()
    """Chunks that something else runs (`onnx:`, `pt2:`, `py:`): their loads are timed, and what they compute is not known."""

    def as_json(self) -> dict[str, Any]:
        """Everything but the samples of single inputs, as what JSON has. NaN is None."""
        told = attrs.asdict(self, recurse=True, filter=lambda attribute, value: attribute.name not in ("samples", "course"))
        found: dict[str, Any] = _plain(told)
        if self.dense is not None:
            found["dense"]["parts"] = [{**_plain(attrs.asdict(one)), "saved": one.saved} for one in self.dense.parts]
        return {"format": "chunkc report", "version": 1, **found}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, (float, np.floating)):
        return float(value) if np.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value
