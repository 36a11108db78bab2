"""`fold-constants`: what is a number whatever the inputs are is that number."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

from ..compiler.bodies import map_bodies
from ..compiler.ir import Attrs, Graph, Node
from ..compiler.ops import OPS
from .fold import BINARY, BITS, MANTISSA, UNARY, Number, exact, fold, fold_cast
from .rewrite import SPREADS, Laws, Site, everywhere

LAWS = Laws()

Evaluate = Callable[[Node, Sequence[Number]], Number | None]
"""The one value of an op, of operands that have one value each; None where it is not known to the bit."""


@dataclass(frozen=True, slots=True)
class FoldConstants:
    """Replaces what has the same known value at each element by that value: a `const`, `ones`, `zeros` or a `const` spread.

    The law: an op of the table is a function of its operands and attributes. It is applied here only where its value is exact
    in the node's dtype, in any order of summation, so every backend in every precision at least as fine would have computed
    just those bits: 0.5 · 0.5 is folded, 0.1 · 0.1, 2²⁴ + 1 in f32 and 1 / 0 are not. Constants have no gradient, so none is
    lost. Draws, selections, states and calls are no constants.
    """

    name: ClassVar[str] = "fold-constants"

    def apply(self, graph: Graph) -> Graph:
        """The graph and its bodies with constants in place of what is constant."""
        return map_bodies(graph, LAWS.rewrite)


def spread(site: Site, value: Number) -> Node | None:
    """A value in the shape of the node; None where the node is that already."""
    node = site.node
    if not node.shape:
        return site.const(value, node.name)
    one, zero = (True, False) if node.tensor.dtype == "bool" else (1, 0)
    if value in (one, zero) and math.copysign(1, value) > 0:
        return site.filled("ones" if value == one else "zeros")
    if node.op == "broadcast" and node.operands[0].op == "const":
        return None
    return Node("broadcast", (site.const(value),), Attrs(shape=node.shape), node.type, node.span, node.name)


# ---- values by op


def _arithmetic(node: Node, values: Sequence[Number]) -> Number | None:
    return fold(node.op, node.operands[0].tensor.dtype, node.tensor.dtype, *values)


def _cast(node: Node, values: Sequence[Number]) -> Number | None:
    return fold_cast(values[0], node.operands[0].tensor.dtype, node.tensor.dtype)


def _moved(node: Node, values: Sequence[Number]) -> Number | None:
    return values[0]


def _plain(value: Number, node: Node) -> bool:
    """Whether a number is one of the node's dtype, and no NaN: what is not may be 0 there."""
    return exact(value, node.tensor.dtype)


def _larger(node: Node, values: Sequence[Number]) -> Number | None:
    """The larger or smaller of two; which zero of two that differ in sign is left open."""
    a, b = values
    if not all(_plain(x, node) for x in values) or (a == b and repr(a) != repr(b)):
        return None
    return max(a, b) if node.op == "maximum" else min(a, b)


def _relu(node: Node, values: Sequence[Number]) -> Number | None:
    return max(values[0], type(values[0])(0)) if _plain(values[0], node) and repr(values[0]) != "-0.0" else None


def _sign(node: Node, values: Sequence[Number]) -> Number | None:
    (x,) = values
    return type(x)((x > 0) - (x < 0)) if _plain(x, node) and repr(x) != "-0.0" else None


def _where(node: Node, values: Sequence[Number]) -> Number | None:
    condition, a, b = values
    return a if condition else b


def _masked(node: Node, values: Sequence[Number]) -> Number | None:
    if "gate" in node.attrs["slots"]:
        return None
    return values[0] if values[1] else type(values[0])(0)


def _joined(node: Node, values: Sequence[Number]) -> Number | None:
    return values[0] if len({repr(value) for value in values}) == 1 else None


KNOWN_POINTS: dict[str, tuple[float, float]] = {"exp": (0.0, 1.0), "log": (1.0, 0.0), "sigmoid": (0.0, 0.5)}
"""Where a function of the reals has a value that every backend gives exactly."""


def _point(node: Node, values: Sequence[Number]) -> Number | None:
    given, result = KNOWN_POINTS[node.op]
    return result if values[0] == given else None


def _of_zero(node: Node, values: Sequence[Number]) -> Number | None:
    return values[0] if repr(values[0]) in ("0", "0.0") else None


def _count(node: Node) -> int | None:
    """How many elements go into each one of a reduction; None where that is not known, or there is none."""
    (x,) = node.operands
    axes = node.attrs["axes"] if "axes" in node.attrs else (node.attrs["axis"],)
    sizes = [x.shape[axis] for axis in axes]
    return math.prod(sizes) or None if all(isinstance(size, int) for size in sizes) else None


def _sum(node: Node, values: Sequence[Number]) -> Number | None:
    (x,), count, dtype = values, _count(node), node.tensor.dtype
    if count is None or not math.isfinite(x):
        return None
    if dtype not in BITS and not _sums_exactly(float(x), count, dtype):
        return None
    total = x * count
    return x if node.op == "mean" else total if exact(total, dtype) else None


def _sums_exactly(x: float, count: int, dtype: str) -> bool:
    """Whether every partial sum of so many times a number is one of the dtype: then no order of summing rounds."""
    odd = abs(Fraction(x).numerator)
    while odd and odd % 2 == 0:
        odd //= 2
    return odd * count <= 2 ** MANTISSA[dtype] and repr(x) != "-0.0"


def _any_of(node: Node, values: Sequence[Number]) -> Number | None:
    """The value itself, of one element or more that are alike."""
    return None if _count(node) is None or math.isnan(values[0]) else values[0]


def _argmax(node: Node, values: Sequence[Number]) -> Number | None:
    return None if _count(node) is None or math.isnan(values[0]) else 0


def _softmax(node: Node, values: Sequence[Number]) -> Number | None:
    """1 / n, exact where n is a power of two."""
    count, dtype = _count(node), node.tensor.dtype
    if count is None or count & (count - 1) or not math.isfinite(values[0]) or not _plain(values[0], node):
        return None
    return 1 / count if exact(1 / count, dtype) else None


def _range(node: Node, values: Sequence[Number]) -> Number | None:
    return 0 if node.attrs["n"] == 1 else None


EVALUATE: dict[str, Evaluate] = {
    **{name: _of_zero for name, op in OPS.items() if op.zero_preserving and op.pointwise and len(op.args) == 1},
    **dict.fromkeys([*BINARY, *UNARY], _arithmetic),
    **dict.fromkeys([*SPREADS, "slice", "index", "stop_gradient"], _moved),
    **dict.fromkeys(KNOWN_POINTS, _point),
    **dict.fromkeys(("maximum", "minimum"), _larger),
    **dict.fromkeys(("sum", "mean"), _sum),
    **dict.fromkeys(("max", "min", "any"), _any_of),
    **dict.fromkeys(("concat", "stack"), _joined),
    "cast": _cast,
    "relu": _relu,
    "sign": _sign,
    "where": _where,
    "masked": _masked,
    "argmax": _argmax,
    "softmax": _softmax,
    "range": _range,
}
"""How each op is folded; an op that is not here is not."""


# f(c, d …) = its value, spread over the shape of the result, where that is exact
@LAWS.of(*EVALUATE)
def constant(site: Site, node: Node) -> Node | None:
    values = [everywhere(x) for x in node.operands]
    known = [value for value in values if value is not None]
    value = EVALUATE[node.op](node, known) if len(known) == len(values) else None
    return None if value is None else spread(site, value)
