"""Ops that move, join, pick or make elements, and compute nothing."""

from __future__ import annotations

from .. import dims
from ..dims import Size, product
from ..ir import Attrs
from ..types import TensorType
from .checks import at_least, bracket, broadcasts_to, need_integer, need_rank, replaced, same_dtype, show, without
from .positions import Rows, before, broadcast_rows, joint, keeps
from .table import Arg, Op, ShapeError, Types

X = Arg("x", "value", required=True)
AXIS = Arg("axis", "axis", -1)
SHAPE = Arg("shape", "sizes", required=True)


def _fill_shape(types: Types, attrs: Attrs) -> Attrs:
    """One size of -1 is what is left."""
    shape = tuple(attrs["shape"])
    if -1 not in shape:
        return attrs.but(shape=shape)
    place = shape.index(-1)
    rest = dims.divide(product(types[0].shape), product(shape[:place] + shape[place + 1 :]))
    if rest is None or shape.count(-1) > 1:
        raise ShapeError(f"`reshape` cannot tell what -1 is in {bracket(shape)} for {show(types[0])}", 0)
    return attrs.but(shape=replaced(shape, place, rest))


def _infer_reshape(types: Types, attrs: Attrs) -> TensorType:
    x, shape = types[0], attrs["shape"]
    if product(x.shape) != product(shape):
        message = f"`reshape` needs as many elements before as after, not {show(x)} and {bracket(shape)}"
        raise ShapeError(message, 0, hint=f"{show(x)} holds {product(x.shape)}, {bracket(shape)} holds {product(shape)}")
    return x.with_shape(*shape)


def _rows_reshape(rows: Rows, types: Types, attrs: Attrs, result: TensorType) -> int:
    pairs = enumerate(zip(types[0].shape, result.shape))
    common = next((place for place, (a, b) in pairs if a != b), min(types[0].rank, result.rank))
    return min(joint(rows), common)


def _infer_transpose(types: Types, attrs: Attrs) -> TensorType:
    shape = list(types[0].shape)
    a, b = attrs["a"], attrs["b"]
    shape[a], shape[b] = shape[b], shape[a]
    return types[0].with_shape(*shape)


def _infer_permute(types: Types, attrs: Attrs) -> TensorType:
    shape, order = types[0].shape, attrs["order"]
    if sorted(order) != list(range(-len(shape), 0)):
        raise ShapeError(f"`permute` needs each axis of {show(types[0])} once", 0)
    return types[0].with_shape(*(shape[axis] for axis in order))


def _rows_permute(rows: Rows, types: Types, attrs: Attrs, result: TensorType) -> int:
    moved = (place for place, axis in enumerate(attrs["order"]) if axis + result.rank != place)
    return min(joint(rows), next(moved, result.rank))


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
    return _opened(types[0], attrs["axis"], len(types))


def _opened(type: TensorType, axis: int, size: Size) -> TensorType:
    """The type with a new axis, which stands at `axis` of the result."""
    place = type.rank + 1 + axis
    return type.with_shape(*type.shape[:place], size, *type.shape[place:])


def _rows_opened(rows: Rows, types: Types, attrs: Attrs, result: TensorType) -> int:
    return min(joint(rows), result.rank + attrs["axis"])


def _check_slice(types: Types, attrs: Attrs) -> Attrs:
    """Start and stop counted from the front, inside the axis as far as that is known."""
    size = types[0].shape[attrs["axis"]]
    start, stop, step = attrs["start"], attrs["stop"], attrs["step"]
    stop = size if stop is None else stop
    start, stop = (size + at if isinstance(at, int) and at < 0 else at for at in (start, stop))
    if step < 1:
        raise ShapeError("`slice` needs a step of at least 1", 0)
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


