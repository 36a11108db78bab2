"""How selections fall: what a walk asks wherever something is decided."""

from __future__ import annotations

from typing import Protocol

from ...compiler.ir import Node
from .place import Place, Where
from .positions import Array


class Kept(Protocol):
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


class Falls(Protocol):
    """A workload as a walk sees it. `inputs`: how many calls; they come one after the other."""

    @property
    def inputs(self) -> int: ...

    def start(self) -> Where:
        """The positions of the outermost graph."""
        ...

    def fell(self, place: Place, select: Node, spread: Array | None) -> Kept:
        """What a selection (of a ladder too) keeps. `spread`: how many samples share one decision of rank 1, by input."""
        ...

    def held(self, place: Place, node: Node, rows: Array) -> Array:
        """How many of these rows of a cached part a cache holds, by input."""
        ...
