"""Kernels over runs of calls in order: see `columns`."""

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
