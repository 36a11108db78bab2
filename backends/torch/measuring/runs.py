"""How long a module's calls take here, as a whole and step by step."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ....compiler.step_log import StepLog
from ..logging import Logged
from ..module import CompiledModule

FEWEST = 5


@dataclass(frozen=True, slots=True)
class Timed:
    """Calls of a module on the same inputs: the median and quartiles of their seconds; the steps that one of them ran, and the
    median seconds of each over some calls that were logged (these take a little longer in all)."""

    seconds: float
    low: float
    high: float
    calls: int
    entries: StepLog
    steps: tuple[float, ...]


def timed(module: CompiledModule, inputs: Mapping[str, Tensor], *, budget: float = 2.0, outputs: str | None = None) -> Timed:
    """Calls in eval without gradients for this many seconds (five at least), after two that warm up."""
    clock = time.perf_counter
    samples: list[float] = []
    logs: list[Logged] = []
    with torch.no_grad():
        for _ in range(2):
            module(**inputs, outputs=outputs)
            module.log_steps(**inputs, outputs=outputs)
        until = clock() + budget
        while len(samples) < FEWEST or clock() < until:
            start = clock()
            module(**inputs, outputs=outputs)
            samples.append(clock() - start)
            if len(logs) < FEWEST or len(logs) < len(samples) // 4:
                logs.append(module.log_steps(**inputs, outputs=outputs))
    last = logs[-1].entries
    alike = [log.seconds for log in logs if log.entries == last]
    steps = tuple(statistics.median(times) for times in zip(*alike))
    low, middle, high = statistics.quantiles(samples, n=4)
    return Timed(middle, low, high, len(samples), last, steps)
