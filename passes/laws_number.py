"""Laws of numbers. Only those that hold for every float, bit by bit: -0.0, infinities and NaN included (which NaN is left open).

So there is no `x + 0 = x` (-0.0 + 0.0 is 0.0), no `x * 0 = 0` (∞ · 0 is NaN) and no other order of sums.
"""

from __future__ import annotations

from ..compiler.ir import Node
from .fold import fold, widens
from .rewrite import Laws, Site, everywhere, operand, within

LAWS = Laws()
MIRRORED = {"lt": "gt", "gt": "lt", "le": "ge", "ge": "le"}


# f(f(x)) = x
@LAWS.of("neg", "not")
def undone(site: Site, node: Node) -> Node | None:
    inner = operand(node, node.op)
    return inner.operands[0] if inner else None


# f(f(x)) = f(x)
@LAWS.of("abs", "relu", "sign", "stop_gradient")
def done_already(site: Site, node: Node) -> Node | None:
    return operand(node, node.op)


# |-x| = |x|
@LAWS.of("abs")
def sign_forgotten(site: Site, node: Node) -> Node | None:
    inner = operand(node, "neg")
    return site.op("abs", inner.operands[0]) if inner else None


# stop_gradient(x) = x where x has none
@LAWS.of("stop_gradient")
def no_gradient(site: Site, node: Node) -> Node | None:
    (x,) = node.operands
    return x if not x.tensor.is_float or x.op in ("const", "ones", "zeros", "uniform") else None


# not (a == b) = a != b, and back: also for NaN, unlike the other comparisons
@LAWS.of("not")
def not_equal(site: Site, node: Node) -> Node | None:
    inner = operand(node, "eq", "ne")
    return site.op("ne" if inner.op == "eq" else "eq", *inner.operands) if inner else None


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


# x and x = x or x = x
@LAWS.of("and", "or")
def with_itself(site: Site, node: Node) -> Node | None:
    a, b = node.operands
    return a if a is b else None


# where(true, a, b) = a; where(false, a, b) = b; where(c, a, a) = a
@LAWS.of("where")
def known_choice(site: Site, node: Node) -> Node | None:
    condition, a, b = node.operands
    value = everywhere(condition)
    if value is None and a is not b:
        return None
    return site.broadcast(a if value is not False else b)


# where(not c, a, b) = where(c, b, a)
@LAWS.of("where")
def other_choice(site: Site, node: Node) -> Node | None:
    inner = operand(node, "not")
    return site.op("where", inner.operands[0], node.operands[2], node.operands[1]) if inner else None


# (x + c) + d = x + (c + d) for integers, where c + d does not overflow; so for ·
@LAWS.of("add", "mul")
def integers_together(site: Site, node: Node) -> Node | None:
    x, d = node.operands
    if node.tensor.is_float or d.op != "const" or x.op != node.op or x.operands[1].op != "const":
        return None
    value = fold(node.op, node.tensor.dtype, node.tensor.dtype, x.operands[1].attrs["value"], d.attrs["value"])
    return None if value is None else site.op(node.op, x.operands[0], site.const(value))
