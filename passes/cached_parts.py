"""The parts above selections that may be remembered across calls, each found by looking only at what is near it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from heapq import heappop, heappush

from ..compiler.bodies import body_order, lasting
from ..compiler.calls import array_of, cached_calls
from ..compiler.cost import Cost, CostModel
from ..compiler.dims import Dim, UnboundDim, evaluate, product
from ..compiler.ir import Graph, Node, users
from ..compiler.mixing import row_prefix
from ..compiler.ops import OPS
from ..compiler.planning.cones import body_giving, boundary, matching
from ..compiler.profile import Activity
from ..compiler.types import TensorType, free_symbols
from ..compiler.work import Dims, bare_symbol, dense_work
from .kernel_costs import Estimate

LOOKING_S, BYTE_S = 1e-6, 1e-9
"""Seconds to look one row up and hold it, and more for each byte of its key (measured on one CPU core, `docs/caching.md`)."""


@dataclass(frozen=True, slots=True)
class Part:
    """The nodes that are set apart, what is passed to them, what they give, and how many leading axes are rows."""

    inside: set[Node]
    passed: list[Node]
    keys: tuple[bool, ...]
    """Which of what is passed depends on the call's inputs."""
    wanted: tuple[tuple[str, Node], ...]
    body: Graph
    rows: int

    def counted(self) -> tuple[int, int]:
        """Multiply-adds and bytes of the key of one row, where every other dimension is 16."""
        key = [node for node, mine in zip(self.passed, self.keys) if mine]
        dims = dict.fromkeys(sorted(frozenset().union(*(free_symbols(node.type) for node in self.passed))), 16)
        dims |= {str(size): 1 for node in key for size in node.shape[: self.rows] if isinstance(size, Dim)}
        macs = evaluate(dense_work(self.body, dims).macs, {})
        return macs, sum(4 * evaluate(product(node.shape[self.rows :]), dims) for node in key)

    @property
    def worth_a_look(self) -> bool:
        """Whether it takes at least a multiply-add for each number that is compared."""
        macs, size = self.counted()
        return macs >= size // 4

    def pays(self, seen: list[Activity], model: CostModel, dims: Dims) -> bool:
        """Whether what repeated would have cost more than looking everything up: in a call of these sizes, or where they are not
        all known by the work of a row."""
        decisions, repeats = sum(one.decisions for one in seen), sum(one.repeats or 0 for one in seen)
        try:
            return self.saves(repeats / max(1, decisions), model, dims)
        except UnboundDim:
            macs, size = self.counted()
            return repeats * model.price([Cost(macs, launches=0)]).seconds > decisions * (LOOKING_S + BYTE_S * size)

    def saves(self, hits: float, model: CostModel, dims: Dims) -> bool:
        """Whether a call is done earlier that holds this share of its rows. `UnboundDim` where a size is not known."""
        arrays = [array_of(node.tensor, dims, 1, model.how) for node, mine in zip(self.passed, self.keys) if mine]
        rows = math.prod(arrays[0].shape[: self.rows])
        keys = [one.of(rows, *one.shape[self.rows :]) for one in arrays]
        made = [array_of(node.tensor, dims, 1, model.how) for _, node in self.wanted]
        values = [one.of(1, *one.shape[self.rows :]) for one in made]
        before, behind = cached_calls(keys, rows * hits, values, model.how)
        estimate = Estimate(model, {})
        looking = model.price(before) + estimate.price(self.body, dims, 1 - hits) + model.price(behind)
        return looking.seconds < estimate.price(self.body, dims, 1.0).seconds


