"""What a graph runs that has to be resident: its calls in the granularity in which a plan skips them, and the units that each
reads.

A unit is a member of a chunk that the outermost graph calls (chunks inside of it are a part of it): see `compiler.residency`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from ..bodies import body_order
from ..ir import Frame, Graph, Node, call_path, streams_of
from ..kernels import kernel_of
from ..types import BYTES, TensorType

Units = Mapping[str, int]
"""Units and their bytes."""


@dataclass(frozen=True, slots=True)
class Use:
    """Something that runs whole, and the units that it reads.

    - `name`: its call path (of the first call in it that reads a unit), unique in its graph.
    - `node`: what it is a part of, in the outlined graph: a call, or the `fuse` whose way or `ladder` whose
      rung it is; `way`: which (-1: all of it).
    - `choice`: the selection that leaves it out where no position keeps this way, or the ladder whose earlier rungs may leave
      nothing to it; None: it always runs (also on no rows, where it
      decides or draws itself).
    """

    name: str
    units: tuple[str, ...]
    node: Node
    way: int
    choice: Node | None = None

    @property
    def chained(self) -> bool:
        """Whether it runs behind the one before it of the same node: rungs do."""
        return self.node.op == "ladder"


@dataclass(frozen=True, slots=True)
class Needs:
    """All uses of a graph in its order, the bytes of the units, and of what is resident all the time (parameters outside of
    units)."""

    uses: tuple[Use, ...]
    units: Units
    always: int
    outside: frozenset[str]
    """The paths of the parameters outside of units."""


def budget(graph: Graph) -> int | None:
    """The bytes that may be resident by the `memory` of a graph; None: all. A share is of the bytes of all parameters."""
    if "budget" not in graph.memory:
        return None
    kind, value = graph.memory["budget"]
    if kind == "bytes":
        return int(value)
    total = sum(size_of(entry.type) for entry in graph.parameters if entry.kind != "state") + sum(foreign_bytes(graph).values())
    return math.floor(value * total + 1e-9)


def size_of(kind: TensorType) -> int:
    """The bytes of a parameter."""
    return math.prod(size for size in kind.shape if isinstance(size, int)) * BYTES[kind.dtype]


def foreign_bytes(graph: Graph) -> dict[str, int]:
    """The bytes of stored bodies that something else runs, by the path of their chunk."""
    if not any(node.op == "foreign" for one in (graph, *body_order(graph)) for node in one.nodes):
        return {}
    walk = _Walk()
    for node in graph.nodes:
        walk.read(node, Frame())
    return walk.foreign


def needs_of(outlined: Graph) -> Needs:
    """The uses of a graph whose streams are outlined (`demand`)."""
    walk = _Walk()
    inner = {stream for node in outlined.nodes if "routing" in node.attrs for stream in streams_of(node)[0]}
    found: list[Use] = []
    taken: dict[str, int] = {}
    for node in outlined.nodes:
        walk.read(node, Frame())
        if node in inner:
            continue
        for way, choice, parts in _parts(node):
            names = [walk.call(apply, member) for apply, member in parts]
            units = tuple(dict.fromkeys(unit for one in names for unit in one[1]))
            if units:
                name = next(path for path, touched in names if touched)
                taken[name] = taken.get(name, 0) + 1
                name = name if taken[name] == 1 else f"{name}#{taken[name]}"
                found.append(Use(name, units, node, way, choice))
    table = {entry.path: size_of(entry.type) for entry in outlined.parameters} | walk.foreign
    always = walk.touched.pop("", set())
    sizes = {unit: sum(table[path] for path in paths - always) for unit, paths in walk.touched.items()}
    return Needs(tuple(found), sizes, sum(table[path] for path in always), frozenset(always))


def leaves(body: Graph) -> bool:
    """Whether a call decides or draws, at any depth: then it is made even on no rows, for what it leaves behind."""
    return any(node.op in ("select", "uniform") for one in (body, *body_order(body)) for node in one.nodes)


def _parts(node: Node) -> Iterator[tuple[int, Node | None, list[tuple[Node, str]]]]:
    """What of a node runs whole, each with its number, the selection that may leave it out, and the calls (and members) in it."""
    if "routing" in node.attrs:
        streams, by = streams_of(node)
        ways = [(stream, member) for stream in streams for member in stream.attrs["members"]]
        if kernel_of(node) == "grouped" or any(stream.attrs.get("word") == "grouped" for stream in streams):
            yield -1, None, ways
        else:
            told = {stream: by if not leaves(stream.attrs["body"]) else None for stream in streams}
            yield from ((i, told[way[0]], [way]) for i, way in enumerate(ways))
    elif node.op == "ladder":
        for i, rung in enumerate(node.attrs["rungs"]):
            skipped = i > 0 and not any(leaves(one.attrs["body"]) for one in rung.applies)
            yield i, node if skipped else None, [(one, "") for one in rung.applies]
    elif node.op == "apply" and node.attrs.get("word") == "grouped":
        yield -1, None, [(node, member) for member in node.attrs["members"]]
    elif node.op == "apply":
        yield from ((i, None, [(node, member)]) for i, member in enumerate(node.attrs["members"]))


def events_before(outlined: Graph, uses: Iterable[Use]) -> dict[Node, int]:
    """For each node, the events that have to be done before it, bit by bit; an event is a node with uses, in order of the
    uses."""
    bit: dict[Node, int] = {}
    for use in uses:
        bit.setdefault(use.node, 1 << len(bit))
    before: dict[Node, int] = {}
    for node in outlined.nodes:
        before[node] = 0
        for operand in node.operands:
            before[node] |= before[operand] | bit.get(operand, 0)
    return before


def in_order(outlined: Graph, uses: Iterable[Use]) -> Graph:
    """The graph with its nodes in an order in which the uses run as they come; all else stands as early as that allows."""
    place = {node: i for i, node in enumerate(dict.fromkeys(use.node for use in uses))}
    behind: dict[Node, int] = {}
    """The number of events that stand before a node."""
    for node in outlined.nodes:
        earliest = max((behind[operand] + (operand in place) for operand in node.operands), default=0)
        behind[node] = place.get(node, earliest)
    return replace(outlined, nodes=tuple(sorted(outlined.nodes, key=lambda node: (behind[node], node in place))))


@dataclass(slots=True)
class _Walk:
    """Follows calls to what they read. `touched`: the paths of parameters by unit, those outside of units under "", and those of
    chunks that something else runs: `foreign` has their bytes."""

    touched: dict[str, set[str]] = field(default_factory=dict)
    foreign: dict[str, int] = field(default_factory=dict)
    known: dict[tuple[int, Frame], tuple[str, ...]] = field(default_factory=dict)

    def call(self, apply: Node, member: str) -> tuple[str, tuple[str, ...]]:
        """The path of a call (of an outlined part: of the first call in it that reads a unit), and the units that it reads."""
        body: Graph | None = apply.attrs["body"]
        if body is None:
            return "", ()
        units = self.body(body, Frame().enter(apply, member))
        if apply.attrs["chunk"]:
            return call_path("", apply, member)[:-1], units
        inner = ((node, label) for node in body.nodes if node.op == "apply" for label in node.attrs["members"])
        calls = (self.call(node, label) for node, label in inner)
        return next((path for path, read in calls if read), ""), units

    def body(self, body: Graph, frame: Frame) -> tuple[str, ...]:
        key = (id(body), frame)
        if key not in self.known:
            read = [unit for node in body.nodes for unit in self.read(node, frame)]
            self.known[key] = tuple(dict.fromkeys(read))
        return self.known[key]

    def read(self, node: Node, frame: Frame) -> tuple[str, ...]:
        """The units that one node reads where it stands."""
        if node.op in ("param", "foreign"):
            unit = _unit(frame.out(node.attrs["up"]) if node.op == "param" else frame)
            self.touched.setdefault(unit, set()).add(frame.resolve(node) if node.op == "param" else frame.prefix[:-1])
            if node.op == "foreign":
                self.foreign[frame.prefix[:-1]] = node.attrs["bytes"]
            return (unit,) if unit else ()
        if node.op != "apply" or node.attrs["body"] is None:
            return ()
        inside = [self.body(node.attrs["body"], frame.enter(node, member)) for member in node.attrs["members"]]
        return tuple(dict.fromkeys(unit for units in inside for unit in units))


def _unit(frame: Frame) -> str:
    """The unit that a frame lies in; "" for the outermost graph."""
    while frame.parent is not None and frame.parent.parent is not None:
        frame = frame.parent
    return frame.prefix[:-1]
