"""`common-subexpressions`: what is computed twice is computed once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..compiler.bodies import map_bodies
from ..compiler.ir import Graph
from .numbering import Signatures, merged


@dataclass(frozen=True, slots=True)
class CommonSubexpressions:
    """Makes nodes one that are the same op of the same values with the same attributes, in a graph or body.

    The law: a node without effects is a function of its operands and attributes, so equal nodes have equal values, and a
    gradient that reached each is the sum that reaches the one. A draw is a function of its path, which is an attribute. A call
    is one of its chunk, members and body; it is made one with another only if its body records nothing at any depth (no
    decisions, draws, losses or next states), for what is recorded stands under the path of the call. Selections have a path
    each, and are left to `share-masks`.

    What different fuses select away is left apart (`numbering`): there each is computed only where its own fuse keeps it.
    """

    name: ClassVar[str] = "common-subexpressions"

    def apply(self, graph: Graph) -> Graph:
        """The graph and its bodies with each value computed once."""
        signatures = Signatures()
        return map_bodies(graph, lambda one: merged(one, signatures.of))
