"""Nodes that one kernel computes together with what they mask, so that absent parts are not computed.

`fusion(node, users)` says which nodes such a kernel reads in the node's place, and writes its call from their texts. What lies
between is then needed by no one (it has one user), and is not written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ....compiler.ir import Node
from ....compiler.kernels import mask_kernel
from .writing import Operands, call, one_or_tuple


@dataclass(frozen=True, slots=True)
class KeptRows:
    """A weight of which a kernel reads only rows: those of the parts that are kept along an axis (counted from the end) of
    `kept`, each a run of equally many."""

    weight: Node
    kept: Node
    axis: int


@dataclass(frozen=True, slots=True)
class Fusion:
    """`reads` in place of the node's operands; `skips` are the nodes in between; `write(texts of reads)` is the expression;
    `rows`: of which weight it does not read all."""

    reads: tuple[Node, ...]
    skips: tuple[Node, ...]
    write: Callable[[Operands], str]
    rows: KeptRows | None = None


def fusion(node: Node, users: Mapping[Node, Sequence[Node]], kept_outside: frozenset[Node] = frozenset()) -> Fusion | None:
    """How a node is computed together with what it masks, or None. `kept_outside`: nodes that are read elsewhere (outputs)."""

    def alone(inner: Node) -> bool:
        return len(users.get(inner, ())) == 1 and inner not in kept_outside

    if node.op == "masked" and tuple(node.attrs["slots"]) == ("x", "kept"):
        return _masked_product(node, alone)
    if node.op == "attention":
        return _block_attention(node, alone)
    if node.op == "einsum":
        return _block_linear(node, alone)
    if node.op == "linear":
        return _masked_weight(node, alone)
    return None


Alone = Callable[[Node], bool]
"""Whether a node is read by the one that replaces it only."""


def _masked_product(node: Node, alone: Alone) -> Fusion | None:
    product, kept = node.operands
    kernel = mask_kernel(kept)
    if not alone(product) or kernel == "dense":
        return None
    own = "own" if kernel == "gather" else "masked"
    if product.op == "linear" and _parts(kept, product, -1):
        return _product_fusion(product, kept, -1, f"{own}_linear", {})
    if product.op in ("conv1d", "conv2d") and product.attrs["groups"] == 1 and _parts(kept, product, 1 - product.tensor.rank):
        return _product_fusion(product, kept, 1 - product.tensor.rank, f"{own}_{product.op}", convolution_options(product))
    if _whole_heads(kept, product):
        return _masked_heads(product, kept, own, alone)
    return None


def convolution_options(product: Node) -> dict[str, str | None]:
    """How a convolution goes along its axes, as arguments of its kernel; none of a `linear`."""
    usual = {"stride": 1, "padding": 0, "dilation": 1} if product.op != "linear" else {}
    return {n: None if set(product.attrs[n]) == {one} else one_or_tuple(product.attrs[n]) for n, one in usual.items()}


def _parts(kept: Node, product: Node, axis: int) -> bool:
    """Whether the mask decides along the axis of the weight's rows."""
    return kept.tensor.rank >= -axis and kept.shape[axis] == product.shape[axis] != 1


def _whole_heads(kept: Node, product: Node) -> bool:
    """Whether the mask decides heads as a whole: it is [..., heads, 1, 1]."""
    return kept.tensor.rank == product.tensor.rank and product.tensor.rank >= 3 and kept.shape[-3:] == (product.shape[-3], 1, 1)


def _masked_heads(product: Node, kept: Node, own: str, alone: Alone) -> Fusion | None:
    """Heads of a projection, or of attention without a mask and with a key head for each of them."""
    if product.op == "heads" and product.operands[0].op == "linear" and alone(product.operands[0]):
        linear = product.operands[0]
        made = _product_fusion(linear, kept, -3, f"{own}_heads", {"heads": str(product.attrs["n"])})
        return Fusion(made.reads, (linear, product), made.write, made.rows)
    plain = product.op == "attention" and tuple(product.attrs["slots"]) == ("q", "k", "v")
    if not plain or product.operands[1].shape[1] != product.shape[1]:
        return None
    causal, scale = (True if product.attrs["causal"] else None), product.attrs["scale"]

    def write(texts: Operands) -> str:
        return call(f"{own}_head_attention", *texts, causal=causal, scale=scale)

    return Fusion((*product.operands, kept), (product,), write)


