"""`fuse-routes`: what one selection gathers stays gathered, and is combined once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..compiler.bodies import map_bodies
from ..compiler.ir import Graph
from .inward import moved_inward
from .shared_route import joined_routes


@dataclass(frozen=True, slots=True)
class FuseRoutes:
    """Layers with one route dispatch and combine once; what follows a route of one way is done on what it keeps.

    The law: where a selection keeps way i alone, its fuse is `wᵢ · sᵢ`, and a later fuse by the same selection reads its stream i
    there only (`shared_route.joined_routes`); and with one way, what is positively homogeneous and works on each position for
    itself moves from the fuse into its stream (`inward.moved_inward`). So combine and dispatch between such layers cancel, and
    rows that are dropped are computed in neither. Selections stay, with their paths, weights and losses; what is absent is
    still selected away, after all that is done to it. It holds over the reals; a weight is multiplied earlier or later, so the
    last bits differ.

    Nothing fires where a selection may keep several ways, is trained straight through, or where positions meet between layers.
    """

    name: ClassVar[str] = "fuse-routes"
    exact: ClassVar[bool] = False

    def apply(self, graph: Graph) -> Graph:
        """The graph and its bodies with such routes joined."""
        return map_bodies(graph, lambda one: moved_inward(joined_routes(one)))
