"""What was measured on a grid of sizes, at any size: multilinear between the points, at a constant rate beyond them.

A kernel's time is nearly a polynomial of first degree in each of its sizes (a fixed part, parts that grow with one size, and the
work, which grows with all). Such a polynomial is met exactly."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence

import attrs

from ..constants import Kernel


@attrs.frozen
class Grid:
    """Seconds over sizes. Below the first point of an axis time stands still; beyond the last it grows as the size does."""

    axes: tuple[tuple[int, ...], ...]
    seconds: tuple[float, ...]

    @classmethod
    def of(cls, kernel: Kernel) -> Grid:
        """`ValueError` where the numbers do not fill the grid."""
        axes = tuple(axis.sizes for axis in kernel.axes)
        if math.prod(map(len, axes)) != len(kernel.microseconds):
            points = " x ".join(str(len(axis)) for axis in axes)
            raise ValueError(f"`{kernel.op}` has {len(kernel.microseconds)} times for {points} points")
        return cls(axes, tuple(time * 1e-6 for time in kernel.microseconds))

    def at(self, *sizes: float) -> float:
        """Seconds at these sizes, in the order of the axes."""
        beyond, corners = 1.0, [(0, 1.0)]
        for axis, size in zip(self.axes, sizes):
            if size > axis[-1]:
                beyond, size = beyond * size / axis[-1], axis[-1]
            low, share = _between(axis, size)
            high = min(low + 1, len(axis) - 1)
            near = [(low, 1 - share), (high, share)] if share else [(low, 1.0)]
            corners = [(at * len(axis) + place, weight * part) for at, weight in corners for place, part in near]
        return beyond * sum(self.seconds[at] * weight for at, weight in corners)


def _between(axis: Sequence[int], size: float) -> tuple[int, float]:
    """The point at or below a size, and how far on the way to the next it is."""
    if size <= axis[0]:
        return 0, 0.0
    low = min(bisect_right(axis, size) - 1, len(axis) - 1)
    if low + 1 == len(axis):
        return low, 0.0
    return low, (size - axis[low]) / (axis[low + 1] - axis[low])
