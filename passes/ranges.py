"""How large and how small the elements of a value may be, whatever the inputs are; NaN aside, which is in no range."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from ..compiler.ir import Node
from .rewrite import SPREADS, everywhere


@dataclass(frozen=True, slots=True)
class Range:
    """The elements that are no NaN lie between `low` and `high`. `exact`: to the bit in every precision, else up to rounding."""

    low: float = -math.inf
    high: float = math.inf
    exact: bool = True


ALL = Range()
UNIT = Range(0.0, 1.0)
SIDES = Range(-1.0, 1.0)
SAME = SPREADS | {"slice", "index", "take", "gather", "stop_gradient", "max", "min", "max_pool1d", "max_pool2d"}
"""Ops whose elements are among those of their first operand (a pool of nothing but padding is of no use to anyone)."""

FIXED = {
    **dict.fromkeys(("softmax", "sigmoid", "one_hot", "uniform"), UNIT),
    **dict.fromkeys(("tanh", "sign"), SIDES),
    **dict.fromkeys(("exp", "norm", "sqrt"), Range(low=0.0)),
}


DEEPEST = 16
"""How far back a range is followed: what decides it is near."""


def range_of(node: Node) -> Range:
    """The range of a value; `ALL` where nothing is known."""
    return _range(node, {}, 0)


def _range(node: Node, known: dict[Node, Range], depth: int) -> Range:
    if node not in known:
        known[node] = ALL if depth > DEEPEST else _found(node, lambda other: _range(other, known, depth + 1))
    return known[node]


def _found(node: Node, inner: Callable[[Node], Range]) -> Range:
    value = everywhere(node)
    if value is not None:
        return ALL if math.isnan(value) else Range(float(value), float(value))
    if node.op in FIXED:
        return FIXED[node.op]
    if node.op in SAME:
        return inner(node.operands[0])
    return RULES[node.op](*map(inner, node.operands)) if node.op in RULES else ALL


def _add(a: Range, b: Range) -> Range:
    return _rounded(a.low + b.low, a.high + b.high)


def _sub(a: Range, b: Range) -> Range:
    return _rounded(a.low - b.high, a.high - b.low)


def _mul(a: Range, b: Range) -> Range:
    """At its corners; 0 · ∞ says nothing."""
    corners = [x * y for x in (a.low, a.high) for y in (b.low, b.high)]
    return ALL if any(map(math.isnan, corners)) else _rounded(min(corners), max(corners))


def _rounded(low: float, high: float) -> Range:
    return ALL if math.isnan(low) or math.isnan(high) else Range(low, high, exact=False)


def _abs(a: Range) -> Range:
    return Range(max(0.0, a.low, -a.high), max(-a.low, a.high), a.exact)


def _cast(a: Range) -> Range:
    """Rounding keeps order, and these bounds are numbers of every dtype."""
    return Range(a.low, a.high, a.exact and {abs(a.low), abs(a.high)} <= {0.0, 1.0, math.inf})


def _either(*ranges: Range) -> Range:
    return Range(min(a.low for a in ranges), max(a.high for a in ranges), all(a.exact for a in ranges))


RULES: dict[str, Callable[..., Range]] = {
    "neg": lambda a: Range(-a.high, -a.low, a.exact),
    "abs": _abs,
    "relu": lambda a: Range(max(0.0, a.low), max(0.0, a.high), a.exact),
    "cast": _cast,
    "mean": lambda a: Range(a.low, a.high, exact=False),
    "add": _add,
    "sub": _sub,
    "mul": _mul,
    "maximum": lambda a, b: Range(max(a.low, b.low), max(a.high, b.high), a.exact and b.exact),
    "minimum": lambda a, b: Range(min(a.low, b.low), min(a.high, b.high), a.exact and b.exact),
    "where": lambda c, a, b: _either(a, b),
    "concat": _either,
    "stack": _either,
    "masked": lambda x, *kept: _either(x, Range(0.0, 0.0)),
}
