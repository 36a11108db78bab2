"""Which of its dense positions a body runs on, for one input: what decisions given in their dense shape are read by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Decision = Array | tuple[Array, Array]
"""What was kept, bool [decisions…, ways]; or that and, of the same shape, where it was decided at all."""


@dataclass(frozen=True, slots=True)
class Positions:
    """The rows of a gathered body: places `at` among the positions of the dense `sizes`, counted row-major. None: all of them,
    not gathered."""

    at: Array | None = None
    sizes: tuple[int, ...] = ()

    def inside(self, rows: Array, lead: Sequence[int], shared: bool) -> Positions:
        """Those of a body that runs on `rows` of positions here, which have the sizes `lead`; where these are `shared`, they are
        dense although this body is gathered."""
        axes, outer = len(lead), len(self.sizes)
        if self.at is None or shared:
            return Positions(rows, tuple(lead))
        sizes = (*self.sizes, *lead[outer:])
        if axes <= outer:
            return Positions(self.at[rows], sizes)
        finer = int(np.prod(lead[outer:]))
        return Positions(self.at[rows // finer] * finer + rows % finer, sizes)

    def local(self, decision: Decision, shared: bool) -> Array:
        """A dense decision as a body on these positions takes it: [rows, 1 …, finer …, ways]."""
        kept = np.asarray(decision[0] if isinstance(decision, tuple) else decision, bool)
        if self.at is None or shared:
            return kept
        axes = len(self.sizes)
        rest = kept.shape[axes:]
        taken = kept.reshape(-1, *rest)[self.at]
        return taken.reshape(len(self.at), *(1,) * (axes - 1), *rest)
