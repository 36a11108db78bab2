"""What each op of the table launches: one row an op, as `EXPRESSIONS` of the torch backend writes it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..dims import Size, evaluate
from ..ir import Node
from ..ops import FAMILIES
from . import attending, blocks, products, selecting
from .tape import Array, Number, Tape


@dataclass(frozen=True, slots=True)
class Op:
    """One op of a graph with its operands; None stands for a Python number."""

    node: Node
    operands: tuple[Array | None, ...]
    result: Array
    dims: Mapping[str, Number]

    @property
    def arrays(self) -> list[Array]:
        return [one for one in self.operands if one is not None]

    @property
    def x(self) -> Array:
        """The first operand that is a tensor; a scalar where none is."""
        return next(iter(self.arrays), Array((), self.result.dtype))

    def slots(self) -> dict[str, Array]:
        found = dict(zip(self.node.attrs["slots"], self.operands))
        return {name: array for name, array in found.items() if array is not None}

    def size(self, size: Size) -> Number:
        return evaluate(size, self.dims)  # type: ignore[arg-type]


Row = Callable[[Tape, Op], object]

NO_VIEW = frozenset({"transpose", "permute", "heads", "broadcast"})
"""What leaves elements in an order, or repeated, of which no other shape is a view."""


def nothing(t: Tape, op: Op) -> None:
    """A view, or a number that Python holds."""


def each(t: Tape, op: Op) -> None:
    """One op on each element; of Python numbers alone a Python number."""
    if op.arrays:
        t.each(op.node.op, *op.arrays, dtype=op.result.dtype, like=op.result)


def _cast(t: Tape, op: Op) -> None:
    t.cast(op.x, op.result.dtype)


def _masked(t: Tape, op: Op) -> None:
    given = op.slots()
    selecting.masked(t, given.get("x", op.result), given["kept"], given.get("gate"))


def _embedding(t: Tape, op: Op) -> None:
    t.fetch(op.result, -2 if op.result.rank > 1 else 0, width=op.result.shape[-1])


def _linear(t: Tape, op: Op) -> None:
    products.linear(t, *op.arrays)


def _matmul(t: Tape, op: Op) -> None:
    products.matmul(t, *op.arrays)


def _einsum(t: Tape, op: Op) -> None:
    products.einsum(t, op.node, op.arrays, op.result)


def _conv(t: Tape, op: Op) -> None:
    given = op.slots()
    stride, groups = op.node.attrs["stride"], op.node.attrs["groups"]
    products.convolution(t, given["x"], given["weight"], given.get("bias"), op.result, stride, groups)


def _pool(t: Tape, op: Op) -> None:
    t.reduce(op.node.op, op.x, math.prod(op.node.attrs["kernel"]), op.result)


def _attention(t: Tape, op: Op) -> None:
    given, attrs = op.slots(), op.node.attrs
    q, k, v = (given.pop(name) for name in "qkv")
    if not given and attrs["causal"] and q.shape[2] == k.shape[2]:
        attending.causal_attention(t, q, k, v)
    else:
        attending.attention(t, q, k, v, **given, causal=attrs["causal"], after=attrs["after"])


def _logits(t: Tape, op: Op) -> None:
    q, k = op.arrays
    attending.attention_logits(t, q, k)


def _rope(t: Tape, op: Op) -> None:
    given = op.slots()
    attending.rope(t, given["x"], given.get("position"))


def _norm(t: Tape, op: Op) -> None:
    """Norms of rows; group and batch norms are one kernel too."""
    x, *affine = op.arrays
    match op.node.op:
        case "layer_norm":
            products.layer_norm(t, x, *affine)
        case "rms_norm":
            products.rms_norm(t, x, *affine)
        case "l2_norm":
            products.l2_norm(t, x)
        case "group_norm":
            t.rows("group_norm", x, math.prod(x.shape[1:]) / op.node.attrs["groups"], *affine)
        case _:
            t.rows(op.node.op, x, x.elements / x.shape[op.node.attrs["axis"]], *affine)


def _along(t: Tape, op: Op) -> None:
    """`softmax` and `cumsum`."""
    t.rows(op.node.op, op.x, op.x.shape[op.node.attrs["axis"]], dtype=op.result.dtype)


def _reduced(t: Tape, op: Op) -> None:
    axes = op.node.attrs["axes"] if "axes" in op.node.attrs else (op.node.attrs["axis"],)
    t.reduce(op.node.op, op.x, math.prod(op.x.shape[axis] for axis in axes), op.result)


def _copied(t: Tape, op: Op) -> None:
    """Elements side by side, or in another order: always a copy."""
    t.copy(*op.arrays, op=op.node.op, like=op.result)


def _reshape(t: Tape, op: Op) -> None:
    if op.node.operands[0].op in NO_VIEW:
        _copied(t, op)


def _merge_heads(t: Tape, op: Op) -> None:
    """Attention without a mask leaves its heads as they are merged."""
    of = op.node.operands[0]
    if of.op != "attention" or of.attrs["causal"] or len(of.operands) > 3:
        _copied(t, op)


def _gather(t: Tape, op: Op) -> None:
    t.cast(op.operands[1] or op.result, "i64")
    t.fetch(op.result, width=1)


def _take(t: Tape, op: Op) -> None:
    t.fetch(op.result, op.node.attrs["axis"])


def _made(t: Tape, op: Op) -> None:
    t.fill(*op.result.shape, dtype=op.result.dtype, op=op.node.op)


def _one_hot(t: Tape, op: Op) -> None:
    t.cast(blocks.one_hot(t, op.x, op.result.shape[-1]), op.result.dtype)


def _hash(t: Tape, op: Op) -> None:
    blocks.hash_mod(t, op.x)


def _pool_blocks(t: Tape, op: Op) -> None:
    blocks.pool_blocks(t, op.x, op.node.attrs["axes"], op.node.attrs["sizes"])


def _any_blocks(t: Tape, op: Op) -> None:
    blocks.any_blocks(t, op.x, op.node.attrs["axes"], op.node.attrs["sizes"])


def _expand_blocks(t: Tape, op: Op) -> None:
    blocks.expand_blocks(t, op.x, op.node.attrs["axes"], [op.size(size) for size in op.node.attrs["shape"]])


def _uniform(t: Tape, op: Op) -> None:
    blocks.uniform(t, op.x)


def _kl(t: Tape, op: Op) -> None:
    p, q = op.arrays
    blocks.kl(t, p, q, op.node.attrs["axis"])


def _bce(t: Tape, op: Op) -> None:
    p, target = op.arrays
    blocks.bce(t, p, target)


def _foreign(t: Tape, op: Op) -> None:
    """One call of what is no kernel: its result is written, and no more is known."""
    t.fill(*op.result.shape, dtype=op.result.dtype, op=op.node.op)


ROWS: dict[str, Row] = {
    **{op.name: each for op in FAMILIES["Element by element"]},
    "stop_gradient": nothing,
    "cast": _cast,
    "masked": _masked,
    "linear": _linear,
    "matmul": _matmul,
    "einsum": _einsum,
    "embedding": _embedding,
    **dict.fromkeys(("conv1d", "conv2d"), _conv),
    **dict.fromkeys(("max_pool1d", "max_pool2d", "avg_pool1d", "avg_pool2d"), _pool),
    "attention": _attention,
    "attention_logits": _logits,
    "rope": _rope,
    **dict.fromkeys(("layer_norm", "rms_norm", "l2_norm", "group_norm", "batch_norm"), _norm),
    **dict.fromkeys(("softmax", "cumsum"), _along),
    **dict.fromkeys(("mean", "sum", "max", "min", "norm", "any", "argmax"), _reduced),
    **dict.fromkeys(("transpose", "permute", "unsqueeze", "squeeze", "broadcast", "heads", "slice", "index"), nothing),
    "reshape": _reshape,
    **dict.fromkeys(("flip", "repeat", "concat", "stack", "pairs"), _copied),
    "merge_heads": _merge_heads,
    "gather": _gather,
    "take": _take,
    **dict.fromkeys(("ones", "zeros", "range"), _made),
    "one_hot": _one_hot,
    "hash": _hash,
    "pool_blocks": _pool_blocks,
    "any_blocks": _any_blocks,
    "expand_blocks": _expand_blocks,
    "uniform": _uniform,
    "kl": _kl,
    "bce": _bce,
    "foreign": _foreign,
    "present": nothing,
}
"""Every op of the table by its name."""
