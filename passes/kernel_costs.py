"""What each kernel of a fuse or mask is expected to cost: the planned graph walked call by call, its steps priced by a model."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ..compiler.bodies import body_order
from ..compiler.cost import Cost, CostModel
from ..compiler.dims import UnboundDim, evaluate, product
from ..compiler.ir import Graph, Node, streams_of
from ..compiler.kernels import kernels_of
from ..compiler.ops import OPS
from ..compiler.planning.demand import Routing, decided_on, demand
from ..compiler.planning.packing import packs, packs_rows
from ..compiler.selection import Rule, Share
from ..compiler.types import BYTES, BundleType, Type, tensor_types
from ..compiler.work import PRODUCTS, Dims, call_dims, masked_products
from .mask_costs import SLOW, VIEWS, mask_steps

MARK = "kernel_mark"
"""The attribute under which a node is found again in the planned graph. No graph that leaves the pass has it."""

UNSURE = 0.5
"""The share that is expected of a rule whose operands only a run can tell."""

def possible(marked: Graph) -> dict[int, tuple[str, ...]]:
    """By mark, the kernels that a node can have: of a fuse `gather` where it is routed, of a mask all where it has no gate."""
    planned = demand(marked)
    routed = {mark for one in (planned, *all_bodies(planned)) for node in one.nodes if (mark := mark_of(node)) is not None}
    found: dict[int, tuple[str, ...]] = {}
    for one in (marked, *body_order(marked)):
        for node in one.nodes:
            kernels, through = kernels_of(node), node.attrs.get("train") == "straight_through"
            if node.op == "apply" and kernels:
                found[node.attrs[MARK]] = kernels if packs_rows(node) else kernels[:2] if packs(node) else kernels[:1]
                continue
            if node.op == "fuse" and kernels:
                own = {node.attrs[MARK], node.operands[-1].attrs[MARK]}
                together = all(stream.attrs.get("word") == "grouped" for stream in streams_of(node)[0])
                able = kernels if together else tuple(kernel for kernel in kernels if kernel != "grouped")
                found[node.attrs[MARK]] = able if own & routed else ("dense",)
            elif kernels:
                found[node.attrs[MARK]] = ("dense",) if through else kernels
    return found


def all_bodies(planned: Graph) -> Iterator[Graph]:
    """The bodies under a planned graph, those of rungs too, each once."""
    seen: set[int] = set()
    stack = [planned]
    while stack:
        for node in stack.pop().nodes:
            called = [node.attrs["body"]] if node.op == "apply" else []
            called += [one.attrs["body"] for rung in node.attrs["rungs"] for one in rung.applies] if node.op == "ladder" else []
            for body in called:
                if body is not None and id(body) not in seen:
                    seen.add(id(body))
                    stack.append(body)
                    yield body


def mark_of(node: Node) -> int | None:
    """The mark of a fuse that planning routed, or of the selection of one whose ways are asked one after the other."""
    mark: int | None = None
    if node.op == "fuse" and "routing" in node.attrs:
        mark = node.attrs.get(MARK)
    elif node.op == "ladder":
        mark = node.attrs["select"].attrs.get(MARK)
    return mark


@dataclass(slots=True)
class Estimate:
    """One walk. `shares` by path, and what was `seen` by mark, override what the rules say; `resident`: what is not kept shall
    not be loaded."""

    model: CostModel
    shares: Mapping[str, float]
    seen: Mapping[int, float] = field(default_factory=dict)
    resident: bool = False
    found: dict[int, dict[str, float]] = field(default_factory=dict)
    """Seconds by mark and kernel, summed over the calls of a body."""
    known: dict[tuple[int, tuple[tuple[str, int], ...], float], float] = field(default_factory=dict)

    def choices(self, marked: Graph, dims: Dims) -> dict[int, str]:
        """By mark of a fuse or mask, the kernel that takes least time; those of unknown size are not there."""
        self.seconds(demand(marked), dims, 1.0)
        best = {mark: min(costs, key=lambda kernel: costs[kernel]) for mark, costs in self.found.items()}
        chosen: dict[int, str] = {}
        for one in (marked, *body_order(marked)):
            for node in one.nodes:
                if kernels_of(node):
                    # A fuse whose ways are asked one after the other is known by its selection.
                    marks = [node, *node.operands[-1:]] if node.op == "fuse" else [node]
                    known = [best[one.attrs[MARK]] for one in marks if one.attrs.get(MARK) in best]
                    chosen.update((node.attrs[MARK], kernel) for kernel in known[:1])
        return chosen

    def seconds(self, graph: Graph, dims: Dims, share: float) -> float:
        """The time of a planned graph or body that runs on this share of its positions, under the kernels chosen in it."""
        key = (id(graph), tuple(sorted(dims.items())), share)
        if key not in self.known:
            pruned = self._pruned(graph, dims, share)
            inner = {stream for node in graph.nodes if "routing" in node.attrs for stream in streams_of(node)[0]}
            nodes = (node for node in graph.nodes if node not in inner)
            self.known[key] = sum(pruned[node] if node in pruned else self.node(node, dims, share) for node in nodes)
        return self.known[key]

    def node(self, node: Node, dims: Dims, share: float) -> float:
        try:
            if node.op == "apply":
                return self.call(node, dims, share)
            if node.op == "ladder":
                return self.ladder(node, dims, share)
            if node.op == "fuse" and "routing" in node.attrs:
                return self.routed(node, node.attrs["routing"], dims, share)
            return self.model.seconds([step_of(node, dims, share)])
        except UnboundDim:
            return 0.0

    def call(self, apply: Node, dims: Dims, share: float) -> float:
        body = apply.attrs["body"]
        if body is None:
            return 0.0
        entered = self.model.seconds([Cost(0, 0, 1)]) if apply.attrs["chunk"] else 0.0
        return len(apply.attrs["members"]) * (entered + self.seconds(body, call_dims(apply, dims), share))

    def routed(self, fuse: Node, routing: Routing, dims: Dims, share: float) -> float:
        """A fuse with all its streams: dense, and on the positions that keep each way."""
        streams, by = streams_of(fuse)
        assert by is not None
        rows = share * evaluate(product(decided_on(fuse)), dims)
        kept = self.kept(by, dims)
        way = nbytes(streams[0].type, dims) / members(streams[0]) * share
        count = sum(members(stream) for stream in streams)
        dense = sum(self.call(stream, dims, share) for stream in streams) + self.model.seconds(dense_steps(count, way))
        around = self.model.seconds(gather_steps(count, way, kept, rows))
        for stream, flags in zip(streams, routing.gathered):
            taken = sum(nbytes(operand.type, dims) for operand, flag in zip(stream.operands, flags) if flag) * share * kept
            around += self.model.seconds([Cost(0, 2 * taken * members(stream), 3 + 0.2 * members(stream))])
        costs = {"dense": dense, "gather": around + sum(self.reached(stream, dims, share, kept, rows) for stream in streams)}
        if all(stream.attrs.get("word") == "grouped" for stream in streams):
            costs["grouped"] = around + sum(self.together(stream, dims, share, kept, rows) for stream in streams)
        return self.choose(fuse.attrs.get(MARK), costs)

    def reached(self, apply: Node, dims: Dims, share: float, kept: float, rows: float) -> float:
        """A call on the kept rows: if any of so many decisions keeps it, its weights are read; else it is only launched."""
        any_row = reach(kept, rows)
        idle = members(apply) * self.model.seconds([Cost(0, 0, 1 + launches(apply.attrs["body"]))])
        return any_row * self.call(apply, dims, share * kept / any_row) + (1 - any_row) * idle if any_row else idle

    def together(self, apply: Node, dims: Dims, share: float, kept: float, rows: float) -> float:
        """An array's members on the rows of all: a product for each that has some, put side by side; all else once."""
        inner, any_row = call_dims(apply, dims), reach(kept, rows)
        reached = members(apply) * any_row
        steps = [Cost(0, 0, 8 + 0.3 * members(apply))]
        for node in apply.attrs["body"].nodes if any_row else ():
            if node.op in OPS and node.op not in VIEWS:
                one, product = step_of(node, inner, share * kept / any_row), node.op in PRODUCTS
                beside = nbytes(node.type, inner) * share * kept / any_row if product else 0
                steps.append(Cost(one.macs * reached, (one.bytes + beside) * reached, 1 + reached if product else 1))
        return self.model.seconds(steps)

    def ladder(self, node: Node, dims: Dims, share: float) -> float:
        """Ways that are asked one after the other, each on what the earlier ones left."""
        select, rungs = node.attrs["select"], node.attrs["rungs"]
        way = nbytes(node.type, dims) * share
        dense = sum(self.seconds(one.attrs["body"], dims, share) for rung in rungs for one in rung.applies)
        dense += self.model.seconds(dense_steps(len(rungs), way))
        left, gathered = 1.0, 0.0
        told = self.told(select)
        leaving = UNSURE if told is None else told
        for rung in rungs:
            gathered += self.seconds(rung.apply.attrs["body"], dims, share * left)
            if rung.late is not None:
                gathered += self.seconds(rung.late.apply.attrs["body"], dims, share * left * leaving)
            gathered += self.model.seconds([Cost(0, 6 * way * left, 12)])
            left *= 1 - leaving
        return self.choose(select.attrs.get(MARK), {"dense": dense, "gather": gathered})

    def choose(self, mark: int | None, costs: dict[str, float]) -> float:
        """Adds to what is known of a node, and gives the time under its best kernel."""
        if self.resident:
            costs = {kernel: seconds for kernel, seconds in costs.items() if kernel != "dense"} or costs
        if mark is not None:
            known = self.found.setdefault(mark, {})
            for kernel, seconds in costs.items():
                known[kernel] = known.get(kernel, 0.0) + seconds
        return min(costs.values())

    def _pruned(self, graph: Graph, dims: Dims, share: float) -> dict[Node, float]:
        """The products under a mask, each with its time under the best kernel."""
        found: dict[Node, float] = {}
        for node, selects in masked_products(graph).items():
            own = selects[0] if len(selects) == 1 and kernels_of(selects[0]) else None
            if own is None or own.attrs.get(MARK) is None or own.attrs["train"] == "straight_through":
                continue
            try:
                steps = mask_steps(node, own, self.kept(own, dims), dims, share)
            except UnboundDim:
                continue
            if steps:
                found[node] = self.choose(own.attrs[MARK], {name: self.model.seconds(some) for name, some in steps.items()})
        return found

    def kept(self, select: Node, dims: Dims) -> float:
        """The share of all parts that a selection is expected to keep."""
        told = self.told(select)
        return expected(select, dims) if told is None else told

    def told(self, select: Node) -> float | None:
        """What the user or a profile says of it."""
        path = str(select.attrs["path"])
        return self.shares[path] if path in self.shares else self.seen.get(select.attrs.get(MARK, -1))


