"""The tables of a whole graph: every parameter and chunk under its full path, read or not."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ...compiler.ir import Chunk, Frame, Graph, Node, Parameter
from . import limits
from .env import Unit


def with_tables(graph: Graph, unit: Unit) -> Graph:
    """The graph with its parameters and chunks."""
    tables = Tables()
    tables.collect(graph, unit, Frame())
    return replace(graph, parameters=tuple(tables.parameters.values()), chunks=tuple(tables.chunks.values()))


@dataclass(slots=True)
class Tables:
    """What has been found so far. A body is entered once for each frame that it is called in."""

    parameters: dict[str, Parameter] = field(default_factory=dict)
    chunks: dict[str, Chunk] = field(default_factory=dict)
    entered: set[tuple[str, int]] = field(default_factory=set)

    def collect(self, graph: Graph, unit: Unit, frame: Frame) -> None:
        """What `unit` declares, read or not, under the frame's prefix; then what the bodies it calls declare."""
        for chunk in unit.chunks.values():
            path = frame.prefix + chunk.path
            self.chunks[path] = replace(chunk, path=path)
        for outer in unit.declared:
            path = frame.prefix + outer.path
            if path not in self.parameters:
                self.parameters[path] = Parameter(path, outer.type, outer.init, outer.kind)
        for node in graph.nodes:
            if node.op == "apply" and node.attrs["body"] is not None:
                self._members(node, unit, frame)

    def _members(self, node: Node, unit: Unit, frame: Frame) -> None:
        body = node.attrs["body"]
        inside = unit.program.units[id(body)]
        for member in node.attrs["members"]:
            inner = frame.enter(node, member)
            if (inner.prefix, id(body)) in self.entered:
                continue
            self.entered.add((inner.prefix, id(body)))
            if len(self.entered) + len(self.parameters) + len(self.chunks) > limits.MOST_PARAMETERS:
                message = f"the model has more than {limits.MOST_PARAMETERS} chunks and parameters"
                raise limits.stop(unit.program.findings, "CC1002", message, node.span, "arrays inside arrays multiply")
            self.collect(body, inside, inner)
