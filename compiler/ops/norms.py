"""Normalisation: of a row, a group of channels, or by stored statistics; softmax and running sums along an axis."""

from __future__ import annotations

from .. import dims
from ..dims import Size
from ..ir import Attrs
from ..types import TensorType
from .checks import at_least, need_float, need_number, need_param, place, show, slot
from .positions import Rows, before, keeps, leads
from .products import wanted
from .table import Arg, Implicit, Op, ShapeError, Types

X = Arg("x", "value", required=True)
AXIS = Arg("axis", "axis", -1)
WEIGHT = Arg("weight", "param", True)
BIAS = Arg("bias", "param", True)


def _affine(types: Types, attrs: Attrs, axis: int) -> tuple[Implicit, ...]:
    size: Size = types[0].shape[axis]
    weight, bias = Implicit("weight", (size,), ("constant", 1.0)), Implicit("bias", (size,), ("constant", 0.0))
    return wanted(attrs, {"weight": weight, "bias": bias})


def _check_affine(op: str, types: Types, attrs: Attrs, axis: int) -> None:
    for name in ("weight", "bias"):
        if slot(types, attrs, name) is not None:
            need_param(op, name, types, place(attrs, name), (types[0].shape[axis],))


def _row_norm(name: str, args: tuple[Arg, ...], doc: str) -> Op:
    """A norm over the last axis, with a weight and bias or without."""

    def infer(types: Types, attrs: Attrs) -> TensorType:
        need_float(name, types)
        at_least(name, types, 0, 1, "a value [..., d]")
        if "slots" in attrs:
            _check_affine(name, types, attrs, -1)
        return types[0]

    def implicit(types: Types, attrs: Attrs) -> tuple[Implicit, ...]:
        at_least(name, types, 0, 1, "a value [..., d]")
        return _affine(types, attrs, -1)

    learns = any(arg.kind == "param" for arg in args)
    return Op(name, args, infer, doc, rows=keeps(1), implicit=implicit if learns else None, zero_preserving=not learns)


def _infer_group(types: Types, attrs: Attrs) -> TensorType:
    need_float("group_norm", types)
    at_least("group_norm", types, 0, 2, "a value [B, C, ...]")
    groups = attrs["groups"]
    if groups < 1 or dims.divide(types[0].shape[1], groups) is None:
        raise ShapeError(f"{groups} groups do not divide the channels of {show(types[0])}", 0)
    _check_affine("group_norm", types, attrs, 1)
    return types[0]


def _implicit_group(types: Types, attrs: Attrs) -> tuple[Implicit, ...]:
    at_least("group_norm", types, 0, 2, "a value [B, C, ...]")
    return _affine(types, attrs, 1)


def _channel_axis(types: Types, attrs: Attrs) -> Attrs:
    """Channels are the last axis of a table [B, C], and the second of anything larger."""
    return attrs if attrs["axis"] is not None else attrs.but(axis=-1 if types[0].rank <= 2 else 1 - types[0].rank)


def _infer_batch(types: Types, attrs: Attrs) -> TensorType:
    need_float("batch_norm", types)
    at_least("batch_norm", types, 0, 2, "a value [B, C, ...]")
    for k, what in enumerate(("mean", "variance", "weight", "bias"), 1):
        need_param("batch_norm", what, types, k, (types[0].shape[attrs["axis"]],))
    return types[0]


def _rows_batch(rows: Rows, types: Types, attrs: Attrs, result: TensorType) -> int:
    return min(keeps(0)(rows, types, attrs, result), result.rank + attrs["axis"])


def _along(name: str, doc: str, *, floats: bool = True, any_type: bool = False, zero: bool = False) -> Op:
    """An op along one axis that keeps the shape."""

    def infer(types: Types, attrs: Attrs) -> TensorType:
        if floats:
            need_float(name, types)
        elif not any_type:
            need_number(name, types)
        return types[0]

    return Op(name, (X, AXIS), infer, doc, rows=before("axis"), zero_preserving=zero)


OPS = (
    _row_norm(
        "layer_norm",
        (X, WEIGHT, BIAS, Arg("eps", "float", 1e-5)),
        "`(x - mean) / sqrt(var + eps) · weight + bias` over the last axis (Ba et al., 2016).",
    ),
    _row_norm(
        "rms_norm",
        (X, WEIGHT, Arg("eps", "float", 1e-6)),
        "`x / sqrt(mean(x²) + eps) · weight` over the last axis (Zhang and Sennrich, 2019).",
    ),
    _row_norm("l2_norm", (X, Arg("eps", "float", 1e-12)), "`x / max(|x|, eps)`, with the Euclidean norm of the last axis."),
    Op(
        "group_norm",
        (X, Arg("groups", "int", required=True), WEIGHT, BIAS, Arg("eps", "float", 1e-5)),
        _infer_group,
        "Each group of channels of [B, C, ...] normalised to mean 0 and variance 1, times weight plus bias (Wu and He, 2018).",
        rows=leads(1),
        implicit=_implicit_group,
    ),
    Op(
        "batch_norm",
        (
            X,
            *(Arg(name, "value", required=True, form="core") for name in ("mean", "var", "weight", "bias")),
            Arg("axis", "axis", None, form="core"),
            Arg("eps", "float", 1e-5),
            Arg("momentum", "float", 0.1, form="surface"),
        ),
        _infer_batch,
        "`(x - mean) / sqrt(var + eps) · weight + bias` for each channel with running statistics; in training with "
        "the batch's own, which `momentum` carries into them (Ioffe and Szegedy, 2015).",
        rows=_rows_batch,
        normalise=_channel_axis,
    ),
    _along("softmax", "`exp(x) / sum(exp(x))` along an axis."),
    _along("cumsum", "Running sum along an axis.", floats=False, zero=True),
    _along("flip", "The entries of an axis in reverse.", floats=False, any_type=True, zero=True),
)
