"""Through which ops a mean over one axis may be taken of the operands instead: f(… mean x …) = mean f(… x …)."""

from __future__ import annotations

from ..compiler.ir import Node
from ..compiler.types import BYTES

Axes = tuple[int | None, ...]
"""For each operand, its axis to take the mean of; None: it is alike along the axis, and stays as it is."""

SAME = frozenset({"neg", "stop_gradient"})
REMOVES = frozenset({"index", "squeeze"})
OPENS = frozenset({"unsqueeze", "stack"})


def carried(node: Node, axis: int) -> Axes | None:
    """Where the mean of a node's result along an axis is taken of its operands, or None where that is another value.

    The law: such an op is affine in what is wide along the axis, entry by entry of that axis with the same factors, or moves
    entries without parting the axis.
    """
    op, attrs = node.op, node.attrs
    if op in SAME or (op == "broadcast" and node.operands[0].tensor.is_float):
        return _aligned(node, axis)
    if op == "cast":
        source = node.operands[0].tensor
        return (axis,) if source.is_float and BYTES[source.dtype] >= BYTES[node.tensor.dtype] else None
    if op in ("add", "sub", "mul", "div", "where", "masked"):
        return _pointwise(node, axis)
    if op in ("linear", "slice", "flip", "repeat", "concat"):
        within = attrs.get("axis", -1) == axis
        return None if within else (axis,) * len(node.operands) if op == "concat" else (axis, *(None,) * (len(node.operands) - 1))
    if op in ("mean", "sum"):
        return (axis if attrs["keepdims"] else _before_removal(axis, attrs["axes"]),)
    if op in REMOVES:
        return (_before_removal(axis, (attrs["axis"],)),)
    if op in OPENS:
        own = axis if axis > attrs["axis"] else axis + 1
        return None if axis == attrs["axis"] else (own,) * len(node.operands)
    return _rearranged(node, axis) if op in ("transpose", "permute", "heads", "merge_heads") else _product(node, axis)


def _aligned(node: Node, axis: int) -> Axes:
    """The axis of each operand that has more than one entry there."""
    return tuple(axis if x.tensor.rank >= -axis and x.shape[axis] != 1 else None for x in node.operands)


def _pointwise(node: Node, axis: int) -> Axes | None:
    """Sums of anything; products in which one factor is wide; choices and masks that are alike along the axis."""
    found = _aligned(node, axis)
    if not node.tensor.is_float:
        return None
    if node.op in ("add", "sub"):
        return found
    if node.op == "mul":
        return found if found.count(None) >= 1 else None
    varying = found[:1] if node.op == "where" else found[1:]
    return None if any(own is not None for own in varying) else found


def _before_removal(axis: int, removed: tuple[int, ...]) -> int:
    """The number of an axis before others were taken out, given by their numbers of then."""
    for gone in sorted(removed, reverse=True):
        axis = axis if axis > gone else axis - 1
    return axis


def _rearranged(node: Node, axis: int) -> Axes | None:
    attrs = node.attrs
    if node.op == "transpose":
        return ({attrs["a"]: attrs["b"], attrs["b"]: attrs["a"]}.get(axis, axis),)
    if node.op == "permute":
        return (attrs["order"][axis],)
    if node.op == "heads":  # [..., T, d] to [..., n, T, d / n]
        return None if axis in (-1, -3) else (axis if axis == -2 else axis + 1,)
    return None if axis == -1 else (axis if axis == -2 else axis - 1,)


def _product(node: Node, axis: int) -> Axes | None:
    """Products of rows with columns, and pairs: each side has its own axis."""
    sides = {"matmul": {-2: (-2, None), -1: (None, -1)}, "pairs": {-3: (-2, None), -2: (None, -2)}}
    sides["attention_logits"] = {-2: (-2, None), -1: (None, -2)}
    return sides.get(node.op, {}).get(axis)
