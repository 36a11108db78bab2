"""Selections as a run decided them: dense decisions of each input, by call path."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ...compiler.calls import Kept
from ...compiler.calls.pruning import part_axes
from ...compiler.diagnostics import CompileError, Diagnostic, Label
from ...compiler.ir import Node
from ...compiler.selection import paths_of
from ...compiler.work import Dims
from .place import Place, Where
from .positions import Array, Decision, Positions

Decisions = Mapping[str, Decision]
"""By call path, as `module.decisions()` gives them."""


@dataclass(frozen=True, slots=True)
class Decided:
    """Decisions of calls, one after the other. `hits`: for each call by path of a cached part, how many rows were held."""

    calls: Sequence[Decisions]
    hits: Sequence[Mapping[str, int]] = ()

    @property
    def inputs(self) -> int:
        return len(self.calls)

    def start(self) -> Where:
        return (Positions(),) * self.inputs

    def fell(self, place: Place, select: Node, spread: Array | None) -> Taken:
        assert place.where is not None
        shared = place.shared(select)
        own = select.attrs["select"] if select.op == "ladder" else select
        ways, kept = own.selection.kept.shape[-1], []
        nothing = np.zeros((0, ways if isinstance(ways, int) else 0), np.bool_)
        for n, positions in enumerate(place.where):
            skipped = place.ran is not None and not place.ran[n]
            given = _given(self.calls[n], place, own)
            if given is None and not skipped:
                raise _unknown(place.path, own)
            alone = shared or spread is not None
            one = nothing if given is None or skipped else positions.local(given, alone)
            if spread is not None:
                one = np.broadcast_to(one, (int(spread[n]), one.shape[-1]))
            kept.append(one)
        return Taken(tuple(kept), place.where, shared and spread is None)

    def held(self, place: Place, node: Node, rows: Array) -> Array:
        path = place.path + str(node.attrs["path"])
        return np.array([min(int(self.hits[n].get(path, 0)) if self.hits else 0, int(rows[n])) for n in range(self.inputs)])


def _given(decisions: Decisions, place: Place, select: Node) -> Decision | None:
    paths = (place.path + path for path in paths_of(select))
    return next((decisions[path] for path in paths if path in decisions), None)


def _unknown(path: str, select: Node) -> CompileError:
    name = path + str(select.attrs["path"])
    hint = "give what it kept by this path, or none and it falls by its rules"
    return CompileError([Diagnostic("CC1301", f"no decision is given for `{name}`", (Label(select.span, "decided here"),), hint)])


@dataclass(frozen=True, slots=True)
class Taken:
    """The decisions of one selection at one place, [rows, 1 …, finer …, ways] of each input."""

    kept: tuple[Array, ...]
    where: tuple[Positions, ...]
    shared: bool
    _flat: dict[int, list[Array]] = field(default_factory=dict)

    def flat(self, axes: int) -> list[Array]:
        """For each input, which positions keep which way: bool [positions, ways]."""
        if axes not in self._flat:
            self._flat[axes] = [_flat(one, axes) for one in self.kept]
        return self._flat[axes]

    def counts(self, axes: int) -> Array:
        return np.array([one.sum(0) for one in self.flat(axes)])

    def inside(self, axes: int, way: int) -> Where:
        return self._some(axes, [one[:, way] for one in self.flat(axes)])

    def left(self, axes: int, way: int) -> tuple[Array, Where]:
        rest: list[Array] = [~np.any(one[:, :way], axis=1) for one in self.flat(axes)]
        return np.array([int(one.sum()) for one in rest]), self._some(axes, rest)

    def masked(self, select: Node, dims: Dims, share: float) -> Sequence[Kept]:
        axes = part_axes(select)
        alike = Kept.expected(select, 1.0, dims, share).alike
        return [_parts(one, axes, alike) for one in self.kept]

    def packed(self) -> tuple[Array, Array]:
        each = [one.any(-1).reshape(one.shape[0], -1).sum(1) for one in self.kept]
        return np.array([one.max(initial=1) for one in each]), np.array([one.sum() for one in each])

    def _some(self, axes: int, chosen: Sequence[Array]) -> Where:
        found = []
        for one, mine, positions in zip(self.kept, chosen, self.where):
            lead = one.shape[:axes] if one.shape[0] else (0,) * axes
            found.append(positions.inside(mine.nonzero()[0], lead, self.shared))
        return tuple(found)


def _flat(kept: Array, axes: int) -> Array:
    """Whether any decision of a position keeps a way."""
    lead, ways = math.prod(kept.shape[:axes]), kept.shape[-1]
    found: Array = np.any(kept.reshape(lead, math.prod(kept.shape[axes:-1]), ways), axis=1)
    return found


def _parts(kept: Array, axes: int, alike: bool) -> Kept:
    """One mask [decisions…, parts…], of which the last `axes` axes are parts of one decision."""
    split = kept.ndim - axes
    parts, decisions = math.prod(kept.shape[split:]), math.prod(kept.shape[:split])
    flat = kept.reshape(decisions, parts)
    rows = kept.reshape(-1, kept.shape[-1]) if axes == 2 else flat
    return Kept(parts, decisions, int(flat.sum()), int(flat.any(0).sum()), int(rows.sum(1).max(initial=0)), alike)