def expected(select: Node, dims: Dims) -> float:
    """The kept share that the rules of a selection say."""
    allowed = UNSURE if "allowed" in select.attrs["slots"] else 1.0
    shares = [_rule(rule, select, dims) for rule in select.attrs["rules"]]
    if select.attrs["levels"]:
        return allowed * sum(shares) / len(shares)
    counted = any(rule.kind in ("top", "first") for rule in select.attrs["rules"])
    return min(allowed, *shares) if counted else allowed * math.prod(shares)


def _rule(rule: Rule, select: Node, dims: Dims) -> float:
    if rule.kind == "all":
        return 1.0
    if rule.kind not in ("top", "first"):
        return UNSURE
    total = evaluate(product([select.selection.kept.shape[axis] for axis in rule.over]), dims)
    amount = rule.amount.count(total) if isinstance(rule.amount, Share) else rule.amount
    return min(1.0, amount / max(1, total))


# ---- steps


def members(stream: Node) -> int:
    return stream.type.count if isinstance(stream.type, BundleType) else 1


def nbytes(type: Type, dims: Dims) -> int:
    count = type.count if isinstance(type, BundleType) else 1
    return count * sum(evaluate(product(part.shape), dims) * BYTES[part.dtype] for part in tensor_types(type))


def reach(kept: float, rows: float) -> float:
    """How likely any of so many decisions keeps a way, if each does so by itself."""
    return 1 - (1 - kept) ** max(1.0, rows)


