"""`canonicalize`: one form for what can be written in several ways."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..compiler.bodies import map_bodies
from ..compiler.ir import Graph
from . import laws_number, laws_select, laws_shape

LAWS = laws_shape.LAWS | laws_number.LAWS | laws_select.LAWS


@dataclass(frozen=True, slots=True)
class Canonicalize:
    """Rewrites each node by the laws of `laws_shape`, `laws_number` and `laws_select`, until none applies.

    The law: each left side gives the same bits as its right side for every value of its operands, -0.0, infinities and NaN
    included, and the same gradient. So the graph computes what it did, and decides as it did.

    A law reads a node and its operands only, and operands stand before their users: so one sweep, in which each node is
    simplified until no law applies, leaves none to apply. Each law makes the node smaller or puts it in order, so this ends.
    """

    name: ClassVar[str] = "canonicalize"

    def apply(self, graph: Graph) -> Graph:
        """The graph and its bodies in canonical form, without what is no longer needed."""
        return map_bodies(graph, LAWS.rewrite)
