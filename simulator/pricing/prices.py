"""Prices of steps: what each takes by input, with the same work priced once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...compiler.calls import How, Kept, enter_calls, grouped_calls
from ...compiler.cost import Cost
from ...compiler.dims import evaluate
from ...compiler.ir import Graph, Node
from ...compiler.plan import Plan, Step
from ...compiler.shapes import Grouped, Product
from ...compiler.types import BYTES
from ...compiler.work import Dims, call_dims
from ..machine import GroupedMachine, Machine
from ..walking import Place, Ran
from ..walking.place import first_size, rows_sizes
from ..walking.positions import Array
from ..walking.walk import packed_by
from . import step_calls
from .columns import SYNC, Columns, Floats, many, together
from .remembered import Remembered
from .step_calls import Masks


@dataclass(frozen=True, slots=True, eq=False)
class Priced:
    """One step with its rows of numbers (`columns`): [inputs, width], or [1, width] where all inputs are alike. `ways`: of an
    `each` whose bodies were not walked, the mean row of each way."""

    ran: Ran
    rows: Floats
    ways: Floats | None = None

    @property
    def syncs(self) -> Array:
        """Where the host waits for what the step found: bool [inputs], or [1] for all."""
        return np.asarray(self.rows[:, SYNC] > 0)


@dataclass(slots=True)
class Prices(Remembered):
    """A machine that prices the steps of one plan, and remembers."""

    masks: dict[int, Masks] = field(default_factory=dict)

    @classmethod
    def on(cls, machine: Machine, plan: Plan, dtype: str, inputs: int, *, eager: bool = True) -> Prices:
        target = machine.target
        return cls(machine, plan, How(dtype, "cuda" if target.kind == "gpu" else "cpu"), Columns.of(target, eager), inputs)

    # ---- steps

    def price(self, ran: Ran) -> Priced:
        """One step of a walk."""
        rows, ways = self._step(ran)
        if ran.ran is not None:
            rows = np.where(ran.ran[:, None], rows, 0.0)
        return Priced(ran, rows, ways)

    def _step(self, ran: Ran) -> tuple[Floats, Floats | None]:
        step, place = ran.step, ran.place
        ladder = bool(step.nodes) and step.nodes[0].op == "ladder"
        if ladder:
            return self.rung(ran), None
        match step.kind:
            case "compute" | "draw" | "select" if not step.ways:
                return self.nodes(ran), None
            case "each" if not step.rows:
                return self.entered(ran), None
            case "each":
                return self.ways(ran)
            case "dispatch":
                assert ran.rows is not None
                decided = self.decisions(ran)
                return self.by_numbers(place, step, [decided, ran.rows.sum(1)], _dispatch), None
            case "combine":
                return self.alone(ran, self.combined(ran, step_calls.combined)), None
            case "probe" | "remember":
                return self.looked_up(ran), None
            case "record":
                return self.sized(place, step, lambda dims, share: step_calls.recorded(step, dims, share, self.how)), None
        return self.columns.nothing()[None], None  # chunks move beside; a guard asks what the host knows

    def nodes(self, ran: Ran) -> Floats:
        step, place = ran.step, ran.place
        masks = self.masks_of(place.graph)
        pruned = {node: masks.products[node] for node in step.nodes if masks.products.get(node) in place.fallen}
        if not pruned:
            return self.sized(place, step, lambda dims, share: step_calls.nodes(step, masks, {}, dims, share, self.how))
        rows = []
        for n in range(self.inputs):
            dims, share = place.sizes(tuple(float(level[n]) for level in place.levels))
            kept = {node: self.kept(place, select, dims, share, n) for node, select in pruned.items()}
            key = (step.id, id(step), tuple(sorted(dims.items())), share, tuple(kept.values()))
            rows.append(self.once(key, lambda: step_calls.nodes(step, masks, kept, dims, share, self.how)))  # noqa: B023
        return np.array(rows)

    def kept(self, place: Place, select: Node, dims: Dims, share: float, n: int) -> Kept:
        found: Sequence[Kept] = place.fallen[select].masked(select, dims, share)
        return found[n] if len(found) > 1 else found[0]

    def masks_of(self, graph: Graph) -> Masks:
        if id(graph) not in self.masks:
            self.masks[id(graph)] = Masks.of(graph)
        return self.masks[id(graph)]

    def entered(self, ran: Ran) -> Floats:
        step, place = ran.step, ran.place
        fallen = packed_by(place, step.ways[0].apply)
        entered = self.once(("enter", step.id), lambda: step_calls.entered(step))[None]
        if fallen is None:
            return entered
        fullest, total = fallen.packed()
        return together([entered, self.by_numbers(place, step, [fullest, total], _packed)], self.columns.width)

    def looked_up(self, ran: Ran) -> Floats:
        asked, held = ran.place.fallen[ran.step.nodes[0]]
        return self.by_numbers(ran.place, ran.step, [asked, held], _looked_up)

    def decisions(self, ran: Ran) -> Array:
        """How many rows there are to decide on, by input."""
        assert ran.rows is not None
        place, step = ran.place, ran.step
        node = step.nodes[0]
        shape: Sequence[Any]
        if node.op == "ladder":
            shape = node.shape[: node.attrs["prefix"]]
        else:
            by = node if node.op == "select" else node.operands[-1]
            shape = by.selection.kept.shape[: step.rows]
            if len(by.selection.kept.shape) == 1:
                given = next(o for way in step.ways for o, mine in zip(way.arguments, way.gathered) if mine)
                return first_size(place, given, self.inputs)
        sizes = [place.sizes(tuple(float(level[n]) for level in place.levels)) for n in range(self.inputs if place.levels else 1)]
        found = [share * np.prod([evaluate(size, dims) for size in shape]) for dims, share in sizes]
        return np.array(found).repeat(1 if place.levels else self.inputs)

    # ---- ways

    def ways(self, ran: Ran) -> tuple[Floats, Floats | None]:
        """The rows of the ways taken, and where the walk stayed outside, what their bodies take."""
        step, place, loads = ran.step, ran.place, ran.rows
        assert loads is not None
        taken = self.by_numbers(place, step, [loads.sum(1)], _only_taken if ran.together or ran.folded else _taken)
        rows = [taken if ran.alone is None else np.where(ran.alone[:, None], 0.0, taken)]
        if ran.together:
            rows.append(self.grouped(ran, loads))
        if not ran.folded or ran.together:
            return together(rows, self.columns.width), None
        bodies = [id(way.apply.attrs["body"]) for way in step.ways]
        shares = np.zeros((len(bodies), self.columns.width))
        for body in dict.fromkeys(bodies):
            mine = [place_ for place_, one in enumerate(bodies) if one == body]
            found, each = self.bodies(place, step, mine[0], loads[:, mine])
            rows.append(found)
            shares[mine] = each
        return together(rows, self.columns.width), shares

    def bodies(self, place: Place, step: Step, first: int, loads: Array) -> tuple[Floats, Floats]:
        """Bodies alike on so many rows each: [inputs, width], and the mean of each way. Σ table[load]."""
        way = step.ways[first]

        def one(dims: Dims, share: float, load: float) -> Floats:
            inner, part = rows_sizes(way, step.rows, dims, share, load)
            found = self.body(way.apply.attrs["body"], inner, part)
            return together([self.calls(enter_calls(way.apply)), found if load else self.unseen(found)], self.columns.width)

        return self.summed(place, ("body", id(way.apply.attrs["body"]), way.gathered, step.rows), loads, one)

    def body(self, graph: Graph, dims: Dims, share: float) -> Floats:
        """One row of a body in which nothing is decided."""
        key = ("body", id(graph), tuple(sorted(dims.items())), share)
        if key not in self.known:
            block, rows = self.plan.of(graph), []
            masks = self.masks_of(block.graph)
            for step in block.steps:
                if step.kind == "compute":
                    rows.append(self.calls(step_calls.nodes(step, masks, {}, dims, share, self.how)))
                    continue
                rows.append(self.calls(step_calls.entered(step)))
                inner = [way.apply for way in step.ways if way.apply.attrs["body"] is not None]
                if step.ways[0].apply.attrs.get("word") != "hoisted":
                    rows += [self.body(one.attrs["body"], call_dims(one, dims), share) for one in inner]
            self.known[key] = together(rows, self.columns.width)
        return self.known[key]

    def grouped(self, ran: Ran, loads: Array) -> Floats:
        """Members on the rows of all: products by their own weights, all else once."""
        step, place = ran.step, ran.place
        apply, count = step.ways[0].apply, loads.shape[1]
        body, how = apply.attrs["body"], self.how

        def calls(dims: Dims, total: float) -> list[Cost]:
            return grouped_calls(body, step.rows, [total] + [0] * (count - 1), call_dims(apply, dims), how)

        def beside(step: Step, dims: Dims, share: float, numbers: Sequence[float], how: How) -> list[Cost]:
            return [call for call in calls(dims, numbers[0]) if not isinstance(call.shape, Grouped | Product)]

        rows = [self.by_numbers(place, step, [loads.sum(1)], beside)]
        dims, _ = place.sizes(tuple(float(level[0]) for level in place.levels))
        shapes = [call.shape for call in calls(dims, 1)]
        for shape in shapes:
            if isinstance(shape, Grouped):
                rows.append(self.products(shape, loads))
        if any(isinstance(shape, Product) for shape in shapes):

            def own(dims: Dims, share: float, load: float) -> Floats:
                made = calls(dims, load) if load else []
                return self.calls([call for call in made if isinstance(call.shape, Product)])

            rows.append(self.summed(place, ("own", id(body), step.rows), loads, own)[0])
        return together(rows, self.columns.width)

    def products(self, shape: Grouped, loads: Array) -> Floats:
        """One product of stacked weights for each input, priced at once where the machine can."""
        per = int(sum(shape.loads)) or 1  # rows of a product for each row of a way
        scaled = loads * per
        if isinstance(self.machine, GroupedMachine):
            return self.columns.rows(self.machine.time_grouped(scaled, shape.n, shape.k, shape.dtype))
        found = []
        for row in scaled:
            rows, reached = float(row.sum()), int((row > 0).sum())
            moved = (rows * (shape.n + shape.k) + reached * shape.n * shape.k) * BYTES[shape.dtype]
            one = Grouped(tuple(map(int, row)), shape.n, shape.k, shape.dtype)
            found.append(self.call(Cost(rows * shape.n * shape.k, moved, 1, one)))
        return np.array(found)

    def combined(self, ran: Ran, write: Callable[..., list[Cost]]) -> Floats:
        """What the ways made put together: of each way by its rows, and what it takes besides."""
        step, place, loads = ran.step, ran.place, ran.rows
        assert loads is not None
        decided, count = self.decisions(ran), loads.shape[1]
        few = self.how.device == "cpu" and int(loads.sum(1).max()) <= 2048

        def base(step: Step, dims: Dims, share: float, numbers: Sequence[float], how: How) -> list[Cost]:
            total = numbers[1] if few else 0
            return write(step, [total] + [0] * (count - 1), numbers[0], dims, how)

        rows = self.by_numbers(place, step, [decided, loads.sum(1)] if few else [decided], base)
        if few:
            return rows
        most = float(decided.max(initial=0))
        empty: dict[Any, Floats] = {}

        def one(dims: Dims, share: float, load: float) -> Floats:
            key = tuple(sorted(dims.items()))
            if key not in empty:
                empty[key] = self.calls(write(step, [0], most, dims, self.how))
            found: Floats = self.calls(write(step, [load], most, dims, self.how)) - empty[key]
            return found

        return many(rows + self.summed(place, ("combine", step.id, most), loads, one)[0])

    def alone(self, ran: Ran, rows: Floats) -> Floats:
        """What a guard leaves of a `combine` where the same ways have all rows."""
        if ran.alone is None or not ran.alone.any():
            return rows
        assert ran.rows is not None
        whole = self.by_numbers(ran.place, ran.step, [(ran.rows > 0).sum(1), self.decisions(ran)], _alone)
        return np.where(ran.alone[:, None], whole, rows)

    def rung(self, ran: Ran) -> Floats:
        """A step of a ladder."""
        step, place = ran.step, ran.place
        node = step.nodes[0]
        axes = node.attrs["prefix"]
        if step.kind == "combine":
            return self.combined(ran, step_calls.rungs_combined)
        if step.kind == "each":
            loads = ran.rows[:, 0] if ran.rows is not None else np.zeros(self.inputs)
            return self.by_numbers(place, step, [loads], _rung_taken)
        if step.kind == "select":
            assert ran.kept is not None
            rung = ran.rung
            left, kept = ran.kept.left(axes, rung)[0], ran.kept.counts(axes)[:, rung]

            def decided(step: Step, dims: Dims, share: float, numbers: Sequence[float], how: How) -> list[Cost]:
                return step_calls.rung_decided(step, rung, numbers[0], numbers[1], dims, how)

            return self.by_numbers(place, step, [left, kept], decided)
        return self.columns.nothing()[None]


def _dispatch(step: Step, dims: Dims, share: float, numbers: Sequence[float], how: How) -> list[Cost]:
    return step_calls.dispatch(step, numbers[0], numbers[1], dims, how)


def _taken(step: Step, dims: Dims, share: float, numbers: Sequence[float], how: How) -> list[Cost]:
    return step_calls.taken(step, numbers[0], dims, how)


def _only_taken(step: Step, dims: Dims, share: float, numbers: Sequence[float], how: How) -> list[Cost]:
    return step_calls.taken(step, numbers[0], dims, how, entered=False)


def _alone(step: Step, dims: Dims, share: float, numbers: Sequence[float], how: How) -> list[Cost]:
    return step_calls.combined_alone(step, numbers[0], numbers[1], dims, how)


def _packed(step: Step, dims: Dims, share: float, numbers: Sequence[float], how: How) -> list[Cost]:
    return step_calls.packed(step, numbers[0], numbers[1], dims, share, how)


def _looked_up(step: Step, dims: Dims, share: float, numbers: Sequence[float], how: How) -> list[Cost]:
    return step_calls.looked_up(step, numbers[0], numbers[1], dims, how)


def _rung_taken(step: Step, dims: Dims, share: float, numbers: Sequence[float], how: How) -> list[Cost]:
    return step_calls.rung_taken(step, numbers[0], dims, how)
