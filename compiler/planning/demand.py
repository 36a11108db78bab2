"""Demand: what only an absent stream needs is not computed.

The law: a `fuse` with `by` multiplies what is kept and selects away what is not, so a stream's value matters only where it is
kept, and so does every value that nothing but this stream reads. `outline` puts such a cone of nodes into the body of an
anonymous `apply` (no chunk: it lives in its caller's frame), which a plan can run on the kept positions alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ..dims import Size
from ..ir import Attrs, Graph, Node, streams_of, users
from ..kernels import kernel_of
from ..mixing import row_prefix
from ..selection import keeps_all
from ..types import BundleType
from .cones import FREE, body_of, boundary, exclusive, matching, sizes_known
from .ladder import Rung, find_ladder
from .needed import needed
from .unbundle import unbundle

Reads = Mapping[Node, list[Node]]


@dataclass(frozen=True, slots=True)
class Routing:
    """How a fuse runs on kept positions: how many leading axes are gathered, and for each stream which arguments have them."""

    prefix: int
    gathered: tuple[tuple[bool, ...], ...]


@dataclass(slots=True)
class _Found:
    """What becomes of the fuses of a graph."""

    cones: dict[Node, dict[int, set[Node]]] = field(default_factory=dict)
    ladders: dict[Node, Node] = field(default_factory=dict)
    inside: set[Node] = field(default_factory=set)


def demand(graph: Graph) -> Graph:
    """The graph with the cones of routed streams outlined, and so in all bodies. What was one body object stays one.

    A fuse that can be routed has an attribute `routing`; one whose ways are asked one after the other is a `ladder`.
    """
    return _demand(graph, {})


def _demand(graph: Graph, done: dict[Graph, Graph]) -> Graph:
    # By the graph itself, not its `id`: many are made on the way, and the next one could stand where the last one did.
    if graph not in done:
        outlined = outline(unbundle(needed(graph)))
        done[graph] = replace_bodies(outlined, lambda body: _demand(body, done))
    return done[graph]


def replace_bodies(graph: Graph, change) -> Graph:  # type: ignore[no-untyped-def]
    """The graph with every body that it calls, in rungs too, put through `change`."""

    def swapped(node: Node) -> Node:
        body = node.attrs["body"]
        return node if body is None else replace(node, attrs=node.attrs.but(body=change(body)))

    def swapped_rung(rung: Rung) -> Rung:
        return replace(rung, apply=swapped(rung.apply), late=swapped_rung(rung.late) if rung.late else None)

    done: dict[Node, Node] = {}
    for node in graph.nodes:
        new = node.with_operands(done[operand] for operand in node.operands)
        if node.op == "apply":
            new = swapped(new)
        elif node.op == "ladder":
            rungs = tuple(swapped_rung(rung) for rung in node.attrs["rungs"])
            new = replace(new, attrs=new.attrs.but(rungs=rungs))
        done[node] = new
    return _renamed(graph, tuple(done.values()), done)


def _renamed(graph: Graph, nodes: tuple[Node, ...], done: Mapping[Node, Node]) -> Graph:
    return replace(
        graph,
        nodes=nodes,
        outputs=tuple((name, done[node]) for name, node in graph.outputs),
        losses=tuple((name, done[node]) for name, node in graph.losses),
        nexts=tuple((done[state], done[value]) for state, value in graph.nexts),
    )


def outline(graph: Graph) -> Graph:
    """The graph with each stream of a routed `fuse` an `apply`: of a chunk as it was, or of what only this stream needs."""
    reads, last = users(graph), set(graph.roots)
    found = _Found()
    for node in reversed(graph.nodes):
        if routable(node) and node not in found.inside:
            _consider(graph, node, reads, last, found)
    done: dict[Node, Node] = {}
    order: list[Node] = []

    def add(node: Node) -> Node:
        order.append(node)
        return node

    for node in graph.nodes:
        if node in found.inside:
            continue
        if node in found.ladders:
            done[node] = add(found.ladders[node].with_operands(done[o] for o in found.ladders[node].operands))
            continue
        operands = [done[operand] for operand in node.operands if operand in done]
        if node in found.cones:
            operands = [add(_way(graph, node.operands[i], part, done)) for i, part in found.cones[node].items()] + operands[-1:]
        new = node.with_operands(operands)
        # What stands alone as it is, and is no bundle, is read elsewhere too, and so needed everywhere.
        route = routing(new) if routable(new) and (node in found.cones or _bundled(node)) else None
        done[node] = add(new if route is None else replace(new, attrs=new.attrs.but(routing=route)))
    return _renamed(graph, tuple(order), done)


def _consider(graph: Graph, fuse: Node, reads: Reads, last: set[Node], found: _Found) -> None:
    """Decides on one fuse. A whole bundle stays as it is; its members are the ways."""
    streams, _ = streams_of(fuse)
    if _bundled(fuse):
        return
    ladder = find_ladder(graph, fuse, reads, last)
    if ladder is not None:
        found.ladders[fuse] = ladder[0]
        found.inside |= ladder[1]
        return
    found_cones = {i: _cone(graph, fuse, stream, reads, last) for i, stream in enumerate(streams)}
    # A stream that mixes some of the positions it is decided on is computed on all of them, so that the others need not be.
    most = max((prefix for _, prefix in found_cones.values()), default=0)
    cones = {i: cone if prefix == most else set() for i, (cone, prefix) in found_cones.items()}
    if any(cones.values()):
        found.cones[fuse] = cones
        found.inside.update(*cones.values())


def _bundled(fuse: Node) -> bool:
    return any(isinstance(stream.type, BundleType) for stream in streams_of(fuse)[0])


def routable(node: Node) -> bool:
    """A fuse whose absent streams need not be computed: one with a selection that is not trained straight through, and whose
    kernel is not `dense`. Where nothing is ever absent there is nothing to gather, unless a kernel asks for it."""
    by = node.operands[-1] if node.op == "fuse" and node.attrs["by"] and kernel_of(node) != "dense" else None
    if by is None or by.op != "select" or by.attrs["train"] == "straight_through":
        return False
    return kernel_of(node) != "" or not keeps_all(by)


def _cone(graph: Graph, fuse: Node, root: Node, reads: Reads, last: set[Node]) -> tuple[set[Node], int]:
    """The nodes that only this stream of this fuse needs, and how many of the leading axes are positions for all of them; none
    where they may not run on some positions alone."""
    streams, _ = streams_of(fuse)
    if streams.count(root) > 1 or fuse.operands[-1] is root:
        return set(), 0
    inside = exclusive(graph, {root}, {fuse}, reads, last)
    if root not in inside or all(node.op in FREE for node in inside) or not sizes_known(graph, inside):
        return set(), 0
    passed = boundary(graph, inside)
    counts = [matching(node, decided_on(fuse)) for node in passed]
    given = [count for count in counts if count is not None]
    prefix = min([row_prefix(body_of(graph, root, inside, passed), counts), *given])
    return (inside, prefix) if prefix else (set(), 0)


def decided_on(fuse: Node) -> tuple[Size, ...]:
    """The positions that a routed fuse decides on. One decision for all of them is taken for each sample, alike."""
    return fuse.operands[-1].selection.kept.shape[:-1] or fuse.shape[:1]


def _way(graph: Graph, root: Node, part: set[Node], done: Mapping[Node, Node]) -> Node:
    """The call that computes one stream; a stream without a cone is handed through."""
    passed = boundary(graph, part) if part else [root]
    body = body_of(graph, root, part, passed)
    attrs = Attrs(chunk="", up=0, members=("",), call="", body=body, single=True, zipped=False)
    return Node("apply", tuple(done[node] for node in passed), attrs, root.type, root.span, root.name)


def routing(fuse: Node) -> Routing | None:
    """The routing of a fuse, or None where it has to be computed densely."""
    streams, _ = streams_of(fuse)
    if not all(stream.op == "apply" and stream.attrs["body"] is not None for stream in streams):
        return None
    if len(streams) > 1 and not all(stream.attrs["chunk"] == "" for stream in streams):
        return None
    decided = decided_on(fuse)
    given = [tuple(matching(operand, decided) for operand in stream.operands) for stream in streams]
    counts = [row_prefix(stream.attrs["body"], rows) for stream, rows in zip(streams, given)]
    counts += [count for rows in given for count in rows if count is not None]
    prefix = min(counts, default=0)
    return Routing(prefix, tuple(tuple(count is not None for count in rows) for rows in given)) if prefix else None
