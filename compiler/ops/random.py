"""The one random op. Dropout, jitter and Gumbel noise are composed from it."""

from __future__ import annotations

from ..ir import Attrs
from ..types import TensorType
from .positions import broadcast_rows
from .table import Arg, Op, Types


def _infer_uniform(types: Types, attrs: Attrs) -> TensorType:
    return TensorType("f32", types[0].shape)


OPS = (
    Op(
        "uniform",
        (Arg("x", "value", required=True), Arg("path", "string", required=True, form="core")),
        _infer_uniform,
        "A draw in (0, 1) for each element of `x`, keyed by the call's seed, the call path and the dense position, "
        "so that skipping moves none.",
        rows=broadcast_rows,
        random=True,
        pointwise=True,
    ),
)
