"""Values of expressions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...compiler.diagnostics import Abort, did_you_mean
from ...compiler.dims import Dim
from ...compiler.ops import OPS
from ...compiler.source import Span
from .. import tree
from . import build, limits, static
from .env import Env, label
from .values import (
    NOTHING,
    Chunked,
    Fraction,
    Function,
    Items,
    Nothing,
    Outer,
    Poison,
    Record,
    Selected,
    Tensor,
    Value,
    describe,
)


def evaluate(env: Env, expr: tree.Expr) -> Value:
    """The value of an expression. Long chains of `|>` and operators are walked, not recursed into."""
    env.program.step(expr.span)
    match expr:
        case tree.Name():
            return name(env, expr)
        case tree.Number() | tree.Bytes() | tree.String() | tree.Boolean():
            return expr.value
        case tree.Percent():
            return Fraction(expr.value / 100)
    env.program.enter(expr.span)
    try:
        return _composite(env, expr)
    finally:
        env.program.leave()


def _composite(env: Env, expr: tree.Expr) -> Value:
    match expr:
        case tree.ListOf():
            return items_of(env, [evaluate(env, item) for item in expr.items], expr.span)
        case tree.Pipe() | tree.Binary():
            return _chain(env, expr)
        case tree.Call():
            from .calls import call

            return call(env, expr, None)
        case tree.Unary():
            return _unary(env, expr)
        case tree.Conditional():
            return evaluate(env, expr.then if truth(env, expr.condition) else expr.otherwise)
        case tree.Index():
            return _index(env, expr)
        case tree.Attribute():
            return _attribute(env, expr)
    raise env.error("CC0301", "this cannot stand in the place of a value", expr.span)


def name(env: Env, expr: tree.Name) -> Value:
    """What a name means here."""
    found = env.scope.find(expr.text)
    if found is None:
        return _free_name(env, expr)
    _, value, bound, crossed = found
    if isinstance(value, Poison):
        raise Abort
    if isinstance(value, Outer):
        return env.unit.reach(value, expr.span)
    if crossed and _is_run_time(value):
        raise env.error(
            "CC0502",
            f"a chunk cannot see the run-time value `{expr.text}` outside it",
            expr.span,
            also=[label(bound, "declared here")],
            hint=f"hand in its `.weight` or `.kept`: `(…, {expr.text}_weight)`"
            if isinstance(value, Selected)
            else f"make it an argument of the chunk: `(…, {expr.text})`",
        )
    return value


def _is_run_time(value: Value) -> bool:
    if isinstance(value, Items):
        return value.run_time
    return isinstance(value, (Tensor, Record, Selected))


def _free_name(env: Env, expr: tree.Name) -> Value:
    if expr.text == "training":
        return env.program.training
    if expr.text == "none":
        return NOTHING
    if expr.text == "inf":
        return float("inf")
    if expr.text in OPS:
        return Function(expr.text)
    hint = did_you_mean(expr.text, [*env.scope.visible(), "training"]) or did_you_mean(expr.text, OPS, 0.8)
    if expr.text[:1].isupper() and not hint:
        hint = "a dimension must stand in the type of an input"
    raise env.error("CC0201", f"unknown name `{expr.text}`", expr.span, hint=hint)


def items_of(env: Env, values: Sequence[Value], span: Span) -> Items:
    """A list; what it costs to make counts."""
    env.program.step(span, len(values) // 8)
    made = Items(tuple(values))
    if made.depth > limits.DEEPEST_LISTS:
        raise env.error("CC1005", f"lists lie in lists more than {limits.DEEPEST_LISTS} levels deep", span)
    return made


def truth(env: Env, expr: tree.Expr) -> bool:
    """A condition that must be known at compile time."""
    value = evaluate(env, expr)
    if not isinstance(value, bool):
        hint = "to choose by data, use `where(c, a, b)` or a router" if isinstance(value, Tensor) else ""
        raise env.error("CC0302", f"a condition must be known at compile time, found {describe(value)}", expr.span, hint=hint)
    return value


def tensor(env: Env, expr: tree.Expr) -> Tensor:
    """The value of an expression that must be a tensor."""
    return as_tensor(env, evaluate(env, expr), expr.span)


def as_tensor(env: Env, value: Value, span: Span) -> Tensor:
    if isinstance(value, Record):
        value = value.first
    if isinstance(value, Outer):
        return env.unit.reach(value, span)
    if isinstance(value, Tensor):
        return value
    if isinstance(value, Poison):
        raise Abort
    hint = ""
    if isinstance(value, Items) and value.bundle is not None:
        hint = "join the streams of a bundle by a fuse: `weighted_sum(…, by=router)`"
    if isinstance(value, Selected):
        hint = "read one of its results: `.weight`, `.kept`, `.score`, `.load`"
    if isinstance(value, Chunked):
        hint = "call it on a value"
    if isinstance(value, Nothing):
        hint = "an input that is not given is `none`"
    raise env.error("CC0301", f"expected a tensor, found {describe(value)}", span, hint=hint)


def _chain(env: Env, expr: tree.Pipe | tree.Binary) -> Value:
    spine: list[tree.Pipe | tree.Binary] = []
    head: tree.Expr = expr
    while isinstance(head, (tree.Pipe, tree.Binary)):
        spine.append(head)
        head = head.value if isinstance(head, tree.Pipe) else head.left
    value = evaluate(env, head)
    span = head.span
    for link in reversed(spine):
        env.program.step(link.span)
        if isinstance(link, tree.Pipe):
            from .calls import pipe

            value = pipe(env, value, span, link.function)
        else:
            value = _operate(env, link, value)
        span = link.span
    return value


def _operate(env: Env, expr: tree.Binary, left: Value) -> Value:
    if expr.operator in ("and", "or") and isinstance(left, bool) and left is (expr.operator == "or"):
        return left
    right = evaluate(env, expr.right)
    if static.is_static(left) and static.is_static(right):
        return static.binary(env, expr.operator, left, right, expr.span)
    a, b = build.operands(env, left, expr.left.span, right, expr.right.span)
    return build.op(env, build.OPERATORS[expr.operator], [a, b], {}, expr.span)


def _unary(env: Env, expr: tree.Unary) -> Value:
    value = evaluate(env, expr.value)
    if expr.operator == "not":
        if isinstance(value, bool):
            return not value
        return build.op(env, "not", [as_tensor(env, value, expr.value.span)], {}, expr.span)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return -value
    if isinstance(value, Dim):
        return -value
    return build.op(env, "neg", [as_tensor(env, value, expr.value.span)], {}, expr.span)


def whole(env: Env, expr: tree.Expr) -> int:
    """A whole number known at compile time."""
    value = evaluate(env, expr)
    if isinstance(value, bool) or not isinstance(value, int):
        raise env.error("CC0301", f"expected a whole number known at compile time, found {describe(value)}", expr.span)
    return value


def _index(env: Env, expr: tree.Index) -> Value:
    value = evaluate(env, expr.value)
    if isinstance(value, Record):
        value = value.first
    if isinstance(value, Items):
        return _item(env, value, expr)
    if isinstance(value, Chunked):
        from .chunks import member

        for index in expr.indices:
            value = member(env, value, index)
        return value
    return _slices(env, as_tensor(env, value, expr.value.span), expr)


def _item(env: Env, items: Items, expr: tree.Index) -> Value:
    value: Value = items
    for index in expr.indices:
        if not isinstance(value, Items):
            raise env.error("CC0306", f"{describe(value)} has no further index", index.span)
        if isinstance(index, tree.Range):
            start = whole(env, index.start) if index.start else 0
            stop = whole(env, index.stop) if index.stop else len(value.values)
            value = items_of(env, value.values[start:stop], index.span)
            continue
        position = whole(env, index)
        if not -len(value.values) <= position < len(value.values):
            raise env.error("CC0306", f"index {position} is out of range: there are {len(value.values)}", index.span)
        value = value.values[position]
    if isinstance(value, Poison):
        raise Abort
    return value


def _slices(env: Env, x: Tensor, expr: tree.Index) -> Tensor:
    axis, whole_type = -x.type.rank, x.type
    for index in expr.indices:
        if axis >= 0:
            raise env.error("CC0306", f"`{whole_type}` has only {whole_type.rank} axes", index.span)
        if isinstance(index, tree.Range):
            if index.start or index.stop:  # `..` is the whole axis: no op, which would seem to mix its positions
                start: Any = build.size(env, index.start) if index.start else 0
                stop: Any = build.size(env, index.stop) if index.stop else x.shape[axis]
                x = build.op(env, "slice", [x], {"axis": axis, "start": start, "stop": stop, "step": 1}, expr.span)
            axis += 1
        else:
            # The axes that remain keep their distance from the end.
            x = build.op(env, "index", [x], {"axis": axis, "index": whole(env, index)}, expr.span)
            axis += 1
    return x


def _attribute(env: Env, expr: tree.Attribute) -> Value:
    value = evaluate(env, expr.value)
    field = expr.name.text
    if isinstance(value, Record):
        if field in value.fields:
            return value.fields[field]
        raise _no_field(env, expr, list(value.fields), describe(value))
    if isinstance(value, Selected):
        from ...compiler.selection import FIELDS
        from .selections import result

        if field in FIELDS:
            return result(env, value, field, expr.span)
        raise _no_field(env, expr, list(FIELDS), describe(value))
    if isinstance(value, Chunked):
        from .chunks import named_member

        return named_member(env, value, expr.name)
    raise env.error("CC0203", f"{describe(value)} has no field `{field}`", expr.name.span)


def _no_field(env: Env, expr: tree.Attribute, known: list[str], what: str) -> Abort:
    hint = did_you_mean(expr.name.text, known) or f"its fields are {', '.join(known)}"
    return env.error("CC0203", f"{what} has no field `{expr.name.text}`", expr.name.span, hint=hint)
