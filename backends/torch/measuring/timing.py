"""How long one call takes: medians of samples that are long enough for the clock."""

from __future__ import annotations

import statistics
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SAMPLE = 200e-6
"""How long one sample runs at least, in seconds; a clock tick and the loop are far below it."""
BUDGET = 15e-3
"""How long all samples of one point run, in seconds, where three of them take less."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One kernel over a grid of sizes: `seconds` in row-major order over the `axes` (each a name and rising sizes).

    `cold`: its weights were not in a cache when it was called."""

    op: str
    dtype: str
    axes: Mapping[str, Sequence[int]]
    seconds: Sequence[float]
    cold: bool = False


HELD = 4
"""How many results are there at a time before all are dropped, as those of a model's call are: memory that is given back in one
go goes to the system, and the next call has to be given it page by page."""


def seconds_of(calls: Sequence[Callable[[], Any]], *, budget: float = BUDGET) -> float:
    """The median seconds of a call. Of several, which do the same on other data, each is called in turn."""
    clock, held = time.perf_counter, deque[Any]()
    for call in calls:
        call()
    start = clock()
    calls[0]()
    once = max(clock() - start, 1e-7)
    repeat = max(1, round(SAMPLE / once / len(calls)))
    samples: list[float] = []
    until = clock() + budget
    while len(samples) < 3 or clock() < until:
        start = clock()
        for _ in range(repeat):
            for call in calls:
                held.append(call())
                if len(held) == HELD:
                    held.clear()
        samples.append((clock() - start) / (repeat * len(calls)))
    return statistics.median(samples)
