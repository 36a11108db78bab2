"""Which positions mix: how many leading axes of a body's results may be gathered before it is run.

A router keeps some positions of a value `[B, T, …]`. A body may run on those alone, laid out as `[R, 1, …]`, if each row of its
result depends on no other position and on no size of the gathered axes, and if it does nothing that is done once for all of them.
Every op answers for itself (`Op.rows`); here are the answers of the structural words, and of sizes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .bodies import body_order, recorded
from .dims import Dim, Size, symbols
from .ir import Graph, Node, streams_of
from .ops import OPS
from .ops.positions import broadcast_rows, first_wide
from .types import BundleType, RecordType, SelectionType, TensorType, Type, tensor_types

Rows = int | None
"""Leading axes that are positions, or None: the value does not depend on any input that has positions."""


def row_prefix(body: Graph, rows: Sequence[Rows]) -> int:
    """How many leading axes of all outputs are independent positions, where input i has `rows[i]` of them (None: it is shared).

    With the answer p, inputs `[P1 … Pp, rest…]` may be gathered to `[R, 1, …, 1, rest…]`, and the body gives the same rows. 0
    where an output has no positions, and where a call has effects that see all of them (losses in training, next states).
    """
    return _Search().prefix(body, tuple(rows))


def value_rows(graph: Graph, rows: Sequence[Rows], prefix: int | None = None) -> dict[Node, Rows]:
    """For each node, how many of its leading axes are independent positions, or None where it is shared.

    `prefix` is how many axes are to be gathered (default: all that the inputs have in common); a value with fewer mixes some.
    """
    common = len(_positions(graph, rows))
    return _Search().values(graph, tuple(rows), common if prefix is None else min(prefix, common))


@dataclass(slots=True)
class _Search:
    """One question, with the answers for bodies met on the way."""

    known: dict[tuple[int, tuple[Rows, ...]], int] = field(default_factory=dict)

    def prefix(self, body: Graph, rows: tuple[Rows, ...]) -> int:
        key = (id(body), rows)
        if key not in self.known:
            sizes = () if has_effects(body) else _positions(body, rows)
            tries = range(len(sizes), 0, -1)
            self.known[key] = next((p for p in tries if self._independent(body, rows, sizes[:p])), 0)
        return self.known[key]

    def _independent(self, body: Graph, rows: tuple[Rows, ...], sizes: tuple[Size, ...]) -> bool:
        found, most = self.values(body, rows, len(sizes)), len(sizes)
        decided = [node for node in recorded(body) if found[node] is not None]  # recorded by position, or for all alike
        parts = [(node, type) for _, node in body.outputs for type in tensor_types(node.type)]
        parts += [(node, node.selection.kept) for node in decided]
        return all((found[node] or 0) >= most and type.shape[:most] == sizes for node, type in parts)

    def values(self, graph: Graph, rows: tuple[Rows, ...], prefix: int) -> dict[Node, Rows]:
        given = {node: None if count is None else min(count, prefix) for node, count in zip(graph.inputs, rows)}
        gathered = _gathered(graph, given, prefix)
        if gathered is None:
            return dict.fromkeys(graph.nodes, 0)
        found: dict[Node, Rows] = {}
        for node in graph.nodes:
            found[node] = given[node] if node.op == "input" else self._node(node, found, gathered, prefix)
        return found

    def _node(self, node: Node, found: dict[Node, Rows], gathered: dict[str, int | None], prefix: int) -> Rows:
        rows = tuple(found[operand] for operand in node.operands)
        sized = _reads_sizes(node, rows, gathered, prefix)
        if sized is not None:
            return sized
        if all(row is None for row in rows):
            return None
        if node.op in OPS:
            return OPS[node.op].rows(rows, [operand.tensor for operand in node.operands], node.attrs, node.tensor)
        return {"select": _select, "fuse": _fuse, "field": _field, "apply": self._apply}[node.op](node, rows)

    def _apply(self, node: Node, rows: tuple[Rows, ...]) -> int:
        """What its body says; nothing where there is none to ask."""
        body: Graph | None = node.attrs["body"]
        if body is None:
            return 0
        if not node.attrs["zipped"]:
            return self.prefix(body, rows)
        return min(self.prefix(body, (row,)) for row in set(rows))


def has_effects(body: Graph) -> bool:
    """Whether a call does something once for all positions: losses (in training) and next states, its own or of what it calls."""
    return any(graph.nexts or (graph.training and graph.losses) for graph in (body, *body_order(body)))


def _leading(type: Type) -> tuple[Size, ...]:
    """The axes of a value that can be positions, the same for all its tensors."""
    match type:
        case TensorType():
            return type.shape
        case BundleType():
            return _leading(type.element)
        case SelectionType():
            return type.kept.shape[:-1]
        case RecordType():
            return _common([part.shape for _, part in type.fields])


def _common(shapes: Sequence[tuple[Size, ...]]) -> tuple[Size, ...]:
    count = 0
    for sizes in zip(*shapes):
        if any(size != sizes[0] for size in sizes):
            break
        count += 1
    return shapes[0][:count] if shapes else ()


def _positions(graph: Graph, rows: Sequence[Rows]) -> tuple[Size, ...]:
    """The sizes of the leading axes that all inputs with positions have in common."""
    return _common([_leading(node.type)[:count] for node, count in zip(graph.inputs, rows) if count is not None])


def _gathered(graph: Graph, given: dict[Node, Rows], prefix: int) -> dict[str, int | None] | None:
    """The dimensions whose size is another one after gathering: the axis where each stands bare (None: a part of an axis).

    None for all of it if one also stands where nothing is gathered: then no size fits both places.
    """
    found: dict[str, int | None] = {}
    elsewhere: set[str] = set()
    for node, count in given.items():
        shapes = [_leading(node.type)] if isinstance(node.type, SelectionType) else [t.shape for t in tensor_types(node.type)]
        lead = 0 if count is None else prefix
        for shape in shapes:
            for axis, size in enumerate(shape[:lead]):
                found.update(
                    {name: axis if str(size) == name and found.get(name, axis) == axis else None for name in symbols(size)}
                )
            elsewhere.update(name for size in shape[lead:] for name in symbols(size))
    return None if elsewhere & found.keys() else found


def _reads_sizes(node: Node, rows: tuple[Rows, ...], gathered: dict[str, int | None], prefix: int) -> Rows:
    """What a node is that reads gathered sizes, or makes positions; None where sizes do not matter to it.

    A `shape` may lead with the gathered sizes themselves, each at its own axis: read from the inputs, they fit. Any other use is
    of a size that gathering changes. A value with positions must have them in the `shape` as dimensions: a number would stay.
    """
    if node.op not in OPS:
        return None
    shaped = OPS[node.op].shaped
    shape: tuple[Size, ...] = node.attrs["shape"] if shaped else ()
    inside = {name for key, value in node.attrs.items() if not (shaped and key == "shape") for name in _names(value)}
    inside |= {name for size in shape[prefix:] for name in symbols(size)}
    if inside & gathered.keys():
        return 0
    has_positions = any(row is not None for row in rows)
    if not 0 < prefix <= len(shape) or any(gathered.get(str(size)) != axis for axis, size in enumerate(shape[:prefix])):
        changes = has_positions or _names(shape[:prefix]) & gathered.keys()
        return 0 if shaped and changes else None
    if has_positions:
        return None
    narrow = all(first_wide(operand.tensor, len(shape)) >= prefix for operand in node.operands)
    return prefix if narrow and node.op != "reshape" else 0


def _names(value: object) -> frozenset[str]:
    if isinstance(value, Dim):
        return symbols(value)
    return frozenset().union(*(_names(part) for part in value)) if isinstance(value, tuple) else frozenset()


def _select(node: Node, rows: tuple[Rows, ...]) -> int:
    """Decisions: the axes before the parts, and before any that a rule ranks together. All operands align with the score."""
    kept = node.selection.kept
    limit = kept.rank - 1
    aligned: list[tuple[Rows, TensorType]] = []
    for row, operand, slot in zip(rows, node.operands, node.attrs["slots"]):
        levelled = slot == "level"
        aligned.append((row, operand.tensor.with_shape(*operand.shape[:-1]) if levelled else operand.tensor))
    limit = min(limit, broadcast_rows([row for row, _ in aligned], [type for _, type in aligned], node.attrs, kept))
    ranked = [kept.rank + min(rule.over) for rule in node.attrs["rules"] if rule.kind in ("top", "first", "top_p") and rule.over]
    return min([limit, *ranked])


def _fuse(node: Node, rows: tuple[Rows, ...]) -> int:
    """Streams position by position, but for the axes that `concat` and `stack` join. A shared selection decides for all alike."""
    streams, by = streams_of(node)
    kind, own = node.attrs["kind"], rows[: len(streams)]
    if not isinstance(node.type, TensorType) or any(row is None for row in own):
        return 0
    limit = node.type.rank - {"concat": 1, "stack": 2}.get(kind, 0)
    if by is not None:
        decides = by.selection.kept.with_shape(*by.selection.kept.shape[:-1])
        wide = next((axis for axis, size in enumerate(decides.shape) if size != 1), limit)
        limit = min(limit, wide if rows[-1] is None else rows[-1])
    return min(limit, *(row or 0 for row in own))


def _field(node: Node, rows: tuple[Rows, ...]) -> Rows:
    """A part of a value has its positions; `load` counts over all of them."""
    counts = node.attrs["name"] == "load" and isinstance(node.operands[0].type, SelectionType)
    return 0 if counts else rows[0]


def with_positions(graph: Graph, inputs: set[Node]) -> set[Node]:
    """Nodes with the positions of the inputs that have them, and those that are made in as many."""
    found = set(inputs)
    sizes = {node.shape[0] for node in inputs if isinstance(node.type, TensorType) and node.shape}
    for node in graph.nodes:
        made = node.op in OPS and OPS[node.op].shaped and node.shape[:1] and node.shape[0] in sizes
        if made or any(operand in found for operand in node.operands):
            found.add(node)
    return found
