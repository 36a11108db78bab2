"""Arithmetic on constants, only where the result is exact in the dtype: then every backend would have computed just that."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

Number = bool | int | float

BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "mod": operator.mod,
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
    "and": lambda a, b: a and b,
    "or": lambda a, b: a or b,
}
UNARY: dict[str, Callable[[Any], Any]] = {"not": operator.not_, "neg": operator.neg, "abs": abs, "sqrt": math.sqrt}
BITS = {"i64": 64, "i32": 32}
MANTISSA = {"f64": 53, "f32": 24, "f16": 11, "bf16": 8}
"""How many binary digits a float holds."""
NUMPY: dict[str, type[np.floating[Any]]] = {"f64": np.float64, "f32": np.float32, "f16": np.float16}
WIDER = {
    "bool": ("f64", "f32", "bf16", "f16", "i64", "i32"),
    "i32": ("i64", "f64"),
    "f16": ("f32", "f64"),
    "bf16": ("f32", "f64"),
    "f32": ("f64",),
}


def widens(source: str, target: str) -> bool:
    """Whether every value of one dtype is one of the other."""
    return target in WIDER.get(source, ())


def exact(value: Number, dtype: str) -> bool:
    """Whether a number is one of a dtype as it stands: no rounding, no overflow, not NaN."""
    if dtype == "bool":
        return isinstance(value, bool)
    if dtype in BITS:
        return isinstance(value, int) and -(2 ** (BITS[dtype] - 1)) <= value < 2 ** (BITS[dtype] - 1)
    with np.errstate(over="ignore"):
        kept = NUMPY["f32" if dtype == "bf16" else dtype](value)
    fits = dtype != "bf16" or not int(np.asarray(kept).view(np.uint32)) & 0xFFFF  # bf16 is the upper half of an f32
    return float(kept) == value and fits


def fold(op: str, given: str, result: str, *values: Number) -> Number | None:
    """The value of an op on constants of dtype `given`, or None where it is not exact (overflow and division by 0 included)."""
    if not all(exact(value, given) for value in values):
        return None
    if op == "mod" and given not in BITS:  # remainders of floats are not the same everywhere
        return None
    try:
        value: Number = UNARY[op](*values) if op in UNARY else BINARY[op](*values)
    except (ZeroDivisionError, OverflowError, ValueError):
        return None
    sure = given in BITS or result == "bool" or op in ("neg", "abs") or _real(op, value, values)
    return value if sure and exact(value, result) else None


def _real(op: str, value: Number, values: tuple[Number, ...]) -> bool:
    """Whether a float result is that over the reals, so that it does not matter in how many bits a backend computes."""
    if not all(math.isfinite(x) for x in (value, *values)):
        return False
    found, a, *rest = map(Fraction, (value, *values))
    if op == "sqrt":
        return found * found == a
    if op == "div":
        return found * rest[0] == a
    return bool(found == BINARY[op](a, rest[0]))


def fold_cast(value: Number, source: str, target: str) -> Number | None:
    """A constant in another dtype, or None where it is another number there."""
    if not exact(value, source) or not math.isfinite(value):
        return None
    if target == "bool":
        return bool(value)
    if target in BITS:
        return int(value) if value == int(value) and exact(int(value), target) else None
    changed = float(value)
    return changed if changed == value and exact(changed, target) else None
