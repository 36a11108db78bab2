"""Kernels over the ways of many inputs: lags of runs of calls in order (see `columns`), and how often what stands where."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..compiled import kernel

Floats = NDArray[np.float64]


@kernel
def lags_in_order(index: NDArray[np.int64], host: Floats, seconds: Floats, lag: Floats) -> Floats:
    """The lag of each input's run: [inputs, ways] which of the rows `host`, `seconds`, `lag` each way is."""
    found = np.empty(len(index))
    for one in range(len(index)):
        ahead, behind = 0.0, 0.0
        for way in range(index.shape[1]):
            row = index[one, way]
            behind = max(behind + seconds[row], ahead + lag[row])
            ahead += host[row]
        found[one] = behind
    return found


@kernel
def tallied(index: NDArray[np.int64], count: int) -> tuple[Floats, Floats]:
    """How often each of `count` rows stands in each row and in each column of `index`: [inputs, count], [ways, count]."""
    inputs, ways = index.shape
    by_input, by_way = np.zeros((inputs, count)), np.zeros((ways, count))
    for one in range(inputs):
        for way in range(ways):
            by_input[one, index[one, way]] += 1.0
            by_way[way, index[one, way]] += 1.0
    return by_input, by_way
