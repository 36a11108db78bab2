"""Chunks: arrays of members, and a body elaborated once for each way a chunk is called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product as combinations
from typing import Any, overload

from ...compiler.diagnostics import did_you_mean
from ...compiler.ir import Chunk, Node, element_type
from ...compiler.source import Span
from ...compiler.types import BundleType, RecordType, TensorType, Type
from .. import tree
from . import build
from .arguments import Arguments
from .env import Env, Scope, label
from .expressions import as_tensor, evaluate
from .handles import handle_of, requirements
from .limits import MOST_MEMBERS
from .missing import MayBeMissing, or_zeros, paths_of
from .signatures import bind_signature
from .stored import look_up
from .values import Chunked, Items, Record, Selected, Tensor, Value, describe


def declare(env: Env, syntax: tree.Chunk) -> None:
    """Bind a chunk's name; its body is elaborated when it is called."""
    labels = tuple(_labels(env, expr, syntax) for expr in _dimensions(env, syntax))
    count = 1
    for dimension in labels:
        count *= len(dimension)
    if count > MOST_MEMBERS:
        raise env.error(
            "CC1003", f"an array of {count} chunks is too large", syntax.name.span, hint=f"the most is {MOST_MEMBERS}"
        )
    env.program.step(syntax.name.span, count // 8)
    path = ".".join(env.statement(syntax.name.text).path)
    written, bound = handle_of(env, syntax), syntax.extern is not None and syntax.name.text in env.program.bind
    handle = written.handle if written is not None and not bound else ""
    entry = Chunk(
        path,
        _members(labels),
        extern=handle if syntax.extern is not None else "",
        trainable=written is None or bound or written.trainable,
        source=handle if syntax.extern is None else "",
        requires=requirements(env, syntax),
        isolated=syntax.isolated,
        span=syntax.span,
    )
    if written is not None and written.place is not None:
        env.program.places[syntax.span] = written.place
    declared = Chunked(syntax, env, path, labels, entry.members)
    declared.on_missing = written.on_missing if written is not None and not bound else "error"
    env.declare(syntax.name, declared)
    env.unit.chunks[path] = entry
    if handle and env.program.resolver is not None:
        look_up(env, declared, handle)
    if syntax.extern is not None:
        env.program.externs[syntax.name.text] = None


def _dimensions(env: Env, syntax: tree.Chunk) -> list[Any]:
    """One entry a dimension of the array: an expression that is a size, or a tuple of names."""
    members = syntax.members
    if members is None:
        return []
    named = [m for m in members if isinstance(m, tree.Name) and env.scope.find(m.text) is None]
    if named and len(named) == len(members):
        return [tuple(named)]
    if named:
        first = named[0]
        raise env.error("CC0201", f"unknown name `{first.text}`", first.span, hint="members are all names, or all sizes")
    return list(members)


def _labels(env: Env, entry: Any, syntax: tree.Chunk) -> tuple[str, ...]:
    if isinstance(entry, tuple):
        texts = [name.text for name in entry]
        for place, name in enumerate(entry):
            if name.text in texts[:place]:
                raise env.error("CC0202", f"the member `{name.text}` is named twice", name.span)
        return tuple(texts)
    count = evaluate(env, entry)
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise env.error("CC0501", f"the size of an array of chunks is a whole number from 1, found {describe(count)}", entry.span)
    if count > MOST_MEMBERS:
        raise env.error("CC1003", f"an array of {count} chunks is too large", entry.span, hint=f"the most is {MOST_MEMBERS}")
    return _numbers(count)


@lru_cache(maxsize=64)
def _numbers(count: int) -> tuple[str, ...]:
    return tuple(map(str, range(count)))


def _members(labels: tuple[tuple[str, ...], ...], chosen: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Labels of the members of an array of which some indices are chosen: `3.0`, `3.1`, …"""
    if len(labels) == 1 and not chosen:
        return labels[0]
    return tuple(".".join((*chosen, *rest)) for rest in combinations(*labels[len(chosen) :]))


def member(env: Env, chunk: Value, expr: tree.Expr) -> Chunked:
    """`expert[i]`: one member, or the rest of an array of several dimensions."""
    if not isinstance(chunk, Chunked) or len(chunk.index) >= len(chunk.labels):
        raise env.error("CC0306", f"{describe(chunk)} has no further index", expr.span)
    labels = chunk.labels[len(chunk.index)]
    if isinstance(expr, tree.Name) and labels[0] != "0" and expr.text in labels:
        return _chosen(chunk, expr.text)
    value = evaluate(env, expr)
    if isinstance(value, bool) or not isinstance(value, int) or not -len(labels) <= value < len(labels):
        message = f"`{expr.span.text}` is no member of `{chunk.syntax.name.text}`: it has {len(labels)}"
        raise env.error("CC0306", message, expr.span, also=[label(chunk.syntax.name.span, "declared here")])
    return _chosen(chunk, labels[value])


def named_member(env: Env, chunk: Chunked, name: tree.Name) -> Chunked:
    """`pathway.prehension`."""
    labels = chunk.labels[len(chunk.index)] if len(chunk.index) < len(chunk.labels) else ()
    if name.text not in labels:
        near = did_you_mean(name.text, labels) or (f"its members are {', '.join(labels[:8])}" if labels else "it is no array")
        hint = f"its members are numbers: `[0]` to `[{len(labels) - 1}]`" if labels and labels[0] == "0" else near
        raise env.error("CC0203", f"{describe(chunk)} has no member `{name.text}`", name.span, hint=hint)
    return _chosen(chunk, name.text)


def _chosen(chunk: Chunked, label: str) -> Chunked:
    root = chunk.root
    return Chunked(root.syntax, root.env, root.path, root.labels, root.members, root.bodies, (*chunk.index, label), root)


def apply(env: Env, chunk: Chunked, arguments: Arguments) -> Value:
    """A call of a chunk: one value for a single one, a bundle for an array, zipped over a list of its length."""
    root = chunk.root
    open_labels = chunk.labels[len(chunk.index) :]
    members = root.members if not chunk.index else _members(chunk.labels, chunk.index)
    if root in env.program.calling:
        raise env.error("CC0505", f"`{chunk.syntax.name.text}` calls itself", arguments.span, hint="use a `for` of fixed length")
    names = [given.name.text for given in chunk.syntax.inputs]
    among = arguments.named.pop("among", None)
    bound = arguments.bind(names)
    for name in names:
        arguments.need(bound, name)
    values = [bound[name].value for name in names]
    spans = [bound[name].span for name in names]
    zipped = bool(open_labels) and len(values) == 1 and isinstance(values[0], Items)
    if zipped and len(values[0].values) != len(members):  # type: ignore[union-attr]
        message = f"`{chunk.syntax.name.text}` has {len(members)} members, and the list {len(values[0].values)}"  # type: ignore[union-attr]
        raise env.error("CC0403", message, spans[0], also=[label(chunk.syntax.name.span, "declared here")])
    given = list(values[0].values) if zipped else values  # type: ignore[union-attr]
    operands = [as_tensor(env, value, spans[0] if zipped else spans[i]) for i, value in enumerate(given)]
    _check_signature(env, root, operands[: len(names)], spans)
    kept = _among(env, among.value, operands, among.span) if among is not None else []
    return _emit(env, chunk, members, operands, kept, zipped, bool(open_labels), arguments.span)


def _check_signature(env: Env, chunk: Chunked, operands: list[Tensor], spans: list[Span]) -> None:
    """Whether the arguments are what is declared, told of each call; the body, made once, binds its dimensions again."""
    inner = Env(env.program, env.unit, Scope(parent=chunk.env.scope))
    for given, x, span in zip(chunk.syntax.inputs, operands, spans):
        if given.type is not None:
            bind_signature(inner, given.type, x, f"`{given.name.text}` of `{chunk.syntax.name.text}`", span)


def _among(env: Env, value: Value, operands: list[Tensor], span: Span) -> list[Tensor]:
    """What a body called `among` a selection is given besides: kept positions `[B, T]`, and where each stands."""
    from .selections import result

    if not isinstance(value, Selected):
        raise env.error("CC0301", f"`among` takes a router, found {describe(value)}", span)
    kept = result(env, value, "kept", span)
    if kept.type.rank == 3 and kept.shape[-1] == 1:
        kept = build.op(env, "squeeze", [kept], {"axis": -1}, span)
    if kept.type.rank != 2 or any(x.type.rank < 2 or x.shape[:2] != kept.shape for x in operands):
        raise env.error(
            "CC0404",
            f"`among` takes one decision a position: `{kept.type}` does not decide the positions of `{operands[0].type}`",
            span,
            also=[label(operands[0].node.span, "the value comes from here")],
        )
    positions = build.op(env, "range", [], {"n": kept.shape[-1]}, span)
    positions = build.op(env, "broadcast", [positions], {"shape": kept.shape}, span)
    return [kept, positions]


def _emit(
    env: Env,
    chunk: Chunked,
    members: tuple[str, ...],
    operands: list[Tensor],
    kept: list[Tensor],
    zipped: bool,
    array: bool,
    span: Span,
) -> Value:
    from .bodies import body_of

    root = chunk.root
    arguments = [operands[0]] if zipped else operands
    if zipped and any(x.type != operands[0].type for x in operands):
        odd = next(x for x in operands if x.type != operands[0].type)
        also = [
            label(odd.node.span, f"`{odd.type}` comes from here"),
            label(operands[0].node.span, f"`{operands[0].type}` comes from here"),
        ]
        raise env.error(
            "CC0305",
            f"the values of a list zipped over chunks must be alike: `{operands[0].type}` and `{odd.type}`",
            span,
            also=also,
        )
    body, element, axes = body_of(env, root, [*arguments, *kept], bool(kept), span)
    up = env.unit.depth_to(root.env.unit)
    call = "^" * up + root.path
    used = env.unit.count_call(call, chunk.index)
    attrs = {
        "chunk": root.path,
        "up": up,
        "members": members,
        "call": call if used == 1 else f"{call}@{used}",
        "body": body,
        "single": not array,
        "zipped": zipped,
        "among": bool(kept),
    }
    type: Type = BundleType(len(members), element) if array else element
    node = env.unit.emit("apply", tuple(x.node for x in [*operands, *kept]), attrs, type, span)
    missing = root.on_missing or env.program.on_missing
    if missing == "zero":
        return or_zeros(env, chunk, paths_of(env, chunk, members), node, axes, span)
    if missing == "skip":
        env.unit.skipped[node] = MayBeMissing(paths_of(env, chunk, members), chunk.syntax.name.text, span)
    if not array:
        return read(env, node, element, axes, span)
    return Items(Streams(env, node, axes, span), bundle=node)


@dataclass(eq=False)
class Streams(Sequence[Value]):
    """The streams of a bundle; a node is made for one that is looked at alone."""

    env: Env
    bundle: Node
    axes: dict[str, Any]
    span: Span
    known: dict[int, Value] = field(default_factory=dict)

    def __len__(self) -> int:
        assert isinstance(self.bundle.type, BundleType)
        return self.bundle.type.count

    @overload
    def __getitem__(self, place: int) -> Value: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[Value, ...]: ...

    def __getitem__(self, place: int | slice) -> Value | tuple[Value, ...]:
        if isinstance(place, slice):
            return tuple(self[i] for i in range(*place.indices(len(self))))
        at = range(len(self))[place]
        if at not in self.known:
            element = element_type(self.bundle.type)
            node = self.env.unit.emit("field", (self.bundle,), {"name": str(at)}, element, self.span)
            self.known[at] = read(self.env, node, element, self.axes, self.span)
        return self.known[at]


def read(env: Env, node: Node, type: Type, axes: dict[str, Any], span: Span) -> Value:
    """The value of a call: a tensor, or the record of its outputs."""
    if isinstance(type, TensorType):
        return Tensor(node, next(iter(axes.values())))
    assert isinstance(type, RecordType)
    fields: dict[str, Value] = {}
    for name, output in type.fields:
        fields[name] = Tensor(env.unit.emit("field", (node,), {"name": name}, output, span), axes[name])
    return Record(fields)
