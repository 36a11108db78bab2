"""What is known of a fuse by the selection that it has: how many ways it keeps at most, and how it weighs them."""

from __future__ import annotations

from ..compiler.dims import Size
from ..compiler.ir import Node
from ..compiler.types import TensorType
from .rewrite import SPREADS, everywhere

NEVER_NEGATIVE = frozenset({"softmax", "sigmoid", "relu", "abs", "exp", "uniform", "norm"})


def plain(fuse: Node) -> bool:
    """A routed fuse that a pass may take apart: by a selection that is trained hard and may drop something, and with no notes of
    other passes."""
    by = fuse.operands[-1] if fuse.op == "fuse" and fuse.attrs["by"] else None
    if by is None or by.op != "select" or by.attrs["train"] != "hard":
        return False
    drops = "allowed" in by.attrs["slots"] or any(rule.kind != "all" for rule in by.attrs["rules"])
    return drops and set(fuse.attrs) <= {"kind", "by"} and isinstance(fuse.type, TensorType)


def at_most_one(select: Node) -> bool:
    """Whether no decision keeps more than one way."""
    if select.selection.kept.shape[-1] == 1:
        return True
    if select.attrs["levels"] or select.attrs["fallback"][:1] == ("all",):
        return False
    rules = (rule for rule in select.attrs["rules"] if rule.kind in ("top", "first") and rule.over == (-1,))
    return any(isinstance(rule.amount, int) and rule.amount <= 1 for rule in rules)


def never_negative(select: Node) -> bool:
    """Whether no weight is below 0."""
    weight = select.slot("weight")
    while weight is not None and (weight.op in SPREADS or weight.op in ("slice", "index", "stop_gradient", "cast")):
        weight = weight.operands[0]
    if weight is None or weight.op in NEVER_NEGATIVE:
        return True
    value = everywhere(weight)
    return value is not None and value >= 0


def positions(fuse: Node) -> tuple[Size, ...]:
    """The leading axes that a fuse decides on one by one; of one decision for all, the samples."""
    return fuse.operands[-1].selection.kept.shape[:-1] or fuse.shape[:1]
