"""What rewriting passes share: nodes made in the place of another, laws by op, values that are the same everywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..compiler.bodies import live
from ..compiler.ir import Attrs, Graph, Node, rebuild
from ..compiler.ops import infer, normalise
from ..compiler.types import TensorType

Law = Callable[["Site", Node], Node | None]
"""What a node may be replaced with, or None where the law does not apply."""


@dataclass(frozen=True, slots=True)
class Site:
    """The place of a node that is being replaced: what is made here has its span, its let-name, and is simplified at once."""

    node: Node
    finish: Callable[[Node], Node] = lambda node: node

    def op(self, name: str, *operands: Node, **attrs: Any) -> Node:
        """An op of the table; its type is inferred."""
        types = [operand.tensor for operand in operands]
        full = normalise(name, types, Attrs(attrs))
        return self.finish(Node(name, operands, full, infer(name, types, full), self.node.span, self.node.name))

    def const(self, value: bool | int | float, name: str = "") -> Node:
        """A number in the dtype of the node."""
        return Node("const", (), Attrs(value=value), TensorType(self.node.tensor.dtype, ()), self.node.span, name)

    def filled(self, name: str) -> Node:
        """`zeros` or `ones` in the type of the node."""
        kind = self.node.tensor
        return Node(name, (), Attrs(shape=kind.shape, dtype=kind.dtype), kind, self.node.span, self.node.name)

    def broadcast(self, value: Node) -> Node:
        """A value in the shape of the node."""
        return value if value.shape == self.node.shape else self.op("broadcast", value, shape=self.node.shape)

    def but(self, **attrs: Any) -> Node:
        """The node with attributes changed."""
        return replace(self.node, attrs=self.node.attrs.but(**attrs))


class Laws:
    """Laws by the ops that they replace, tried in the order in which they are written."""

    def __init__(self) -> None:
        self.by_op: dict[str, list[Law]] = {}

    def of(self, *ops: str) -> Callable[[Law], Law]:
        """Decorates a law of these ops."""

        def add(law: Law) -> Law:
            for op in ops:
                self.by_op.setdefault(op, []).append(law)
            return law

        return add

    def __or__(self, other: Laws) -> Laws:
        both = Laws()
        for op in dict.fromkeys([*self.by_op, *other.by_op]):
            both.by_op[op] = self.by_op.get(op, []) + other.by_op.get(op, [])
        return both

    def simplify(self, node: Node) -> Node:
        """The node after all laws that apply to it; each makes it smaller or puts it in order. Operands are simple already."""
        changed = True
        while changed:
            changed = False
            for law in self.by_op.get(node.op, ()):
                new = law(Site(node, self.simplify), node)
                if new is not None:
                    node, changed = new, True
                    break
        return node

    def rewrite(self, graph: Graph) -> Graph:
        """The graph with every node simplified, without what is no longer needed for that."""
        return prune(rebuild(graph, self.simplify))


def prune(graph: Graph) -> Graph:
    """The graph without nodes that nothing needs. Inputs stay: they are its signature."""
    wanted = live(graph)
    kept = tuple(node for node in graph.nodes if node in wanted or node.op == "input")
    return graph if len(kept) == len(graph.nodes) else replace(graph, nodes=kept)


SPREADS = frozenset(
    {"broadcast", "reshape", "transpose", "permute", "unsqueeze", "squeeze", "repeat", "heads", "merge_heads", "flip"}
)
"""Ops that only move elements of their one operand, or repeat them."""


def everywhere(node: Node) -> bool | int | float | None:
    """The one value of all elements of a node, if that is known: of constants, ones, zeros, and these moved or repeated."""
    while node.op in SPREADS or node.op in ("slice", "index", "stop_gradient"):
        node = node.operands[0]
    if node.op == "const":
        value: bool | int | float = node.attrs["value"]
        return value
    if node.op not in ("ones", "zeros"):
        return None
    one, dtype = node.op == "ones", node.tensor.dtype
    return one if dtype == "bool" else float(one) if node.tensor.is_float else int(one)


def operand(node: Node, *ops: str) -> Node | None:
    """The first operand, if it is one of these ops."""
    return node.operands[0] if node.operands and node.operands[0].op in ops else None


def within(node: Node, values: Iterable[object]) -> bool:
    """Whether a node's one value is among these: of the same kind, and of the same sign where it is zero."""
    found = everywhere(node)
    return found is not None and any(type(found) is type(value) and repr(found) == repr(value) for value in values)


def rebuild_knowing(graph: Graph, change: Callable[[Node, Node], Node | None]) -> Graph:
    """As `ir.rebuild`, with the node as it was given too: `change(old, moved)`. For facts collected about the old nodes."""
    waiting = iter(graph.nodes)  # `rebuild` asks for each node once, in order
    return rebuild(graph, lambda moved: change(next(waiting), moved))


def substituted(graph: Graph, changes: Mapping[Node, Node]) -> Graph:
    """The graph with some of its nodes replaced everywhere, and without what is then not needed.

    What replaces a node may read any node of the graph but those that need the one replaced; it is placed where it is first read.
    """
    done: dict[Node, Node] = {}
    order: list[Node] = []
    for root in graph.nodes:
        stack, opened = [(root, False)], set[Node]()
        while stack:
            node, ready = stack.pop()
            if node in done:
                continue
            target = changes.get(node)
            below = node.operands if target is None else (target,)
            if not ready:
                assert node not in opened, "a node is replaced by what needs it"
                opened.add(node)
                stack.append((node, True))
                stack.extend((operand, False) for operand in reversed(below) if operand not in done)
            elif target is not None:
                done[node] = done[target]
            else:
                done[node] = node.with_operands(done[operand] for operand in node.operands)
                order.append(done[node])
    outputs, losses = (tuple((name, done[node]) for name, node in pairs) for pairs in (graph.outputs, graph.losses))
    nexts = tuple((done[state], done[value]) for state, value in graph.nexts)
    return prune(replace(graph, nodes=tuple(order), outputs=outputs, losses=losses, nexts=nexts))
