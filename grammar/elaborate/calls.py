"""Calls: a chunk or model in sight wins over a form with a rule of its own, and that over a plain row of the op table."""

from __future__ import annotations

from ...compiler.diagnostics import Abort, did_you_mean
from ...compiler.ops import OPS
from ...compiler.source import Span
from .. import tree
from .arguments import Arguments, collect
from .env import Env, Scope
from .expressions import as_tensor, evaluate
from .rows import table_op
from .values import Chunked, Function, Poison, Template, Tensor, Value, describe

WRITTEN = [name for name, op in OPS.items() if op.written]
"""Ops that a spec may call."""


def pipe(env: Env, value: Value, span: Span, function: tree.Expr) -> Value:
    """`value |> function`."""
    if isinstance(function, tree.Call):
        return call(env, function, (value, span))
    return invoke(env, function, None, (value, span), function.span)


def call(env: Env, expr: tree.Call, piped: tuple[Value, Span] | None) -> Value:
    """`function(arguments)`, with a value piped in or not."""
    return invoke(env, expr.function, expr, piped, expr.span)


def invoke(env: Env, function: tree.Expr, written: tree.Call | None, piped: tuple[Value, Span] | None, span: Span) -> Value:
    if isinstance(function, tree.Name):
        return _by_name(env, function, written, piped, span)
    callee = evaluate(env, function)
    return _call_value(env, callee, function, collect(env, function.span.text, written, piped, span))


def _call_value(env: Env, callee: Value, function: tree.Expr, arguments: Arguments) -> Value:
    if isinstance(callee, Chunked):
        from .chunks import apply

        return apply(env, callee, arguments)
    if isinstance(callee, Template):
        from .models import inline

        return inline(env, callee, arguments)
    raise env.error("CC0301", f"{describe(callee)} cannot be called", function.span)


def _by_name(env: Env, function: tree.Name, written: tree.Call | None, piped: tuple[Value, Span] | None, span: Span) -> Value:
    from .forms import FORMS

    arguments = collect(env, function.text, written, piped, span)
    found = env.scope.find(function.text)
    if found is not None and isinstance(found[1], Poison):
        raise Abort
    if found is not None and isinstance(found[1], (Chunked, Template)):
        return _call_value(env, found[1], function, arguments)
    if function.text in FORMS:
        return FORMS[function.text](arguments)
    if function.text in WRITTEN:
        return table_op(arguments)
    known = [name for name in env.scope.visible() if isinstance(_peek(env, name), (Chunked, Template))]
    hint = did_you_mean(function.text, [*known, *FORMS, *WRITTEN])
    raise env.error("CC0201", f"unknown op or chunk `{function.text}`", function.span, hint=hint)


def _peek(env: Env, name: str) -> Value | None:
    scope: Scope | None = env.scope
    while scope is not None:
        if name in scope.names:
            return scope.names[name][0]
        scope = scope.parent
    return None


def apply_function(env: Env, function: Function, x: Tensor, span: Span) -> Tensor:
    """A bare op applied to one value."""
    return as_tensor(env, invoke(env, tree.Name(span, function.name), None, (x, span), span), span)
