"""Demand: what only an absent stream needs is not computed.

The law: a `fuse` with `by` multiplies what is kept and selects away what is not, so a stream's value matters only where it is kept, and so
does every value that nothing but this stream reads. `outline` puts such a cone of nodes into the body of an anonymous `apply` (no chunk:
it lives in its caller's frame), which a plan can run on the kept positions alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from ..dims import Dim, symbols
from ..ir import Attrs, Graph, Node, reachable, streams_of, users
from ..types import BundleType, TensorType, free_symbols
from .unbundle import unbundle

Change = Callable[[Node, tuple[Node, ...]], Node]

FREE = frozenset({"param", "state", "const"})
"""References and numbers: they cost nothing, so a body has its own."""


def demand(graph: Graph) -> Graph:
    """The graph with the cones of routed streams outlined, and so in all bodies. What was one body object stays one."""
    return _demand(graph, {})


def _demand(graph: Graph, done: dict[int, Graph]) -> Graph:
    if id(graph) not in done:
        outlined = outline(unbundle(graph))
        bodies = {id(n.attrs["body"]): n.attrs["body"] for n in outlined.nodes if n.op == "apply" and n.attrs["body"] is not None}
        changed = {key: _demand(body, done) for key, body in bodies.items()}
        done[id(graph)] = _with_bodies(outlined, changed)
    return done[id(graph)]


def _with_bodies(graph: Graph, bodies: Mapping[int, Graph]) -> Graph:
    def change(node: Node, operands: tuple[Node, ...]) -> Node:
        if node.op == "apply" and node.attrs["body"] is not None:
            return replace(node, operands=operands, attrs=node.attrs.but(body=bodies[id(node.attrs["body"])]))
        return node.with_operands(operands)

    return transform(graph, change)


def outline(graph: Graph) -> Graph:
    """The graph with each stream of a routed `fuse` an `apply`: of a chunk as it was, or of what only this stream needs."""
    reads, last = users(graph), set(graph.roots)
    cones: dict[Node, dict[int, set[Node]]] = {}
    claimed: set[Node] = set()
    for node in reversed(graph.nodes):
        if routable(node) and node not in claimed and not _whole_bundle(node, reads):
            streams, _ = streams_of(node)
            cones[node] = {i: cone(graph, node, stream, reads, last) for i, stream in enumerate(streams)}
            claimed.update(*cones[node].values())

    def change(node: Node, operands: tuple[Node, ...]) -> Node:
        return node.with_operands(operands)

    return transform(graph, change, cones)


def routable(node: Node) -> bool:
    """A fuse whose absent streams need not be computed: one with a selection that is not trained straight through."""
    return node.op == "fuse" and bool(node.attrs["by"]) and node.operands[-1].attrs["train"] != "straight_through"


def _whole_bundle(fuse: Node, reads: Mapping[Node, list[Node]]) -> bool:
    streams, _ = streams_of(fuse)
    return any(isinstance(stream.type, BundleType) for stream in streams)


def cone(graph: Graph, fuse: Node, root: Node, reads: Mapping[Node, list[Node]], last: set[Node]) -> set[Node]:
    """The nodes that only this stream of this fuse needs; empty where the stream is needed elsewhere or cannot stand alone."""
    streams, _ = streams_of(fuse)
    inside: set[Node] = set()
    below = reachable([root])
    for node in reversed(graph.nodes):
        if node not in below or node.op == "input" or node in last:
            continue
        if node is root:
            alone = reads[node] == [fuse] and streams.count(node) == 1 and fuse.operands[-1] is not node
        else:
            alone = all(reader in inside for reader in reads[node])
        if alone:
            inside.add(node)
    inside = _closed(graph, inside, reads, root)
    return inside if _sizes_known(graph, inside) and any(node.op not in FREE for node in inside) else set()


def _closed(graph: Graph, inside: set[Node], reads: Mapping[Node, list[Node]], root: Node) -> set[Node]:
    """Without what reads a bundle or selection from outside: only tensors are passed to a body."""
    while True:
        outside = {n for n in inside if any(o not in inside and not isinstance(o.type, TensorType) for o in n.operands)}
        if not outside:
            return inside
        inside -= outside
        for node in reversed(graph.nodes):
            if node in inside and node is not root and not all(reader in inside for reader in reads[node]):
                inside.discard(node)
        if root not in inside:
            return set()


def _sizes_known(graph: Graph, inside: set[Node]) -> bool:
    """Whether every size that the nodes speak of stands bare in the shape of some value passed in."""
    bare: set[str] = set()
    for node in boundary(graph, inside):
        bare |= {str(size) for size in node.shape if isinstance(size, Dim) and not size.compound}
    needed: set[str] = set()
    for node in inside:
        for key, value in node.attrs.items():
            if key == "shape":
                needed |= {name for size in value for name in symbols(size)}
            elif isinstance(value, Dim):
                needed |= symbols(value)
        needed |= free_symbols(node.type) if node.op == "fuse" else set()
    return needed <= bare


def boundary(graph: Graph, inside: set[Node]) -> list[Node]:
    """What is passed to a cone, in order of use; parameters and constants it has itself."""
    members = [node for node in graph.nodes if node in inside]
    return list(dict.fromkeys(o for n in members for o in n.operands if o not in inside and o.op not in FREE))


def outlined(graph: Graph, root: Node, inside: set[Node]) -> tuple[Graph, list[Node]]:
    """The body that computes a stream from its boundary, and that boundary. A stream without a cone is handed through."""
    passed = boundary(graph, inside) if inside else [root]
    inputs = {node: _input(node, i) for i, node in enumerate(passed)}
    done: dict[Node, Node] = dict(inputs)
    order = list(inputs.values())
    for node in graph.nodes:
        if node in inside:
            for operand in node.operands:
                if operand not in done:
                    done[operand] = operand
                    order.append(operand)
            done[node] = node.with_operands(done[operand] for operand in node.operands)
            order.append(done[node])
    unique = tuple(dict.fromkeys(order))
    return Graph("", unique, (("value", done[root]),), (), (), root.span, graph.training), passed


def _input(node: Node, place: int) -> Node:
    name = node.name or str(node.attrs.get("name", "") if node.op == "input" else "") or f"a{place}"
    return Node("input", (), Attrs(name=name), node.type, node.span, name)


def transform(graph: Graph, change: Change, cones: Mapping[Node, Mapping[int, set[Node]]] | None = None) -> Graph:
    """The graph with every node that is still needed put through `change`, and the streams of `cones` outlined."""
    done: dict[Node, Node] = {}
    order: list[Node] = []
    inside = {node for parts in (cones or {}).values() for part in parts.values() for node in part}

    def way(root: Node, part: set[Node]) -> Node:
        body, passed = outlined(graph, root, part)
        attrs = Attrs(chunk="", up=0, members=("",), call="", body=body, single=True, zipped=False)
        order.append(Node("apply", tuple(done[node] for node in passed), attrs, root.type, root.span, root.name))
        return order[-1]

    for node in graph.nodes:
        if node in inside:
            continue
        parts = (cones or {}).get(node)
        if parts is None:
            operands = tuple(done[operand] for operand in node.operands)
        else:
            operands = (*(way(node.operands[i], part) for i, part in parts.items()), done[node.operands[-1]])
        done[node] = change(node, operands)
        order.append(done[node])
    return replace(
        graph,
        nodes=tuple(order),
        outputs=tuple((name, done[node]) for name, node in graph.outputs),
        losses=tuple((name, done[node]) for name, node in graph.losses),
        nexts=tuple((done[state], done[value]) for state, value in graph.nexts),
    )
