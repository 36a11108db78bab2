"""One call or more of every op: operands as types, attributes as a user writes them, and the type that comes out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hand import Builder, tensor

from chunkc.compiler.dims import evaluate, symbol
from chunkc.compiler.ir import Attrs, Graph
from chunkc.compiler.ops import OPS, normalise
from chunkc.compiler.types import TensorType

SIZES = {"B": 3, "T": 4, "S": 5, "H": 6, "W": 7}

B, T, S = symbol("B"), symbol("T"), symbol("S")


@dataclass(frozen=True)
class Example:
    """`positions`: how many leading axes of each operand are positions (None: shared), and how many of the result's stay so."""

    op: str
    operands: tuple[TensorType, ...]
    result: TensorType
    written: dict[str, Any] = field(default_factory=dict)
    slots: tuple[str, ...] = ()
    positions: tuple[tuple[int | None, ...], int] | None = None

    @property
    def attrs(self) -> Attrs:
        """The attributes in core form."""
        slots = {"slots": self.slots or OPS[self.op].slots[: len(self.operands)]} if OPS[self.op].slots else {}
        return normalise(self.op, self.operands, Attrs({**self.written, **slots}))

    def __str__(self) -> str:
        return f"{self.op}({', '.join(map(str, self.operands))})"

    def graph(self) -> Graph:
        """The op alone, on inputs `x0`, `x1` …."""
        b = Builder()
        operands = [b.input(f"x{i}", type.dtype, *type.shape) for i, type in enumerate(self.operands)]
        return b.graph(b.op(self.op, *operands, type=self.result, **self.attrs))

    def values(self) -> dict[str, np.ndarray]:
        """Inputs that the op has a meaning for: positive numbers below 1, small integers."""
        return {f"x{i}": values(type, i) for i, type in enumerate(self.operands)}


def values(type: TensorType, seed: int) -> np.ndarray:
    """Positive numbers below 1, small integers, or bools in the shape of a type."""
    random = np.random.default_rng(seed)
    shape = tuple(evaluate(size, SIZES) for size in type.shape)
    if type.dtype == "bool":
        return random.random(shape) < 0.6
    return random.integers(0, 5, shape) if type.dtype == "i64" else random.uniform(0.1, 0.9, shape)


X = tensor("f32", "B", "T", 6)
IMAGE = tensor("f32", "B", 4, "H", "W")
SIGNAL = tensor("f32", "B", 4, "T")
Q, K = tensor("f32", "B", 4, "T", 6), tensor("f32", "B", 2, "S", 6)
STORED = {"kind": "onnx", "handle": "onnx:parts/edges.onnx", "bytes": 96}
FOREIGN = {"": lambda x, *rest: x.mean(axis=1)[:, :5] + sum(y[:5] for y in rest)}
"""What the stored body of the examples computes."""
KEPT = tensor("bool", "B", "T", 6)
IDS = tensor("i64", "B", "T")


def pointwise() -> list[Example]:
    unary = ("relu", "gelu", "silu", "tanh", "sigmoid", "exp", "log", "sqrt", "abs", "sign", "neg", "stop_gradient")
    found = [Example(op, (X,), X, positions=((3,), 3)) for op in unary]
    for op in ("add", "sub", "mul", "div", "mod", "pow", "maximum", "minimum"):
        found.append(Example(op, (X, X), X, positions=((2, 2), 2)))
    found.append(Example("add", (X, tensor("f32", 6)), X, positions=((3, None), 2)))
    found.append(Example("add", (X, tensor("f32", "T", 6)), X, positions=((2, None), 1)))
    for op in ("eq", "ne", "lt", "le", "gt", "ge"):
        found.append(Example(op, (X, X), KEPT, positions=((2, 2), 2)))
    for op in ("and", "or"):
        found.append(Example(op, (KEPT, KEPT), KEPT, positions=((2, 2), 2)))
    return [
        *found,
        Example("not", (KEPT,), KEPT, positions=((2,), 2)),
        Example("cast", (X,), tensor("i64", "B", "T", 6), {"dtype": "i64"}, positions=((2,), 2)),
        Example("where", (KEPT, X, tensor("f32")), X, positions=((2, 2, None), 2)),
        Example("masked", (X, tensor("bool", "B", 1, 6)), X, slots=("x", "kept"), positions=((2, 1), 1)),
        Example("masked", (X, tensor("bool", 6)), X, slots=("x", "kept"), positions=((2, None), 2)),
    ]


