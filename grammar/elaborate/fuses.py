"""Fuses: streams joined under a selection, what it dropped selected away."""

from __future__ import annotations

from ...compiler.ir import Node
from ...compiler.ir import bodies as bodies_of
from ...compiler.source import Span
from ...compiler.types import TensorType
from .arguments import Arguments
from .env import Env, label
from .expressions import as_tensor
from .rows import table_op
from .selections import Undecided
from .values import Items, Nothing, Selected, Tensor, Value, describe


def reduced(arguments: Arguments) -> Tensor:
    """`sum` and `mean`: over axes of a tensor, or over the streams of a bundle or list."""
    streams = _streams(arguments)
    return table_op(arguments) if streams is None else _call(arguments, arguments.callee, streams)


def joined(arguments: Arguments) -> Tensor:
    """`concat` and `stack`: of a list, or along an axis that is given, the op; else, of a bundle or with `by`, a fuse.

    A fuse concatenates on the last axis and stacks on a new one before it.
    """
    streams, named = _streams(arguments), arguments.named
    by = "by" in named and not isinstance(named["by"].value, Nothing)
    if streams is None or (not by and ("axis" in named or streams.bundle is None and "by" not in named)):
        named.pop("by", None)
        return table_op(arguments)
    place = named.pop("axis", None)
    if place is not None and streams.values:
        x = as_tensor(arguments.env, streams.values[0], arguments.span)
        rank = x.type.rank + (arguments.callee == "stack")
        wanted = {"concat": -1, "stack": -2}[arguments.callee]
        if place.value not in (wanted, wanted + rank):
            message = f"a fuse `{arguments.callee}`s on axis {wanted}"
            raise arguments.env.error("CC0401", message, place.span, hint="transpose before or after")
    return _call(arguments, arguments.callee, streams)


def _streams(arguments: Arguments) -> Items | None:
    first = arguments.positional[0] if arguments.positional else None
    value = first.value if first else None
    return value if isinstance(value, Items) else None


def _call(arguments: Arguments, kind: str, streams: Items) -> Tensor:
    bound = arguments.bind(["streams", "by"])
    by = bound.get("by")
    selection: Value = by.value if by is not None else Nothing()
    if isinstance(selection, Nothing):
        return fuse(arguments.env, kind, streams, None, arguments.span, arguments.span)
    assert by is not None
    if not isinstance(selection, Selected):
        hint = "a plain weight is multiplied: `a * w`"
        raise arguments.env.error("CC0401", f"`by` takes a router, found {describe(selection)}", by.span, hint=hint)
    return fuse(arguments.env, kind, streams, selection, arguments.span, by.span)


def fuse(env: Env, kind: str, streams: Items, by: Selected | None, span: Span, by_span: Span) -> Tensor:
    """The `fuse` node."""
    count = len(streams.values)
    if not count:
        raise env.error("CC0401", "a fuse needs at least one stream", span)
    # The streams of a bundle are alike, so the first speaks for all.
    values = [as_tensor(env, value, span) for value in (streams.values[:1] if streams.bundle else streams.values)]
    for x in values:
        if x.type != values[0].type:
            also = [
                label(values[0].node.span, f"`{values[0].type}` comes from here"),
                label(x.node.span, f"`{x.type}` comes from here"),
            ]
            raise env.error("CC0305", f"the streams of a fuse must be alike: `{values[0].type}` and `{x.type}`", span, also=also)
    operands: list[Node] = [streams.bundle] if streams.bundle is not None else [x.node for x in values]
    if by is not None:
        operands.append(_selection(env, by, values[0], count, by_span))
        _warn_of_batch_norm(env, by, [x.node for x in values])
    type, axes = _joined_type(env, kind, values[0], count, span)
    node = env.unit.emit("fuse", tuple(operands), {"kind": kind, "by": by is not None}, type, span)
    return Tensor(node, axes)


def _selection(env: Env, by: Selected, x: Tensor, count: int, span: Span) -> Node:
    if by.node is None:
        raise Undecided(env, by, span)
    if by.unit is not env.unit:
        raise env.error("CC0502", f"a chunk cannot see the selection `{by.path}` outside it", span)
    kept = by.node.selection.kept
    also = [label(by.syntax.name.span, f"decides `{kept}`"), label(x.node.span, f"the streams are `{x.type}`")]
    if kept.shape[-1] != count:
        message = f"`{by.syntax.name.text}` has {kept.shape[-1]} ways, and there are {count} streams"
        raise env.error("CC0403", message, span, also=also, hint="a router's score ends in one entry a stream")
    decisions = kept.shape[:-1]
    if x.shape[: len(decisions)] != decisions:
        where = f"{_show(decisions)}, which does not lead the streams' {_show(x.shape)}"
        message = f"`{by.syntax.name.text}` decides once for each of {where}"
        raise env.error("CC0404", message, span, also=also)
    return by.node


def _warn_of_batch_norm(env: Env, by: Selected, streams: list[Node]) -> None:
    """In training batch norm reads all rows of a stream, so that none can be skipped."""
    applies = [node.operands[0] if node.op == "field" and node.operands else node for node in streams]
    bodies = [node.attrs["body"] for node in applies if node.op == "apply" and node.attrs["body"] is not None]
    seen = set(map(id, bodies))
    while bodies:
        body = bodies.pop()
        for span in env.program.units[id(body)].batch_norms:
            message = f"batch norm under the router `{by.syntax.name.text}`: in training its chunk is computed densely"
            also = [label(by.syntax.name.span, "the router")]
            env.findings.warn("CC0803", message, span, also=also, hint="`layer_norm` and `group_norm` read one sample at a time")
        inner = [x for x in bodies_of(body) if id(x) not in seen]
        seen.update(map(id, inner))
        bodies += inner


def _show(shape: tuple[object, ...]) -> str:
    return "[" + ", ".join(map(str, shape)) + "]"


def _joined_type(env: Env, kind: str, x: Tensor, count: int, span: Span) -> tuple[TensorType, tuple[str | None, ...]]:
    if not x.type.is_float or (kind in ("concat", "stack") and x.type.rank == 0):
        raise env.error("CC0401", f"streams are float tensors, found `{x.type}`", span)
    if kind == "concat":
        return x.type.with_shape(*x.shape[:-1], x.shape[-1] * count), (*x.axes[:-1], None)
    if kind == "stack":
        return x.type.with_shape(*x.shape[:-1], count, x.shape[-1]), (*x.axes[:-1], None, x.axes[-1])
    return x.type, x.axes
