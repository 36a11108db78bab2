"""What is done to the result of a fuse of one way is done to its stream, on the positions that are kept."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from ..compiler.dims import Size
from ..compiler.ir import Graph, Node, users
from ..compiler.ops import OPS
from ..compiler.types import TensorType
from .rewrite import substituted
from .ways import never_negative, plain, positions

HOMOGENEOUS = frozenset({"relu", "abs"})
"""f(w · x) = w · f(x) for w ≥ 0, and 0 at 0."""
SHRINKS = frozenset({"sum", "mean", "slice", "index"})
MOVES = frozenset({"neg", "reshape", "unsqueeze", "squeeze", "transpose", "permute", "flip"})
"""Linear, and no work worth moving: they go along with what stands behind them."""

Reads = Mapping[Node, list[Node]]


def moved_inward(graph: Graph) -> Graph:
    """The graph with what follows fuses of one way done on the kept positions alone.

    The law: with one way a fuse is `w · s` where it keeps and 0 elsewhere. If f works on each position for itself, is 0 at 0 and
    lets the factor w pass, then f of the fuse is the fuse of f(s). What is absent stays so: it is selected away after f as it was
    before, and never multiplied.
    """
    reads, roots = users(graph), frozenset(graph.roots)
    changes: dict[Node, Node] = {}
    for node in graph.nodes:
        if plain(node) and _one_way(node) and node not in changes:
            chain = _chain(node, reads, roots)
            if chain:
                changes[chain[-1]] = _inward(node, chain)
    return substituted(graph, changes) if changes else graph


def _one_way(fuse: Node) -> bool:
    """One stream, whose positions alone decide what is computed: a body called `among` others is packed as it stands."""
    stream = fuse.operands[0]
    packed = stream.op == "apply" and (stream.attrs.get("among") or "word" in stream.attrs)
    return len(fuse.operands) == 2 and isinstance(stream.type, TensorType) and fuse.attrs["kind"] != "stack" and not packed


def _chain(fuse: Node, reads: Reads, roots: frozenset[Node]) -> list[Node]:
    """The ops behind a fuse that may be moved, up to the last that is worth it."""
    chain: list[Node] = []
    worth = 0
    node = fuse
    while node not in roots and len(reads[node]) == 1:
        (reader,) = reads[node]
        if not _moves(reader, node, fuse) or any(after.op == "masked" for after in reads[reader]):
            break
        chain.append(reader)
        worth = len(chain) if reader.op in {"linear", "mul", "div"} | HOMOGENEOUS | SHRINKS else worth
        node = reader
    return chain[:worth]


def _moves(node: Node, value: Node, fuse: Node) -> bool:
    """Whether an op of the fuse's result may be one of its stream."""
    decided = positions(fuse)
    if node.op not in OPS or node.operands.count(value) != 1 or node.shape[: len(decided)] != decided:
        return False
    rows = tuple(len(decided) if operand is value else None for operand in node.operands)
    if OPS[node.op].rows(rows, [operand.tensor for operand in node.operands], node.attrs, node.tensor) < len(decided):
        return False
    if node.op == "linear":
        return value is node.operands[0] and len(node.operands) == 2 and node.operands[1].op != "masked"
    if node.op in ("mul", "div"):
        other = node.operands[1]
        return value is node.operands[0] and other.op == "const" and 0 < abs(other.attrs["value"]) < math.inf
    if node.op in HOMOGENEOUS:
        return never_negative(fuse.operands[-1])
    if node.op == "reshape":
        return all(isinstance(size, int) for size in node.shape[len(decided) :])
    return node.op in MOVES or (node.op in SHRINKS and _numbers(node))


def _numbers(node: Node) -> bool:
    """Whether what a slice takes is known before the run."""
    sizes: tuple[Size | None, ...] = (node.attrs.get("start", 0), node.attrs.get("stop", 0))
    return all(isinstance(size, int) for size in sizes)


def _inward(fuse: Node, chain: list[Node]) -> Node:
    stream, select = fuse.operands
    value, last = stream, fuse
    for node in chain:
        value = replace(node, operands=tuple(value if operand is last else operand for operand in node.operands))
        last = node
    kind = "sum" if fuse.attrs["kind"] == "concat" else fuse.attrs["kind"]
    return replace(fuse, operands=(value, select), attrs=fuse.attrs.but(kind=kind), type=last.type, name=last.name)
