"""Run-time dimensions: bound from the shapes of a graph's inputs, then put into attributes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...compiler.dims import Dim, evaluate, symbols
from ...compiler.ir import Graph, Node
from ...compiler.types import BundleType, RecordType, SelectionType, TensorType, Type
from .meaning import Array
from .result import RunError, Value


def bind(graph: Graph, values: Mapping[Node, Value]) -> dict[str, int]:
    """The number behind each symbol that stands bare in an input's shape; `RunError` where a shape does not fit."""
    sizes: dict[str, int] = {}
    pairs = [pair for node in graph.inputs for pair in _tensors(node.attrs["name"], node.type, values[node])]
    for name, type, array in pairs:
        if array.ndim != type.rank:
            raise RunError(f"input `{name}` must be {type}, got shape {list(array.shape)}")
        for size, actual in zip(type.shape, array.shape):
            if isinstance(size, Dim) and str(size).isidentifier() and sizes.setdefault(str(size), actual) != actual:
                raise RunError(f"input `{name}` has {size} = {actual}, but {size} = {sizes[str(size)]} in an earlier input")
    for name, type, array in pairs:
        # A body that a pass outlined may be handed sizes made of symbols that it never sees, and never needs.
        known = all(symbols(size) <= sizes.keys() for size in type.shape)
        expected = tuple(evaluate(size, sizes) for size in type.shape) if known else array.shape
        if expected != array.shape:
            raise RunError(f"input `{name}` must be {type}, which is {list(expected)} here; got shape {list(array.shape)}")
    return sizes


def _tensors(name: str, type: Type, value: Value) -> Iterable[tuple[str, TensorType, Array]]:
    match type:
        case TensorType():
            yield name, type, value
        case BundleType():
            for i, element in enumerate(value):
                yield from _tensors(f"{name}[{i}]", type.element, element)
        case RecordType():
            for field, part in type.fields:
                yield from _tensors(f"{name}.{field}", part, value[field])
        case SelectionType():
            yield f"{name}.kept", type.kept, value.kept
            yield f"{name}.weight", type.weight, value.weight


def resolve(attrs: Mapping[str, Any], sizes: Mapping[str, int]) -> dict[str, Any]:
    """Attributes with every size a number."""
    return {name: _resolve(value, sizes) for name, value in attrs.items()}


def _resolve(value: Any, sizes: Mapping[str, int]) -> Any:
    if isinstance(value, Dim):
        return evaluate(value, sizes)
    return tuple(_resolve(part, sizes) for part in value) if isinstance(value, tuple) else value
