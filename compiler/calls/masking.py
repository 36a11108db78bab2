"""What a product under a mask launches by each kernel: those of `masking.py`, `own_parts.py` and `static_masks.py`."""

from __future__ import annotations

from collections.abc import Callable

from ..cost import Cost, How
from ..ir import Node
from ..kernels import kernel_of
from . import attending, blocks
from .nodes import Dims, array_of, operands_of
from .pruning import (
    Kept,
    block_linear,
    decided_of,
    masked_head_attention,
    masked_product,
    own_convolution,
    own_head_attention,
    own_linear,
    packed_product,
)
from .rows import ROWS, Op
from .tape import EAGER, Array, Number, Tape

Calls = dict[str, list[Cost]]


def masked_calls(node: Node, select: Node, kept: Kept, dims: Dims, share: Number = 1, how: How = EAGER) -> Calls:
    """By kernel, the calls of a product under the mask of a selection, with what selects its absent parts away: they stand for
    the product and for the nodes that `covered` names. Empty where there is only one way. `packed` is there besides: what runs
    where the mask is alike in every call (hoisted), whatever is chosen."""
    grain, op = select.attrs["grain"], operands_of(node, dims, share, how)
    if node.op == "attention" and grain in ("pair", "block"):
        return _attention(op, select, kept, how)
    if node.op == "attention" and grain == "head":
        return _heads(op, kept, how)
    if grain in ("neuron", "channel", "head") and node.op in ("linear", "conv1d", "conv2d"):
        return _parts(op, kept, how)
    if grain in ("weight", "block") and node.op in ("linear", "einsum"):
        return _entries(op, select, kept, how)
    return {}


def kernel_used(node: Node, select: Node, hoisted: bool = False) -> str:
    """The kernel under which the torch backend computes a product under the mask of a selection: a key of `masked_calls`."""
    grain, kernel = select.attrs["grain"], kernel_of(select)
    whole = grain in ("neuron", "channel", "head")
    if whole and hoisted and node.op != "attention" and kernel != "dense":
        return "packed"
    if whole:
        return kernel or "union"
    if node.op == "attention":
        return kernel or ("blocks" if grain == "block" else "dense")
    if node.op == "einsum" and grain == "block":
        return "dense" if kernel == "dense" else "gather"
    return "gather" if kernel == "gather" else "dense"


def covered(node: Node, readers: list[Node]) -> tuple[Node, ...]:
    """The nodes whose calls are among those of a product under a mask: the `masked` around it or beside it, and the spreading of
    blocks over entries. `readers`: what reads the product, as `work.readers_of` says."""
    around = [reader for reader in readers if reader.op == "masked"] if len(readers) == 1 else []
    beside = [one for one in node.operands if one.op == "masked"] if node.op in ("linear", "einsum") else []
    masks = [one.operands[1] for one in (*around, *beside)]
    masks += [mask for mask in [node.slot("mask")] if mask is not None] if node.op == "attention" else []
    masks += [one.operands[0] for one in masks if one.op == "unsqueeze"]
    return (*around, *beside, *(one for one in masks if one.op == "expand_blocks"))


def _run(how: How, write: Callable[[Tape], object]) -> list[Cost]:
    t = Tape(how)
    write(t)
    return t.calls


def _parts(op: Op, kept: Kept, how: How) -> Calls:
    """Rows of a weight: all; those that any decision keeps; those of each decision."""

    def dense(t: Tape) -> None:
        ROWS[op.node.op](t, op)
        t.each("where", op.result, decided_of(op, kept), like=op.result)

    found = {"dense": _run(how, dense), "union": _run(how, lambda t: masked_product(t, op, kept))}
    if kept.decisions > 1:
        own = own_linear if op.node.op == "linear" else own_convolution
        found["gather"] = _run(how, lambda t: own(t, op, kept))
    found["packed"] = _run(how, lambda t: packed_product(t, op, kept))
    return found


def _heads(op: Op, kept: Kept, how: How) -> Calls:
    """Heads of attention as a whole."""
    given, causal = op.slots(), op.node.attrs["causal"]
    q, k, v = given["q"], given["k"], given["v"]

    def dense(t: Tape) -> None:
        ROWS["attention"](t, op)
        t.each("where", op.result, Array((kept.decisions, kept.parts, 1, 1), "bool"), like=op.result)

    return {
        "dense": _run(how, dense),
        "union": _run(how, lambda t: masked_head_attention(t, q, k, v, kept, causal)),
        "gather": _run(how, lambda t: own_head_attention(t, q, k, v, kept, causal)),
    }


def _entries(op: Op, select: Node, kept: Kept, how: How) -> Calls:
    """Entries or blocks of a weight: all, under a mask that is spread over it, or the kept ones."""
    x, weight = op.arrays[0], op.arrays[1]

    def dense(t: Tape) -> None:
        mask = _decisions(select, kept, op)
        if select.attrs["grain"] == "block":
            mask = blocks.expand_blocks(t, mask, (-2, -1), weight.shape[-2:])
        t.each("where", weight, mask)
        ROWS[op.node.op](t, op)

    sizes = select.attrs["block"] if select.attrs["grain"] == "block" else (1, 1)
    own = _run(how, lambda t: block_linear(t, x, op.result, sizes, kept))
    if op.node.op == "linear" and len(op.arrays) > 2:
        own += _run(how, lambda t: t.each("add", op.result, op.arrays[2]))
    return {"dense": _run(how, dense), "gather": own}


def _decisions(select: Node, kept: Kept, op: Op) -> Array:
    """What was decided, one row for each decision."""
    whole = array_of(select.selection.kept, op.dims)
    parts = whole.shape[-2:]
    return whole.of(kept.decisions, *parts) if whole.rank > 2 else whole.of(*parts)


# ---- pairs


def _attention(op: Op, select: Node, kept: Kept, how: How) -> Calls:
    """Pairs: all; for each row of blocks as many as the fullest keeps; the kept ones."""
    given, causal = op.slots(), op.node.attrs["causal"]
    q, k, v, mask = given["q"], given["k"], given["v"], given["mask"]
    sizes = select.attrs["block"] if select.attrs["grain"] == "block" else (1, 1)
    spread = max(1.0, q.shape[0] * q.shape[1] / kept.decisions)  # heads and samples that one decision stands for
    count = kept.total * spread
    found: Calls = {}

    def dense(t: Tape) -> None:
        if select.attrs["grain"] == "block":
            blocks.expand_blocks(t, _decisions(select, kept, op), (-2, -1), (q.shape[2], k.shape[2]))
        ROWS["attention"](t, op)

    found["dense"] = _run(how, dense)
    if select.attrs["grain"] == "block":
        few = _decisions(select, kept, op)
        small = few.of(kept.decisions, 1, *few.shape[-2:])
        most = max(1, kept.fullest)
        found["blocks"] = _run(how, lambda t: attending.block_attention(t, q, k, v, small, sizes, most, causal))
        found["gather"] = _run(how, lambda t: attending.own_block_attention(t, q, k, v, small, sizes, count, causal))
    else:
        found["gather"] = _run(how, lambda t: attending.own_block_attention(t, q, k, v, mask, sizes, count, causal))
    return found
