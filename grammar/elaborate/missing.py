"""Chunks that may be missing: what `on_missing` says becomes selections of what can be had, so that no pass knows of it.

`skip`: the ways of a router that lead to a missing chunk are not among those that it can choose: its `select` decides within
`present`. `zero`: the call gives zeros: a router of one way, which is kept where the chunk is present.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...compiler.diagnostics import Abort, Label
from ...compiler.dims import Dim, Size
from ...compiler.ir import Attrs, Graph, Node, rebuild, streams_of, users
from ...compiler.ops import infer, normalise
from ...compiler.selection import Rule
from ...compiler.source import Span
from ...compiler.types import BundleType, SelectionType, TensorType, Type
from .env import Env, Unit
from .values import Axes, Chunked, Items, Tensor, Value

LATER = "write `on_missing=zero` for it, or give it to a fuse `by=` a router that chooses among chunks"


@dataclass(frozen=True, slots=True)
class MayBeMissing:
    """A call whose ways are skipped where its chunk is missing: the paths of its members from its unit, "" for one that is
    missing for good."""

    paths: tuple[str, ...]
    name: str
    span: Span


def paths_of(env: Env, chunk: Chunked, members: Sequence[str]) -> tuple[str, ...]:
    """Of the members of a chunk, from where it is called: `^` for each frame further out. "" where it is missing for good."""
    root = chunk.root
    if root.gone:
        return ("",) * len(members)
    home = "^" * env.unit.depth_to(root.env.unit) + root.path
    return tuple(f"{home}.{member}" if member else home for member in members)


# ---- zero


def or_zeros(env: Env, chunk: Chunked, paths: Sequence[str], node: Node, axes: Mapping[str, Axes], span: Span) -> Value:
    """What a call gives, and zeros where its chunk is missing."""
    element = node.type.element if isinstance(node.type, BundleType) else node.type
    samples = isinstance(element, TensorType) and element.is_float and element.shape and isinstance(element.shape[0], Dim)
    if not isinstance(element, TensorType) or not samples:
        message = f"`{chunk.syntax.name.text}` gives `{element}`: zeros stand for one float tensor with a row a sample"
        raise env.error("CC1448", message, span, hint="let it give one tensor, `f32[B, …]`")
    own = next(iter(axes.values()))
    if not isinstance(node.type, BundleType):
        return Tensor(_kept(env, node, element, paths[0], span), own)
    found = []
    for i, path in enumerate(paths):
        member = env.unit.emit("field", (node,), {"name": str(i)}, element, span)
        found.append(Tensor(_kept(env, member, element, path, span), own))
    return Items(tuple(found))


def _kept(env: Env, stream: Node, type: TensorType, path: str, span: Span) -> Node:
    """A fuse of one stream, kept where its chunk is present."""
    unit, shape = env.unit, (*type.shape[:1], 1)
    ones = unit.emit("ones", (), {"shape": shape, "dtype": "f32"}, TensorType("f32", shape), span)
    allowed = _spread(_Emitter(unit, span), [[path]], shape)
    attrs = {
        "path": env.numbered("present"),
        "kind": "router",
        "grain": "",
        "block": (),
        "rules": (Rule("all"),),
        "levels": (),
        "fallback": (),
        "renormalise": False,
        "train": "hard",
        "cache": (),
        "slots": ("score", "allowed"),
    }
    kind = SelectionType(TensorType("bool", shape), TensorType("f32", shape))
    select = unit.emit("select", (ones, allowed), attrs, kind, span)
    return unit.emit("fuse", (stream, select), {"kind": "sum", "by": True}, type, span)


# ---- skip


def skip_missing(unit: Unit, graph: Graph) -> Graph:
    """The graph of a unit with the ways of missing chunks closed. Reports calls that are read elsewhere than as such ways."""
    ways: dict[str, dict[int, list[str]]] = {}
    reads = users(graph)
    for node, call in unit.skipped.items():
        if node not in reads:
            continue
        try:
            for member, path in enumerate(call.paths):
                for select, way in _ways(unit, graph, reads, node, member, call):
                    paths = ways.setdefault(str(select.attrs["path"]), {}).setdefault(way, [])
                    paths += [path] if path not in paths else []
        except Abort:
            continue

    def closed(node: Node) -> Node | None:
        if node.op != "select" or node.attrs["path"] not in ways:
            return None
        given = ways[str(node.attrs["path"])]
        score, make = node.operands[0].tensor, _Emitter(None, node.span)
        open_ways = _spread(make, [given.get(i, []) for i in range(int(str(score.shape[-1])))], score.shape)
        before = node.slot("allowed")
        slots = dict(zip(node.attrs["slots"], node.operands))
        slots["allowed"] = open_ways if before is None else make("and", before, open_ways)
        return Node("select", tuple(slots.values()), node.attrs.but(slots=tuple(slots)), node.type, node.span, node.name)

    return rebuild(graph, closed) if ways else graph


def _ways(
    unit: Unit, graph: Graph, reads: Mapping[Node, list[Node]], call: Node, member: int, told: MayBeMissing
) -> Iterator[tuple[Node, int]]:
    """The selections, and the way of each, that alone read what one member of a call gives."""
    roots, seen = set(graph.roots), set[tuple[Node, int | None]]()
    stack: list[tuple[Node, int | None]] = [(call, member if isinstance(call.type, BundleType) else None)]
    while stack:
        value, place = stack.pop()
        if (value, place) in seen:
            continue
        seen.add((value, place))
        if value in roots:
            message = f"`{told.name}` may be skipped where it is missing, and is read outside of what a router chooses"
            also = (Label(value.span, "read by this"),) if value is not call else ()
            raise unit.program.findings.error("CC1448", message, told.span, also=also, hint=LATER)
        for reader in reads[value]:
            if reader.op == "fuse" and reader.attrs["by"] and reader.operands[-1] is not value:
                yield from ((reader.operands[-1], way) for way in _places(reader, value, place))
            elif reader.op == "field" and place is not None and not isinstance(reader.type, BundleType):
                stack += [(reader, None)] if reader.attrs["name"] == str(place) else []
            else:
                stack.append((reader, place if isinstance(reader.type, BundleType) else None))


def _places(fuse: Node, value: Node, place: int | None) -> Iterator[int]:
    """Which ways of a fuse a value is."""
    at = 0
    for stream in streams_of(fuse)[0]:
        count = stream.type.count if isinstance(stream.type, BundleType) else 1
        if stream is value:
            yield from [at + place] if place is not None else range(at, at + count)
        at += count


# ---- which ways are open


@dataclass(frozen=True, slots=True)
class _Emitter:
    """Makes nodes of the op table: in a unit, or loose."""

    unit: Unit | None
    span: Span

    def __call__(self, op: str, *operands: Node, **attrs: Any) -> Node:
        types = [operand.tensor for operand in operands]
        full = normalise(op, types, Attrs(attrs))
        kind: Type = infer(op, types, full)
        if self.unit is not None:
            return self.unit.emit(op, operands, dict(full), kind, self.span)
        return Node(op, operands, full, kind, self.span)


def _spread(make: _Emitter, ways: Sequence[Sequence[str]], shape: tuple[Size, ...]) -> Node:
    """For each way whether all its chunks can be had, in the shape of a score."""
    paths = tuple(dict.fromkeys(path for way in ways for path in way if path))
    found = make("present", chunks=paths) if paths else make("ones", shape=(1,), dtype="bool")
    if [list(way) for way in ways] != [[path] for path in paths]:
        parts = [_all_of(make, found, [paths.index(path) if path else -1 for path in way]) for way in ways]
        found = make("concat", *parts, axis=-1) if len(parts) > 1 else parts[0]
    return found if len(shape) == 1 else make("broadcast", found, shape=shape)


def _all_of(make: _Emitter, found: Node, places: Sequence[int]) -> Node:
    """bool[1]: whether all of these places are true; -1 is a place that never is."""
    if -1 in places:
        return make("zeros", shape=(1,), dtype="bool")
    parts = [make("slice", found, start=place, stop=place + 1, axis=-1) for place in places]
    if not parts:
        return make("ones", shape=(1,), dtype="bool")
    whole = parts[0]
    for part in parts[1:]:
        whole = make("and", whole, part)
    return whole
