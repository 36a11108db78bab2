"""Which leading axes of each value are independent positions: what may be gathered before it is computed.

For every node the answer is a number of axes, or None where it depends on nothing that has positions (parameters, constants): such a value
is shared. The rules are those of the op table (`Op.rows`); here are those of the structural words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..compiler.bodies import effects
from ..compiler.dims import Dim, Size, symbols
from ..compiler.ir import Graph, Node, element_type, streams_of
from ..compiler.ops import OPS
from ..compiler.ops.positions import broadcast_rows
from ..compiler.types import BundleType, TensorType, tensor_types

Rows = dict[Node, int | None]


def row_prefix(body: Graph, given: Sequence[int | None]) -> int:
    """How many leading axes of all outputs are positions, where input i has `given[i]` of them (None: it is shared).

    0 if the body does more than give values: a loss or a next state sees all positions at once.
    """
    if lasting(body) or all(count is None for count in given):
        return 0
    rows = positions(body, dict(zip(body.inputs, given)))
    counts = [rows[node] for _, node in body.outputs]
    most = min(0 if count is None else count for count in counts)
    return next((p for p in range(most, 0, -1) if unaffected(body, rows, p)), 0)


def lasting(body: Graph) -> bool:
    """Whether calls of the body do more than give a value."""
    return bool((body.losses and body.training) or body.nexts or any(lasting(node.attrs["body"]) for node in effects(body)))


def positions(graph: Graph, given: Mapping[Node, int | None]) -> Rows:
    """The rows of every node of a graph."""
    rows: Rows = {}
    for node in graph.nodes:
        rows[node] = given[node] if node.op == "input" else _of(node, [rows[operand] for operand in node.operands])
    return rows


def _of(node: Node, rows: list[int | None]) -> int | None:
    if all(row is None for row in rows):
        return None
    match node.op:
        case "select":
            return _of_select(node, rows)
        case "field":
            return 0 if node.attrs["name"] == "load" else rows[0]
        case "apply":
            return _of_apply(node, rows)
        case "fuse":
            return _of_fuse(node, rows)
    if any(not isinstance(operand.type, TensorType) for operand in node.operands):
        return 0
    assert isinstance(node.type, TensorType)
    return OPS[node.op].rows(rows, [operand.tensor for operand in node.operands], node.attrs, node.type)


def _of_select(node: Node, rows: list[int | None]) -> int:
    kept = node.selection.kept
    types = [operand.tensor for operand in node.operands]
    aligned = [(row, type) for row, type, slot in zip(rows, types, node.attrs["slots"]) if slot != "level"]
    levels = [row for row, slot in zip(rows, node.attrs["slots"]) if slot == "level"]
    limit = broadcast_rows([row for row, _ in aligned], [type for _, type in aligned], node.attrs, kept)
    for rule in node.attrs["rules"]:
        limit = min(limit, kept.rank + min(rule.over)) if rule.kind in ("top", "first", "top_p") else limit
    return min([limit, kept.rank - 1, *(0 if row is None else row for row in levels)])


def _of_apply(node: Node, rows: list[int | None]) -> int:
    body: Graph | None = node.attrs["body"]
    if body is None:
        return 0
    if not node.attrs["zipped"]:
        return row_prefix(body, rows)
    each = [row for operand, row in zip(node.operands, rows) for _ in range(_count(operand))]
    return min(row_prefix(body, [row]) for row in each)


def _count(node: Node) -> int:
    return node.type.count if isinstance(node.type, BundleType) else 1


def _of_fuse(node: Node, rows: list[int | None]) -> int:
    streams, by = streams_of(node)
    stream_rows, result = rows[: len(streams)], node.tensor
    if any(row is None for row in stream_rows) or not all(isinstance(element_type(s.type), TensorType) for s in streams):
        return 0
    limit = min(result.rank - {"concat": 1, "stack": 2}.get(node.attrs["kind"], 0), *(row or 0 for row in stream_rows))
    if by is None:
        return limit
    return min(limit, by.selection.kept.rank - 1, rows[-1] or 0)


def unaffected(body: Graph, rows: Rows, prefix: int) -> bool:
    """Whether sizes of gathered axes stand nowhere but on gathered axes, so that a body may run with other sizes there."""
    gathered: set[str] = set()
    for node in body.inputs:
        if rows[node] is not None:
            gathered |= _symbols(node.tensor.shape[:prefix])
    return all(_clean(node, rows[node], prefix, gathered) for node in body.nodes)


def _clean(node: Node, rows: int | None, prefix: int, gathered: set[str]) -> bool:
    lead = prefix if rows is not None else 0
    inside = {symbol for type in tensor_types(node.type) for symbol in _symbols(type.shape[lead:])}
    if node.op == "field" and node.attrs["name"] == "load":
        return True
    for key, value in node.attrs.items():
        if key == "shape":
            inside |= _symbols(value[lead:])
        elif isinstance(value, Dim):
            inside |= symbols(value)
    return not inside & gathered


def _symbols(sizes: Iterable[Size]) -> set[str]:
    return {symbol for size in sizes for symbol in symbols(size)}
