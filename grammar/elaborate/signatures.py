"""Written types: `f32[B, T, 4 * d]` to a tensor type with axis names, and how a signature binds its own dimensions at a call."""

from __future__ import annotations

from ...compiler.diagnostics import did_you_mean
from ...compiler.dims import Dim, Size, symbol
from ...compiler.ir import Node
from ...compiler.source import Span
from ...compiler.types import DTYPES, TensorType
from .. import tree
from .env import Env, label
from .expressions import evaluate
from .values import Axes, Tensor, describe


def dtype(env: Env, name: tree.Name) -> str:
    """The dtype that a name spells."""
    if name.text not in DTYPES:
        hint = did_you_mean(name.text, DTYPES) or f"the dtypes are {', '.join(DTYPES)}"
        raise env.error("CC0201", f"unknown dtype `{name.text}`", name.span, hint=hint)
    return name.text


def axis_name(expr: tree.Expr) -> str | None:
    """An axis is named by the name that alone is its size."""
    return expr.text if isinstance(expr, tree.Name) else None


def is_capital(expr: tree.Expr) -> bool:
    return isinstance(expr, tree.Name) and expr.text[:1].isupper()


def size(env: Env, expr: tree.Expr) -> Size:
    """A size: a whole number, or a run-time dimension."""
    value = evaluate(env, expr)
    if isinstance(value, bool) or not isinstance(value, (int, Dim)):
        raise env.error("CC0301", f"a size must be a whole number or a dimension, found {describe(value)}", expr.span)
    if isinstance(value, int) and value < 0:
        raise env.error("CC0304", f"a size cannot be negative: {value}", expr.span)
    return value


def declare_dims(env: Env, written: tree.TypeExpr) -> None:
    """Capital names of an input's type that are new become run-time dimensions of this unit."""
    for expr in written.shape:
        if isinstance(expr, tree.Name) and is_capital(expr) and env.scope.find(expr.text) is None:
            env.scope.names[expr.text] = (symbol(expr.text), expr.span)
            env.scope.used.add(expr.text)
        elif isinstance(expr, tree.Name) and env.scope.find(expr.text) is None:
            hint = did_you_mean(expr.text, env.scope.visible())
            hint = hint or f"a size of run time has a capital name; others are parameters: `model m({expr.text}: int)`"
            raise env.error("CC0201", f"unknown size `{expr.text}`", expr.span, hint=hint)


def tensor_type(env: Env, written: tree.TypeExpr) -> tuple[TensorType, Axes]:
    """The type that is written, and the names of its axes."""
    shape = tuple(size(env, expr) for expr in written.shape)
    return TensorType(dtype(env, written.dtype), shape), tuple(axis_name(expr) for expr in written.shape)


def bind_signature(env: Env, written: tree.TypeExpr, given: Tensor, what: str, span: Span) -> Axes:
    """Bind a signature's dimensions to an argument's sizes; what contradicts is an error at the argument."""
    declared = dtype(env, written.dtype)
    also = [label(written.span, "declared here"), *_origin(given.node)]
    if declared != given.type.dtype or len(written.shape) != given.type.rank:
        raise env.error("CC0305", f"{what} is declared `{written.span.text}`, found `{given.type}`", span, also=also)
    for expr, found in zip(written.shape, given.shape):
        if isinstance(expr, tree.Name) and is_capital(expr) and expr.text not in env.scope.names:
            env.scope.names[expr.text] = (found, expr.span)
            env.scope.used.add(expr.text)
            continue
        wanted = size(env, expr)
        if wanted != found:
            name = expr.span.text
            why = f"a size is {found}, not {wanted}" if name == str(wanted) else f"`{name}` is {wanted} here, not {found}"
            message = f"{what} is declared `{written.span.text}`, found `{given.type}`: {why}"
            raise env.error("CC0305", message, span, also=also)
    return tuple(axis_name(expr) or name for expr, name in zip(written.shape, given.axes))


def _origin(node: Node) -> list[object]:
    return [label(node.span, f"`{node.type}` comes from here")]
