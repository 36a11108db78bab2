"""Ops between the entries of a tensor and blocks of them; the last block of an axis may be smaller."""

from __future__ import annotations

from .. import dims
from ..ir import Attrs
from ..types import TensorType
from .checks import need_bool, need_float, show
from .positions import before
from .table import Arg, Op, ShapeError, Types

X = Arg("x", "value", required=True)
AXES = Arg("axes", "axes", (-2, -1))
SIZES = Arg("sizes", "pair", required=True, ndim=2)


def _check(op: str, attrs: Attrs) -> None:
    if len(attrs["axes"]) != 2 or len(attrs["sizes"]) != 2 or any(size < 1 for size in attrs["sizes"]):
        raise ShapeError(f"`{op}` needs two axes and two block sizes of at least 1", 0)


def _infer_pool(types: Types, attrs: Attrs) -> TensorType:
    need_float("pool_blocks", types)
    return _pooled("pool_blocks", types, attrs)


def _infer_any(types: Types, attrs: Attrs) -> TensorType:
    need_bool("any_blocks", types)
    return _pooled("any_blocks", types, attrs)


def _pooled(op: str, types: Types, attrs: Attrs) -> TensorType:
    _check(op, attrs)
    shape = list(types[0].shape)
    for axis, size in zip(attrs["axes"], attrs["sizes"]):
        shape[axis] = dims.ceil_divide(shape[axis], size)
    return types[0].with_shape(*shape)


def _infer_expand(types: Types, attrs: Attrs) -> TensorType:
    _check("expand_blocks", attrs)
    x, shape = types[0], list(types[0].shape)
    for axis, size, full in zip(attrs["axes"], attrs["sizes"], attrs["shape"]):
        if shape[axis] != dims.ceil_divide(full, size):
            needed = dims.ceil_divide(full, size)
            raise ShapeError(f"`expand_blocks` needs {needed} blocks of {size} for {full}, not the {shape[axis]} of {show(x)}", 0)
        shape[axis] = full
    return x.with_shape(*shape)


OPS = (
    Op(
        "pool_blocks",
        (X, SIZES, AXES),
        _infer_pool,
        "The mean of each block of two axes; a smaller block at the edge is the mean of what it has.",
        rows=before("axes"),
        zero_preserving=True,
    ),
    Op(
        "any_blocks",
        (X, SIZES, AXES),
        _infer_any,
        "Whether anything in each block of two axes is true.",
        rows=before("axes"),
        zero_preserving=True,
    ),
    Op(
        "expand_blocks",
        (X, SIZES, Arg("shape", "sizes", required=True), AXES),
        _infer_expand,
        "Each block's entry at every place of the block, cut to the two sizes `shape`.",
        rows=before("axes"),
        zero_preserving=True,
    ),
)
