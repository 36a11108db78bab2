"""What a graph has to compute: all else is left out before anything is planned, so that nothing is run or decided in vain."""

from __future__ import annotations

from dataclasses import replace

from ..bodies import recorded
from ..ir import Graph, reachable
from ..mixing import has_effects


def needed(graph: Graph) -> Graph:
    """The graph without the nodes that no root, next state, call with effects or recorded selection needs. Losses are computed in
    training only."""
    counted = replace(graph, losses=graph.losses if graph.training else ())
    lasting = (node for node in graph.nodes if node.op == "apply" and node.attrs["body"] and has_effects(node.attrs["body"]))
    wanted = reachable((*counted.roots, *lasting, *recorded(graph)))
    return replace(counted, nodes=tuple(node for node in graph.nodes if node in wanted or node.op == "input"))
