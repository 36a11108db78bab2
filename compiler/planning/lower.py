"""A graph becomes a plan: which fuses run on kept positions, and the steps in order."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from ..ir import Graph, Node, streams_of
from ..plan import RESIDENCY, Block, Plan, Region, Step, Way, regions_of
from .demand import Routing, demand
from .guards import guard_of
from .ladder import Rung
from .residence import Move, Residence, reside
from .scheduling import room_of
from .uses import Use

FOLLOWS = frozenset({"branch", "each", "combine", "compute", "remember"})
"""Kinds of steps that, on rows, go on with what the step before them found."""
SILENT = frozenset({"input", "param", "state", "const"})
"""Words that are there without being computed."""


def lower(graph: Graph, *, room: int | None = None) -> Plan:
    """The plan of a graph; the law is `passes.lower_plan`'s. `room`: the bytes for what a schedule moves, where the graph is for
    some of the outputs of another (by default what its own budget leaves)."""
    given = room_of(graph) if room is None and graph.schedule else room
    ordered, residence = reside(demand(graph), given)
    lowering = _Lowering(itertools.count(1), {}, residence)
    block = lowering.block(ordered)
    # Without a schedule no step moves a chunk, and there is one region (empty for a graph that computes nothing).
    return Plan(block, lowering.blocks, regions_of(block, lowering.blocks) or (Region(0, 0),))


@dataclass(frozen=True, slots=True)
class _Lowering:
    """Numbers the steps, and holds the blocks of bodies so far."""

    ids: Iterator[int]
    blocks: dict[int, Block]
    residence: Residence

    def block(self, graph: Graph) -> Block:
        routes: dict[Node, Routing] = {node: node.attrs["routing"] for node in graph.nodes if "routing" in node.attrs}
        inner = {stream for fuse in routes for stream in streams_of(fuse)[0]}
        steps: list[Step] = []
        run: list[Node] = []

        def flush() -> None:
            if run:
                steps.append(self.step("compute", tuple(run), label=f"{len(run)} ops"))
                run.clear()

        for node in graph.nodes:
            if node.op in SILENT or node in inner:
                continue
            if node.op in ("select", "uniform", "apply", "ladder") or node in routes:
                flush()
                made = list(self.special(node, routes.get(node)))
                steps.extend(self.moved(node, made) if node in self.residence.uses else made)
            else:
                run.append(node)
        flush()
        steps.extend(self.records(graph))
        return Block(graph, tuple(_linked(steps)))

    def special(self, node: Node, route: Routing | None) -> Iterator[Step]:
        """The steps of one node that is more than an op."""
        if route is not None:
            yield from self.routed(node, route)
        elif node.op == "ladder":
            yield from self.ladder(node)
        elif node.op == "select":
            yield self.step("select", (node,), label=str(node.attrs["path"]))
        elif node.op == "uniform":
            yield self.step("draw", (node,), label=str(node.attrs["path"]))
        elif node.attrs.get("word") == "cached":
            yield from self.cached(node)
        else:
            if (body := node.attrs["body"]) is not None:
                self.visit(body)
            ways = tuple(Way(node, member, node.operands, (False,) * len(node.operands)) for member in node.attrs["members"])
            yield self.step("each", (node,), ways=ways, label=str(node.attrs["chunk"]))

    def routed(self, fuse: Node, route: Routing) -> Iterator[Step]:
        streams, by = streams_of(fuse)
        assert by is not None
        ways = tuple(
            Way(stream, member, stream.operands, gathered)
            for stream, gathered in zip(streams, route.gathered)
            for member in stream.attrs["members"]
        )
        for way in ways:
            self.visit(way.apply.attrs["body"])
        label = str(by.attrs["path"])
        reads = tuple(dict.fromkeys((by, *(argument for way in ways for argument in way.arguments))))
        yield self.step("dispatch", (by,), reads=(by,), writes=(), rows=route.prefix, ways=ways, label=label)
        guard = guard_of(fuse, ways, route.prefix)
        if guard is not None:
            yield self.step("branch", (fuse,), reads=(by,), writes=(), rows=route.prefix, label=guard.text(label), engine="host")
        name = streams[0].attrs["chunk"] or fuse.name or "ways"
        yield self.step("each", streams, reads=reads, rows=route.prefix, ways=ways, label=str(name))
        combine = self.step("combine", (fuse,), rows=route.prefix, ways=ways, label=str(fuse.attrs["kind"]))
        yield combine

    def cached(self, node: Node) -> Iterator[Step]:
        """What the cache holds; the body on the rows that it does not hold; both together, and the latter held from now on."""
        self.visit(node.attrs["body"])
        path, rows = str(node.attrs["path"]), node.attrs["rows"]
        keys = tuple(operand for operand, mine in zip(node.operands, node.attrs["keys"]) if mine)
        yield self.step("probe", (node,), reads=keys, writes=(), rows=rows, label=path, engine="host")
        way = Way(node, "", node.operands, node.attrs["keys"])
        yield self.step("compute", (node,), writes=(), rows=rows, ways=(way,), label=path)
        yield self.step("remember", (node,), reads=keys, rows=rows, label=path, engine="host")

    def ladder(self, node: Node) -> Iterator[Step]:
        """Rung by rung: what is left, what this way needs, whether it is kept; then all together."""
        label, prefix = str(node.attrs["select"].attrs["path"]), node.attrs["prefix"]
        rungs: tuple[Rung, ...] = node.attrs["rungs"]
        ways = tuple(Way(rung.apply, "", (), rung.gathered) for rung in rungs)
        for i, (rung, way) in enumerate(zip(rungs, ways)):
            for one in rung.applies:
                self.visit(one.attrs["body"])
            if i:
                yield self.step("dispatch", (node,), writes=(), rows=prefix, label=f"{label}: left of rung {i}")
            each = self.step("each", (node,), writes=(), rows=prefix if i else 0, ways=(way,), label=f"rung {i}")
            yield replace(each, part=i)
            yield self.step("select", (node,), writes=(), rows=prefix if i else 0, label=label)
            if rung.late is not None:
                late = Way(rung.late.apply, "", (), rung.late.gathered)
                yield self.step("each", (node,), writes=(), rows=prefix, ways=(late,), label=f"kept by rung {i}")
        yield self.step("combine", (node,), rows=prefix, ways=ways, label=str(node.attrs["kind"]))

    def moved(self, node: Node, steps: list[Step]) -> Iterator[Step]:
        """The steps of a node that reads units, and those that move them: its ways one by one, in the order of the schedule."""
        uses, behind = self.residence.uses[node], self.residence.behind
        each = next((step for step in steps if step.kind == "each"), None)
        if each is None or uses[0].way < 0:
            yield from (*self.moves(node, self.residence.before[uses[0]]), *steps, *self.moves(node, behind[uses[-1]]))
            return
        due = {use.way: use for use in uses}
        if node.op == "ladder":
            yield from self.rungs(node, steps, due)
            return
        order = (*(i for i in range(len(each.ways)) if i not in due), *due)
        for step in steps:
            for i in order if step is each else ():
                use, way = due.get(i), step.ways[i]
                wanted = ((use.choice, i),) if use and use.choice else ()
                name = use.name if use else step.label
                yield from self.moves(node, self.residence.before[use] if use else ())
                yield replace(step, id=next(self.ids), nodes=(node,), ways=(way,), part=i, wanted=wanted, label=name)
                yield from self.moves(node, behind[use] if use else ())
            if step is not each and step.kind != "branch":  # what a guard leaves out is left out way by way
                yield replace(step, id=next(self.ids))

    def rungs(self, node: Node, steps: list[Step], due: Mapping[int, Use]) -> Iterator[Step]:
        """The steps of a ladder, with those that move what each rung reads."""
        held: Use | None = None
        for step in steps:
            if held is not None and step.kind in ("dispatch", "combine"):
                yield from self.moves(node, self.residence.behind[held])
                held = None
            if step.part is not None and step.part in due:
                held = due[step.part]
                yield from self.moves(node, self.residence.before[held])
                step = replace(step, wanted=((node, step.part),) if held.choice else ())
            yield replace(step, id=next(self.ids))

    def moves(self, node: Node, moves: Iterable[Move]) -> Iterator[Step]:
        for move in moves:
            reads = tuple(dict.fromkeys(select for select, _ in move.wanted))
            step = self.step(move.word, (node,), reads=reads, writes=(), label=move.unit, engine="link")
            yield replace(step, nodes=(), wanted=move.wanted, target=move.target)

    def visit(self, body: Graph) -> None:
        if id(body) not in self.blocks:
            self.blocks[id(body)] = self.block(body)

    def records(self, graph: Graph) -> Iterator[Step]:
        for name, node in graph.losses if graph.training else ():
            yield self.step("record", (), reads=(node,), writes=(), label=f"loss {name}", engine="host")
        for state, value in graph.nexts:
            yield self.step("record", (), reads=(value,), writes=(), label=f"next {state.attrs['path']}", engine="host")

    def step(
        self,
        kind: str,
        nodes: tuple[Node, ...],
        *,
        reads: tuple[Node, ...] | None = None,
        writes: tuple[Node, ...] | None = None,
        rows: int = 0,
        ways: tuple[Way, ...] = (),
        label: str = "",
        engine: str = "device",
    ) -> Step:
        inside = set(nodes)
        found = tuple(dict.fromkeys(o for node in nodes for o in node.operands if o not in inside and o.op not in SILENT))
        return Step(
            id=next(self.ids),
            kind=kind,  # type: ignore[arg-type]
            span=nodes[0].span if nodes else (reads or found)[0].span,
            reads=found if reads is None else reads,
            writes=nodes if writes is None else writes,
            rows=rows,
            engine=engine,
            nodes=nodes,
            ways=ways,
            label=label,
        )


def _linked(steps: list[Step]) -> Iterator[Step]:
    """The steps with `after` filled in: who writes what each reads; the parts of a fuse or cache follow each other."""
    writer: dict[Node, int] = {}
    previous: Step | None = None
    for step in steps:
        after = {writer[node] for node in step.reads if node in writer}
        if previous is not None and step.kind in FOLLOWS and step.rows and previous.rows:
            after.add(previous.id)
        if previous is not None and {step.kind, previous.kind} & RESIDENCY:
            after.add(previous.id)
        yield replace(step, after=tuple(sorted(after)))
        writer.update(dict.fromkeys(step.writes, step.id))
        previous = step
