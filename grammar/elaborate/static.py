"""Arithmetic at compile time: numbers, sizes, booleans."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

from ...compiler.dims import Dim, TooLarge, atoms, ceil_divide, divide, floor_divide, maximum, modulo
from ...compiler.source import Span
from .env import Env
from .limits import MOST_ATOMS
from .values import Fraction, Nothing, Value, describe

LARGEST = 1 << 62
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def is_static(value: Value) -> bool:
    """Whether a value is one that arithmetic at compile time works on."""
    return isinstance(value, (int, float, Dim, bool, str, Fraction, Nothing))


def binary(env: Env, operator_: str, a: Value, b: Value, span: Span) -> Value:
    """`a operator b` of two compile-time values."""
    if operator_ in ("and", "or"):
        if isinstance(a, bool) and isinstance(b, bool):
            return (a and b) if operator_ == "and" else (a or b)
        raise env.error("CC0301", f"`{operator_}` needs two truth values, found {describe(a)} and {describe(b)}", span)
    if operator_ in COMPARISONS:
        return _compare(env, operator_, a, b, span)
    if isinstance(a, Fraction) and isinstance(b, (int, float)) and operator_ in "*/":
        if operator_ == "/" and b == 0:
            raise env.error("CC0303", "division by zero", span)
        return Fraction(a.value * b if operator_ == "*" else a.value / b)
    if not _number(a) or not _number(b):
        raise env.error("CC0301", f"`{operator_}` does not work on {describe(a)} and {describe(b)}", span)
    return _bounded(env, _arithmetic(env, operator_, a, b, span), span)


def _number(value: Value) -> bool:
    return isinstance(value, (int, float, Dim)) and not isinstance(value, bool)


def _compare(env: Env, operator_: str, a: Value, b: Value, span: Span) -> bool:
    if operator_ in ("==", "!="):
        if (isinstance(a, Dim) or isinstance(b, Dim)) and a != b:
            raise env.error("CC0302", f"whether `{a}` equals `{b}` is not known at compile time", span)
        return COMPARISONS[operator_](a, b)
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return COMPARISONS[operator_](a, b)
    raise env.error("CC0302", f"`{operator_}` between {describe(a)} and {describe(b)} is not known at compile time", span)


def _arithmetic(env: Env, operator_: str, a: Any, b: Any, span: Span) -> Value:
    if isinstance(a, float) and isinstance(b, Dim) or isinstance(a, Dim) and isinstance(b, float):
        raise env.error(
            "CC0302",
            f"`{a} {operator_} {b}` mixes a run-time size with a fraction",
            span,
            hint="use `share(…)` for a share of it",
        )
    try:
        if operator_ == "+":
            return a + b
        if operator_ == "-":
            return a - b
        if operator_ == "*":
            return a * b
        if operator_ == "mod":
            return a % b if isinstance(a, float) or isinstance(b, float) else modulo(a, b)
        if operator_ == "/":
            return _divide(env, a, b, span)
    except ZeroDivisionError:
        raise env.error("CC0303", "division by zero", span) from None
    except OverflowError:
        raise env.error("CC1004", "the number is too large", span) from None
    except TooLarge:
        raise env.error("CC1004", "this size is too long an expression of the dimensions", span) from None
    raise env.error("CC0301", f"`{operator_}` does not work on numbers", span)


def _divide(env: Env, a: Any, b: Any, span: Span) -> Value:
    if isinstance(a, Dim) or isinstance(b, Dim):
        if b == 0:
            raise ZeroDivisionError
        exact = divide(a, b)
        if exact is None:
            raise env.error("CC0302", f"`{a} / {b}` may not be whole", span, hint="write `floor(a / b)` or `ceil(a / b)`")
        return exact
    if isinstance(a, int) and isinstance(b, int) and a % b == 0:
        return a // b
    return a / b


def _bounded(env: Env, value: Value, span: Span) -> Value:
    if isinstance(value, int) and abs(value) > LARGEST:
        raise env.error("CC1004", "the number is too large", span)
    if isinstance(value, float) and math.isnan(value):
        raise env.error("CC0303", "the result is no number", span)
    if isinstance(value, Dim) and (atoms(value, MOST_ATOMS) > MOST_ATOMS or any(abs(n) > LARGEST for _, n in value.terms)):
        raise env.error("CC1004", "this size is too long an expression of the dimensions", span)
    return value


def rounded(env: Env, name: str, a: Value, b: Value, span: Span) -> Value:
    """`floor(a / b)` and `ceil(a / b)`, symbolic where need be."""
    if not isinstance(a, (int, Dim)) or not isinstance(b, (int, Dim)) or b == 0:
        raise env.error("CC0301", f"`{name}` divides sizes, found {describe(a)} and {describe(b)}", span)
    return _bounded(env, floor_divide(a, b) if name == "floor" else ceil_divide(a, b), span)


def larger(env: Env, name: str, a: Value, b: Value, span: Span) -> Value:
    """`max(a, b)` and `min(a, b)` of compile-time numbers."""
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return max(a, b) if name == "max" else min(a, b)
    if name == "max" and isinstance(a, (int, Dim)) and isinstance(b, (int, Dim)):
        return _bounded(env, maximum(a, b), span)
    raise env.error("CC0302", f"`{name}` of {describe(a)} and {describe(b)} is not known at compile time", span)
