"""Contenders timed in one run, in a new order each round, so that what else the machine does hits all alike."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """Medians over the rounds, in milliseconds: CPU time of all threads, and wall time; and the quartiles of the wall time."""

    cpu: float
    wall: float
    low: float
    high: float
    rounds: int


def interleaved(contenders: Mapping[str, Callable[[], object]], *, seconds: float = 4.0, warm: int = 3) -> dict[str, Timing]:
    """Each contender once a round, in random order, until `seconds` have passed (at least 20 rounds)."""
    for call in contenders.values():
        for _ in range(warm):
            call()
    order = random.Random(0)
    cpu: dict[str, list[float]] = {name: [] for name in contenders}
    wall: dict[str, list[float]] = {name: [] for name in contenders}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(next(iter(wall.values()))) < 20:
        for name in order.sample(list(contenders), len(contenders)):
            started, used = time.perf_counter(), time.process_time()
            contenders[name]()
            cpu[name].append(time.process_time() - used)
            wall[name].append(time.perf_counter() - started)
    return {name: _summary(cpu[name], wall[name]) for name in contenders}


def _summary(cpu: list[float], wall: list[float]) -> Timing:
    low, middle, high = statistics.quantiles(wall, n=4)
    return Timing(1e3 * statistics.median(cpu), 1e3 * middle, 1e3 * low, 1e3 * high, len(wall))
