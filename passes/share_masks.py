"""`share-masks`: equal selections, across layers and within one, become one."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import ClassVar

from ..compiler.bodies import map_bodies
from ..compiler.equality import key
from ..compiler.ir import Graph, Node
from ..compiler.selection import paths_of
from .numbering import Signatures, merged


@dataclass(frozen=True, slots=True)
class ShareMasks:
    """Makes selections one that decide by the same rules on the same scores: layers of a loop that is unrolled, or in one layer.

    The law: a selection is a function of its operands and rules, so two that have the same operands and say the same but for
    their path keep the same, weigh the same and have the same surrogate. What a score is computed from is compared as
    `common-subexpressions` compares it, so scores with noise of different paths, and those of calls that record anything, are
    not the same. No path is lost: the one selection records its decisions under the paths of all of them (`also`), and replayed
    decisions of those paths must agree.

    What different fuses select away is left apart, as there: a mask that only some positions need is decided on those alone.
    """

    name: ClassVar[str] = "share-masks"

    def apply(self, graph: Graph) -> Graph:
        """The graph and its bodies with each selection made once."""
        signatures = _Selections()
        return map_bodies(graph, lambda one: merged(one, signatures.of, _joined))


@dataclass(slots=True)
class _Selections(Signatures):
    """Signatures of selections too, whatever their paths."""

    def of(self, node: Node) -> Hashable | None:
        if node.op != "select":
            return Signatures.of(self, node)
        said = {name: value for name, value in node.attrs.items() if name not in ("path", "also")}
        return ("select", key(said), node.type)


def _joined(node: Node, others: list[Node]) -> Node:
    """A selection that stands for others too: their paths behind its own."""
    if node.op != "select":
        return node
    paths = [path for one in (node, *others) for path in paths_of(one)]
    return replace(node, attrs=node.attrs.but(also=tuple(paths[1:])))
