"""What calls cost in time, for passes that choose: a small interface, and a roofline behind it.

A pass asks how long a list of calls takes and compares; it knows no machine. With a target the simulator answers
(`simulator/model.py`), without one a roofline (Williams, Waterman & Patterson, 2009): a call is as slow as its multiply-adds or
its bytes make it, whichever is slower, and each launch costs a fixed time besides.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Protocol

from .shapes import Pointwise, Reduction, Shape


@dataclass(frozen=True, slots=True)
class Cost:
    """What one call makes the machine do, as expected numbers: multiply-adds, bytes read and written, and how many launches it
    is. `shape` says which work that is, where it is known: a roofline asks the numbers only, the simulator the shape."""

    macs: float = 0.0
    bytes: float = 0.0
    launches: float = 1.0
    shape: Shape | None = None


@dataclass(frozen=True, slots=True)
class How:
    """How a module runs: the dtype that it was moved to (what a spec calls f32), and on what kind of device, where the torch
    backend itself asks: on CUDA grouped products are one kernel, on CPU few rows are added up in one go."""

    dtype: str = "f32"
    device: Literal["cpu", "cuda"] = "cpu"

    def of(self, dtype: str) -> str:
        """What a dtype of the spec is at run time."""
        return self.dtype if dtype == "f32" else dtype


@dataclass(frozen=True, slots=True)
class Price:
    """What calls take, in seconds, where a thread launches them ahead of the device that runs them.

    If the thread is busy until h and the device until d, they are so after the calls until max(h + host, d + wait) and
    max(h + lag, d + device): a matrix of the (max, +) algebra (Baccelli et al., 1992), and prices in a row are its product. Where
    nothing runs ahead, all is the device's.
    """

    device: float = 0.0
    host: float = 0.0
    lag: float = -math.inf
    wait: float = -math.inf

    @property
    def seconds(self) -> float:
        """Until both are done, from where both begin."""
        return max(self.device, self.host, self.lag, self.wait)

    def __add__(self, other: Price) -> Price:
        return Price(
            max(other.lag + self.wait, other.device + self.device),
            max(other.host + self.host, other.wait + self.lag),
            max(other.lag + self.host, other.device + self.lag),
            max(other.host + self.wait, other.wait + self.device),
        )

    def times(self, share: float) -> Price:
        """So many of it, one after the other; of less than one, the share that is expected."""
        if share < 1:
            return Price(self.device * share, self.host * share, *(x * share if x >= 0 else x for x in (self.lag, self.wait)))
        half = self.times(share // 2) if share >= 2 else Price()
        return half + half + self if share % 2 else half + half


class CostModel(Protocol):
    """What a pass is handed to choose by."""

    @property
    def how(self) -> How:
        """How a module runs on this machine: what it launches depends on it."""
        ...

    def price(self, calls: Iterable[Cost]) -> Price:
        """How long these calls take, one after the other."""
        ...


SLOW = {
    **dict.fromkeys(("gelu", "sigmoid", "silu", "tanh", "exp", "log"), 14),
    **dict.fromkeys(("where", "masked", "softmax"), 25),
}
"""Multiply-adds that take as long as one element of an op that is no mere traffic, measured on one core."""


@dataclass(frozen=True, slots=True)
class Roofline:
    """Three numbers of a machine: multiply-adds a second in large products, bytes a second from memory, seconds a launch. Ops on
    single elements that are slow besides count as the multiply-adds that take as long (`SLOW`)."""

    macs_per_s: float
    bytes_per_s: float
    launch_s: float
    overlaps: bool = True
    """Whether memory is read while products run. Where it is not, a step takes the sum of both and not the slower."""

    @property
    def how(self) -> How:
        return How()

    def price(self, calls: Iterable[Cost]) -> Price:
        """The sum over the calls of work and traffic (the slower of them, or both), and the launches."""
        rate, traffic, launch = self.macs_per_s, self.bytes_per_s, self.launch_s
        both = max if self.overlaps else operator.add
        return Price(sum(both((one.macs + slow(one)) / rate, one.bytes / traffic) + one.launches * launch for one in calls))


def slow(call: Cost) -> float:
    """Multiply-adds that take as long as the elements of a call, beyond moving them."""
    match call.shape:
        case Pointwise(op, elements):
            return SLOW.get(op, 0) * elements
        case Reduction(op, rows, length):
            return SLOW.get(op, 0) * rows * length
    return 0.0


CPU = Roofline(macs_per_s=52.2e9, bytes_per_s=15.5e9, launch_s=3.3e-6, overlaps=False)
"""One core of a server (x86, AVX-512), f32 in torch 2.13: as `python -m benchmarks.calibrate` printed it."""
