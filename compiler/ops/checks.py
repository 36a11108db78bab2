"""What the rows of the table share to check shapes: each check raises a `ShapeError` that names both sides."""

from __future__ import annotations

from ..dims import Size
from ..ir import Attrs
from ..types import TensorType
from .table import ShapeError, Types


def need_sizes(op: str, *sizes: Size | None, least: int = 0) -> None:
    """Sizes and counts that are known are at least this."""
    for size in sizes:
        if isinstance(size, int) and size < least:
            raise ShapeError(f"`{op}` needs a number of at least {least}, not {size}")


def show(type: TensorType) -> str:
    """The shape as written: `[B, T, 512]`."""
    return bracket(type.shape)


def bracket(shape: tuple[Size | str, ...]) -> str:
    return f"[{', '.join(map(str, shape))}]"


def slot(types: Types, attrs: Attrs, name: str) -> TensorType | None:
    """The type of the operand in a named slot, or None where it is not given."""
    slots = attrs["slots"]
    return types[slots.index(name)] if name in slots else None


def place(attrs: Attrs, name: str) -> int:
    """Which operand stands in a slot: what to underline."""
    return int(attrs["slots"].index(name))


def need_float(op: str, types: Types, *operands: int) -> None:
    for k in operands or range(len(types)):
        if not types[k].is_float:
            raise ShapeError(f"`{op}` needs floating-point numbers, not {types[k]}", k, hint="convert with `cast(f32)`")


def need_number(op: str, types: Types) -> None:
    for k, type in enumerate(types):
        if type.dtype == "bool":
            raise ShapeError(f"`{op}` needs numbers, not {type}", k, hint="convert with `cast(f32)`")


def need_integer(op: str, types: Types, operand: int = 0) -> None:
    if types[operand].dtype not in ("i64", "i32"):
        raise ShapeError(f"`{op}` needs integers, not {types[operand]}", operand, hint="convert with `cast(i64)`")


def need_bool(op: str, types: Types, *operands: int) -> None:
    for k in operands or range(len(types)):
        if types[k].dtype != "bool":
            raise ShapeError(f"`{op}` needs true or false, not {types[k]}", k, hint="compare first, as in `x > 0`")


def same_dtype(op: str, types: Types, *operands: int) -> None:
    """All (or the named) operands have one dtype: nothing is promoted."""
    chosen = operands or tuple(range(len(types)))
    first = types[chosen[0]]
    for k in chosen[1:]:
        if types[k].dtype != first.dtype:
            message = f"`{op}` needs one type on all sides, not {first} and {types[k]}"
            raise ShapeError(message, chosen[0], k, hint=f"convert one of them, as with `cast({first.dtype})`")


def need_rank(op: str, types: Types, operand: int, *ranks: int, form: str, hint: str = "") -> None:
    if types[operand].rank not in ranks:
        raise ShapeError(f"`{op}` needs {form}, not {types[operand]}", operand, hint=hint)


def at_least(op: str, types: Types, operand: int, rank: int, form: str) -> None:
    if types[operand].rank < rank:
        raise ShapeError(f"`{op}` needs {form}, not {types[operand]}", operand)


def same_shape(op: str, types: Types, a: int, b: int) -> None:
    if types[a].shape != types[b].shape:
        raise ShapeError(f"`{op}` needs equal shapes, not {show(types[a])} and {show(types[b])}", a, b)


def broadcast(op: str, types: Types, *operands: int) -> tuple[Size, ...]:
    """The shape of operands broadcast together, aligned at the right; axes of size 1 repeat."""
    chosen = operands or tuple(range(len(types)))
    shape: tuple[Size, ...] = ()
    for k in chosen:
        merged = _merge(shape, types[k].shape)
        if merged is None:
            other = next(j for j in chosen if _merge(types[j].shape, types[k].shape) is None)
            raise ShapeError(
                f"`{op}` cannot bring {show(types[other])} and {show(types[k])} together",
                other,
                k,
                hint="axes are aligned at the right; two sizes must be equal, or one of them 1",
            )
        shape = merged
    return shape


def broadcasts_to(shape: tuple[Size, ...], target: tuple[Size, ...]) -> bool:
    """Whether a shape repeats to a target that keeps its own shape."""
    return _merge(shape, target) == target


def need_broadcast(op: str, what: str, types: Types, operand: int, target: tuple[Size, ...]) -> None:
    if not broadcasts_to(types[operand].shape, target):
        raise ShapeError(f"`{op}` needs a {what} that fits {bracket(target)}, not {show(types[operand])}", operand)


def need_param(op: str, what: str, types: Types, operand: int, shape: tuple[Size, ...]) -> None:
    """A weight or bias given as an operand has exactly this shape, and the dtype of the first operand."""
    if types[operand].shape != shape:
        message = f"`{op}` needs a {what} {bracket(shape)} for {show(types[0])}, not {show(types[operand])}"
        raise ShapeError(message, 0, operand)
    same_dtype(op, types, 0, operand)


def index_of(type: TensorType, axis: int) -> int:
    """A negative axis as a position from the front."""
    return type.rank + axis


def without(shape: tuple[Size, ...], axis: int) -> tuple[Size, ...]:
    """A shape with one axis (negative or not) left out."""
    place = axis % len(shape)
    return shape[:place] + shape[place + 1 :]


def replaced(shape: tuple[Size, ...], axis: int, *sizes: Size) -> tuple[Size, ...]:
    """A shape with one axis replaced by any number of others."""
    place = axis % len(shape)
    return shape[:place] + sizes + shape[place + 1 :]


def _merge(a: tuple[Size, ...], b: tuple[Size, ...]) -> tuple[Size, ...] | None:
    rank = max(len(a), len(b))
    a, b = (1,) * (rank - len(a)) + a, (1,) * (rank - len(b)) + b
    merged = []
    for x, y in zip(a, b):
        if x != y and x != 1 and y != 1:
            return None
        merged.append(y if x == 1 else x)
    return tuple(merged)
