"""What a score decides with: a score below f32 is raised on entering its selection, and so is what its weights are made of."""

from __future__ import annotations

from dataclasses import dataclass

from ....compiler.ir import Graph, Node, users

PRODUCTS = frozenset({"linear", "matmul", "einsum", "conv1d", "conv2d", "apply", "fuse", "attention"})
"""What needs operands of one dtype: a value that goes into one of them keeps its own."""


@dataclass(frozen=True, slots=True)
class Score:
    """The score of the selection at `path`. `read_by`: those of its `readers` that only decide, or only count in a loss."""

    path: str
    readers: tuple[Node, ...]
    read_by: frozenset[Node]


def deciding(graph: Graph) -> dict[Node, Score]:
    """The scores of a graph's selections."""
    reads = users(graph)
    kept = {node for _, node in graph.outputs} | {node for pair in graph.nexts for node in pair}
    only: set[Node] = set()
    for node in reversed(graph.nodes):
        closed = all(reader.op == "select" or reader in only for reader in reads[node])
        if node.op not in PRODUCTS and node not in kept and closed:
            only.add(node)
    found: dict[Node, Score] = {}
    for node in graph.nodes:
        if node.op == "select" and node.operands[0] not in found:
            score = node.operands[0]
            readers = tuple(reads[score]) + ((score,) if score in kept else ())
            mine = frozenset(reader for reader in readers if reader.op == "select" or reader in only)
            found[score] = Score(str(node.attrs["path"]).replace(".", "_"), readers, mine)
    return found
