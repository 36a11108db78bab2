"""Value numbering: which nodes of a graph have one value, and which of them are better computed once.

Two nodes have one value if they are the same op of the same values (in any order where it makes no difference) with the same
attributes. Making them one is not always less work: what only the absent streams of one fuse need runs on the positions that are
kept there, and what two fuses need runs everywhere. So nodes are made one where one of them is needed at all positions where the
other is (or both at the same ones).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field

from ..compiler.bodies import body_order, lasting_nodes
from ..compiler.equality import difference, key
from ..compiler.ir import Graph, Node, users
from ..compiler.ops import OPS
from ..compiler.planning.cones import FREE
from ..compiler.planning.demand import routable
from .rewrite import prune, rebuild_knowing

Signature = Callable[[Node], Hashable | None]
"""What a node says besides its operands; None for one that is never made one with another."""
Region = tuple[tuple[Node, int], ...]
"""Where a value is needed: in streams (fuse, place) within streams; () is everywhere."""
Leaders = Mapping[Node, Node]
"""For each node the first of those with its value, itself included."""


@dataclass(slots=True)
class Signatures:
    """Signatures of the nodes of a graph and its bodies. Bodies that are the same graph count as one."""

    first: dict[int, Graph] = field(default_factory=dict)
    alike: dict[Hashable, list[Graph]] = field(default_factory=dict)
    plain: dict[int, bool] = field(default_factory=dict)

    def of(self, node: Node) -> Hashable | None:
        """Of ops of the table, sources, fields and fuses; of calls, if they give a value and leave nothing under their path."""
        if node.op in ("input", "select"):
            return None
        body: Graph | None = node.attrs.get("body") if node.op == "apply" else None
        if node.op == "apply" and (body is None or not self.is_plain(body)):
            return None
        said = {name: value for name, value in node.attrs.items() if node.op != "apply" or name not in ("body", "call")}
        return (node.op, key(said), node.type, id(self.body(body)) if body else 0)

    def is_plain(self, body: Graph) -> bool:
        """Whether a body records nothing at any depth: no selections, draws, losses or next states."""
        if id(body) not in self.plain:
            inside = [body, *body_order(body)]
            self.plain[id(body)] = not any(one.losses or one.nexts or any(_records(node) for node in one.nodes) for one in inside)
            self.first.setdefault(id(body), body)  # held, so that its id stays its own
        return self.plain[id(body)]

    def body(self, body: Graph) -> Graph:
        """The first body that is the same graph."""
        found = self.first.get(id(body), body)
        if found is not body:
            return found
        bucket = self.alike.setdefault((body.name, tuple(node.op for node in body.nodes)), [])
        match = next((one for one in bucket if one is body or difference(one, body) is None), None)
        if match is None:
            bucket.append(body)
        self.first[id(body)] = match or body
        return self.first[id(body)]


def _records(node: Node) -> bool:
    return node.op == "select" or (node.op in OPS and OPS[node.op].random) or (node.op == "apply" and node.attrs["body"] is None)


def merged(graph: Graph, signature: Signature, join: Callable[[Node, list[Node]], Node] = lambda node, others: node) -> Graph:
    """The graph with nodes of one value made the first of them. `join(node, others)` gives that first what the others said."""
    graph = prune(graph)
    leader = _leaders(graph, signature)
    others: dict[Node, list[Node]] = {}
    for node, first in leader.items():
        if node is not first:
            others.setdefault(first, []).append(node)
    if not others:
        return graph
    done: dict[Node, Node] = {}

    def change(old: Node, new: Node) -> Node | None:
        if leader[old] is not old:
            return done[leader[old]]
        done[old] = join(new, others[old]) if old in others else new
        return done[old]

    return prune(rebuild_knowing(graph, change))


def _leaders(graph: Graph, signature: Signature) -> Leaders:
    """The first of each value, with nodes apart that would cost more as one."""
    says = {node: signature(node) for node in graph.nodes}
    needed = _regions(graph)
    apart: dict[Node, Region] = {}
    while True:
        leader = _numbered(graph, says, apart)
        more = _apart(leader, needed)
        if not more:
            return leader
        apart.update(more)


def _numbered(graph: Graph, says: Mapping[Node, Hashable | None], apart: Mapping[Node, Region]) -> Leaders:
    known: dict[Hashable, Node] = {}
    leader: dict[Node, Node] = {}
    for node in graph.nodes:
        operands = tuple(leader[operand] for operand in node.operands)
        mirrored = node.op in OPS and OPS[node.op].commutative
        full = (says[node], frozenset(operands) if mirrored else operands, apart.get(node))
        leader[node] = node if says[node] is None else known.setdefault(full, node)
    return leader


def _apart(leader: Leaders, needed: Mapping[Node, Region]) -> dict[Node, Region]:
    """The nodes of values of which none is needed wherever the others are: by where they are needed."""
    classes: dict[Node, list[Node]] = {}
    for node, first in leader.items():
        classes.setdefault(first, []).append(node)
    found: dict[Node, Region] = {}
    for first, nodes in classes.items():
        if len(nodes) == 1 or first.op in FREE:
            continue
        where = {node: tuple((leader[reader], place) for reader, place in needed[node]) for node in nodes}
        least = min(where.values(), key=len)
        if any(region[: len(least)] != least for region in where.values()):
            found.update(where)
    return found


# ---- where values are needed


def _regions(graph: Graph) -> dict[Node, Region]:
    reads = users(graph)
    last = {*graph.roots, *lasting_nodes(graph)}
    found: dict[Node, Region] = {}
    for node in reversed(graph.nodes):
        if node in last or not reads[node]:
            found[node] = ()
            continue
        first, *rest = (_needed_by(reader, node, found[reader]) for reader in reads[node])
        for other in rest:
            first = _common(first, other)
        found[node] = first
    return found


def _common(a: Region, b: Region) -> Region:
    length = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
    return a[:length]


def _needed_by(reader: Node, node: Node, region: Region) -> Region:
    """Where a reader needs an operand: where it is needed itself, or less."""
    places = [i for i, operand in enumerate(reader.operands) if operand is node]
    return (*region, (reader, places[0])) if len(places) == 1 and _skips(reader, places[0]) else region


def _skips(reader: Node, place: int) -> bool:
    """Whether a reader asks for parts of an operand only: streams of a fuse; products and blocks that a mask leaves out."""
    operand = reader.operands[place]
    if reader.op == "fuse":
        return routable(reader) and place + 1 < len(reader.operands)
    if reader.op == "masked":
        return place == 0 and "gate" not in reader.attrs["slots"] and operand.op in OPS and not OPS[operand.op].pointwise
    if reader.op == "attention":
        return reader.attrs["slots"][place] == "mask"
    return reader.op == "einsum" and operand.op == "masked"
