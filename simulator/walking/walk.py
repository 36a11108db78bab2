"""The walk: the steps of a plan that run, in their order, on the rows that are kept, for all inputs at once.

What is decided nowhere inside (the body of an expert) takes as long on as many rows wherever it stands. So a walk may stay
outside of the ways of an `each` and say their rows only (`fold`); what they take is then looked up by their rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from ...compiler.ir import Graph, Node, streams_of
from ...compiler.kernels import kernel_of
from ...compiler.plan import RESIDENCY, Plan, Step, Way
from ...compiler.planning.grouping import grouped
from ...compiler.planning.guards import guard_of
from ...compiler.planning.ladder import Rung
from ...compiler.planning.packing import packs, packs_rows
from ...compiler.work import Dims
from .falls import Fallen, Falls
from .place import Place, first_size, root, rows_of
from .positions import Array


@dataclass(frozen=True, slots=True, eq=False)
class Ran:
    """One step that ran.

    - `rows`: as `compiler.step_log.Entry` says, by input: [inputs, ways]; None for a step on all positions of its body;
    - `ran`: for which inputs it ran at all, bool [inputs] (None: for all);
    - `folded`: the bodies of its ways are not walked, only their rows said;
    - `together`: its ways run as one, on the rows of all;
    - `kept`, `rung`: of a step of a ladder, what was decided there, and which rung it belongs to;
    - `alone`: for which inputs a guard has found that some ways have all rows and the others none, so that nothing is taken out
      or put back.
    """

    place: Place
    step: Step
    rows: Array | None = None
    ran: Array | None = None
    folded: bool = False
    together: bool = False
    kept: Fallen | None = None
    rung: int = -1
    alone: Array | None = None


def walk(plan: Plan, falls: Falls, dims: Dims, *, fold: bool = False) -> Iterator[Ran]:
    """The steps of a plan as they run for each input. `fold`: bodies in which nothing is decided are not walked way by way."""
    place = root(plan.graph, dims, falls.start())
    yield from _Walk(plan, falls, fold).block(place)


@dataclass(slots=True)
class _Routed:
    """A fuse or ladder under way: what was kept, its ways, and for a ladder which rung is next."""

    kept: Fallen
    ways: tuple[Way, ...]
    rung: int = -1
    ran: Array | None = None
    alone: Array | None = None


@dataclass(slots=True)
class _Walk:
    plan: Plan
    falls: Falls
    fold: bool
    held: dict[str, Array] = field(default_factory=dict)
    """By unit, how often each input holds it."""
    simple: dict[int, bool] = field(default_factory=dict)

    def block(self, place: Place) -> Iterator[Ran]:
        block = self.plan.of(place.graph) if id(place.graph) in self.plan.blocks else self.plan.block
        place.graph = block.graph
        routed: dict[Node, _Routed] = {}
        for step in block.steps:
            if step.kind in RESIDENCY:
                yield from self.moved(place, step, routed)
            elif step.nodes and step.nodes[0].op == "ladder":
                yield from self.ladder(place, step, routed)
            elif step.kind == "select":
                place.fallen[step.nodes[0]] = self.fell(place, step.nodes[0], step, None)
                yield Ran(place, step, None, place.ran)
            elif step.kind == "each" and not step.rows:
                yield from self.dense(place, step)
            elif step.kind in ("probe", "remember") or (step.kind == "compute" and step.ways):
                yield from self.cached(place, step)
            elif step.rows:
                yield from self.routed(place, step, routed)
            else:
                yield Ran(place, step, None, place.ran)

    def fell(self, place: Place, select: Node, step: Step, ways: tuple[Way, ...] | None) -> Fallen:
        own = select.attrs["select"] if select.op == "ladder" else select
        spread = None
        if len(own.selection.kept.shape) == 1 and ways is not None:
            given = next(o for way in ways for o, mine in zip(way.arguments, way.gathered) if mine)
            spread = first_size(place, given, self.falls.inputs)
        return self.falls.fell(place, select, spread)

    # ---- calls on all positions

    def dense(self, place: Place, step: Step) -> Iterator[Ran]:
        # What is hoisted was computed before the call, once for all that follow.
        before = step.ways[0].apply.attrs.get("word") == "hoisted"
        yield Ran(place, step, None, place.ran)
        for way in () if before else step.ways:
            if way.apply.attrs["body"] is not None:
                fallen = packed_by(place, way.apply)
                inner = place.call(way.apply, way.member) if fallen is None else self.packed(place, way, fallen)
                yield from self.block(inner)

    def packed(self, place: Place, way: Way, fallen: Fallen) -> Place:
        """A body on packed positions: as many a sample as the fullest keeps, or the kept ones of all one behind the other."""
        fullest, total = fallen.packed()
        if kernel_of(way.apply) == "gather" and packs_rows(way.apply):
            samples = first_size(place, way.arguments[0], self.falls.inputs)
            return place.pack(way.apply, way.member, total / np.maximum(1, samples))
        return place.pack(way.apply, way.member, fullest)

    # ---- on kept positions

    def routed(self, place: Place, step: Step, routed: dict[Node, _Routed]) -> Iterator[Ran]:
        node = step.nodes[0]
        if step.kind == "dispatch":
            kept = place.fallen[node]
            if len(node.selection.kept.shape) == 1:
                kept = self.fell(place, node, step, step.ways)
            routed[node] = _Routed(kept, step.ways)
            yield Ran(place, step, kept.counts(step.rows), place.ran)
            return
        by = step.reads[0] if step.kind in ("branch", "each") and step.part is None else streams_of(node)[1]
        assert by is not None
        one = routed[by]
        counts = one.kept.counts(step.rows)
        if step.kind == "each":
            yield from self.ways(place, step, one, counts)
        elif step.kind == "branch":
            yield Ran(place, step, self.guarded(step, one, counts)[:, None], place.ran)
        else:
            yield Ran(place, step, counts, place.ran, alone=one.alone)

    def ways(self, place: Place, step: Step, one: _Routed, counts: Array) -> Iterator[Ran]:
        """An `each`: of all its ways, or of one whose chunks are held."""
        ran = self.wanted(place, step, {}, counts)
        if ran is not None and not ran.any():
            return
        places = range(len(step.ways)) if step.part is None else [step.part]
        together = step.part is None and self.grouped(place, step)
        folded = together or (self.fold and all(self.plain(way.apply.attrs["body"]) for way in step.ways))
        yield Ran(place, step, counts[:, list(places)], ran, folded, together, alone=one.alone)
        for way, i in zip(step.ways, places) if not folded else ():
            if counts[:, i].any():
                yield from self.block(place.gather(way, step.rows, counts[:, i], one.kept.inside(step.rows, i)))

    def grouped(self, place: Place, step: Step) -> bool:
        """Whether the members run as one product; the `combine` behind knows the fuse."""
        block = self.plan.of(place.graph) if id(place.graph) in self.plan.blocks else self.plan.block
        combine = next(other for other in block.steps if other.kind == "combine" and step.id in other.after)
        return grouped(combine)

    def plain(self, body: Graph) -> bool:
        """Whether a body runs alike wherever it has as many rows: nothing in it is decided, remembered or moved."""
        if id(body) not in self.simple:
            self.simple[id(body)] = all(
                step.kind in ("compute", "each") and not step.rows and not any(is_packed(way.apply) for way in step.ways)
                and all(way.apply.attrs["body"] is None or self.plain(way.apply.attrs["body"]) for way in step.ways)
                for step in self.plan.of(body).steps
            )  # fmt: skip
        return self.simple[id(body)]

    def guarded(self, step: Step, one: _Routed, counts: Array) -> Array:
        """Whether one of the likely computations of a fuse is what this call needs."""
        guard = guard_of(step.nodes[0], one.ways, step.rows)
        assert guard is not None
        alone, total = np.zeros(len(counts), bool), one.kept.left(step.rows, 0)[0]
        for path in guard.paths:
            mine = np.isin(np.arange(counts.shape[1]), path)
            alone |= (counts == np.where(mine, total[:, None], 0)).all(1)
        one.alone = alone if guard.paths else None
        idle = (counts[:, list(guard.idle)] == 0).all(1) if guard.idle else np.zeros(len(counts), bool)
        return alone | idle

    # ---- rung by rung

    def ladder(self, place: Place, step: Step, routed: dict[Node, _Routed]) -> Iterator[Ran]:
        node, axes = step.nodes[0], step.nodes[0].attrs["prefix"]
        if node not in routed:
            routed[node] = _Routed(self.fell(place, node, step, None), ())
        one = routed[node]
        rungs: tuple[Rung, ...] = node.attrs["rungs"]
        if step.kind == "each" and step.part is not None:
            one.rung = step.part
            yield from self.rung(place, step, one)
        elif step.kind == "each":  # what is kept by the last rung that was asked
            rows = one.kept.counts(axes)[:, one.rung]
            yield Ran(place, step, rows[:, None], one.ran, kept=one.kept, rung=one.rung)
            if rows.any():
                yield from self.block(place.gather(step.ways[0], axes, rows, one.kept.inside(axes, one.rung)))
        elif step.kind == "dispatch":
            yield Ran(place, step, one.kept.left(axes, one.rung + 1)[0][:, None], place.ran, kept=one.kept, rung=one.rung)
        elif step.kind == "combine":
            yield Ran(place, step, one.kept.counts(axes)[:, : len(rungs)], place.ran, kept=one.kept, rung=one.rung)
        else:
            yield Ran(place, step, None, place.ran, kept=one.kept, rung=one.rung)

    def rung(self, place: Place, step: Step, one: _Routed) -> Iterator[Ran]:
        assert step.part is not None
        way, axes = step.ways[0], step.nodes[0].attrs["prefix"]
        left, where = one.kept.left(axes, step.part)
        ran = place.ran
        if step.wanted:
            ran = left > 0 if ran is None else ran & (left > 0)
        one.ran = ran
        yield Ran(place, step, left[:, None] if step.part else None, ran, kept=one.kept, rung=one.rung)
        if not step.part:
            body = place.call(way.apply, "")
            body.given = None if place.given is None else way.gathered
            yield from self.block(body)
        elif left.any():
            yield from self.block(place.gather(way, axes, left, where))

    # ---- remembered across calls

    def cached(self, place: Place, step: Step) -> Iterator[Ran]:
        node = step.nodes[0]
        if step.kind == "probe":
            asked = self.asked(place, node)
            held = self.falls.held(place, node, asked)
            place.fallen[node] = asked, held
            yield Ran(place, step, np.stack([held, asked], 1), place.ran)
            return
        asked, held = place.fallen[node]
        rows, ran = asked - held, place.ran
        if step.kind == "compute":  # where all is held, nothing is computed
            some = (rows > 0) | (asked == 0)
            ran = some if ran is None else ran & some
        yield Ran(place, step, rows[:, None], ran)
        if step.kind == "compute" and rows.any():
            yield from self.block(place.gather(step.ways[0], step.rows, rows, place.where))

    def asked(self, place: Place, node: Node) -> Array:
        """How many rows a cached part is asked for, by input."""
        key = next(operand for operand, mine in zip(node.operands, node.attrs["keys"]) if mine)
        return rows_of(place, key, node.attrs["rows"], self.falls.inputs)

    # ---- chunks moved

    def moved(self, place: Place, step: Step, routed: Mapping[Node, _Routed]) -> Iterator[Ran]:
        ran = self.wanted(place, step, routed, None)
        if step.kind == "release":
            ran = self.held.get(step.label, np.zeros(self.falls.inputs, np.int64)) > 0
            self.held[step.label] = self.held[step.label] - ran if step.label in self.held else ran.astype(np.int64)
        elif step.kind == "acquire":
            now = np.ones(self.falls.inputs, np.int64) if ran is None else ran.astype(np.int64)
            self.held[step.label] = self.held.get(step.label, 0) + now
        yield Ran(place, step, None, ran)  # where it does nothing the store still hears of it

    def wanted(self, place: Place, step: Step, routed: Mapping[Node, _Routed], counts: Array | None) -> Array | None:
        """For which inputs a step has something to do (None: for all)."""
        if not step.wanted:
            return place.ran
        found = np.zeros(self.falls.inputs, bool)
        for by, way in step.wanted:
            if by.op == "ladder":
                found |= routed[by].kept.left(by.attrs["prefix"], way)[0] > 0
            else:
                axes = max(1, len(by.selection.kept.shape) - 1)
                found |= place.fallen[by].counts(axes)[:, way] > 0 if counts is None else counts[:, way] > 0
        return found if place.ran is None else found & place.ran


def is_packed(apply: Node) -> bool:
    """Whether a call runs on packed positions."""
    return bool(apply.attrs["single"]) and kernel_of(apply) != "dense" and packs(apply)


def packed_by(place: Place, apply: Node) -> Fallen | None:
    """The selection that says which positions a call runs on, packed; None: it runs on all."""
    if not is_packed(apply):
        return None
    fallen: list[Fallen] = place.decided_by(apply.operands[-2])
    return fallen[0] if len(fallen) == 1 else None
