"""Parts of losses."""

from __future__ import annotations

from ..ir import Attrs
from ..types import TensorType
from .checks import need_float, same_dtype, same_shape, without
from .positions import before, broadcast_rows
from .table import Arg, Op, Types

P = Arg("p", "value", required=True)


def _infer_kl(types: Types, attrs: Attrs) -> TensorType:
    need_float("kl", types)
    same_dtype("kl", types)
    same_shape("kl", types, 0, 1)
    return types[0].with_shape(*without(types[0].shape, attrs["axis"]))


def _infer_bce(types: Types, attrs: Attrs) -> TensorType:
    need_float("bce", types)
    same_dtype("bce", types)
    same_shape("bce", types, 0, 1)
    return types[0]


OPS = (
    Op(
        "kl",
        (P, Arg("q", "value", required=True), Arg("axis", "axis", -1)),
        _infer_kl,
        "`sum p (log p - log q)` along an axis, with 0 log 0 = 0 (Kullback and Leibler, 1951).",
        rows=before("axis"),
    ),
    Op(
        "bce",
        (P, Arg("t", "value", required=True)),
        _infer_bce,
        "`-(t log p + (1 - t) log(1 - p))`, element by element; logarithms are at least -100, as in PyTorch.",
        rows=broadcast_rows,
        pointwise=True,
    ),
)
