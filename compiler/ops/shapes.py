"""Ops that move elements, and compute nothing."""

from __future__ import annotations

from .. import dims
from ..dims import Size, product
from ..ir import Attrs
from ..types import TensorType
from .checks import at_least, bracket, broadcasts_to, need_sizes, replaced, show, without
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


def opened(type: TensorType, axis: int, size: Size) -> TensorType:
    """The type with a new axis, which stands at `axis` of the result."""
    place = type.rank + 1 + axis
    return type.with_shape(*type.shape[:place], size, *type.shape[place:])


def rows_opened(rows: Rows, types: Types, attrs: Attrs, result: TensorType) -> int:
    """The axes before a new one."""
    return min(joint(rows), result.rank + attrs["axis"])


def _infer_squeeze(types: Types, attrs: Attrs) -> TensorType:
    if types[0].shape[attrs["axis"]] != 1:
        raise ShapeError(f"`squeeze` needs an axis of 1, not of {types[0].shape[attrs['axis']]} in {show(types[0])}", 0)
    return types[0].with_shape(*without(types[0].shape, attrs["axis"]))


def _infer_broadcast(types: Types, attrs: Attrs) -> TensorType:
    if not broadcasts_to(types[0].shape, attrs["shape"]):
        raise ShapeError(f"`broadcast` cannot repeat {show(types[0])} to {bracket(attrs['shape'])}", 0)
    return types[0].with_shape(*attrs["shape"])


def _infer_repeat(types: Types, attrs: Attrs) -> TensorType:
    need_sizes("repeat", attrs["n"], least=1)
    return types[0].with_shape(*replaced(types[0].shape, attrs["axis"], types[0].shape[attrs["axis"]] * attrs["n"]))


def _infer_heads(types: Types, attrs: Attrs) -> TensorType:
    x, n = types[0], attrs["n"]
    at_least("heads", types, 0, 2, "a value [..., T, d]")
    need_sizes("heads", n, least=1)
    size = dims.divide(x.shape[-1], n)
    if size is None:
        raise ShapeError(f"{n} heads do not divide the last size of {show(x)}", 0, hint="a width is a multiple of its heads")
    return x.with_shape(*x.shape[:-2], n, x.shape[-2], size)


def _infer_merge(types: Types, attrs: Attrs) -> TensorType:
    at_least("merge_heads", types, 0, 3, "a value [..., heads, T, e]")
    *front, heads, length, size = types[0].shape
    return types[0].with_shape(*front, length, heads * size)


OPS = (
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
        lambda types, attrs: opened(types[0], attrs["axis"], 1),
        "A new axis of size 1 at this place of the result.",
        rows=rows_opened,
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
