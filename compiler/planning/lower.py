"""A graph becomes a plan: which fuses run on kept positions, and the steps in order."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..ir import Graph, Node, reachable, streams_of
from ..mixing import has_effects, row_prefix
from ..plan import Block, Plan, Region, Step, Way, regions_of
from .demand import demand, routable

SILENT = frozenset({"input", "param", "state", "const"})
"""Words that are there without being computed."""


def lower(graph: Graph) -> Plan:
    """The plan of a graph; the law is `passes.lower_plan`'s."""
    lowering = _Lowering(itertools.count(1), {})
    block = lowering.block(demand(needed(graph)))
    # Without a memory budget no step moves a chunk, and there is one region (empty for a graph that computes nothing).
    return Plan(block, lowering.blocks, regions_of(block) or (Region(0, 0),))


@dataclass(frozen=True, slots=True)
class Routing:
    """How a fuse runs on kept positions: how many leading axes are gathered, and what each way runs."""

    prefix: int
    ways: tuple[Way, ...]


def routing(fuse: Node) -> Routing | None:
    """The routing of a fuse, or None where it has to be computed densely."""
    if not routable(fuse):
        return None
    streams, by = streams_of(fuse)
    assert by is not None
    if not all(stream.op == "apply" and stream.attrs["body"] is not None for stream in streams):
        return None
    if len(streams) > 1 and not all(stream.attrs["chunk"] == "" for stream in streams):
        return None
    decided = by.selection.kept.shape[:-1]
    given = [tuple(_matching(operand, decided) for operand in stream.operands) for stream in streams]
    counts = [row_prefix(stream.attrs["body"], rows) for stream, rows in zip(streams, given)]
    counts += [count for rows in given for count in rows if count is not None]
    prefix = min(counts, default=0)
    if prefix == 0:
        return None
    ways = tuple(
        Way(stream, member, stream.operands, tuple(count is not None for count in rows))
        for stream, rows in zip(streams, given)
        for member in stream.attrs["members"]
    )
    return Routing(prefix, ways)


def _matching(operand: Node, decided: tuple[object, ...]) -> int | None:
    """How many leading axes of an argument are positions that the selection decides on; None: it is shared."""
    equal = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(operand.shape, decided))
    return sum(1 for _ in equal) or None


@dataclass(frozen=True, slots=True)
class _Lowering:
    """Numbers the steps, and holds the blocks of bodies so far."""

    ids: Iterator[int]
    blocks: dict[int, Block]

    def block(self, graph: Graph) -> Block:
        routes = {node: route for node in graph.nodes if (route := routing(node))}
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
            if node.op in ("select", "uniform", "apply") or node in routes:
                flush()
                steps.extend(self.special(node, routes.get(node)))
            else:
                run.append(node)
        flush()
        steps.extend(self.records(graph))
        return Block(graph, tuple(_linked(steps)))

    def special(self, node: Node, route: Routing | None) -> Iterator[Step]:
        """The steps of one node that is more than an op."""
        if route is not None:
            yield from self.routed(node, route)
        elif node.op == "select":
            yield self.step("select", (node,), label=str(node.attrs["path"]))
        elif node.op == "uniform":
            yield self.step("draw", (node,), label=str(node.attrs["path"]))
        else:
            if (body := node.attrs["body"]) is not None:
                self.visit(body)
            ways = tuple(Way(node, member, node.operands, (False,) * len(node.operands)) for member in node.attrs["members"])
            yield self.step("each", (node,), ways=ways, label=str(node.attrs["chunk"]))

    def routed(self, fuse: Node, route: Routing) -> Iterator[Step]:
        streams, by = streams_of(fuse)
        assert by is not None
        for way in route.ways:
            self.visit(way.apply.attrs["body"])
        label = str(by.attrs["path"])
        reads = tuple(dict.fromkeys((by, *(argument for way in route.ways for argument in way.arguments))))
        yield self.step("dispatch", (by,), reads=(by,), writes=(), rows=route.prefix, ways=route.ways, label=label)
        name = streams[0].attrs["chunk"] or fuse.name or "ways"
        yield self.step("each", streams, reads=reads, rows=route.prefix, ways=route.ways, label=str(name))
        combine = self.step("combine", (fuse,), rows=route.prefix, ways=route.ways, label=str(fuse.attrs["kind"]))
        yield combine

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


def needed(graph: Graph) -> Graph:
    """The graph without the nodes that no root needs. Losses are computed in training only."""
    live = replace(graph, losses=graph.losses if graph.training else ())
    lasting = (node for node in graph.nodes if node.op == "apply" and node.attrs["body"] and has_effects(node.attrs["body"]))
    wanted = reachable((*live.roots, *lasting))
    return replace(live, nodes=tuple(node for node in graph.nodes if node in wanted or node.op == "input"))


def _linked(steps: list[Step]) -> Iterator[Step]:
    """The steps with `after` filled in: who writes what each reads; the parts of a fuse follow each other."""
    writer: dict[Node, int] = {}
    previous: Step | None = None
    for step in steps:
        after = {writer[node] for node in step.reads if node in writer}
        if previous is not None and step.kind in ("each", "combine") and step.rows and previous.rows:
            after.add(previous.id)
        yield replace(step, after=tuple(sorted(after)))
        writer.update(dict.fromkeys(step.writes, step.id))
        previous = step