def _infer_squeeze(types: Types, attrs: Attrs) -> TensorType:
    if types[0].shape[attrs["axis"]] != 1:
        raise ShapeError(f"`squeeze` needs an axis of 1, not of {types[0].shape[attrs['axis']]} in {show(types[0])}", 0)
    return types[0].with_shape(*without(types[0].shape, attrs["axis"]))


def _infer_broadcast(types: Types, attrs: Attrs) -> TensorType:
    if not broadcasts_to(types[0].shape, attrs["shape"]):
        raise ShapeError(f"`broadcast` cannot repeat {show(types[0])} to {bracket(attrs['shape'])}", 0)
    return types[0].with_shape(*attrs["shape"])


def _infer_repeat(types: Types, attrs: Attrs) -> TensorType:
    if attrs["n"] < 1:
        raise ShapeError("`repeat` needs a count of at least 1", 0)
    return types[0].with_shape(*replaced(types[0].shape, attrs["axis"], types[0].shape[attrs["axis"]] * attrs["n"]))


def _infer_heads(types: Types, attrs: Attrs) -> TensorType:
    x, n = types[0], attrs["n"]
    at_least("heads", types, 0, 2, "a value [..., T, d]")
    size = dims.divide(x.shape[-1], n)
    if size is None:
        raise ShapeError(f"{n} heads do not divide the last size of {show(x)}", 0, hint="a width is a multiple of its heads")
    return x.with_shape(*x.shape[:-2], n, x.shape[-2], size)


def _infer_merge(types: Types, attrs: Attrs) -> TensorType:
    at_least("merge_heads", types, 0, 3, "a value [..., heads, T, e]")
    *front, heads, length, size = types[0].shape
    return types[0].with_shape(*front, length, heads * size)


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


MOVES = (
    Op(
        "reshape",
        (X, SHAPE),
        _infer_reshape,
        "The elements in the same order (row-major) in another shape; one size may be -1, which is what is left.",
        rows=_rows_reshape,
        zero_preserving=True,
        shaped=True,
        normalise=_fill_shape,
    ),
    Op(
        "transpose",
        (X, Arg("a", "axis", -2), Arg("b", "axis", -1)),
        _infer_transpose,
        "Two axes exchanged.",
        rows=before("a", "b"),
        zero_preserving=True,
    ),
    Op(
        "permute",
        (X, Arg("order", "order", required=True)),
        _infer_permute,
        "The axes in another order: axis i of the result is axis `order[i]` of `x`.",
        rows=_rows_permute,
        zero_preserving=True,
    ),
    Op(
        "unsqueeze",
        (X, AXIS),
        lambda types, attrs: _opened(types[0], attrs["axis"], 1),
        "A new axis of size 1 at this place of the result.",
        rows=_rows_opened,
        zero_preserving=True,
        axis_of_result=True,
    ),
    Op("squeeze", (X, AXIS), _infer_squeeze, "Without an axis of size 1.", rows=before("axis"), zero_preserving=True),
    Op(
        "broadcast",
        (X, SHAPE),
        _infer_broadcast,
        "Repeated to a shape, aligned at the right; only axes of size 1 repeat.",
        rows=broadcast_rows,
        zero_preserving=True,
        shaped=True,
    ),
    Op(
        "repeat",
        (X, Arg("n", "int", required=True), AXIS),
        _infer_repeat,
        "Each entry of an axis `n` times in a row, as `torch.repeat_interleave`.",
        rows=before("axis"),
        zero_preserving=True,
    ),
    Op(
        "heads",
        (X, Arg("n", "int", required=True)),
        _infer_heads,
        "[..., T, d] as `n` heads: [..., n, T, d / n].",
        rows=keeps(2),
        zero_preserving=True,
    ),
    Op(
        "merge_heads",
        (X,),
        _infer_merge,
        "The inverse of `heads`: [..., n, T, e] as [..., T, n · e].",
        rows=keeps(3),
        zero_preserving=True,
    ),
)

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
        rows=_rows_opened,
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

OPS = MOVES + JOINS + PICKS
