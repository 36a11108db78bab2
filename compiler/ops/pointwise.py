"""Ops that work on each element for itself: activations, arithmetic with broadcasting, comparisons, logic."""

from __future__ import annotations

from ..ir import Attrs
from ..types import TensorType
from .checks import broadcast, need_bool, need_broadcast, need_float, need_number, place, same_dtype, slot
from .positions import broadcast_rows
from .table import Arg, Op, ShapeError, Types

X = Arg("x", "value", required=True)
A = Arg("a", "value", required=True)
B = Arg("b", "value", required=True)


def _unary(name: str, doc: str, *, only: str = "float", zero: bool = False) -> Op:
    need = {"float": need_float, "number": need_number, "bool": need_bool}[only]

    def infer(types: Types, attrs: Attrs) -> TensorType:
        need(name, types)
        return types[0]

    return Op(name, (X,), infer, doc, rows=broadcast_rows, zero_preserving=zero, pointwise=True)


def _binary(name: str, doc: str, *, result: str = "", only: str = "number", zero: bool = False, commutes: bool = False) -> Op:
    def infer(types: Types, attrs: Attrs) -> TensorType:
        same_dtype(name, types)
        if only == "bool":
            need_bool(name, types)
        elif only == "float":
            need_float(name, types)
        elif only == "number":
            need_number(name, types)
        return TensorType(result or types[0].dtype, broadcast(name, types))

    rows = broadcast_rows
    return Op(name, (A, B), infer, doc, rows=rows, zero_preserving=zero, pointwise=True, commutative=commutes)


def _infer_cast(types: Types, attrs: Attrs) -> TensorType:
    return TensorType(attrs["dtype"], types[0].shape)


def _infer_where(types: Types, attrs: Attrs) -> TensorType:
    need_bool("where", types, 0)
    same_dtype("where", types, 1, 2)
    return TensorType(types[1].dtype, broadcast("where", types))


def _infer_masked(types: Types, attrs: Attrs) -> TensorType:
    x = types[0]
    kept = slot(types, attrs, "kept")
    if kept is None:
        raise ShapeError("`masked` needs what is kept", 0)
    need_bool("masked", types, 1)
    need_broadcast("masked", "mask", types, 1, x.shape)
    if slot(types, attrs, "gate") is not None:
        need_float("masked", types, place(attrs, "gate"))
        need_broadcast("masked", "gate", types, place(attrs, "gate"), x.shape)
    return x


ACTIVATIONS = (
    _unary("relu", "`max(x, 0)`.", zero=True),
    _unary("gelu", "`x · Φ(x)` with the exact normal distribution function (Hendrycks and Gimpel, 2016).", zero=True),
    _unary("silu", "`x · sigmoid(x)` (Elfwing et al., 2017).", zero=True),
    _unary("tanh", "Hyperbolic tangent.", zero=True),
    _unary("sigmoid", "`1 / (1 + exp(-x))`."),
    _unary("exp", "`e` to the power of `x`."),
    _unary("log", "Natural logarithm."),
    _unary("sqrt", "Square root.", zero=True),
    _unary("abs", "Absolute value.", only="number", zero=True),
    _unary("sign", "-1, 0 or 1: the sign of `x`.", only="number", zero=True),
    _unary("neg", "The negative.", only="number", zero=True),
    _unary("not", "True where `x` is false.", only="bool"),
    Op(
        "stop_gradient",
        (X,),
        lambda types, attrs: types[0],
        "The same value, through which no gradient flows.",
        rows=broadcast_rows,
        zero_preserving=True,
        pointwise=True,
    ),
    Op(
        "cast",
        (X, Arg("dtype", "dtype", required=True)),
        _infer_cast,
        "The value as another type: `cast(f32)`. Floats become integers towards zero; bools are 0 or 1.",
        rows=broadcast_rows,
        zero_preserving=True,
        pointwise=True,
    ),
)

ARITHMETIC = (
    _binary("add", "Sum; both sides are broadcast as in NumPy.", commutes=True),
    _binary("sub", "Difference."),
    _binary("mul", "Product, element by element.", zero=True, commutes=True),
    _binary("div", "Quotient of floating-point numbers.", only="float"),
    _binary("mod", "Remainder, with the sign of `b`."),
    _binary("pow", "`a` to the power of `b`."),
    _binary("maximum", "The larger of `a` and `b`, element by element."),
    _binary("minimum", "The smaller of `a` and `b`, element by element."),
)

COMPARISONS = (
    _binary("eq", "True where both are equal.", result="bool", only="any", commutes=True),
    _binary("ne", "True where they differ.", result="bool", only="any", commutes=True),
    _binary("lt", "True where `a` is less.", result="bool"),
    _binary("le", "True where `a` is less or equal.", result="bool"),
    _binary("gt", "True where `a` is greater.", result="bool"),
    _binary("ge", "True where `a` is greater or equal.", result="bool"),
    _binary("and", "True where both are.", only="bool", commutes=True),
    _binary("or", "True where one of both is.", only="bool", commutes=True),
)

CHOICES = (
    Op(
        "where",
        (Arg("condition", "value", required=True), A, B),
        _infer_where,
        "`a` where the condition holds, else `b`; what is not chosen cannot reach the result, be it infinite or not a number.",
        rows=broadcast_rows,
        pointwise=True,
    ),
    Op(
        "masked",
        (X, Arg("kept", "value", required=True), Arg("gate", "value", form="core")),
        _infer_masked,
        "`x` where it is kept, else 0. A gate (training only) has the value of `kept` and takes the gradient `x`.",
        rows=broadcast_rows,
        zero_preserving=True,
        pointwise=True,
    ),
)

OPS = ACTIVATIONS + ARITHMETIC + COMPARISONS + CHOICES
