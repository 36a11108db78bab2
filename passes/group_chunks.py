"""`group-chunks`: like chunks under one router run as stacked products."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from ..compiler.bodies import map_bodies
from ..compiler.ir import Graph, Node, streams_of, users
from ..compiler.planning.demand import routable
from ..compiler.planning.grouping import runs_together
from ..compiler.types import BundleType
from .rewrite import rebuild_knowing


@dataclass(frozen=True, slots=True)
class GroupChunks:
    """Marks arrays whose members may run together, on the rows of all of them one behind the other, as `grouped`.

    The law: a body that is a straight line of products, norms over the last axis and pointwise ops gives each row what it would
    give it alone, so rows of different members may stand in one value, if each meets the parameters of its own member. The
    meaning stays that of the call; members keep their paths, parameters and order. What a backend stacks for this is derived,
    and dies with the eval period, so eval graphs only are marked.

    Only the stream of a routed fuse is: there each member has some of the rows, and small products are what costs. `least` is
    how many members make it worth it.
    """

    name: ClassVar[str] = "group-chunks"

    least: int = 2

    def apply(self, graph: Graph) -> Graph:
        """The graph and its bodies with such arrays marked."""
        return map_bodies(graph, self._mark)

    def _mark(self, graph: Graph) -> Graph:
        if graph.training:
            return graph
        reads = users(graph)
        alone = {node for node in graph.nodes if node.op == "fuse" and routable(node) and len(streams_of(node)[0]) == 1}
        found = {node for fuse in alone for node in streams_of(fuse)[0] if reads[node] == [fuse] and self._groups(node)}
        found -= set(graph.roots)
        if not found:
            return graph

        def change(old: Node, new: Node) -> Node | None:
            return replace(new, attrs=new.attrs.but(word="grouped")) if old in found else None

        return rebuild_knowing(graph, change)

    def _groups(self, node: Node) -> bool:
        attrs = node.attrs
        if node.op != "apply" or not isinstance(node.type, BundleType) or node.type.count < self.least or attrs["body"] is None:
            return False
        plain = not (attrs["zipped"] or attrs.get("among") or attrs.get("word"))
        return plain and bool(attrs["chunk"]) and runs_together(attrs["body"])
