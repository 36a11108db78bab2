"""The op table: every op that a graph may hold, and the three questions elaboration asks of it.

A call in `.cc` goes `implicit` (which parameters it makes) → `normalise` (its attributes in core form) → `infer` (its type).
"""

from __future__ import annotations

from typing import Any

from ..ir import Attrs
from ..types import TensorType
from . import (
    attention,
    blocks,
    convolution,
    losses,
    makers,
    norms,
    picks,
    pointwise,
    products,
    random,
    reductions,
    shapes,
    stored,
)
from .checks import bracket
from .table import Arg, Implicit, Op, ShapeError, Types, Work

__all__ = ["OPS", "Arg", "Implicit", "Op", "ShapeError", "Types", "Work", "implicit", "infer", "normalise"]

FAMILIES = {
    "Element by element": pointwise.OPS,
    "Products": products.OPS,
    "Convolution and pooling": convolution.OPS,
    "Attention": attention.OPS,
    "Normalisation": norms.OPS,
    "Reductions": reductions.OPS,
    "Shapes": shapes.OPS,
    "Joining and picking": picks.OPS,
    "Makers": makers.OPS,
    "Blocks": blocks.OPS,
    "Draws": random.OPS,
    "Losses": losses.OPS,
    "Stored chunks": stored.OPS,
}

OPS: dict[str, Op] = {op.name: op for ops in FAMILIES.values() for op in ops}


def infer(name: str, types: Types, attrs: Attrs) -> TensorType:
    """The type of an op's result, for attributes in core form. `ShapeError` where the operands do not fit."""
    op = OPS[name]
    _check_operands(op, types, attrs)
    result = op.infer(types, attrs)
    if any(isinstance(size, int) and size < 0 for size in result.shape):
        raise ShapeError(f"`{name}` would have the shape {bracket(result.shape)}: a size is less than 0")
    return result


def implicit(name: str, types: Types, attrs: Attrs) -> tuple[Implicit, ...]:
    """The parameters that a call makes for itself, in operand order after its values.

    `attrs` are as written, defaults may be missing. A `param` argument that is given as an operand, or is not wanted, is False.
    `types` are the values, and the weight if it is given.
    """
    op = OPS[name]
    return op.implicit(types, Attrs(_as_written(op, types, attrs))) if op.implicit else ()


def normalise(name: str, types: Types, attrs: Attrs) -> Attrs:
    """Attributes in core form: with defaults, axes counted from the end, pairs as tuples, without what only the surface says.

    Applied to its own result it changes nothing. `slots` and what the signature does not know pass through.
    `ShapeError` where an axis or size is out of range.
    """
    op = OPS[name]
    found = _as_written(op, types, attrs)
    for arg in op.args:
        if arg.form == "surface" or arg.kind in ("value", "values", "param"):
            found.pop(arg.name, None)
    result = Attrs(found)
    return op.normalise(types, result) if op.normalise else result


def _as_written(op: Op, types: Types, attrs: Attrs) -> dict[str, Any]:
    """All arguments of the signature that are no operands, each in the form its kind asks for."""
    found = dict(attrs)
    for arg in op.args:
        if arg.kind not in ("value", "values"):
            found[arg.name] = _formed(op, arg, types, found.get(arg.name, arg.default))
    return found


def _check_operands(op: Op, types: Types, attrs: Attrs) -> None:
    """As many operands as the signature or `slots` says."""
    operands = [arg for arg in op.args if arg.kind in ("value", "values", "param")]
    if any(arg.kind == "values" for arg in operands):
        return
    names = tuple(attrs.get("slots", ())) if op.slots else tuple(arg.name for arg in operands)
    if op.slots and names != tuple(arg.name for arg in operands if arg.required or arg.name in names):
        raise ShapeError(f"`{op.name}` takes {', '.join(op.slots)}, not {', '.join(names) or 'nothing'}")
    if len(names) != len(types):
        raise ShapeError(f"`{op.name}` takes {len(names)} values ({', '.join(names)}), not {len(types)}")


def _formed(op: Op, arg: Arg, types: Types, value: object) -> object:
    if value is None:
        return None
    rank = (types[0].rank if types else 0) + op.axis_of_result
    if arg.kind == "axis":
        return _axis(op, types, rank, value)
    if arg.kind in ("axes", "order"):
        axes = [_axis(op, types, rank, axis) for axis in (value if isinstance(value, tuple) else (value,))]
        if len(set(axes)) != len(axes):
            raise ShapeError(f"`{op.name}` names an axis of {types[0]} twice", 0)
        return tuple(axes) if arg.kind == "order" else tuple(sorted(axes))
    if arg.kind == "pair":
        sizes = value if isinstance(value, tuple) else (value,) * arg.ndim
        if len(sizes) != arg.ndim:
            raise ShapeError(f"`{arg.name}` of `{op.name}` is one number or {arg.ndim}, not {len(sizes)}", 0)
        return sizes
    return tuple(value) if isinstance(value, (tuple, list)) else value


def _axis(op: Op, types: Types, rank: int, axis: object) -> int:
    assert isinstance(axis, int)
    if not -rank <= axis < rank:
        where = str(types[0]) if types else "no value"
        raise ShapeError(f"`{op.name}` has no axis {axis}: {where} has {rank - op.axis_of_result}", 0)
    return axis - rank if axis >= 0 else axis
