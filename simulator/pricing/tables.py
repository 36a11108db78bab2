"""Tables by rows: what a way takes on so many rows is looked up, and added up over ways and inputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .columns import HOST, LAG, SECONDS, Floats
from .ways import lags_in_order, tallied

Ints = NDArray[np.int64]


class Table:
    """Rows of numbers by load, filled where they are asked for."""

    def __init__(self, width: int) -> None:
        self.place: dict[int, int] = {}
        self.rows = np.zeros((16, width))

    def summed(self, loads: NDArray[Any], one: Callable[[int], Floats]) -> tuple[Floats, Floats]:
        """
        Σ table[load] over ways, [inputs, width], its lag that of the ways in order; and of each way the mean over inputs.

        Args:
            loads: [inputs, ways] whole numbers.
            one: the row of a load.
        """
        present, index = _present(loads)
        places = np.array([self.find(load, one) for load in present.tolist()], dtype=np.int64)
        rows = self.rows[places]
        by_input, by_way = tallied(index, len(present))
        total = by_input @ rows
        total[:, LAG] = lags_in_order(index, *(np.ascontiguousarray(rows[:, place]) for place in (HOST, SECONDS, LAG)))
        return total, by_way @ rows / len(loads)

    def find(self, load: int, one: Callable[[int], Floats]) -> int:
        """Where a load's row stands."""
        if load not in self.place:
            row = one(load)
            here = self.place[load] = len(self.place)
            if here == len(self.rows):
                self.rows = np.concatenate([self.rows, np.zeros_like(self.rows)])
            self.rows[here] = row
        return self.place[load]


def _present(loads: NDArray[Any]) -> tuple[Ints, Ints]:
    """The distinct loads, rising, and for each load which of them it is."""
    most = int(loads.max(initial=0))
    if most > 16 * loads.size + 4096:
        present, index = np.unique(loads, return_inverse=True)
        return present, index.reshape(loads.shape)
    whole = loads.astype(np.int64, copy=False)
    present = np.flatnonzero(np.bincount(whole.ravel(), minlength=1))
    to = np.zeros(most + 1, np.int64)
    to[present] = np.arange(len(present))
    return present, to[whole]


def distinct(numbers: Floats) -> tuple[Floats, Ints]:
    """The distinct rows of [inputs, numbers], and for each input which of them it has."""
    if (numbers == numbers[:1]).all():
        return numbers[:1], np.zeros(len(numbers), np.int64)
    found, inverse = np.unique(numbers, axis=0, return_inverse=True)
    return found, inverse.reshape(-1)
