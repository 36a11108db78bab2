"""Types of values: tensors, bundles of streams, results of selections, records of outputs."""

from __future__ import annotations

from dataclasses import dataclass

from .dims import Size, symbols

DTYPES = ("f64", "f32", "bf16", "f16", "i64", "i32", "bool")
FLOATS = ("f64", "f32", "bf16", "f16")
BYTES = {"f64": 8, "f32": 4, "bf16": 2, "f16": 2, "i64": 8, "i32": 4, "bool": 1}


@dataclass(frozen=True, slots=True)
class TensorType:
    """`f32[B, T, 512]`."""

    dtype: str
    shape: tuple[Size, ...]

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def is_float(self) -> bool:
        return self.dtype in FLOATS

    def with_shape(self, *shape: Size) -> TensorType:
        return TensorType(self.dtype, tuple(shape))

    def __str__(self) -> str:
        return f"{self.dtype}[{', '.join(map(str, self.shape))}]"


@dataclass(frozen=True, slots=True)
class BundleType:
    """What an array of `count` chunks gives: one stream a chunk, in declared order, all of type `element`."""

    count: int
    element: Type

    def __str__(self) -> str:
        return f"bundle[{self.count}]({self.element})"


@dataclass(frozen=True, slots=True)
class SelectionType:
    """What a router or mask gives. `kept` is the type of its boolean decisions, `weight` of the weights in the same shape."""

    kept: TensorType
    weight: TensorType

    def __str__(self) -> str:
        return f"selection({self.kept}, {self.weight})"


@dataclass(frozen=True, slots=True)
class RecordType:
    """The named outputs of a chunk that has several."""

    fields: tuple[tuple[str, TensorType], ...]

    def __str__(self) -> str:
        return f"record({', '.join(f'{name}={type}' for name, type in self.fields)})"


Type = TensorType | BundleType | SelectionType | RecordType


def tensor_types(type: Type) -> tuple[TensorType, ...]:
    """Every tensor type inside a type, in order."""
    match type:
        case TensorType():
            return (type,)
        case BundleType():
            return tensor_types(type.element)
        case SelectionType():
            return (type.kept, type.weight)
        case RecordType():
            return tuple(field for _, field in type.fields)


def free_symbols(type: Type) -> frozenset[str]:
    """Names of the run-time dimensions in a type."""
    return frozenset().union(*(symbols(size) for tensor in tensor_types(type) for size in tensor.shape))
