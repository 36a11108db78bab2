"""What stands beside the arrays: a vector unit for single elements, rows and sorts, and memory read by index."""

from __future__ import annotations

import math

from ...compiler.shapes import Gather, Pointwise, Reduction, Sort
from ..target import Target

MOVED = {
    "cast",
    "concat",
    "copy",
    "stack",
    "repeat",
    "permute",
    "transpose",
    "reshape",
    "flip",
    "slice",
    "zeros",
    "ones",
    "range",
}
"""Ops that only move elements."""

PLAIN = {"gelu": 8, "silu": 2, "sigmoid": 2, "tanh": 1, "softmax": 4, "layer_norm": 5, "rms_norm": 3, "l2_norm": 3, "norm": 2}
PLAIN |= {"group_norm": 5, "batch_norm": 2, "rope": 3, "bce": 4, "kl": 3}
"""Additions, products and comparisons for each element of ops that take more than one; counted from their definitions."""

SPECIAL = {"exp", "log", "sigmoid", "tanh", "silu", "gelu", "softmax", "sqrt", "pow", "div", "bce", "kl", "uniform"}
"""Ops with an exponential, a root, a quotient or the like for each element."""

BURST = 64
"""Bytes that memory moves at least: what a row read by index is rounded up to."""


def element_work(shape: Pointwise | Reduction | Sort) -> tuple[float, float]:
    """Plain and special operations on elements."""
    if isinstance(shape, Sort):
        # A bitonic sorter (Batcher 1968): log2(n) (log2(n) + 1) / 2 stages of n / 2 exchanges, each a comparison and a selection.
        steps = math.ceil(math.log2(shape.length)) if shape.length > 1 else 0
        return shape.rows * shape.length * steps * (steps + 1) / 2, 0.0
    elements = shape.elements if isinstance(shape, Pointwise) else shape.rows * shape.length
    if shape.op in MOVED:
        return 0.0, 0.0
    return PLAIN.get(shape.op, 1) * elements, elements if shape.op in SPECIAL else 0.0


def vector_seconds(target: Target, plain: float, special: float, dtype: str) -> float:
    """Seconds of operations on elements, those of both kinds one after the other, on all vector units."""
    rates = target.vector.flops
    rate = rates.get(dtype) or min(rates.values())
    slow = target.vector.special or rate
    return (plain / rate + special / slow) / (target.vector.units * target.clock)


def gathered_bytes(shape: Gather) -> float:
    """Bytes that memory moves for rows by index: each whole bursts, read and written, and its index."""
    size = math.ceil(shape.row_bytes / BURST) * BURST
    return shape.rows * (2 * size + 8)