class Scene:
    """What is known of a graph, found once for all of its selections. `changing`: paths of states that calls change.

    - `varies`: what gives another value for equal inputs: draws, states that calls change, and all made of them;
    - `barred`: what must not be set apart: decisions, calls that leave something, parts that are set apart already;
    - `given`: what depends on the inputs of the graph.
    """

    def __init__(self, graph: Graph, changing: frozenset[str]) -> None:
        self.graph, self.changing = graph, changing
        self.place = {node: i for i, node in enumerate(graph.nodes)}
        self.reads = users(graph)
        self.last = set(graph.roots)
        self.varies: set[Node] = set()
        self.barred: set[Node] = set()
        self.given: set[Node] = set()
        effects = lasting(graph)
        for node in graph.nodes:
            own = _unsteady(node, changing)
            if node.op == "apply":
                body = node.attrs["body"]
                plain = body is not None and id(body) not in effects and not node.attrs.get("word")
                if not plain or any(_decides(one, changing) for one in (body, *body_order(body))):
                    self.barred.add(node)
                    own = body is None or any(_random(one, changing) for one in (body, *body_order(body)))
            if node.op == "select":
                self.barred.add(node)
            if own or any(operand in self.varies for operand in node.operands):
                self.varies.add(node)
            if own or node.op == "input" or any(operand in self.given for operand in node.operands):
                self.given.add(node)

    def part(self, select: Node) -> Part | None:
        """The largest part above a selection that may be cached, or None."""
        score = select.operands[0]
        # What is made of the score is made of it at least in f32: outside.
        outside = self.varies | self._behind({score}, self.place[select]) - {score}
        roots = {node for node in _roots(select, outside) if node in self.given and node not in self.barred}
        inside = self._cone(roots, outside)
        wanted = sorted(inside & roots, key=self.place.__getitem__)
        near = replace(self.graph, nodes=tuple(sorted(inside, key=self.place.__getitem__)))
        passed = boundary(near, inside)
        keys = tuple(node in self.given for node in passed)
        if not wanted or not any(keys) or not _sized(inside, passed):
            return None
        if set(passed) & self._behind(inside, max(self.place[node] for node in passed) + 1):
            return None
        decided = select.selection.kept.shape[:-1]
        counts = [matching(node, decided) if mine else None for node, mine in zip(passed, keys)]
        if any(mine and count is None for mine, count in zip(keys, counts)):
            return None
        slots = dict(zip(reversed(select.operands), reversed(select.attrs["slots"])))
        named = tuple((slots.get(node, f"part_{i}").replace(".", "_"), node) for i, node in enumerate(wanted))
        body = body_giving(near, named, inside, passed)
        rows = row_prefix(body, counts)
        return Part(inside, passed, keys, named, body, rows) if rows else None

    def _behind(self, nodes: set[Node], end: int) -> set[Node]:
        """These nodes and all that depends on them, of what stands before place `end`."""
        found, ahead = set(nodes), list(nodes)
        while ahead:
            for reader in self.reads[ahead.pop()]:
                if reader not in found and self.place[reader] < end:
                    found.add(reader)
                    ahead.append(reader)
        return found

    def _cone(self, roots: set[Node], outside: set[Node]) -> set[Node]:
        """The roots, and what nothing else reads: as `cones.exclusive`, where the roots may be read by anything."""
        inside: set[Node] = set()
        ahead = [-self.place[node] for node in roots]
        ahead.sort()
        seen = set(roots)
        while ahead:
            # The last one first: all that reads it has been looked at.
            node = self.graph.nodes[-heappop(ahead)]
            kept_out = node.op == "input" or node in outside or node in self.barred or (node in self.last and node not in roots)
            if kept_out or not self._alone(node, roots, inside):
                continue
            inside.add(node)
            for operand in node.operands:
                if operand not in seen:
                    seen.add(operand)
                    heappush(ahead, -self.place[operand])
        while True:
            # Only tensors are passed to a body: what reads a bundle or selection from outside stays outside.
            held = {n for n in inside if any(o not in inside and not isinstance(o.type, TensorType) for o in n.operands)}
            held |= {n for n in inside if not self._alone(n, roots, inside)}
            if not held:
                return inside
            inside -= held

    def _alone(self, node: Node, roots: set[Node], inside: set[Node]) -> bool:
        return node in roots or all(reader in inside for reader in self.reads[node])


def _unsteady(node: Node, changing: frozenset[str]) -> bool:
    if node.op in OPS:
        return OPS[node.op].random or OPS[node.op].outside
    return node.op == "state" and node.attrs["path"] in changing


def _sized(inside: set[Node], passed: list[Node]) -> bool:
    """Whether every size that a body would speak of stands bare in the shape of something passed to it."""
    bare = {name for node in passed for size in node.shape if (name := bare_symbol(size))}
    return all(free_symbols(node.type) <= bare for node in (*inside, *passed))


def _roots(select: Node, outside: set[Node]) -> Iterator[Node]:
    """The operands of a selection; of one that has to stay outside, what it is made of."""
    ahead, seen = [*reversed(select.operands)], set[Node]()
    while ahead:
        node = ahead.pop()
        if node in seen or not isinstance(node.type, TensorType):
            continue
        seen.add(node)
        if node not in outside:
            yield node
        elif node.op in OPS and not OPS[node.op].random:
            ahead.extend(reversed(node.operands))


def _random(body: Graph, changing: frozenset[str]) -> bool:
    """Whether a body gives another value for equal inputs."""
    return any(_unsteady(node, changing) for node in body.nodes)


def _decides(body: Graph, changing: frozenset[str]) -> bool:
    return _random(body, changing) or any(node.op == "select" or node.attrs.get("word") for node in body.nodes)
