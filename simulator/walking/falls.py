"""How selections fall: what a walk asks wherever something is decided."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ...compiler.calls import Kept
from ...compiler.ir import Node
from ...compiler.work import Dims
from .place import Place, Where
from .positions import Array


class Fallen(Protocol):
    """What one selection kept at one place, of positions with its axes before the ways (or the first of them)."""

    def counts(self, axes: int) -> Array:
        """How many positions of the first `axes` axes keep each way: [inputs, ways]."""
        ...

    def inside(self, axes: int, way: int) -> Where:
        """The positions that keep a way."""
        ...

    def left(self, axes: int, way: int) -> tuple[Array, Where]:
        """The positions that keep none of the ways before this one: how many by input, and which."""
        ...

    def masked(self, select: Node, dims: Dims, share: float) -> Sequence[Kept]:
        """What a mask keeps of its parts, by input, or once for all."""
        ...

    def packed(self) -> tuple[Array, Array]:
        """Of one way kept by positions [samples, positions]: the most that any sample keeps, and all together; by input."""
        ...


class Falls(Protocol):
    """A workload as a walk sees it. `inputs`: how many calls; they come one after the other."""

    @property
    def inputs(self) -> int: ...

    def start(self) -> Where:
        """The positions of the outermost graph."""
        ...

    def fell(self, place: Place, select: Node, spread: Array | None) -> Fallen:
        """What a selection (of a ladder too) keeps. `spread`: how many samples share one decision of rank 1, by input."""
        ...

    def held(self, place: Place, node: Node, rows: Array) -> Array:
        """How many of these rows of a cached part a cache holds, by input."""
        ...
