"""Laws of ops that move elements. None of them computes, so each holds bit by bit, and for gradients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..compiler.ir import Node
from ..compiler.ops import OPS, ShapeError, infer
from ..compiler.types import TensorType
from .rewrite import Site, operand
from .rules import rules

LAWS = rules(
    "reshape(x) = x",  # where the shape is the same, that is: a rule keeps the type
    "broadcast(x) = x",
    "reshape(reshape(x), shape=s) = reshape(x, shape=s)",
    "broadcast(broadcast(x), shape=s) = broadcast(x, shape=s)",
    "reshape(unsqueeze(x), shape=s) = reshape(x, shape=s)",  # they keep the order of elements
    "reshape(squeeze(x), shape=s) = reshape(x, shape=s)",
    "squeeze(unsqueeze(x, axis=i), axis=i) = x",
    "unsqueeze(squeeze(x, axis=i), axis=i) = x",
    "index(unsqueeze(x, axis=i), axis=i) = x",
    "transpose(x, a=i, b=i) = x",
    "transpose(transpose(x, a=i, b=j), a=i, b=j) = x",
    "transpose(transpose(x, a=i, b=j), a=j, b=i) = x",
    "flip(flip(x, axis=i), axis=i) = x",
    "merge_heads(heads(x)) = x",
    "heads(merge_heads(x)) = x",  # where x has as many heads
    "repeat(x, n=1) = x",
    "slice(x, step=1) = x",  # all of it
    "concat(x) = x",
    "stack(x, axis=i) = unsqueeze(x, axis=i)",
)


# permute(x, [-n … -1]) = x
@LAWS.of("permute")
def permuted_in_place(site: Site, node: Node) -> Node | None:
    return node.operands[0] if list(node.attrs["order"]) == sorted(node.attrs["order"]) else None


# permute(permute(x, p), q) = permute(x, p ∘ q)
@LAWS.of("permute")
def permuted_twice(site: Site, node: Node) -> Node | None:
    inner = operand(node, "permute")
    if inner is None:
        return None
    return site.op("permute", inner.operands[0], order=tuple(inner.attrs["order"][axis] for axis in node.attrs["order"]))


# index(stack(x0, x1 …), i) = xi along the stacked axis
@LAWS.of("index")
def index_of_stack(site: Site, node: Node) -> Node | None:
    inner = operand(node, "stack")
    return inner.operands[node.attrs["index"]] if inner and inner.attrs["axis"] == node.attrs["axis"] else None


# x ∘ broadcast(y) = x ∘ y where the result has that shape anyway
@LAWS.of(*(name for name, op in OPS.items() if op.pointwise and len(op.args) == 2 and op.args[1].kind == "value"))
def broadcast_anyway(site: Site, node: Node) -> Node | None:
    plain = [x.operands[0] if x.op == "broadcast" else x for x in node.operands]
    for narrow in (plain, [node.operands[0], plain[1]], [plain[0], node.operands[1]]):
        if narrow != list(node.operands) and gives(node, narrow):
            return replace(node, operands=tuple(narrow))
    return None


def gives(node: Node, operands: Sequence[Node]) -> bool:
    """Whether the op of a node takes these operands, and gives a value of its type. Not every op of two broadcasts (`bce`)."""
    try:
        return infer(node.op, [x.tensor for x in operands], node.attrs) == node.type
    except ShapeError:
        return False


# fuse without a selection of one stream: sum(x) = mean(x) = concat(x) = x, stack(x) = unsqueeze(x)
@LAWS.of("fuse")
def fused_alone(site: Site, node: Node) -> Node | None:
    if node.attrs["by"] or len(node.operands) != 1:
        return None
    (stream,) = node.operands
    if stream.type == node.type:
        return stream
    return site.op("unsqueeze", stream, axis=-2) if isinstance(stream.type, TensorType) else None