def launches(body: Graph) -> float:
    """How many launches the call of a body is, with those of what it calls."""
    inner = sum(members(node) * launches(node.attrs["body"]) for node in body.nodes if node.op == "apply" and node.attrs["body"])
    return inner + sum(node.op in OPS and node.op not in VIEWS for node in body.nodes)


def step_of(node: Node, dims: Dims, share: float) -> Cost:
    """One op on a share of its positions; weights are read whole."""
    if node.op not in OPS:
        return Cost(0, 0, 10 if node.op == "select" else 0)
    if node.op in VIEWS:
        return Cost(0, 0, 0)
    work = OPS[node.op].cost([operand.tensor for operand in node.operands], node.attrs, node.tensor)
    weights = sum(nbytes(operand.type, dims) for operand in node.operands if operand.op in ("param", "state"))
    total, elements = evaluate(work.bytes, dims), evaluate(product(node.shape), dims)
    macs = evaluate(work.macs, dims) + SLOW.get(node.op, 0) * elements
    return Cost(share * macs, min(total, weights) + share * max(0, total - weights), 1.5 if node.op in PRODUCTS else 1)


def dense_steps(ways: int, way: float) -> list[Cost]:
    """All streams times their weights, selected and added: `way` is the bytes of one stream."""
    return [Cost(0, 2 * way, 1.2), Cost(SLOW["where"] * way / 4, 2 * way), Cost(0, 3 * way)] * ways


def gather_steps(ways: int, way: float, kept: float, rows: float) -> list[Cost]:
    """Finding the rows of each way, and adding what it made of them."""
    mine = way * kept
    finding = Cost(0, 10 * ways * rows, 4)
    if rows * kept * ways <= 2048:
        return [finding, Cost(0, 4 * ways * mine, 4), Cost(0, way + 3 * ways * mine, 4)]
    return [finding, Cost(0, way, 2), *[Cost(0, 2 * mine, 3), Cost(0, 3 * mine, 1.5)] * ways]
