"""What each kernel of a fuse or mask is expected to cost: the planned graph walked, its `compiler.calls` priced by a model."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ..compiler.bodies import body_order
from ..compiler.calls import (
    Array,
    Kept,
    Tape,
    array_of,
    combine_calls,
    covered,
    dispatch_calls,
    enter_calls,
    fuse_dense,
    gather_calls,
    grouped_calls,
    masked_calls,
    node_calls,
    rung_mask_calls,
    split_calls,
)
from ..compiler.cost import Cost, CostModel, Price
from ..compiler.dims import UnboundDim, evaluate, product
from ..compiler.ir import Graph, Node, streams_of, users
from ..compiler.kernels import kernels_of
from ..compiler.planning.demand import Routing, decided_on, demand
from ..compiler.planning.packing import packs, packs_rows
from ..compiler.selection import Rule, Share
from ..compiler.types import BundleType, TensorType
from ..compiler.work import Dims, call_dims, masked_products, readers_of
from .packed_costs import packed_prices

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
    found: dict[int, dict[str, Price]] = field(default_factory=dict)
    """Prices by mark and kernel, summed over the calls of a body."""
    given: dict[Node, Node] = field(default_factory=dict)
    """What the inputs of outlined parts are outside of them."""
    known: dict[tuple[int, tuple[tuple[str, int], ...], float], Price] = field(default_factory=dict)

    def choices(self, marked: Graph, dims: Dims) -> dict[int, str]:
        """By mark of a fuse or mask, the kernel that takes least time; those of unknown size are not there."""
        self.price(demand(marked), dims, 1.0)
        best = {mark: min(prices, key=lambda kernel: prices[kernel].seconds) for mark, prices in self.found.items()}
        chosen: dict[int, str] = {}
        for one in (marked, *body_order(marked)):
            for node in one.nodes:
                if kernels_of(node):
                    # A fuse whose ways are asked one after the other is known by its selection.
                    marks = [node, *node.operands[-1:]] if node.op == "fuse" else [node]
                    known = [best[one.attrs[MARK]] for one in marks if one.attrs.get(MARK) in best]
                    chosen.update((node.attrs[MARK], kernel) for kernel in known[:1])
        return chosen

    def price(self, graph: Graph, dims: Dims, share: float) -> Price:
        """The time of a planned graph or body that runs on this share of its positions, under the kernels chosen in it."""
        key = (id(graph), tuple(sorted(dims.items())), share)
        if key not in self.known:
            pruned = self._pruned(graph, dims, share)
            inner = {stream for node in graph.nodes if "routing" in node.attrs for stream in streams_of(node)[0]}
            nodes = (node for node in graph.nodes if node not in inner)
            self.known[key] = total(pruned[node] if node in pruned else self.node(node, dims, share) for node in nodes)
        return self.known[key]

    def node(self, node: Node, dims: Dims, share: float) -> Price:
        try:
            if node.op == "apply":
                return self.call(node, dims, share)
            if node.op == "ladder":
                return self.ladder(node, dims, share)
            if node.op == "fuse" and "routing" in node.attrs:
                return self.routed(node, node.attrs["routing"], dims, share)
            return self.model.price(node_calls(node, dims, share, self.model.how))
        except UnboundDim:
            return Price()

    def call(self, apply: Node, dims: Dims, share: float) -> Price:
        body = apply.attrs["body"]
        if body is None:
            return Price()
        if kernels_of(apply) and apply.attrs["single"]:
            return self.choose(apply.attrs.get(MARK), packed_prices(self, apply, dims, share))
        if not apply.attrs["chunk"]:
            self.given.update(zip(body.inputs, apply.operands))
        entered = self.model.price(enter_calls(apply))
        return (entered + self.price(body, call_dims(apply, dims), share)).times(members(apply))

    def routed(self, fuse: Node, routing: Routing, dims: Dims, share: float) -> Price:
        """A fuse with all its streams: dense, and on the positions that keep each way."""
        streams, by = streams_of(fuse)
        assert by is not None
        decided, axes = decided_on(fuse), routing.prefix
        rows, finer = share * evaluate(product(decided[:axes]), dims), evaluate(product(decided[axes:]), dims)
        kept = reach(self.kept(by, dims), finer)  # of a row, if any decision in it keeps the way
        loads = [rows * kept] * sum(members(stream) for stream in streams)
        added = self.model.price(node_calls(fuse, dims, share, self.model.how))
        before, behind = (self.model.price(calls) for calls in self.glue(fuse, routing, loads, rows, dims))
        prices = {
            "dense": total(self.call(stream, dims, share) for stream in streams) + added,
            "gather": before + total(self.reached(stream, dims, share, kept, rows) for stream in streams) + behind,
        }
        if all(stream.attrs.get("word") == "grouped" for stream in streams):
            parts = (self.together(stream, axes, dims, kept, rows) for stream in streams)
            prices["grouped"] = before + total(parts) + behind
        return self.choose(fuse.attrs.get(MARK), prices)

    def glue(
        self, fuse: Node, routing: Routing, loads: Sequence[float], rows: float, dims: Dims
    ) -> tuple[list[Cost], list[Cost]]:
        """Finding the rows of each way and taking them; putting together what was made of them."""
        streams, by = streams_of(fuse)
        assert by is not None
        how, axes, decided = self.model.how, routing.prefix, by.selection.kept.shape[:-1]
        finer = evaluate(product(decided[axes:]), dims)
        calls, first = dispatch_calls(rows, len(loads), sum(loads), how, finer=finer), 0
        for stream, flags in zip(streams, routing.gathered):
            arguments = [array_of(one.tensor, dims, 1, how) for one, flag in zip(stream.operands, flags) if flag]
            mine = loads[first : first + members(stream)]
            calls += gather_calls(arguments, axes, mine, how, together=bool(stream.attrs["chunk"]))
            first += len(mine)
        row = array_of(element(streams[0]), dims, 1, how)
        return calls, combine_calls(loads, row.of(*row.shape[axes:]), rows, how, kind=fuse.attrs["kind"], finer=finer)

    def reached(self, apply: Node, dims: Dims, share: float, kept: float, rows: float) -> Price:
        """A call on the kept rows: if any of so many decisions keeps it, its weights are read; else it is only launched."""
        any_row = reach(kept, rows)
        idle = self.call(apply, dims, 0.0) if any_row < 1 else Price()
        runs = self.call(apply, dims, share * kept / any_row) if any_row else Price()
        return runs.times(any_row) + idle.times(1 - any_row)

    def together(self, apply: Node, axes: int, dims: Dims, kept: float, rows: float) -> Price:
        """An array's members on the rows of all: as many of them as are expected to have some."""
        reached = max(1, round(members(apply) * reach(kept, rows)))
        loads = [rows * kept * members(apply) / reached] * reached + [0.0] * (members(apply) - reached)
        calls = grouped_calls(apply.attrs["body"], axes, loads, call_dims(apply, dims), self.model.how)
        return self.model.price(calls)

    def ladder(self, node: Node, dims: Dims, share: float) -> Price:
        """Ways that are asked one after the other, each on what the earlier ones left."""
        select, rungs, how = node.attrs["select"], node.attrs["rungs"], self.model.how
        way, axes = array_of(node.tensor, dims, 1, how), node.attrs["prefix"]
        rows, row = share * math.prod(way.shape[:axes]), way.of(*way.shape[axes:])
        dense = self._all_rungs(node, way, dims, share)
        told = self.told(select)
        leaving, left, gathered, loads = UNSURE if told is None else told, 1.0, Price(), []
        for i, rung in enumerate(rungs):
            gathered += self.price(rung.apply.attrs["body"], dims, share * left)
            if rung.late is not None:
                gathered += self.price(rung.late.apply.attrs["body"], dims, share * left * leaving)
            loads.append(rows * left * leaving)
            calls = split_calls(rows * left, loads[-1], how, first=not i)
            parted = [loads[-1], rows * left - loads[-1]]
            gathered += self.model.price(calls + gather_calls([row.of(rows, *row.shape)], 1, parted, how, together=False))
            left *= 1 - leaving
        calls = rung_mask_calls(loads, rows, how) + combine_calls(loads, row, rows, how, kind=node.attrs["kind"])
        return self.choose(select.attrs.get(MARK), {"dense": dense, "gather": gathered + self.model.price(calls)})

    def _all_rungs(self, node: Node, way: Array, dims: Dims, share: float) -> Price:
        """All ways everywhere, selected."""
        rungs, tape = node.attrs["rungs"], Tape(self.model.how)
        way = way.of(way.shape[0] * share, *way.shape[1:])
        decided = way.of(*way.shape[: node.attrs["prefix"]], len(rungs), dtype="bool")
        fuse_dense(tape, [way] * len(rungs), decided, decided.typed(way.dtype), node.attrs["kind"])
        bodies = total(self.price(one.attrs["body"], dims, share) for rung in rungs for one in rung.applies)
        return bodies + self.model.price(tape.calls)

    def choose(self, mark: int | None, prices: dict[str, Price]) -> Price:
        """Adds to what is known of a node, and gives the time under its best kernel."""
        if self.resident:
            prices = {kernel: price for kernel, price in prices.items() if kernel != "dense"} or prices
        if mark is not None:
            known = self.found.setdefault(mark, {})
            for kernel, price in prices.items():
                known[kernel] = known.get(kernel, Price()) + price
        return min(prices.values(), key=lambda price: price.seconds)

    def _pruned(self, graph: Graph, dims: Dims, share: float) -> dict[Node, Price]:
        """The products under a mask, each with its time under the best kernel."""
        found: dict[Node, Price] = {}
        readers = users(graph)
        for node, selects in masked_products(graph).items():
            own = selects[0] if len(selects) == 1 and kernels_of(selects[0]) else None
            if own is None or own.attrs.get(MARK) is None or own.attrs["train"] == "straight_through":
                continue
            try:
                kept = Kept.expected(own, self.kept(own, dims), dims, share)
                calls = masked_calls(node, own, kept, dims, share, self.model.how)
            except UnboundDim:
                continue
            # `packed` is no choice; a convolution for each sample makes less of the machine than one for all.
            barred = {"packed", "gather"} if node.op in ("conv1d", "conv2d") else {"packed"}
            calls = {name: some for name, some in calls.items() if name not in barred}
            if calls:
                found.update(dict.fromkeys(covered(node, readers_of(node, readers)), Price()))
                found[node] = self.choose(own.attrs[MARK], {name: self.model.price(some) for name, some in calls.items()})
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


# ---- streams


def total(prices: Iterable[Price]) -> Price:
    """The sum."""
    return sum(prices, Price())


def members(stream: Node) -> int:
    return stream.type.count if isinstance(stream.type, BundleType) else 1


def element(stream: Node) -> TensorType:
    """The type of one stream."""
    kind = stream.type.element if isinstance(stream.type, BundleType) else stream.type
    assert isinstance(kind, TensorType)
    return kind


def reach(kept: float, rows: float) -> float:
    """How likely any of so many decisions keeps a way, if each does so by itself."""
    return 1 - (1 - kept) ** max(1.0, rows)
