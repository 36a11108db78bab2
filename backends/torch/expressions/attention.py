"""Attention in its forms, each by the plainest call that means it."""

from __future__ import annotations

from ....compiler.ir import Node
from .writing import Expression, Operands, Sizes, by_slot, call


def _attention(node: Node, operands: Operands, size: Sizes) -> str:
    given = by_slot(node, operands)
    q, k, v = (given.pop(name) for name in ("q", "k", "v"))
    causal, scale = node.attrs["causal"], node.attrs["scale"]
    queries, keys = node.operands[0].shape, node.operands[1].shape
    if not given and not causal and queries[1] == keys[1]:
        return call("F.scaled_dot_product_attention", q, k, v, scale=scale)
    if not given and causal and queries[2] == keys[2]:
        return call("causal_attention", q, k, v, scale=scale)
    options = {"causal": True if causal else None, "after": True if node.attrs["after"] else None, "scale": scale}
    return call("attention", q, k, v, **given, **options)


def _attention_logits(node: Node, operands: Operands, size: Sizes) -> str:
    return call("attention_logits", *operands, scale=node.attrs["scale"])


def _rope(node: Node, operands: Operands, size: Sizes) -> str:
    given = by_slot(node, operands)
    base = None if node.attrs["base"] == 10000.0 else node.attrs["base"]
    return call("rope", given["x"], position=given.get("position"), base=base)


EXPRESSIONS: dict[str, Expression] = {"attention": _attention, "attention_logits": _attention_logits, "rope": _rope}
