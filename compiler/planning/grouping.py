"""Which bodies may run on the rows of several members at once, one behind the other.

The law: a product, a norm over the last axis or a pointwise op gives each row what it would give it alone. So rows of different
members may stand in one value, if each row meets the parameters of its own member: a weight as the product of its rows, a
vector or scalar repeated for each row."""

from __future__ import annotations

from collections.abc import Mapping

from ..ir import Graph, Node
from ..kernels import kernel_of
from ..ops import OPS
from ..plan import Step
from ..types import TensorType

NORMS = frozenset({"layer_norm", "rms_norm", "l2_norm"})
LAST_AXIS = frozenset({"softmax", "concat", "slice", "cumsum", "flip"})
"""Ops that are row-wise where their axis is the last."""


def grouped(step: Step) -> bool:
    """Whether the ways of a `combine` are members of one array that run on the rows of all of them at once."""
    way, (fuse, *_) = step.ways[0], step.nodes
    apply = way.apply
    meant = apply.attrs.get("word") == "grouped" and kernel_of(fuse) in ("", "grouped")
    return meant and not apply.attrs["zipped"] and all(way.gathered) and runs_together(apply.attrs["body"])


def runs_together(body: Graph) -> bool:
    """Whether a body is a straight line of row-wise ops with a product by a weight of its own, and gives one value."""
    ranks = {node.tensor.rank for node in body.inputs if isinstance(node.type, TensorType)}
    if len(ranks) != 1 or min(ranks) < 2 or len(body.outputs) != 1 or body.nexts or (body.training and body.losses):
        return False
    (rank,) = ranks
    rows: dict[Node, bool] = {}
    for node in body.nodes:
        found = _has_rows(node, rows, rank)
        if found is None:
            return False
        rows[node] = found
    ((_, output),) = body.outputs
    products = any(node.op == "linear" and _own(node.operands[1]) for node in body.nodes)
    return products and rows[output] and output.tensor.rank == rank


def _has_rows(node: Node, rows: Mapping[Node, bool], rank: int) -> bool | None:
    """Whether a value has the rows; None where they might meet, or meet what is not theirs."""
    if node.op in ("input", "const"):
        return node.op == "input"
    if node.op in ("param", "state"):
        return _own(node) and node.tensor.rank < 2
    if node.op not in OPS or OPS[node.op].random or node.op == "masked" or not isinstance(node.type, TensorType):
        return None
    given = [rows[operand] for operand in node.operands]
    if not any(given):
        # Of numbers and parameters of outer frames: the same for all members.
        shared = all(not _own(operand) for operand in node.operands)
        return False if node.operands and shared and node.tensor.rank < 2 else None
    if node.op == "linear":
        return _product(node, given)
    narrow = all(flag or operand.tensor.rank < 2 for flag, operand in zip(given, node.operands))
    if node.op in NORMS:
        return True if node.tensor.rank == rank and given[0] and _affine(node) else None
    in_place = OPS[node.op].pointwise or (node.op in LAST_AXIS and node.attrs["axis"] == -1 and all(given))
    return True if in_place and narrow and node.tensor.rank in (rank, 0, 1) else None


def _product(node: Node, given: list[bool]) -> bool | None:
    _, weight, *bias = node.operands
    whole = weight.op in ("param", "state") and all(one.op == weight.op and _own(one) == _own(weight) for one in bias)
    return True if given[0] and whole else None


def _affine(node: Node) -> bool:
    return all(operand.op in ("param", "state") for operand in node.operands[1:])


def _own(node: Node) -> bool:
    return node.op in ("param", "state") and not node.attrs["up"]
