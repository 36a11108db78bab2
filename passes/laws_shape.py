"""Laws of ops that move elements. None of them computes, so each holds bit by bit, and for gradients."""

from __future__ import annotations

from dataclasses import replace

from ..compiler.ir import Node
from ..compiler.ops import OPS, infer
from ..compiler.types import TensorType
from .rewrite import Laws, Site, operand

LAWS = Laws()


# f(x) = x where f gives each element its own place: same shape, nothing moved
@LAWS.of("reshape", "broadcast")
def same_shape(site: Site, node: Node) -> Node | None:
    return node.operands[0] if node.type == node.operands[0].type else None


# reshape(reshape(x)) = reshape(x); broadcast(broadcast(x)) = broadcast(x)
@LAWS.of("reshape", "broadcast")
def last_shape_counts(site: Site, node: Node) -> Node | None:
    inner = operand(node, node.op)
    return site.op(node.op, inner.operands[0], shape=node.shape) if inner else None


# reshape(unsqueeze(x)) = reshape(x), and for squeeze: they keep the order of elements
@LAWS.of("reshape")
def reshape_of_squeezed(site: Site, node: Node) -> Node | None:
    inner = operand(node, "unsqueeze", "squeeze")
    return site.op("reshape", inner.operands[0], shape=node.shape) if inner else None


# squeeze(unsqueeze(x)) = x at the same axis, and the other way round; index 0 of a new axis is what it was made of
@LAWS.of("squeeze", "unsqueeze", "index")
def opened_and_closed(site: Site, node: Node) -> Node | None:
    inner = operand(node, "squeeze" if node.op == "unsqueeze" else "unsqueeze")
    return inner.operands[0] if inner and inner.attrs["axis"] == node.attrs["axis"] else None


# transpose(x, a, a) = x; transpose(transpose(x, a, b), a, b) = x
@LAWS.of("transpose")
def transposed_back(site: Site, node: Node) -> Node | None:
    if node.attrs["a"] == node.attrs["b"]:
        return node.operands[0]
    inner = operand(node, "transpose")
    same = inner and {inner.attrs["a"], inner.attrs["b"]} == {node.attrs["a"], node.attrs["b"]}
    return inner.operands[0] if inner and same else None


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


# flip(flip(x, a), a) = x
@LAWS.of("flip")
def flipped_back(site: Site, node: Node) -> Node | None:
    inner = operand(node, "flip")
    return inner.operands[0] if inner and inner.attrs["axis"] == node.attrs["axis"] else None


# merge_heads(heads(x)) = x; heads(merge_heads(x), n) = x where x has n heads
@LAWS.of("heads", "merge_heads")
def heads_and_back(site: Site, node: Node) -> Node | None:
    inner = operand(node, "heads" if node.op == "merge_heads" else "merge_heads")
    return inner.operands[0] if inner and inner.operands[0].type == node.type else None


# repeat(x, 1) = x
@LAWS.of("repeat")
def repeated_once(site: Site, node: Node) -> Node | None:
    return node.operands[0] if node.attrs["n"] == 1 else None


# slice(x, 0, size of x) = x
@LAWS.of("slice")
def whole_slice(site: Site, node: Node) -> Node | None:
    whole = node.attrs["step"] == 1 and node.type == node.operands[0].type
    return node.operands[0] if whole else None


# concat(x) = x; stack(x) = unsqueeze(x)
@LAWS.of("concat", "stack")
def joined_alone(site: Site, node: Node) -> Node | None:
    if len(node.operands) != 1:
        return None
    return node.operands[0] if node.op == "concat" else site.op("unsqueeze", node.operands[0], axis=node.attrs["axis"])


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
        if narrow != list(node.operands) and infer(node.op, [x.tensor for x in narrow], node.attrs) == node.type:
            return replace(node, operands=tuple(narrow))
    return None


# fuse without a selection of one stream: sum(x) = mean(x) = concat(x) = x, stack(x) = unsqueeze(x)
@LAWS.of("fuse")
def fused_alone(site: Site, node: Node) -> Node | None:
    if node.attrs["by"] or len(node.operands) != 1:
        return None
    (stream,) = node.operands
    if stream.type == node.type:
        return stream
    return site.op("unsqueeze", stream, axis=-2) if isinstance(stream.type, TensorType) else None
