"""Making nodes: types inferred by the op table, misfits turned into diagnostics that show both sides and where each came from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...compiler import ops
from ...compiler.dims import Dim, Size, TooLarge
from ...compiler.ops import Implicit, ShapeError, infer, normalise
from ...compiler.source import Span
from ...compiler.types import TensorType
from .axes import result_axes
from .env import Env, label
from .values import Axes, Items, Outer, Tensor, Value, describe

if TYPE_CHECKING:
    from .. import tree

OPERATORS = {
    "+": "add",
    "-": "sub",
    "*": "mul",
    "/": "div",
    "mod": "mod",
    "@": "matmul",
    "==": "eq",
    "!=": "ne",
    "<": "lt",
    "<=": "le",
    ">": "gt",
    ">=": "ge",
    "and": "and",
    "or": "or",
}


def op(env: Env, name: str, operands: Sequence[Tensor], attrs: dict[str, Any], span: Span, slots: Sequence[str] = ()) -> Tensor:
    """A node of the op table."""
    types = [operand.type for operand in operands]
    given = {**attrs, "slots": tuple(slots)} if slots else dict(attrs)
    try:
        full = normalise(name, types, env_attrs(given))
        result = infer(name, types, full)
    except ShapeError as problem:
        raise misfit(env, name, operands, problem, span) from None
    except TooLarge:
        raise env.error("CC1004", f"a size in `{name}` is too long an expression of the dimensions", span) from None
    node = env.unit.emit(name, tuple(operand.node for operand in operands), dict(full), result, span)
    return Tensor(node, result_axes(name, operands, dict(full), result))


def env_attrs(attrs: dict[str, Any]) -> Any:
    from ...compiler.ir import Attrs

    return Attrs(attrs)


def misfit(env: Env, name: str, operands: Sequence[Tensor], problem: ShapeError, span: Span) -> Exception:
    """The diagnostic of operands that do not fit: both shapes, and where each came from."""
    places = [
        label(operands[i].node.span, f"`{operands[i].type}` comes from here") for i in problem.operands if i < len(operands)
    ]
    if not places:
        places = [label(x.node.span, f"`{x.type}` comes from here") for x in operands]
    return env.error("CC0305", str(problem), span, also=dict.fromkeys(places), hint=problem.hint)


def constant(env: Env, value: bool | int | float, dtype: str, span: Span) -> Tensor:
    """A scalar."""
    kept = float(value) if dtype in ("f64", "f32", "bf16", "f16") else bool(value) if dtype == "bool" else int(value)
    return Tensor(env.unit.emit("const", (), {"value": kept}, TensorType(dtype, ()), span), ())


def operands(env: Env, left: Value, left_span: Span, right: Value, right_span: Span) -> tuple[Tensor, Tensor]:
    """Two operands of an operator, a compile-time number taking the dtype of the tensor beside it."""
    from .expressions import as_tensor

    if is_number(left):
        b = as_tensor(env, right, right_span)
        return number(env, left, b.type, left_span), b
    a = as_tensor(env, left, left_span)
    if is_number(right):
        return a, number(env, right, a.type, right_span)
    return a, as_tensor(env, right, right_span)


def is_number(value: Value) -> bool:
    return isinstance(value, (int, float))


def number(env: Env, value: Any, beside: TensorType, span: Span) -> Tensor:
    """A compile-time number beside a tensor."""
    if isinstance(value, float) and not beside.is_float or isinstance(value, bool) != (beside.dtype == "bool"):
        raise env.error("CC0305", f"{describe(value)} does not fit beside `{beside}`", span, hint="`cast` the tensor first")
    return constant(env, value, beside.dtype, span)


def size(env: Env, expr: tree.Expr) -> Size:
    """A size written as an argument."""
    from .expressions import evaluate

    value = evaluate(env, expr)
    if isinstance(value, bool) or not isinstance(value, (int, Dim)):
        raise env.error("CC0301", f"expected a whole number or a dimension, found {describe(value)}", expr.span)
    return value


def parameter(
    env: Env, path: str, spec: Implicit, dtype: str, span: Span, kind: str = "param", axes: Axes | None = None
) -> Tensor:
    """A parameter (or state) that an op makes for itself, under the path it was given."""
    full = f"{path}.{spec.name}" if spec.name else path
    names = axes or (None,) * len(spec.shape)
    kind = "frozen" if kind == "param" and env.unit.frozen else kind
    outer = Outer(env.unit, full, TensorType(dtype, tuple(spec.shape)), names, spec.init, kind, span)
    return declare_outer(env, outer)


def declare_outer(env: Env, outer: Outer) -> Tensor:
    """Register a parameter; two at one path are an error."""
    unit = env.unit
    if outer.path in unit.paths:
        also = [label(unit.paths[outer.path], "first made here")]
        raise env.error("CC0202", f"the parameter path `{outer.path}` is already taken", outer.span, also=also)
    unit.paths[outer.path] = outer.span
    unit.declared.append(outer)
    return unit.reach(outer, outer.span)


def implicit(env: Env, name: str, operands: Sequence[Tensor], attrs: dict[str, Any], span: Span) -> dict[str, Tensor]:
    """The parameters that a row of the op table makes, by their slot."""
    types = [operand.type for operand in operands]
    try:
        specs = ops.implicit(name, types, env_attrs(attrs))
    except ShapeError as problem:
        raise misfit(env, name, operands, problem, span) from None
    home = env.numbered(name)
    dtype = next((type.dtype for type in types if type.is_float), "f32")
    return {spec.name: parameter(env, home, spec, dtype, span) for spec in specs}


def aligned(env: Env, x: Tensor, axes_after: int, rank: int, span: Span) -> Tensor:
    """`x` with its leading axes kept in front and its last `axes_after` at the end of a value of `rank`: ones in between."""
    while x.type.rank < rank:
        place = -(axes_after + 1)
        x = op(env, "unsqueeze", [x], {"axis": place}, span)
    return x


def streams(value: Value) -> Items | None:
    """A bundle or list, as fuses take it."""
    return value if isinstance(value, Items) else None
