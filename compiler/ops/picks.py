"""Ops that join values, or pick entries of one."""

from __future__ import annotations

from .. import dims
from ..dims import Size
from ..ir import Attrs
from ..types import TensorType
from .checks import bracket, need_integer, need_rank, need_sizes, replaced, same_dtype, show, without
from .positions import Rows, before, joint
from .shapes import AXIS, X, opened, rows_opened
from .table import Arg, Op, ShapeError, Types


def _infer_concat(types: Types, attrs: Attrs) -> TensorType:
    if not types:
        raise ShapeError("`concat` needs at least one value")
    same_dtype("concat", types)
    axis = attrs["axis"]
    for k, type in enumerate(types):
        if type.rank != types[0].rank or without(type.shape, axis) != without(types[0].shape, axis):
            message = f"`concat` needs shapes that are equal but for one axis, not {show(types[0])} and {show(type)}"
            raise ShapeError(message, 0, k)
    total: Size = 0
    for type in types:
        total = total + type.shape[axis]
    return types[0].with_shape(*replaced(types[0].shape, axis, total))


def _infer_stack(types: Types, attrs: Attrs) -> TensorType:
    if not types:
        raise ShapeError("`stack` needs at least one value")
    same_dtype("stack", types)
    for k, type in enumerate(types):
        if type.shape != types[0].shape:
            raise ShapeError(f"`stack` needs equal shapes, not {show(types[0])} and {show(type)}", 0, k)
    return opened(types[0], attrs["axis"], len(types))


def _check_slice(types: Types, attrs: Attrs) -> Attrs:
    """Start and stop counted from the front, inside the axis as far as that is known."""
    size = types[0].shape[attrs["axis"]]
    start, stop, step = attrs["start"], attrs["stop"], attrs["step"]
    stop = size if stop is None else stop
    start, stop = (size + at if isinstance(at, int) and at < 0 else at for at in (start, stop))
    need_sizes("slice", step, least=1)
    for over in (start, stop - start, size - stop):
        if isinstance(over, int) and over < 0:
            raise ShapeError(f"`slice` from {start} to {stop} leaves the axis of {size} in {show(types[0])}", 0)
    return attrs.but(start=start, stop=stop)


def _infer_slice(types: Types, attrs: Attrs) -> TensorType:
    count = dims.ceil_divide(attrs["stop"] - attrs["start"], attrs["step"])
    return types[0].with_shape(*replaced(types[0].shape, attrs["axis"], count))


def _check_index(types: Types, attrs: Attrs) -> Attrs:
    size, index = types[0].shape[attrs["axis"]], attrs["index"]
    if not isinstance(size, int):
        return attrs
    if not -size <= index < size:
        raise ShapeError(f"index {index} is outside the axis of {size} in {show(types[0])}", 0)
    return attrs.but(index=index % size)


def _infer_index(types: Types, attrs: Attrs) -> TensorType:
    return types[0].with_shape(*without(types[0].shape, attrs["axis"]))


def _infer_gather(types: Types, attrs: Attrs) -> TensorType:
    x, index = types
    need_integer("gather", types, 1)
    axis = attrs["axis"]
    if index.rank != x.rank or without(index.shape, axis) != without(x.shape, axis):
        expected = bracket(replaced(x.shape, axis, "n"))  # type: ignore[arg-type]
        raise ShapeError(f"`gather` needs an index {expected} for {show(x)}, not {show(index)}", 0, 1)
    return x.with_shape(*index.shape)


def _infer_take(types: Types, attrs: Attrs) -> TensorType:
    need_integer("take", types, 1)
    return types[0].with_shape(*replaced(types[0].shape, attrs["axis"], *types[1].shape))


def _rows_take(rows: Rows, types: Types, attrs: Attrs, result: TensorType) -> int:
    """From a shared table along its first axis: what the index has. With a shared index: the axes before."""
    x, index = rows
    place = types[0].rank + attrs["axis"]
    if x is None:
        return (index or 0) if place == 0 else 0
    return min(x, place) if index is None else 0


def _infer_pairs(types: Types, attrs: Attrs) -> TensorType:
    a, b = types
    same_dtype("pairs", types)
    for k in (0, 1):
        need_rank("pairs", types, k, 3, form="two values [B, T, p] and [B, S, q]")
    if a.shape[0] != b.shape[0]:
        raise ShapeError(f"`pairs` needs as many samples on both sides, not {show(a)} and {show(b)}", 0, 1)
    return a.with_shape(a.shape[0], a.shape[1], b.shape[1], a.shape[2] + b.shape[2])


def _rows_pairs(rows: Rows, types: Types, attrs: Attrs, result: TensorType) -> int:
    return min(joint(rows), 1)


JOINS = (
    Op(
        "concat",
        (Arg("values", "values", required=True), AXIS),
        _infer_concat,
        "The values one after the other along an axis.",
        rows=before("axis"),
        zero_preserving=True,
    ),
    Op(
        "stack",
        (Arg("values", "values", required=True), AXIS),
        _infer_stack,
        "The values side by side along a new axis, which is the last unless said otherwise.",
        rows=rows_opened,
        zero_preserving=True,
        axis_of_result=True,
    ),
    Op(
        "pairs",
        (Arg("a", "value", required=True), Arg("b", "value", required=True)),
        _infer_pairs,
        "Each position of `a` with each of `b`: [B, T, p] and [B, S, q] to [B, T, S, p + q].",
        rows=_rows_pairs,
        zero_preserving=True,
    ),
)

PICKS = (
    Op(
        "slice",
        (X, Arg("start", "size", 0), Arg("stop", "size"), AXIS, Arg("step", "int", 1)),
        _infer_slice,
        "The entries of an axis from `start` up to `stop` (negative: from the end; without: all), every `step`th.",
        rows=before("axis"),
        zero_preserving=True,
        normalise=_check_slice,
    ),
    Op(
        "index",
        (X, Arg("index", "int", required=True), AXIS),
        _infer_index,
        "Entry `index` of an axis (negative: from the end), which disappears.",
        rows=before("axis"),
        zero_preserving=True,
        normalise=_check_index,
    ),
    Op(
        "gather",
        (X, Arg("index", "value", required=True), AXIS),
        _infer_gather,
        "Along an axis, the entries that an index of the same rank names, as `numpy.take_along_axis`.",
        rows=before("axis"),
    ),
    Op(
        "take",
        (X, Arg("index", "value", required=True), AXIS),
        _infer_take,
        "Along an axis, the entries that an index of any shape names; its shape stands in the place of the axis.",
        rows=_rows_take,
    ),
)

OPS = JOINS + PICKS
