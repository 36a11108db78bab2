"""Ops that bring one or several axes down to one value."""

from __future__ import annotations

from ..dims import Size
from ..ir import Attrs
from ..types import TensorType
from .checks import need_bool, need_float, need_number, without
from .positions import before
from .table import Arg, Op, Types

X = Arg("x", "value", required=True)
ARGS = (X, Arg("axes", "axes", (-1,)), Arg("keepdims", "bool", False))


def reduced(shape: tuple[Size, ...], axes: tuple[int, ...], keepdims: bool) -> tuple[Size, ...]:
    """A shape without these axes, or with size 1 there."""
    left: list[Size] = []
    for place, size in enumerate(shape):
        if place - len(shape) not in axes:
            left.append(size)
        elif keepdims:
            left.append(1)
    return tuple(left)


def _reduce(name: str, doc: str, only: str) -> Op:
    need = {"float": need_float, "number": need_number, "bool": need_bool}[only]

    def infer(types: Types, attrs: Attrs) -> TensorType:
        need(name, types)
        return types[0].with_shape(*reduced(types[0].shape, attrs["axes"], attrs["keepdims"]))

    return Op(name, ARGS, infer, doc, rows=before("axes"), zero_preserving=True)


def _infer_argmax(types: Types, attrs: Attrs) -> TensorType:
    need_number("argmax", types)
    return TensorType("i64", without(types[0].shape, attrs["axis"]))


OPS = (
    _reduce("mean", "The mean over the axes: `mean(T)`, `mean(H, W)`.", "float"),
    _reduce("sum", "The sum over the axes.", "number"),
    _reduce("max", "The largest value along the axes.", "number"),
    _reduce("min", "The smallest value along the axes.", "number"),
    _reduce("norm", "The Euclidean norm over the axes: the square root of the sum of squares.", "float"),
    _reduce("any", "Whether any value along the axes is true.", "bool"),
    Op(
        "argmax",
        (X, Arg("axis", "axis", -1)),
        _infer_argmax,
        "Where the largest value along an axis stands; among equals the lowest index.",
        rows=before("axis"),
    ),
)
