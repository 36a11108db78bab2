"""`hoist`: what no input of a call reaches is computed once per eval period."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from ..compiler.bodies import body_order, lasting_calls, map_bodies
from ..compiler.dims import Dim, evaluate, product, symbols
from ..compiler.ir import Attrs, Graph, Node, outlined, reachable, users
from ..compiler.ops import OPS
from ..compiler.types import RecordType, Type, free_symbols
from .rewrite import SPREADS, prune

FREE = frozenset({"param", "state", "const"})
"""References and numbers: they cost nothing, so a part has its own."""
MOVES = SPREADS | {"slice", "index", "field"}
"""Words that compute nothing."""


@dataclass(frozen=True, slots=True)
class Hoist:
    """Sets apart, as a `hoisted` part, what is made of parameters and states alone.

    The law: between two changes of the parameters and states that it reads, such a value is the same in every call. What changes
    within a call is no part of it: inputs, draws, and states that any body gives a next value. A backend that keeps the value
    drops it when a parameter may have changed (in torch: `train()`, `.to()`, `load_state_dict()`, `refresh()`), and so eval
    graphs only have such parts.

    Parts are maximal: values that share work are one part, with several outputs if several are read. Each body has its own, so
    each member of an array keeps its own value. A selection goes along where only its fields are read, and is recorded in each
    call as before. What is made of numbers alone stays: nothing says on which device to keep it. Under a memory budget bodies of
    chunks stay as they are: what a chunk has made would not go when it goes.
    """

    name: ClassVar[str] = "hoist"

    least: int = 2
    """How much a part computes at least, in multiply-adds and elements: moving elements and scalars are not worth it."""

    def apply(self, graph: Graph) -> Graph:
        """The graph and its bodies with such parts outlined; a training graph as it is."""
        inside = {id(node.attrs["body"]) for one in (graph, *body_order(graph)) for node in one.nodes if _is_hoisted(node)}
        changing = {_last(state) for one in (graph, *body_order(graph)) for state, _ in one.nexts}

        def hoisted(one: Graph) -> Graph:
            return one if one.training or id(one) in inside else _hoist(one, changing, self.least)

        return hoisted(graph) if graph.memory.get("budget") else map_bodies(graph, hoisted)


def _is_hoisted(node: Node) -> bool:
    return node.attrs.get("word") == "hoisted"


def _last(state: Node) -> str:
    """The last segment of a path. One state has several paths, seen from different bodies, and they agree in this."""
    return str(state.attrs["path"]).rpartition(".")[2]


# ---- what no input reaches


def _hoist(graph: Graph, changing: set[str], least: int) -> Graph:
    graph = prune(graph)
    reads = users(graph)
    found = _still(graph, changing, reads)
    nexts = (node for pair in graph.nexts for node in pair)
    wanted = reachable((*(node for _, node in graph.outputs), *nexts, *lasting_calls(graph)))
    parts = [part for part in _parts([node for node in found if node in wanted]) if _worth(part, least)]
    return prune(_outline(graph, parts, reads)) if parts else graph


def _still(graph: Graph, changing: set[str], reads: Mapping[Node, list[Node]]) -> list[Node]:
    """The nodes that are the same in every call and are made of some parameter or state, in order."""
    rests: set[Node] = set()
    made: dict[Node, None] = {}
    for node in graph.nodes:
        if node.op in FREE:
            still = node.op != "state" or _last(node) not in changing
        else:
            still = all(operand in rests for operand in node.operands) and _pure(node, reads)
        if still:
            rests.add(node)
        if still and any(operand in made or operand.op in ("param", "state") for operand in node.operands):
            made[node] = None
    return list(made)


def _pure(node: Node, reads: Mapping[Node, list[Node]]) -> bool:
    """Whether a word gives the same for the same operands, whatever the sizes of the inputs, and does nothing else."""
    if free_symbols(node.type) or any(map(_sized, node.attrs.values())):
        return False
    if node.op in OPS:
        return not OPS[node.op].random and not OPS[node.op].outside
    if node.op == "select":
        return all(reader.op == "field" for reader in reads[node])
    return (node.op == "fuse" and not node.attrs["by"]) or (node.op == "field" and node.operands[0].op == "select")


def _sized(value: object) -> bool:
    return bool(symbols(value)) if isinstance(value, Dim) else isinstance(value, tuple) and any(map(_sized, value))


# ---- parts


def _parts(nodes: list[Node]) -> list[list[Node]]:
    """The nodes in groups that share work, each in order."""
    first: dict[Node, Node] = {}

    def root(node: Node) -> Node:
        while first[node] is not node:
            first[node] = node = first[first[node]]
        return node

    for node in nodes:
        first[node] = node
        for operand in node.operands:
            if operand in first:
                first[root(operand)] = node
    groups: dict[Node, list[Node]] = {}
    for node in nodes:
        groups.setdefault(root(node), []).append(node)
    return list(groups.values())


def _worth(part: Iterable[Node], least: int) -> bool:
    """Whether a part computes enough."""
    return sum(_work(node) for node in part if node.op not in MOVES) >= least


def _work(node: Node) -> int:
    kind = node.selection.kept if node.op == "select" else node.tensor
    elements = evaluate(product(kind.shape), {})
    if elements < 2:
        return 0
    macs = OPS[node.op].cost([operand.tensor for operand in node.operands], node.attrs, kind).macs if node.op in OPS else 0
    return elements + evaluate(macs, {})


# ---- the graph with its parts


def _outline(graph: Graph, parts: list[list[Node]], reads: Mapping[Node, list[Node]]) -> Graph:
    home = {node: part for part in parts for node in part}
    place = {node: i for i, node in enumerate(graph.nodes)}
    roots = set(graph.roots)
    done: dict[Node, Node] = {}
    order: list[Node] = []

    def read_outside(node: Node) -> bool:
        return node in roots or any(home.get(reader) is not home[node] for reader in reads[node])

    for node in graph.nodes:
        if node not in home:
            done[node] = node.with_operands(done[operand] for operand in node.operands)
            order.append(done[node])
        elif home[node][0] is node:
            inner = tuple(sorted(reachable(home[node]), key=place.__getitem__))
            made = _call([one for one in home[node] if read_outside(one)], inner)
            done.update(made)
            order.extend(dict.fromkeys(new for value in made.values() for new in (*value.operands, value)))
    return replace(
        graph,
        nodes=tuple(order),
        outputs=tuple((name, done[node]) for name, node in graph.outputs),
        losses=tuple((name, done[node]) for name, node in graph.losses),
        nexts=tuple((done[state], done[value]) for state, value in graph.nexts),
    )


def _call(read: list[Node], inner: tuple[Node, ...]) -> dict[Node, Node]:
    """What stands for the values of a part that are read: the call of its body, or the fields of it."""
    last = read[-1]
    labels = ["value"] if len(read) == 1 else [node.name or f"value_{i}" for i, node in enumerate(read)]
    if len(set(labels)) < len(labels):
        labels = [f"value_{i}" for i in range(len(read))]
    body = Graph("", inner, tuple(zip(labels, read)), (), (), last.span)
    if len(read) == 1:
        return {last: outlined("hoisted", body, (), last.type, last.span, last.name)}
    kind: Type = RecordType(tuple((label, node.tensor) for label, node in zip(labels, read)))
    call = outlined("hoisted", body, (), kind, last.span)
    return {node: Node("field", (call,), Attrs(name=label), node.type, node.span, node.name) for label, node in zip(labels, read)}
