"""Cones: what only some values are needed for, and the bodies that compute it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence

from ..dims import Dim, symbols
from ..ir import Attrs, Graph, Node, reachable
from ..types import TensorType, free_symbols

FREE = frozenset({"param", "state", "const"})
"""References and numbers: they cost nothing, so a body has its own."""


def exclusive(graph: Graph, roots: set[Node], sinks: set[Node], reads: Mapping[Node, list[Node]], last: set[Node]) -> set[Node]:
    """The nodes at and below the roots that nothing reads but each other and, of the roots, the sinks. `last`: what the graph
    is computed for."""
    below, inside = reachable(roots), set[Node]()

    def alone(node: Node) -> bool:
        return all(reader in inside or (reader in sinks and node in roots) for reader in reads[node])

    for node in reversed(graph.nodes):
        if node in below and node.op != "input" and node not in last and alone(node):
            inside.add(node)
    while True:
        # Only tensors are passed to a body: what reads a bundle or selection from outside stays outside.
        held = {n for n in inside if any(o not in inside and not isinstance(o.type, TensorType) for o in n.operands)}
        if not held:
            return inside
        inside -= held
        for node in reversed(graph.nodes):
            if node in inside and not alone(node):
                inside.discard(node)


def sizes_known(graph: Graph, inside: set[Node]) -> bool:
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


def body_of(graph: Graph, root: Node, inside: set[Node], passed: list[Node]) -> Graph:
    """The body that computes a root from what is passed."""
    return body_giving(graph, [("value", root)], inside, passed)


def body_giving(graph: Graph, wanted: Sequence[tuple[str, Node]], inside: set[Node], passed: list[Node]) -> Graph:
    """The body that computes several nodes, each under a name, from what is passed."""
    names = list(_names(passed))
    inputs = {node: Node("input", (), Attrs(name=name), node.type, node.span, name) for node, name in zip(passed, names)}
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
    outputs = tuple((name, done[node]) for name, node in wanted if node in done)
    return Graph("", tuple(dict.fromkeys(order)), outputs, (), (), wanted[0][1].span, graph.training)


def _names(passed: list[Node]) -> Iterator[str]:
    """A name for each input of a body, after what is passed; no two alike."""
    taken: set[str] = set()
    for i, node in enumerate(passed):
        wanted = node.name or str(node.attrs.get("name", "") if node.op == "input" else "") or f"a{i}"
        name = wanted if wanted not in taken else f"{wanted}_{i}"
        while name in taken:
            name += "_"
        taken.add(name)
        yield name


def matching(operand: Node, decided: tuple[object, ...]) -> int | None:
    """How many leading axes of an argument are positions that the selection decides on; None: it is shared."""
    equal = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(operand.shape, decided))
    return sum(1 for _ in equal) or None