def products() -> list[Example]:
    return [
        Example("linear", (X, tensor("f32", 5, 6), tensor("f32", 5)), tensor("f32", "B", "T", 5), positions=((3, None, None), 2)),
        Example("matmul", (X, tensor("f32", 6, 5)), tensor("f32", "B", "T", 5), positions=((2, None), 2)),
        Example("matmul", (X, tensor("f32", "B", 6, 5)), tensor("f32", "B", "T", 5), positions=((2, 1), 1)),
        Example(
            "einsum",
            (X, tensor("f32", 5, 6)),
            tensor("f32", "B", "T", 5),
            {"equation": "bti, oi -> bto"},
            positions=((2, None), 2),
        ),
        Example("einsum", (X, X), tensor("f32", "T", "B"), {"equation": "bti,bti->tb"}, positions=((2, 2), 0)),
        Example("einsum", (X, tensor("f32", 6)), tensor("f32", "B", "T"), {"equation": "...i,i->..."}, positions=((2, None), 2)),
        Example("embedding", (IDS, tensor("f32", 9, 5)), tensor("f32", "B", "T", 5), positions=((2, None), 2)),
    ]


def convolutions() -> list[Example]:
    half = (symbol("H") - 1, symbol("W") - 1)
    weight, weight1 = tensor("f32", 8, 2, 3, 3), tensor("f32", 8, 4, 3)
    conv = {"padding": 1, "groups": 2}
    found = [
        Example("conv1d", (SIGNAL, weight1), tensor("f32", "B", 8, "T"), {"padding": 1}, positions=((2, None), 1)),
        Example("conv2d", (IMAGE, weight), tensor("f32", "B", 8, "H", "W"), conv, positions=((1, None), 1)),
    ]
    for op in ("max_pool1d", "avg_pool1d"):
        found.append(Example(op, (SIGNAL,), tensor("f32", "B", 4, T - 1), {"kernel": 2, "stride": 1}, positions=((3,), 2)))
    for op in ("max_pool2d", "avg_pool2d"):
        found.append(Example(op, (IMAGE,), tensor("f32", "B", 4, *half), {"kernel": 2, "stride": 1}, positions=((3,), 2)))
    return found


def attentions() -> list[Example]:
    result = tensor("f32", "B", 4, "T", 6)
    mask, many = tensor("bool", "B", 1, "T", "S"), tensor("f32", "B", 4, "S", 6)
    masked = ("q", "k", "v", "mask")
    return [
        Example("attention", (Q, K, K), result, slots=masked[:3], positions=((1, 1, 1), 1)),
        Example("attention", (Q, many, many), result, slots=masked[:3], positions=((2, 2, 2), 2)),
        Example("attention", (Q, K, K, mask), result, slots=masked, positions=((1, 1, 1, 1), 1)),
        Example("attention", (Q, K, K, tensor("bool", "T", "S")), result, slots=masked, positions=((1, 1, 1, None), 1)),
        Example("attention_logits", (Q, K), tensor("f32", "B", 4, "T", "S"), positions=((1, 1), 1)),
        Example("rope", (Q,), Q, slots=("x",), positions=((3,), 2)),
        Example("rope", (Q, tensor("i64", "T")), Q, slots=("x", "position"), positions=((3, None), 2)),
        Example("rope", (Q, IDS), Q, slots=("x", "position"), positions=((2, 2), 1)),
        Example("rope", (X, IDS), X, slots=("x", "position"), positions=((2, 2), 2)),
    ]


def norms() -> list[Example]:
    six, four = tensor("f32", 6), tensor("f32", 4)
    return [
        Example("layer_norm", (X, six, six), X, positions=((3, None, None), 2)),
        Example("rms_norm", (X, six), X, positions=((3, None), 2)),
        Example("l2_norm", (X,), X, positions=((3,), 2)),
        Example("group_norm", (IMAGE, four, four), IMAGE, {"groups": 2}, positions=((2, None, None), 1)),
        Example("batch_norm", (IMAGE, four, four, four, four), IMAGE, positions=((2, *[None] * 4), 1)),
        Example(
            "batch_norm", (tensor("f32", "B", 6), six, six, six, six), tensor("f32", "B", 6), positions=((1, *[None] * 4), 1)
        ),
        Example("softmax", (X,), X, positions=((3,), 2)),
        Example("softmax", (X,), X, {"axis": 1}, positions=((2,), 1)),
        Example("cumsum", (X,), X, {"axis": 1}, positions=((2,), 1)),
        Example("flip", (X,), X, {"axis": 1}, positions=((2,), 1)),
    ]


def reductions() -> list[Example]:
    found = []
    for op in ("mean", "sum", "max", "min", "norm"):
        found.append(Example(op, (X,), tensor("f32", "B", "T"), positions=((2,), 2)))
        found.append(Example(op, (IMAGE,), tensor("f32", "B", 4), {"axes": (2, 3)}, positions=((3,), 2)))
        found.append(Example(op, (X,), tensor("f32", "B", 1, 6), {"axes": 1, "keepdims": True}, positions=((2,), 1)))
    return [
        *found,
        Example("any", (KEPT,), tensor("bool", "B", "T"), positions=((2,), 2)),
        Example("argmax", (X,), tensor("i64", "B", "T"), positions=((2,), 2)),
    ]


