"""Where a step stands: the call path, the sizes there, and on which rows the body around it runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...compiler.dims import evaluate, symbols
from ...compiler.ir import Graph, Node, call_path
from ...compiler.mixing import with_positions
from ...compiler.ops import OPS
from ...compiler.plan import Way
from ...compiler.types import BundleType, Type, tensor_types
from ...compiler.work import Dims, bare_symbol, call_dims
from .positions import Array, Positions

Where = tuple[Positions, ...] | None
"""The positions of a body for each input; None: they are not followed, only counted."""
Sizes = tuple[Dims, float]
"""The sizes inside a body, and the share of its positions that it runs on where its sizes cannot say (they are all literal)."""


@dataclass(slots=True)
class Place:
    """One body in one call, for all inputs together.

    - `levels`: for each time that rows were gathered on the way here, how many, by input;
    - `sizes`: from one number for each of these levels the dimensions here;
    - `ran`: for which inputs the body runs at all (None: for all).
    """

    path: str
    graph: Graph
    sizes: Callable[[tuple[float, ...]], Sizes]
    levels: tuple[Array, ...] = ()
    where: Where = None
    given: tuple[bool, ...] | None = None
    ran: Array | None = None
    fallen: dict[Any, Any] = field(default_factory=dict)
    """What has been decided here so far, by select or ladder, and what was found of it."""
    outer: Place | None = None
    arguments: tuple[Node, ...] = ()
    """What the body is given, of the place around it."""
    _positional: set[Node] | None = None
    _fixed: Sizes | None = None

    @property
    def dims(self) -> Sizes:
        """The sizes of a place under no gathered rows."""
        assert not self.levels
        if self._fixed is None:
            self._fixed = self.sizes(())
        return self._fixed

    def shared(self, node: Node) -> bool:
        """Whether a decision here has none of the positions that the rows come from."""
        if self.given is None:
            return False
        if self._positional is None:
            self._positional = with_positions(self.graph, {node for node, mine in zip(self.graph.inputs, self.given) if mine})
        return node not in self._positional

    def among(self, operands: Sequence[Node]) -> tuple[bool, ...] | None:
        """Which values have the positions of the rows here."""
        return None if self.given is None else tuple(not self.shared(operand) for operand in operands)

    def decided_by(self, node: Node) -> list[Any]:
        """What fell of the selections that a value here is made of, those outside too that it was given from."""
        found, stack, inputs = [], [node], list(self.graph.inputs)
        while stack:
            one = stack.pop()
            if one in self.fallen:
                found.append(self.fallen[one])
            elif one.op == "input" and self.outer is not None and self.arguments:
                found += self.outer.decided_by(self.arguments[inputs.index(one)])
            elif one.op in OPS or one.op == "field":
                stack.extend(one.operands)
        return found

    def call(self, apply: Node, member: str) -> Place:
        """The body of a call that runs on all positions here."""
        body: Graph = apply.attrs["body"]
        flags = self.among(apply.operands)
        if flags is not None and apply.attrs["zipped"]:
            flags = (all(flags),) * len(body.inputs)
        outer = self.sizes

        def sizes(values: tuple[float, ...]) -> Sizes:
            dims, share = outer(values)
            return call_dims(apply, dims), share

        found = Place(call_path(self.path, apply, member), body, sizes, self.levels, self.where, flags, self.ran)
        found.outer, found.arguments = self, apply.operands if not apply.attrs["zipped"] else ()
        return found

    def pack(self, apply: Node, member: str, counts: Array) -> Place:
        """The body of a call whose positions, the second axis, are packed to so many a sample."""
        inner, outer = self.call(apply, member), self.sizes

        def sizes(values: tuple[float, ...]) -> Sizes:
            dims, share = outer(values[:-1])
            return {**call_dims(apply, dims), **_second(apply, values[-1])}, share

        inner.sizes, inner.levels = sizes, (*self.levels, counts)
        return inner

    def gather(self, way: Way, axes: int, rows: Array, where: Where) -> Place:
        """The body of a way, on so many rows of the first `axes` axes of what is gathered."""
        outer, body = self.sizes, way.apply.attrs["body"]

        def sizes(values: tuple[float, ...]) -> Sizes:
            dims, share = outer(values[:-1])
            return rows_sizes(way, axes, dims, share, values[-1])

        some = rows > 0
        ran = some if self.ran is None else self.ran & some
        path = call_path(self.path, way.apply, way.member)
        found = Place(path, body, sizes, (*self.levels, rows), where, way.gathered, None if ran.all() else ran)
        found.outer, found.arguments = self, way.arguments
        return found


def rows_sizes(way: Way, axes: int, dims: Dims, share: float, rows: float) -> Sizes:
    """The sizes inside the body of a way on so many rows: they stand in its first axis, and the others of the `axes` are 1."""
    found: dict[str, Any] = {}
    counted = False
    for outer, inner, gathered in sorted(_bound(way), key=lambda one: not one[2]):
        lead = inner.shape[:axes] if gathered else ()
        if lead and not counted:
            counted = True
            names = [sorted(symbols(size)) for size in lead]
            literal = math.prod(evaluate(size, dict.fromkeys(named, 1)) for size, named in zip(lead, names))
            free = [name for named in names for name in named[:1] if name not in found]
            found.update(dict.fromkeys(free, 1))
            if free:
                found[free[0]] = whole(rows / literal)
            else:
                share *= rows / literal
        for size, name in list(zip(outer.shape, inner.shape))[len(lead) :]:
            if symbol := bare_symbol(name):
                found.setdefault(symbol, evaluate(size, dims))
    return {**dims, **found}, share


def _second(apply: Node, count: float) -> dict[str, Any]:
    """The name of the second axis of what a body is given first, where it has one."""
    names = [bare_symbol(taken.shape[1]) for taken in apply.attrs["body"].inputs if len(taken.shape) > 1]
    return {name: whole(count) for name in names[:1] if name}


def whole(count: float) -> float:
    """A number as the whole one that it is, where it is one."""
    return int(count) if count == int(count) else count


def _bound(way: Way) -> Iterator[tuple[Any, Any, bool]]:
    """What a way is given, part by part: the type outside, the type inside, whether it is gathered. An outlined part has the
    sizes of its caller."""
    inputs = way.apply.attrs["body"].inputs
    outer: Sequence[Type] = [argument.type for argument in way.arguments] or [taken.type for taken in inputs]
    for given, taken, gathered in zip(outer, inputs, way.gathered):
        element = given.element if isinstance(given, BundleType) else given
        for whole, part in zip(tensor_types(element), tensor_types(taken.type)):
            yield whole, part, gathered


def root(graph: Graph, dims: Dims, where: Where) -> Place:
    """The outermost place."""
    return Place("", graph, lambda _: (dims, 1.0), where=where)


def first_size(place: Place, node: Node, inputs: int) -> Array:
    """The first size of a value here, by input."""
    if place.levels and not place.shared(node):
        return np.asarray(place.levels[-1])
    values = [place.sizes(tuple(float(level[n]) for level in place.levels))[0] for n in range(inputs if place.levels else 1)]
    return np.array([evaluate(node.shape[0], dims) for dims in values]).repeat(1 if place.levels else inputs)


def rows_of(place: Place, node: Node, axes: int, inputs: int) -> Array:
    """How many positions the first axes of a value have here, by input."""
    if place.levels and not place.shared(node):
        lead = place.levels[-1]  # gathered: the others are 1, or finer
        rest = node.shape[1:axes]
        sizes = [place.sizes(tuple(float(level[n]) for level in place.levels))[0] for n in range(inputs)] if rest else []
        return lead * np.array([math.prod(evaluate(size, dims) for size in rest) for dims in sizes]) if rest else lead
    return np.full(inputs, math.prod(evaluate(size, place.sizes(())[0]) for size in node.shape[:axes]))
