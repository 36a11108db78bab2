"""When two graphs are the same: the same dataflow between the same names, whatever they were written as.

Spans, comments, let-names and the order of nodes do not count, nor do nodes that nothing needs, but for inputs (a call whose body
has losses or next states is needed, and so is a selection that is recorded in any case). The paths of inputs, outputs,
parameters, chunks, selections, losses and draws do count, and floats count by their bits: 0.0 and -0.0 differ, a NaN is itself.
Sharing counts too: one node read twice is not two nodes read once each.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

from .bodies import lasting_nodes
from .dims import Dim, Quotient
from .ir import Graph, Node
from .types import BundleType, RecordType, SelectionType, TensorType

_TYPES = (Dim, Quotient, TensorType, BundleType, SelectionType, RecordType)


def equal(a: Graph, b: Graph) -> bool:
    """Whether two graphs are structurally the same."""
    return difference(a, b) is None


def difference(a: Graph, b: Graph) -> str | None:
    """The first thing that differs between two graphs, in words; None where they are equal."""
    return _Comparison().run(a, b)


def key(value: Any) -> Any:
    """A hashable stand-in for an attribute's value, equal for two exactly if they are the same (1, 1.0 and True are three)."""
    if isinstance(value, float):
        return ("float", struct.pack("<d", value))
    if isinstance(value, tuple | list):
        return ("tuple", *map(key, value))
    if isinstance(value, dict):
        return ("attrs", *((name, key(value[name])) for name in sorted(value)))
    if isinstance(value, _TYPES):
        return value
    if is_dataclass(value):
        return (type(value).__name__, *(key(getattr(value, item.name)) for item in fields(value) if item.compare))
    return (type(value).__name__, value)


@dataclass
class _Comparison:
    """One run: which nodes stand for each other, graph by graph; pairs of bodies are compared once."""

    bodies: list[tuple[Graph, Graph, str]] = field(default_factory=list)
    seen: set[tuple[int, int]] = field(default_factory=set)

    def run(self, a: Graph, b: Graph) -> str | None:
        self.visit(a, b, "")
        while self.bodies:
            found = self.compare(*self.bodies.pop())
            if found:
                return found
        return None

    def visit(self, a: Graph, b: Graph, where: str) -> None:
        if a is not b and (id(a), id(b)) not in self.seen:
            self.seen.add((id(a), id(b)))
            self.bodies.append((a, b, where))

    def compare(self, a: Graph, b: Graph, where: str) -> str | None:
        """What differs between two graphs, bodies of calls left for later."""
        for name in ("name", "training", "parameters", "chunks", "memory", "schedule"):
            if getattr(a, name) is not getattr(b, name) and key(getattr(a, name)) != key(getattr(b, name)):
                return f"{where}{name}: {_first(getattr(a, name), getattr(b, name))}"
        pairs: list[tuple[str, Node, Node]] = []
        for role, left, right in _roots(a, b):
            if [name for name, _ in left] != [name for name, _ in right]:
                return f"{where}{role}: {_names(left)} against {_names(right)}"
            pairs += [(f"{where}{role} `{name}`", x, y) for (name, x), (_, y) in zip(left, right)]
        return self.flow(pairs)

    def flow(self, roots: list[tuple[str, Node, Node]]) -> str | None:
        """What differs in what the pairs are computed from; the first pairs are looked at first."""
        there: dict[Node, Node] = {}
        back: dict[Node, Node] = {}
        stack = [(root, "", x, y) for root, x, y in reversed(roots)]
        while stack:
            root, step, x, y = stack.pop()
            if x in there or y in back:
                if there.get(x) is not y or back.get(y) is not x:
                    return f"{root}{step}: shared in one graph and not in the other ({_word(x)}, {_word(y)})"
                continue
            there[x], back[y] = y, x
            found = self.node(x, y, root)
            if found:
                return f"{root}{step}: {found}"
            reads = [(root, f", operand {i} of {_word(x)}", p, q) for i, (p, q) in enumerate(zip(x.operands, y.operands))]
            stack.extend(reversed(reads))
        return None

    def node(self, x: Node, y: Node, where: str) -> str | None:
        """What differs between two nodes, their operands and bodies aside."""
        if x.op != y.op:
            return f"{_word(x)} against {_word(y)}"
        if set(x.attrs) != set(y.attrs):
            return f"{_word(x)}: attributes {sorted(x.attrs)} against {sorted(y.attrs)}"
        for name, value in x.attrs.items():
            other = y.attrs[name]
            if isinstance(value, Graph) and isinstance(other, Graph):
                self.visit(value, other, f"{where}, body of {_word(x)}: ")
            elif key(value) != key(other):
                return f"{_word(x)}: {name} = {value!r} against {other!r}"
        if x.type != y.type:
            return f"{_word(x)}: type {x.type} against {y.type}"
        if len(x.operands) != len(y.operands):
            return f"{_word(x)}: {len(x.operands)} operands against {len(y.operands)}"
        return None


Named = list[tuple[str, Node]]


def _roots(a: Graph, b: Graph) -> Iterator[tuple[str, Named, Named]]:
    """Where comparison starts: role, and the named nodes of both graphs."""
    yield "input", _inputs(a), _inputs(b)
    yield "output", list(a.outputs), list(b.outputs)
    yield "loss", list(a.losses), list(b.losses)
    yield "next", _nexts(a), _nexts(b)
    yield "call", _calls(a), _calls(b)


def _inputs(graph: Graph) -> Named:
    return [(str(node.attrs["name"]), node) for node in graph.inputs]


def _nexts(graph: Graph) -> Named:
    """The new values of states. The state itself is known by its path: which of its nodes is named makes no difference."""
    return [("^" * state.attrs["up"] + str(state.attrs["path"]), value) for state, value in graph.nexts]


def _calls(graph: Graph) -> Named:
    """Calls that are made, and selections that are recorded, whether they are read or not."""
    names = ((str(node.attrs["path" if node.op == "select" else "call"]), node) for node in lasting_nodes(graph))
    return sorted(names, key=lambda call: call[0])


def _names(items: Named) -> str:
    return f"[{', '.join(name for name, _ in items)}]"


def _word(node: Node) -> str:
    label = next((str(node.attrs[name]) for name in ("path", "name", "call") if name in node.attrs), "")
    return f"`{node.op} {label}`" if label else f"`{node.op}`"


def _first(a: Any, b: Any) -> str:
    """Two values in words; of two long lists only the first entries that differ."""
    if isinstance(a, tuple) and isinstance(b, tuple):
        for i, (x, y) in enumerate(zip(a, b)):
            if key(x) != key(y):
                return f"entry {i}: {x} against {y}"
        return f"{len(a)} against {len(b)} entries"
    return f"{a!r} against {b!r}"
