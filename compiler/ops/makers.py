"""Ops that make values out of sizes or numbers: `ones`, `zeros`, `range`, `one_hot`, `hash`."""

from __future__ import annotations

from ..ir import Attrs
from ..types import TensorType
from .checks import need_integer, need_sizes
from .positions import broadcast_rows, keeps
from .table import Arg, Op, Types

SHAPED = (Arg("shape", "sizes", required=True), Arg("dtype", "dtype", "f32"))
IDS = Arg("ids", "value", required=True)


def _infer_filled(types: Types, attrs: Attrs) -> TensorType:
    return TensorType(attrs["dtype"], tuple(attrs["shape"]))


def _infer_one_hot(types: Types, attrs: Attrs) -> TensorType:
    need_integer("one_hot", types)
    need_sizes("one_hot", attrs["n"], least=1)
    return TensorType("f32", (*types[0].shape, attrs["n"]))


def _infer_hash(types: Types, attrs: Attrs) -> TensorType:
    need_integer("hash", types)
    need_sizes("hash", attrs["n"], least=1)
    return TensorType("i64", types[0].shape)


OPS = (
    Op("ones", SHAPED, _infer_filled, "Ones of a shape: `ones(B, 4)`.", shaped=True),
    Op("zeros", SHAPED, _infer_filled, "Zeros of a shape.", shaped=True),
    Op(
        "range",
        (Arg("n", "size", required=True),),
        lambda types, attrs: TensorType("i64", (attrs["n"],)),
        "The integers 0, 1 … n - 1.",
    ),
    Op(
        "one_hot",
        (IDS, Arg("n", "int", required=True)),
        _infer_one_hot,
        "A new last axis of `n`, 1 at the place that the integer names and 0 elsewhere (everywhere, if it names none).",
        rows=keeps(0),
    ),
    Op(
        "hash",
        (Arg("x", "value", required=True), Arg("n", "int", required=True), Arg("seed", "int", 0)),
        _infer_hash,
        "Each integer to one of 0 … n - 1, the same everywhere and always, by the mixing of SplitMix64 (Steele et al., 2014).",
        rows=broadcast_rows,
        pointwise=True,
    ),
)
