"""Microbenchmarks of the machine at hand: how long torch's kernels take here, over grids of sizes."""

from __future__ import annotations

from .grids import measure
from .timing import Measured

__all__ = ["Measured", "measure"]