def _product_fusion(product: Node, kept: Node, axis: int, kernel: str, options: Mapping[str, str | None]) -> Fusion:
    slots = product.attrs["slots"]

    def write(texts: Operands) -> str:
        x, weight, *bias = texts[:-1]
        return call(kernel, x, weight, texts[-1], **{"bias": bias[0] if bias else None, **options})

    assert slots[:2] == ("x", "weight")
    return Fusion((*product.operands, kept), (product,), write, KeptRows(product.operands[1], kept, axis))


def _block_attention(node: Node, alone: Alone) -> Fusion | None:
    """A mask that is spread from blocks: only the kept blocks are multiplied. Of any other the kept pairs, if that is chosen."""
    slots = tuple(node.attrs["slots"])
    if slots != ("q", "k", "v", "mask") or node.attrs["after"]:
        return None
    mask = node.operands[3]
    kernel = mask_kernel(mask)
    if mask.tensor.rank != 4 or kernel == "dense":
        return None
    # A mask that is alike for all heads is spread first, and given its axis of heads then.
    alike = mask.op == "unsqueeze" and mask.attrs["axis"] == -3 and _spread(mask.operands[0]) and alone(mask)
    blocks = _blocks(mask.operands[0] if alike else mask, kernel, alone)
    if blocks is None:
        return None
    kept, sizes, skips = blocks
    causal, scale = (True if node.attrs["causal"] else None), node.attrs["scale"]

    def write(texts: Operands) -> str:
        name = "own_block_attention" if kernel == "gather" else "block_attention"
        heads = f"{texts[3]}.unsqueeze(-3)" if alike else texts[3]
        return call(name, *texts[:3], heads, str(sizes), causal=causal, scale=scale)

    return Fusion((*node.operands[:3], kept), (*skips, mask) if alike else skips, write)


def _spread(kept: Node) -> bool:
    """Whether a mask of rows and columns is made of blocks."""
    return kept.op == "expand_blocks" and tuple(kept.attrs["axes"]) == (-2, -1)


def _blocks(kept: Node, kernel: str, alone: Alone) -> tuple[Node, tuple[int, int], tuple[Node, ...]] | None:
    """The blocks that a mask of rows and columns is spread from, their sizes, and what is not needed then; each entry is a block
    of its own where only what is kept shall be gathered."""
    if _spread(kept) and alone(kept):
        return kept.operands[0], kept.attrs["sizes"], (kept,)
    return (kept, (1, 1), ()) if kernel == "gather" else None


def _masked_weight(node: Node, alone: Alone) -> Fusion | None:
    """A weight of which one decision keeps entries or blocks, if only those shall be gathered: `linear(x, masked(w, kept))`."""
    masked = node.operands[1]
    if masked.op != "masked" or tuple(masked.attrs["slots"]) != ("x", "kept") or not alone(masked):
        return None
    weight, kept = masked.operands
    if mask_kernel(kept) != "gather" or kept.tensor.rank != 2 or kept.shape != weight.shape:
        return None
    blocks = _blocks(kept, "gather", alone)
    assert blocks is not None
    few, sizes, skips = blocks

    def write(texts: Operands) -> str:
        x, weight, kept, *bias = texts
        return call("block_weight_linear", x, weight, kept, str(sizes), bias=bias[0] if bias else None)

    return Fusion((node.operands[0], weight, few, *node.operands[2:]), (*skips, masked), write)


def _block_linear(node: Node, alone: Alone) -> Fusion | None:
    """A weight of which each decision keeps its own blocks: `einsum("abi,aoi->abo", x, masked(broadcast(w), blocks))`.

    Of single entries too, where only those shall be gathered.
    """
    if len(node.operands) != 2:
        return None
    x, masked = node.operands
    if masked.op != "masked" or tuple(masked.attrs["slots"]) != ("x", "kept") or not alone(masked):
        return None
    wide, kept = masked.operands
    kernel = mask_kernel(kept)
    if wide.op != "broadcast" or wide.operands[0].tensor.rank != 2 or not alone(wide) or kernel == "dense":
        return None
    letters = "abcdefgh"[: x.tensor.rank - 1]
    lead = letters[: masked.tensor.rank - 2]
    if node.attrs["equation"] != f"{letters}i,{lead}oi->{letters}o" or kept.shape != masked.shape:
        return None
    blocks = _blocks(kept, kernel, alone)
    if blocks is None:
        return None
    few, sizes, skips = blocks

    def write(texts: Operands) -> str:
        return call("block_linear", *texts, str(sizes))

    return Fusion((x, wide.operands[0], few), (wide, *skips, masked), write)
