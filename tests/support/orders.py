"""Which passes are run in which order in tests: each alone, each prefix of -O2, and random orders."""

from __future__ import annotations

import random

from chunkc.passes import pipeline
from chunkc.passes.manager import text

LAST = ("choose-kernels", "schedule")
"""Passes that stay behind all others, in this order, where there are such."""


def alone() -> list[tuple[str, ...]]:
    return [(name,) for name in pipeline.PASSES]


def prefixes() -> list[tuple[str, ...]]:
    """Stage by stage, a fixpoint being one; the whole of -O2 last."""
    names = tuple(map(text, pipeline.resolve(["O2"])))
    return [names[:end] for end in range(1, len(names) + 1)]


def shuffled(seed: int) -> tuple[str, ...]:
    """Some of the passes in a random order, now and then one of them twice."""
    draw = random.Random(seed)
    free = [name for name in pipeline.PASSES if name not in LAST]
    count = draw.randint(2, len(free))
    chosen = draw.sample(free, count) + draw.choices(free, k=draw.randint(0, 2))
    draw.shuffle(chosen)
    return (*chosen, *(name for name in LAST if name in pipeline.PASSES and draw.random() < 0.7))
