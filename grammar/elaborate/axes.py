"""Names of a result's axes: an axis keeps the name it was written with while its size changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...compiler.dims import Dim, Size
from ...compiler.ops import OPS
from ...compiler.types import TensorType
from .values import Axes, Tensor

KEPT = frozenset(
    [
        "softmax",
        "cumsum",
        "flip",
        "slice",
        "rope",
        "layer_norm",
        "rms_norm",
        "l2_norm",
        "group_norm",
        "batch_norm",
        "masked",
        "uniform",
        "gather",
        "repeat",
        "pool_blocks",
        "expand_blocks",
        "any_blocks",
        "max_pool1d",
        "avg_pool1d",
        "concat",
        "where",
        "cast",
    ]
)
PLANES = ("H", "W")


def result_axes(op: str, operands: Sequence[Tensor], attrs: dict[str, Any], type: TensorType) -> Axes:
    """Names of the axes of `op`'s result."""
    if not operands:
        return by_size(type.shape)
    x = operands[0]
    if OPS[op].pointwise and len(operands) > 1:
        return merged(operands, type)
    if op in KEPT or OPS[op].pointwise:
        return x.axes if len(x.axes) == type.rank else by_size(type.shape)
    if op in RULES:
        return RULES[op](operands, attrs, type)
    return by_size(type.shape)


def by_size(shape: Sequence[Size]) -> Axes:
    """An axis whose size is just `T` is called T."""
    return tuple(
        str(size) if isinstance(size, Dim) and not size.compound and str(size).isidentifier() else None for size in shape
    )


def merged(operands: Sequence[Tensor], type: TensorType) -> Axes:
    """Right-aligned, as broadcasting goes: the first operand that names an axis decides."""
    names: list[str | None] = [None] * type.rank
    for operand in reversed(operands):
        for place, (name, size) in enumerate(zip(reversed(operand.axes), reversed(operand.shape)), 1):
            if name is not None and (size != 1 or names[-place] is None):
                names[-place] = name
    return tuple(names)


def _reduced(operands: Sequence[Tensor], attrs: dict[str, Any], type: TensorType) -> Axes:
    x = operands[0]
    if attrs.get("keepdims"):
        return x.axes
    gone = {axis % x.type.rank for axis in attrs["axes"]}
    return tuple(name for place, name in enumerate(x.axes) if place not in gone)


def _without_axis(operands: Sequence[Tensor], attrs: dict[str, Any], type: TensorType) -> Axes:
    x = operands[0]
    gone = attrs["axis"] % x.type.rank
    return tuple(name for place, name in enumerate(x.axes) if place != gone)


def _with_axis(operands: Sequence[Tensor], attrs: dict[str, Any], type: TensorType) -> Axes:
    names = list(operands[0].axes)
    names.insert(attrs["axis"] % type.rank, None)
    return tuple(names)


def _transposed(operands: Sequence[Tensor], attrs: dict[str, Any], type: TensorType) -> Axes:
    names = list(operands[0].axes)
    a, b = attrs["a"], attrs["b"]
    names[a], names[b] = names[b], names[a]
    return tuple(names)


def _permuted(operands: Sequence[Tensor], attrs: dict[str, Any], type: TensorType) -> Axes:
    return tuple(operands[0].axes[axis] for axis in attrs["order"])


def _planes(operands: Sequence[Tensor], attrs: dict[str, Any], type: TensorType) -> Axes:
    x = operands[0]
    default = PLANES if type.rank == 4 else ("L",)
    return (x.axes[0], None, *(name or usual for name, usual in zip(x.axes[2:], default)))


def _pooled_planes(operands: Sequence[Tensor], attrs: dict[str, Any], type: TensorType) -> Axes:
    x = operands[0]
    return (*x.axes[:2], *(name or usual for name, usual in zip(x.axes[2:], PLANES)))


RULES = {
    **dict.fromkeys(("mean", "sum", "max", "min", "norm", "any"), _reduced),
    **dict.fromkeys(("index", "squeeze", "argmax", "kl"), _without_axis),
    **dict.fromkeys(("unsqueeze", "stack"), _with_axis),
    **dict.fromkeys(("conv1d", "conv2d"), _planes),
    **dict.fromkeys(("max_pool2d", "avg_pool2d"), _pooled_planes),
    "transpose": _transposed,
    "permute": _permuted,
    "linear": lambda xs, attrs, type: (*xs[0].axes[:-1], None),
    "embedding": lambda xs, attrs, type: (*xs[0].axes, None),
    "one_hot": lambda xs, attrs, type: (*xs[0].axes, None),
    "hash": lambda xs, attrs, type: xs[0].axes,
    "matmul": lambda xs, attrs, type: (*xs[0].axes[:-1], xs[1].axes[-1]) if len(xs[0].axes) == type.rank else by_size(type.shape),
    "heads": lambda xs, attrs, type: (*xs[0].axes[:-2], None, xs[0].axes[-2], None),
    "merge_heads": lambda xs, attrs, type: (*xs[0].axes[:-3], xs[0].axes[-2], None),
    "pairs": lambda xs, attrs, type: (*xs[0].axes[:-1], xs[1].axes[-2], None),
    "attention": lambda xs, attrs, type: xs[0].axes,
    "attention_logits": lambda xs, attrs, type: (*xs[0].axes[:-1], xs[1].axes[-2]),
}
