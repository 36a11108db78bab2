"""What the product under a mask costs by each kernel: steps to be priced."""

from __future__ import annotations

import math

from ..compiler.cost import Cost
from ..compiler.dims import evaluate, product
from ..compiler.ir import Node
from ..compiler.ops import OPS
from ..compiler.types import BYTES
from ..compiler.work import Dims
from .rewrite import SPREADS

SLOW = {
    **dict.fromkeys(("gelu", "sigmoid", "silu", "tanh", "exp", "log"), 14),
    **dict.fromkeys(("where", "masked", "softmax"), 25),
}
"""Multiply-adds that take as long as one element of an op that is no mere traffic, measured on one core."""

VIEWS = SPREADS | {"slice", "index"}
"""Ops that launch nothing of note: they give another view of what is there."""

LARGEST = 1 << 22
"""Elements of gathered weights that stand in memory at once."""

ENTRY = 60
"""Bytes moved to find, fetch, multiply and add a single entry."""

PAIR, OWN_PAIR = 50, 450
"""Multiply-adds that take as long as what masked attention does to a pair besides products and traffic; where it is put together
from blocks. Measured on one core."""

Steps = dict[str, list[Cost]]


def mask_steps(node: Node, select: Node, kept: float, dims: Dims, share: float) -> Steps:
    """By kernel, the steps of a product under the mask of a selection that keeps this share of its parts."""
    work = OPS[node.op].cost([operand.tensor for operand in node.operands], node.attrs, node.tensor)
    macs = share * evaluate(work.macs, dims)
    grain = select.attrs["grain"]
    if node.op == "attention" and grain in ("pair", "block"):
        return _attention(node, select, kept, macs, dims, share)
    if grain in ("neuron", "channel", "head") and node.op in ("linear", "conv1d", "conv2d"):
        return _parts(node, select, kept, macs, dims, share)
    if grain in ("weight", "block") and node.op in ("linear", "einsum"):
        return _entries(node, select, kept, macs, dims, share)
    return {}


def decisions_of(select: Node, dims: Dims) -> int:
    """How often a mask decides."""
    axes = {"weight": 2, "pair": 2, "block": 2}.get(str(select.attrs["grain"]), 1)
    return max(1, evaluate(product(select.selection.kept.shape[:-axes]), dims))


def _size(node: Node, dims: Dims) -> float:
    return evaluate(product(node.shape), dims) * BYTES[node.tensor.dtype]


def _parts(node: Node, select: Node, kept: float, macs: float, dims: Dims, share: float) -> Steps:
    """Rows of a weight: all; those that any decision keeps; those of each decision."""
    x, weight, out = share * _size(node.operands[0], dims), _size(node.operands[1], dims), share * _size(node, dims)
    decisions = max(1.0, share * decisions_of(select, dims))
    union = 1 - (1 - kept) ** decisions
    slow = SLOW["where"] * out / BYTES[node.tensor.dtype]
    dense = [Cost(macs, x + weight + out), Cost(slow, 2.25 * out, 3)]
    some = [
        Cost(0, out / 4, 5),
        Cost(0, 2 * union * weight, 2),
        Cost(union * macs, x + union * (weight + out)),
        Cost(union * slow, (1 + 4 * union) * out, 6),
    ]
    if decisions == 1 or node.op != "linear":  # a convolution for each sample makes less of the machine than one for all
        return {"dense": dense, "union": some}
    counted = all(rule.kind in ("top", "first") and rule.over == (-1,) for rule in select.attrs["rules"])
    alike = counted and "allowed" not in select.attrs["slots"] and not select.attrs["fallback"]
    gathered = kept * weight * decisions
    rounds = math.ceil(gathered / BYTES[node.tensor.dtype] / LARGEST) if alike else decisions
    # A gathered weight is written, and read again by its product, which for one row is a product with a vector.
    own = [Cost(0, 2 * gathered, 4 * rounds), Cost(kept * macs, x + gathered + kept * out, 4 * rounds)]
    own.append(Cost(0, (1 + 3 * kept) * out, 6 * rounds))
    return {"dense": dense, "union": some, "gather": own}


def _entries(node: Node, select: Node, kept: float, macs: float, dims: Dims, share: float) -> Steps:
    """Entries or blocks of a weight: all, under a mask that is spread over it, or the kept ones."""
    x, out = share * _size(node.operands[0], dims), share * _size(node, dims)
    weight = _size(node.operands[1], dims) * (share if node.op == "einsum" else 1)
    slow = SLOW["where"] * weight / BYTES[node.tensor.dtype]
    dense = [Cost(slow, 2.25 * weight, 12), Cost(macs, x + weight + out, 3)]
    if select.attrs["grain"] == "weight":
        single = ENTRY / BYTES[node.tensor.dtype] * (kept * weight + kept * macs * BYTES[node.tensor.dtype])
        return {"dense": dense, "gather": [Cost(kept * macs, single, 20)]}
    rows, columns = select.attrs["block"]
    gathered, inputs = kept * weight, kept * macs / rows * BYTES[node.tensor.dtype]
    results = kept * macs / columns * BYTES[node.tensor.dtype]
    own = [Cost(0, 2 * (gathered + inputs), 9), Cost(kept * macs, gathered + inputs + results)]
    own.append(Cost(0, 3 * results + 2 * out, 4))
    return {"dense": dense, "gather": own}


def _attention(node: Node, select: Node, kept: float, macs: float, dims: Dims, share: float) -> Steps:
    """Pairs: all; for each row of blocks as many as the fullest keeps; the kept ones."""
    q, k, v = (share * _size(operand, dims) for operand in node.operands[:3])
    batch, heads, length, width = (evaluate(size, dims) for size in node.shape)
    pairs = share * batch * heads * length * evaluate(node.operands[1].shape[2], dims) * BYTES[node.tensor.dtype]
    count = pairs / BYTES[node.tensor.dtype]
    dense = [Cost(macs + PAIR * count, q + k + v + 4 * pairs, 12)]
    if select.attrs["grain"] == "pair":
        return {"dense": dense, "gather": [Cost(kept * macs, kept * pairs * (8 * width + 10), 60)]}
    rows, _ = select.attrs["block"]
    fetched = kept * pairs * 2 * width / rows
    full = 1.0 if select.attrs["levels"] else min(1.0, 1.25 * kept)
    blocks = [Cost(0, 3 * full / max(kept, 1e-9) * fetched, 25), Cost(full * (macs + PAIR * count), 4 * full * pairs, 8)]
    own = [Cost(0, 3 * fetched, 30), Cost(kept * (macs + OWN_PAIR * count), 6 * kept * pairs, 10), Cost(0, 4 * fetched, 30)]
    return {"dense": dense, "blocks": blocks, "gather": own}
