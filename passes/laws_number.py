"""Laws of numbers. Only those that hold for every float, bit by bit: -0.0, infinities and NaN included (which NaN is left open).

So there is no `x + 0 = x` (-0.0 + 0.0 is 0.0), no `x * 0 = 0` (∞ · 0 is NaN) and no other order of sums.
"""

from __future__ import annotations

from ..compiler.ir import Node
from .fold import fold, widens
from .rewrite import Site, everywhere, within
from .rules import rules

LAWS = rules(
    "neg(neg(x)) = x",
    "not(not(x)) = x",
    "abs(abs(x)) = abs(x)",
    "abs(neg(x)) = abs(x)",
    "relu(relu(x)) = relu(x)",
    "sign(sign(x)) = sign(x)",
    "stop_gradient(stop_gradient(x)) = stop_gradient(x)",
    "not(eq(a, b)) = ne(a, b)",  # also for NaN, unlike the other comparisons
    "not(ne(a, b)) = eq(a, b)",
    "and(x, x) = x",
    "or(x, x) = x",
    "where(not(c), a, b) = where(c, b, a)",
)
MIRRORED = {"lt": "gt", "gt": "lt", "le": "ge", "ge": "le"}


# stop_gradient(x) = x where x has none
@LAWS.of("stop_gradient")
def no_gradient(site: Site, node: Node) -> Node | None:
    (x,) = node.operands
    return x if not x.tensor.is_float or x.op in ("const", "ones", "zeros", "uniform") else None


# cast(x) = x to its own dtype; cast(cast(x)) = cast(x) where the first loses nothing
@LAWS.of("cast")
def cast_once(site: Site, node: Node) -> Node | None:
    (x,) = node.operands
    if x.type == node.type:
        return x
    if x.op != "cast":
        return None
    source, last = x.operands[0], node.tensor
    lossless = widens(source.tensor.dtype, x.tensor.dtype) and (last.is_float or not source.tensor.is_float)
    return site.op("cast", source, dtype=last.dtype) if lossless else None


# c ∘ x = x ∘ c: the constant stands right. (maximum and minimum may choose between 0.0 and -0.0 by order, so they stay)
@LAWS.of("add", "mul", "eq", "ne", "and", "or")
def constant_right(site: Site, node: Node) -> Node | None:
    a, b = node.operands
    return site.op(node.op, b, a) if a.op == "const" and b.op != "const" else None


# c < x = x > c
@LAWS.of(*MIRRORED)
def comparison_right(site: Site, node: Node) -> Node | None:
    a, b = node.operands
    return site.op(MIRRORED[node.op], b, a) if a.op == "const" and b.op != "const" else None


NEUTRAL = {
    "add": (-0.0, 0),
    "sub": (0.0, 0),
    "mul": (1.0, 1),
    "div": (1.0,),
    "pow": (1.0,),
    "and": (True,),
    "or": (False,),
}


# x + -0.0 = x - 0.0 = x · 1 = x / 1 = x¹ = x; for integers x + 0 = x - 0 = x; x and true = x or false = x
@LAWS.of(*NEUTRAL)
def neutral(site: Site, node: Node) -> Node | None:
    x, other = node.operands
    return x if x.type == node.type and within(other, NEUTRAL[node.op]) else None


# where(true, a, b) = a; where(false, a, b) = b; where(c, a, a) = a
@LAWS.of("where")
def known_choice(site: Site, node: Node) -> Node | None:
    condition, a, b = node.operands
    value = everywhere(condition)
    if value is None and a is not b:
        return None
    return site.broadcast(a if value is not False else b)


# (x + c) + d = x + (c + d) for integers, where c + d does not overflow; so for ·
@LAWS.of("add", "mul")
def integers_together(site: Site, node: Node) -> Node | None:
    x, d = node.operands
    if node.tensor.is_float or d.op != "const" or x.op != node.op or x.operands[1].op != "const":
        return None
    value = fold(node.op, node.tensor.dtype, node.tensor.dtype, x.operands[1].attrs["value"], d.attrs["value"])
    return None if value is None else site.op(node.op, x.operands[0], site.const(value))
