"""Nodes that one kernel computes together with what they mask, so that absent parts are not computed.

`fusion(node, users)` says which nodes such a kernel reads in the node's place, and writes its call from their texts. What lies
between is then needed by no one (it has one user), and is not written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ....compiler.ir import Node
from .writing import Operands, call, one_or_tuple


@dataclass(frozen=True, slots=True)
class Fusion:
    """`reads` in place of the node's operands; `skips` are the nodes in between; `write(texts of reads)` is the expression."""

    reads: tuple[Node, ...]
    skips: tuple[Node, ...]
    write: Callable[[Operands], str]


def fusion(node: Node, users: Mapping[Node, Sequence[Node]], kept_outside: frozenset[Node] = frozenset()) -> Fusion | None:
    """How a node is computed together with what it masks, or None. `kept_outside`: nodes that are read elsewhere (outputs)."""

    def alone(inner: Node) -> bool:
        return len(users.get(inner, ())) == 1 and inner not in kept_outside

    if node.op == "masked" and tuple(node.attrs["slots"]) == ("x", "kept") and alone(node.operands[0]):
        return _masked_product(node)
    if node.op == "attention":
        return _block_attention(node, alone)
    return None


def _masked_product(node: Node) -> Fusion | None:
    product, kept = node.operands
    if product.op == "linear" and _parts(kept, product, -1):
        return _product_fusion(product, kept, "masked_linear", {})
    if product.op in ("conv1d", "conv2d") and product.attrs["groups"] == 1 and _parts(kept, product, 1 - product.tensor.rank):
        names = ("stride", "padding", "dilation")
        default = {"stride": 1, "padding": 0, "dilation": 1}
        options = {n: None if set(product.attrs[n]) == {default[n]} else one_or_tuple(product.attrs[n]) for n in names}
        return _product_fusion(product, kept, f"masked_{product.op}", options)
    return None


def _parts(kept: Node, product: Node, axis: int) -> bool:
    """Whether the mask decides along the axis of the weight's rows."""
    return kept.tensor.rank >= -axis and kept.shape[axis] == product.shape[axis] != 1


def _product_fusion(product: Node, kept: Node, kernel: str, options: Mapping[str, str | None]) -> Fusion:
    slots = product.attrs["slots"]

    def write(texts: Operands) -> str:
        x, weight, *bias = texts[:-1]
        return call(kernel, x, weight, texts[-1], *bias, **options)

    assert slots[:2] == ("x", "weight")
    return Fusion((*product.operands, kept), (product,), write)


def _block_attention(node: Node, alone: Callable[[Node], bool]) -> Fusion | None:
    """A mask that is spread from blocks: only the kept blocks are multiplied."""
    slots = tuple(node.attrs["slots"])
    if slots != ("q", "k", "v", "mask") or node.attrs["after"]:
        return None
    mask = node.operands[3]
    if mask.op != "expand_blocks" or mask.attrs["axes"] != (-2, -1) or mask.tensor.rank != 4 or not alone(mask):
        return None
    causal, scale = (True if node.attrs["causal"] else None), node.attrs["scale"]

    def write(texts: Operands) -> str:
        return call("block_attention", *texts, str(mask.attrs["sizes"]), causal=causal, scale=scale)

    return Fusion((*node.operands[:3], mask.operands[0]), (mask,), write)
