"""Contenders timed in one run, in a new order each round, so that what else the machine does hits all alike."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """In milliseconds: medians of CPU time (all threads) and wall time over the rounds; the least and quartiles of the latter."""

    cpu: float
    wall: float
    best: float
    low: float
    high: float
    rounds: int


def settled(contenders: Mapping[str, Callable[[], object]], *, seconds: float, least: int, tries: int) -> dict[str, Timing]:
    """`interleaved`, again while other work on the machine spreads the rounds widely; the calmest try, whoever wins in it."""
    found = []
    for _ in range(tries):
        found.append(interleaved(contenders, seconds=seconds, least=least))
        if spread(found[-1]) < 1.2:
            break
    return min(found, key=spread)


def spread(timings: Mapping[str, Timing]) -> float:
    """The widest ratio of the upper to the lower quartile."""
    return max(timing.high / timing.low for timing in timings.values())


def interleaved(contenders: Mapping[str, Callable[[], object]], *, seconds: float, least: int = 20) -> dict[str, Timing]:
    """Each contender once a round, in random order, until `seconds` have passed, and at least so many rounds."""
    for call in contenders.values():
        for _ in range(min(3, least)):
            call()
    order = random.Random(0)
    cpu: dict[str, list[float]] = {name: [] for name in contenders}
    wall: dict[str, list[float]] = {name: [] for name in contenders}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(next(iter(wall.values()))) < least:
        for name in order.sample(list(contenders), len(contenders)):
            started, used = time.perf_counter(), time.process_time()
            contenders[name]()
            cpu[name].append(time.process_time() - used)
            wall[name].append(time.perf_counter() - started)
    return {name: _summary(cpu[name], wall[name]) for name in contenders}


def _summary(cpu: list[float], wall: list[float]) -> Timing:
    low, middle, high = statistics.quantiles(wall, n=4)
    return Timing(1e3 * statistics.median(cpu), 1e3 * middle, 1e3 * min(wall), 1e3 * low, 1e3 * high, len(wall))