def shapes() -> list[Example]:
    return [
        Example("reshape", (X,), tensor("f32", "B", "T", 2, 3), {"shape": (B, T, 2, -1)}, positions=((2,), 2)),
        Example("reshape", (X,), tensor("f32", B * T, 6), {"shape": (B * T, 6)}, positions=((2,), 0)),
        Example("transpose", (X,), tensor("f32", "B", 6, "T"), positions=((2,), 1)),
        Example("permute", (IMAGE,), tensor("f32", "B", "H", "W", 4), {"order": (0, 2, 3, 1)}, positions=((2,), 1)),
        Example("unsqueeze", (X,), tensor("f32", "B", 1, "T", 6), {"axis": 1}, positions=((2,), 1)),
        Example("squeeze", (tensor("f32", "B", "T", 1),), tensor("f32", "B", "T"), positions=((2,), 2)),
        Example("broadcast", (tensor("f32", 1, "T", 6),), tensor("f32", 2, "T", 6), {"shape": (2, T, 6)}),
        Example("broadcast", (tensor("f32", "B", "T", 1),), X, {"shape": (B, T, 6)}, positions=((2,), 2)),
        Example("repeat", (X,), tensor("f32", "B", "T", 12), {"n": 2}, positions=((2,), 2)),
        Example("heads", (X,), tensor("f32", "B", 2, "T", 3), {"n": 2}, positions=((2,), 1)),
        Example("merge_heads", (Q,), tensor("f32", "B", "T", 24), positions=((2,), 1)),
        Example("concat", (X, X), tensor("f32", "B", "T", 12), positions=((2, 2), 2)),
        Example("concat", (X, X), tensor("f32", "B", 2 * T, 6), {"axis": 1}, positions=((2, 2), 1)),
        Example("stack", (X, X), tensor("f32", "B", "T", 6, 2), positions=((2, 2), 2)),
        Example("stack", (X, X), tensor("f32", "B", 2, "T", 6), {"axis": 1}, positions=((2, 2), 1)),
        Example("pairs", (X, tensor("f32", "B", "S", 2)), tensor("f32", "B", "T", "S", 8), positions=((2, 1), 1)),
        Example("slice", (X,), tensor("f32", "B", "T", 2), {"start": 1, "stop": -1, "step": 2}, positions=((2,), 2)),
        Example("slice", (X,), tensor("f32", "B", T - 1, 6), {"start": 1, "axis": 1}, positions=((2,), 1)),
        Example("index", (X,), tensor("f32", "B", 6), {"index": -1, "axis": 1}, positions=((2,), 1)),
        Example("gather", (X, tensor("i64", "B", "T", 2)), tensor("f32", "B", "T", 2), positions=((2, 2), 2)),
        Example("take", (X, tensor("i64", 3, 2)), tensor("f32", "B", "T", 3, 2), positions=((2, None), 2)),
        Example("take", (tensor("f32", 9, 5), IDS), tensor("f32", "B", "T", 5), {"axis": 0}, positions=((None, 2), 2)),
    ]


def others() -> list[Example]:
    blocks = {"sizes": (2, 4), "axes": (1, 2)}
    coarse = tensor("f32", "B", 2, 2)
    full = tensor("f32", "B", 3, 6)
    return [
        Example("ones", (), tensor("f32", "B", 4), {"shape": (B, 4)}),
        Example("zeros", (), tensor("i64", "B", 4), {"shape": (B, 4), "dtype": "i64"}),
        Example("range", (), tensor("i64", "T"), {"n": T}),
        Example("one_hot", (IDS,), tensor("f32", "B", "T", 9), {"n": 9}, positions=((2,), 2)),
        Example("hash", (IDS,), IDS, {"n": 9, "seed": 3}, positions=((2,), 2)),
        Example("pool_blocks", (full,), coarse, blocks, positions=((1,), 1)),
        Example("any_blocks", (tensor("bool", "B", 3, 6),), tensor("bool", "B", 2, 2), blocks, positions=((1,), 1)),
        Example("expand_blocks", (coarse,), full, {**blocks, "shape": (3, 6)}, positions=((1,), 1)),
        Example("uniform", (X,), X, {"path": "dropout"}, positions=((2,), 2)),
        Example("kl", (X, X), tensor("f32", "B", "T"), positions=((2, 2), 2)),
        Example("bce", (X, X), X, positions=((2, 2), 2)),
        Example("foreign", (X,), tensor("f32", "B", 5), {**STORED, "shape": (B, 5)}, positions=((3,), 1)),
        Example("foreign", (X, tensor("f32", 6)), tensor("f32", "B", 5), {**STORED, "shape": (B, 5)}, positions=((2, None), 1)),
        Example("present", (), tensor("bool", 2), {"chunks": ("edges", "expert.3")}),
    ]


EXAMPLES = [
    *pointwise(),
    *products(),
    *convolutions(),
    *attentions(),
    *norms(),
    *reductions(),
    *shapes(),
    *others(),
]
