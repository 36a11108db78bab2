"""Products with weights and of values with each other: `linear`, `matmul`, `einsum`, `embedding`."""

from __future__ import annotations

import math

from ..dims import Size, product
from ..ir import Attrs
from ..types import BYTES, TensorType
from .checks import (
    at_least,
    broadcast,
    need_float,
    need_integer,
    need_param,
    need_rank,
    need_sizes,
    place,
    same_dtype,
    show,
    slot,
)
from .einsum import einsum_macs, einsum_rows, infer_einsum, normalise_einsum
from .positions import Rows, first_wide, keeps
from .table import Arg, Implicit, Op, ShapeError, Types, Work, traffic


def bound(fan_in: Size) -> tuple[str, float]:
    """How PyTorch starts the weights and biases of linear and convolution layers: uniform up to `1 / sqrt(fan_in)`."""
    return ("uniform", 1 / math.sqrt(fan_in) if isinstance(fan_in, int) and fan_in > 0 else 0.0)


def wanted(attrs: Attrs, found: dict[str, Implicit]) -> tuple[Implicit, ...]:
    """Those of an op's possible parameters that its attributes ask it to make; their sizes are known before the run."""
    made = tuple(implicit for name, implicit in found.items() if attrs.get(name) is True)
    for size in (size for one in made for size in one.shape):
        if not isinstance(size, int):
            raise ShapeError(f"a weight needs sizes that are known before the run, not {size}", 0)
    return made


def _infer_linear(types: Types, attrs: Attrs) -> TensorType:
    x, weight = types[0], types[1]
    need_float("linear", types)
    at_least("linear", types, 0, 1, "a value [..., in]")
    if weight.rank != 2 or weight.shape[1] != x.shape[-1]:
        raise ShapeError(
            f"`linear` needs a weight [out, {x.shape[-1]}] for {show(x)}, not {show(weight)}",
            0,
            1,
            hint="a weight is [out, in], and works on the last axis",
        )
    same_dtype("linear", types)
    if slot(types, attrs, "bias") is not None:
        need_param("linear", "bias", types, place(attrs, "bias"), (weight.shape[0],))
    return TensorType(x.dtype, (*x.shape[:-1], weight.shape[0]))


def _implicit_linear(types: Types, attrs: Attrs) -> tuple[Implicit, ...]:
    at_least("linear", types, 0, 1, "a value [..., in]")
    size = types[0].shape[-1]
    init = bound(size)
    out = types[1].shape[0] if len(types) > 1 and types[1].rank == 2 else attrs.get("n")
    if out is None:
        raise ShapeError("`linear` needs the number of its outputs, or a weight", 0, hint="write `linear(64)`")
    need_sizes("linear", out, least=1)
    return wanted(attrs, {"weight": Implicit("weight", (out, size), init), "bias": Implicit("bias", (out,), init)})


def _work_linear(types: Types, attrs: Attrs, result: TensorType) -> Work:
    return Work(product(result.shape) * types[0].shape[-1], traffic(types, result))


def _infer_matmul(types: Types, attrs: Attrs) -> TensorType:
    a, b = types
    need_float("matmul", types)
    same_dtype("matmul", types)
    at_least("matmul", types, 0, 2, "a matrix [..., n, k] on the left")
    at_least("matmul", types, 1, 2, "a matrix [..., k, m] on the right")
    if a.shape[-1] != b.shape[-2]:
        raise ShapeError(
            f"`matmul` needs [..., n, {a.shape[-1]}] times [..., {a.shape[-1]}, m], not {show(a)} times {show(b)}",
            0,
            1,
            hint="`transpose` one of them, or use `einsum`",
        )
    batch = broadcast("matmul", (a.with_shape(*a.shape[:-2]), b.with_shape(*b.shape[:-2])))
    return TensorType(a.dtype, (*batch, a.shape[-2], b.shape[-1]))


def _rows_matmul(rows: Rows, types: Types, attrs: Attrs, result: TensorType) -> int:
    """The batch axes of both; where the right side is shared, the rows of the left one too."""
    batch = result.rank - 2
    limit = batch
    for have, type in zip(rows, types):
        own = first_wide(type.with_shape(*type.shape[:-2]), batch) if have is None else have if type.rank == result.rank else 0
        limit = min(limit, own)
    rows_too = limit == batch and rows[1] is None and rows[0] is not None and rows[0] > batch
    return batch + 1 if rows_too else limit


def _work_matmul(types: Types, attrs: Attrs, result: TensorType) -> Work:
    return Work(product(result.shape) * types[0].shape[-1], traffic(types, result))


def _infer_embedding(types: Types, attrs: Attrs) -> TensorType:
    ids, weight = types
    need_integer("embedding", types)
    need_rank("embedding", types, 1, 2, form="a table [n, d]")
    return TensorType(weight.dtype, (*ids.shape, weight.shape[1]))


def _implicit_embedding(types: Types, attrs: Attrs) -> tuple[Implicit, ...]:
    n, d = attrs.get("n"), attrs.get("d")
    if attrs.get("weight") is True and (n is None or d is None):
        raise ShapeError("`embedding` needs the number of its entries and their size", 0, hint="write `embedding(50257, 768)`")
    need_sizes("embedding", n, d, least=1)
    return wanted(attrs, {"weight": Implicit("weight", (n or 0, d or 0), ("normal", 1.0))})


def _work_embedding(types: Types, attrs: Attrs, result: TensorType) -> Work:
    """Only the rows that are looked up are read."""
    return Work(0, 2 * product(result.shape) * BYTES[result.dtype] + product(types[0].shape) * BYTES[types[0].dtype])


OPS = (
    Op(
        "linear",
        (
            Arg("x", "value", required=True),
            Arg("n", "size", form="surface"),
            Arg("weight", "param", True, required=True),
            Arg("bias", "param", True),
        ),
        _infer_linear,
        "`x · weightᵀ + bias` on the last axis; `linear(n)` makes a weight [n, in] and a bias, `linear(w)` uses `w` [out, in].",
        work=_work_linear,
        rows=keeps(1),
        implicit=_implicit_linear,
    ),
    Op(
        "matmul",
        (Arg("a", "value", required=True), Arg("b", "value", required=True)),
        _infer_matmul,
        "The matrix product of the last two axes [n, k] and [k, m]; the axes before them are broadcast.",
        work=_work_matmul,
        rows=_rows_matmul,
        zero_preserving=True,
    ),
    Op(
        "einsum",
        (Arg("values", "values", required=True), Arg("equation", "string", required=True)),
        infer_einsum,
        'Einstein summation, `einsum(x, w, "bi,boi->bo")`: a letter an axis, summed where the result does not have it.',
        work=lambda types, attrs, result: Work(einsum_macs(types, attrs), traffic(types, result)),
        rows=einsum_rows,
        zero_preserving=True,
        normalise=normalise_einsum,
    ),
    Op(
        "embedding",
        (
            Arg("ids", "value", required=True),
            Arg("n", "size", form="surface"),
            Arg("d", "size", form="surface"),
            Arg("weight", "param", True, required=True),
        ),
        _infer_embedding,
        "Row `ids` of a table [n, d], which starts normally distributed; `embedding(w)` reads the table `w`.",
        work=_work_embedding,
        rows=keeps(0),
        implicit=_implicit_embedding,
    ),
)
