"""A machine prices calls on a target: seconds, cycles, bytes by memory level, joules, and what bound them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol, runtime_checkable

import attrs
import numpy as np
from numpy.typing import NDArray

from ..compiler.cost import Cost
from .target import Target

Floats = NDArray[np.float64]
Bound = Literal["compute", "memory", "launch", "load", "wait"]
"""What a call or step was as slow as: products or elements, the device's memory, launching, a chunk that was not there yet,
or something else that had to end first."""


@attrs.frozen
class Timing:
    """One call on one machine. `compute`, `memory` and `launch` are the seconds that each alone would take; `seconds` is at
    least the greatest of the first two. `host`: seconds of the thread that launches, which runs ahead of the device. `joules`: of
    the work alone; what the device draws besides, working or not, a report adds."""

    seconds: float
    compute: float
    memory: float
    launch: float
    host: float
    macs: float
    flops: float
    bytes: Mapping[str, float]
    """By memory level, those that cross its port."""
    joules: float
    bound: Bound

    def cycles(self, target: Target) -> float:
        """At the clock of the target."""
        return self.seconds * target.clock


@attrs.frozen
class Timings:
    """Many calls of one form: the fields of `Timing`, each [calls] (or one number for all)."""

    seconds: Floats
    compute: Floats
    memory: Floats
    launch: Floats
    host: Floats
    macs: Floats
    flops: Floats
    bytes: Mapping[str, Floats]
    joules: Floats


class Machine(Protocol):
    """A target as something that prices calls. Prices are remembered."""

    @property
    def target(self) -> Target: ...

    def time(self, call: Cost) -> Timing:
        """What the call takes, alone on the machine, all its operands in the device's memory."""
        ...


@runtime_checkable
class CachingMachine(Protocol):
    """A machine whose last cache may hold all weights of a model from one call to the next."""

    def within(self, model: float) -> Machine:
        """The machine as it runs a model of so many bytes of weights."""
        ...


@runtime_checkable
class GroupedMachine(Protocol):
    """A machine that prices ragged products of many inputs at once: of thousands of routes, without a call for each."""

    def time_grouped(self, loads: NDArray[np.int64], n: float, k: float, dtype: str) -> Timings:
        """One `Grouped` of each input; `loads`: [inputs, ways] rows of each way."""
        ...
