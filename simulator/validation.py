"""How far predictions are from what was measured, and what they say of shapes that a fit has not seen."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@attrs.frozen
class Errors:
    """Absolute percentage errors over the rows of a table, as shares (0.06 is 6%)."""

    rows: int
    mean: float
    median: float
    p90: float
    p95: float

    @staticmethod
    def of(predicted: Floats, measured: Floats) -> Errors:
        """Of seconds against seconds, both of one length and not empty."""
        errors = np.abs(predicted / measured - 1)
        p50, p90, p95 = np.percentile(errors, (50, 90, 95))
        return Errors(len(errors), float(errors.mean()), float(p50), float(p90), float(p95))


def folds(families: NDArray[np.int64], count: int = 5, seed: int = 0) -> Iterator[NDArray[np.bool_]]:
    """For each of `count` folds which rows are held out: whole families, drawn at random, each in one fold."""
    names = np.unique(families)
    order = np.random.default_rng(seed).permutation(names)
    for part in np.array_split(order, min(count, len(names))):
        yield np.isin(families, part)
