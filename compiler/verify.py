"""The verifier: what must hold of every graph, after elaboration and after every pass.

Operands stand before their users; every type is the one that the op table (or the meaning of a structural word) gives; attributes
are complete and in core form; sizes can be read off the inputs; every path leads to an entry of the parameter table.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .bodies import body_order
from .dims import Dim, Size, symbols
from .ir import Frame, Graph, Node, bodies
from .source import Span
from .types import TensorType, free_symbols
from .verify_nodes import NAME, no_name, node_problems
from .verify_schedule import schedule_problems

DEEPEST = 200
"""How deep calls may nest."""
MOST_FRAMES = 100_000
"""Frames that are entered to look for parameters: more than any model has, so that no graph takes unbounded time."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that must hold and does not."""

    message: str
    span: Span

    def __str__(self) -> str:
        return f"{self.span}: {self.message}"


class VerifyError(Exception):
    """A graph that a pass or a caller has made is not well formed; carries all of its problems."""

    def __init__(self, problems: list[Problem]):
        self.problems = problems
        super().__init__("the graph is not well formed:\n" + "\n".join(f"  {problem}" for problem in problems))


def verify(graph: Graph) -> None:
    """Raise `VerifyError` with everything that is wrong with a graph or the bodies under it."""
    found = problems(graph)
    if found:
        raise VerifyError(found)


def problems(graph: Graph) -> list[Problem]:
    """Everything that is wrong with a graph and the bodies under it, inner bodies first; of paths only if nothing else is."""
    order = [*body_order(graph), graph]
    deep = _depth_of(order) > DEEPEST
    found = [Problem(f"calls nest more than {DEEPEST} deep", graph.span)] if deep else []
    found += [problem for one in order for problem in _problems(one)]
    found = found or list(_paths(graph))
    return found or [Problem(message, graph.span) for message in schedule_problems(graph)]


def _depth_of(order: list[Graph]) -> int:
    """How deep calls nest in the last graph of an order in which bodies come before their callers."""
    depth: dict[int, int] = {}
    for one in order:
        depth[id(one)] = 1 + max((depth[id(inner)] for inner in bodies(one)), default=0)
    return depth[id(order[-1])]


# ---- one graph


def _problems(graph: Graph) -> Iterator[Problem]:
    yield from _order(graph)
    known = frozenset().union(*(_bare(node) for node in graph.inputs))
    for node in graph.nodes:
        told = False
        for message in node_problems(node):
            told = True
            yield Problem(message, node.span)
        unbound = set() if told else _symbols(node) - known
        if unbound:
            message = f"`{node.op}`: no input has an axis of size `{min(unbound)}`, so it cannot be known"
            yield Problem(message, node.span)
    yield from _roots(graph)


def _order(graph: Graph) -> Iterator[Problem]:
    """Operands and roots are nodes of this graph, operands above their users."""
    seen: set[Node] = set()
    for node in graph.nodes:
        if node in seen:
            yield Problem(f"`{node.op}` stands twice in the graph", node.span)
        for i, operand in enumerate(node.operands):
            if operand not in seen:
                yield Problem(f"`{node.op}` reads operand {i} (`{operand.op}`) that is not above it", node.span)
        seen.add(node)
    for root in graph.roots:
        if root not in seen:
            yield Problem(f"a root (`{root.op}`) is no node of the graph", root.span)


def _roots(graph: Graph) -> Iterator[Problem]:
    """Names are there once, losses are float scalars, a next state is like its state."""
    names = [("input", str(node.attrs.get("name")), node) for node in graph.inputs]
    names += [("output", name, node) for name, node in graph.outputs]
    names += [("loss", name, node) for name, node in graph.losses]
    taken: set[tuple[str, str]] = set()
    for role, name, node in names:
        if not NAME.fullmatch(name):
            yield Problem(no_name(name), node.span)
        if (role, name) in taken:
            yield Problem(f"two {role}s are called `{name}`", node.span)
        taken.add((role, name))
    for name, node in graph.losses:
        if not isinstance(node.type, TensorType) or not node.type.is_float or node.type.rank:
            yield Problem(f"the loss `{name}` is `{node.type}`, and not a float scalar", node.span)
    for _, node in graph.outputs:
        if not isinstance(node.type, TensorType):
            yield Problem(f"an output is a tensor, and not `{node.type}`", node.span)
    for state, value in graph.nexts:
        if state.op != "state" or state.type != value.type:
            yield Problem(f"the next value of `{state.op}` ({state.type}) is {value.type}", value.span)


def _bare(node: Node) -> frozenset[str]:
    """Symbols that stand alone as a size of an input, and so are known when it is given."""
    if not isinstance(node.type, TensorType):
        return frozenset()
    bare = (size for size in node.type.shape if isinstance(size, Dim) and not size.compound)
    return frozenset(atom for size in bare for (monomial, _) in size.terms for atom in monomial if isinstance(atom, str))


def _symbols(node: Node) -> set[str]:
    """Symbols in the type of a node and in its attributes."""
    found = set(free_symbols(node.type))
    for value in node.attrs.values():
        sizes: tuple[Size, ...] = value if isinstance(value, tuple) else (value,)
        found.update(name for size in sizes if isinstance(size, Dim) for name in symbols(size))
    return found


# ---- paths, call by call


def _paths(graph: Graph) -> Iterator[Problem]:
    """Every param and state of every call leads to an entry of its type in the table, which holds each path once."""
    table = {entry.path: entry for entry in graph.parameters}
    yield from (Problem(no_name(path), graph.span) for path in table if not NAME.fullmatch(path))
    if len(table) != len(graph.parameters):
        yield Problem("two entries of the parameter table have one path", graph.span)
    seen: set[tuple[int, Frame]] = set()
    stack: list[tuple[Graph, Frame]] = [(graph, Frame())]
    while stack:
        one, frame = stack.pop()
        if (id(one), frame) in seen:
            continue
        seen.add((id(one), frame))
        if len(seen) > MOST_FRAMES:
            yield Problem(f"the graph makes more than {MOST_FRAMES} calls", graph.span)
            return
        depth = _depth(frame)
        for node in one.nodes:
            if node.op in ("param", "state", "apply") and node.attrs["up"] > depth:
                yield Problem(f"`{node.op}` looks {node.attrs['up']} frames out, and there are {depth}", node.span)
            elif node.op == "present" and any(_outward(str(path)) > depth for path in node.attrs["chunks"]):
                yield Problem(f"`present` names chunks further out than the {depth} frames that there are", node.span)
            elif node.op in ("param", "state"):
                path = frame.resolve(node)
                entry = table.get(path)
                if entry is None:
                    yield Problem(f"the parameter table has no `{path}`", node.span)
                elif entry.type != node.type or (entry.kind == "state") != (node.op == "state"):
                    message = f"`{path}` is {node.op} {node.type} here, and {entry.kind} {entry.type} in the table"
                    yield Problem(message, node.span)
            elif node.op == "apply" and node.attrs["body"] is not None:
                stack.extend((node.attrs["body"], frame.enter(node, member)) for member in node.attrs["members"])


def _outward(path: str) -> int:
    """How many frames out a path leads."""
    return len(path) - len(path.lstrip("^"))


def _depth(frame: Frame) -> int:
    depth, outer = 0, frame.parent
    while outer is not None:
        depth, outer = depth + 1, outer.parent
    return depth
