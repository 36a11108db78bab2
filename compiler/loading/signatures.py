"""What stored chunks must bring: the handles of a graph, and the parameters that each of them holds."""

from __future__ import annotations

from collections.abc import Iterable

from ..bodies import body_order
from ..ir import Frame, Graph
from ..types import TensorType


def of_member(handle: str, member: str) -> str:
    """The handle of a member of an array: `#part.i` of the array's."""
    if not member:
        return handle
    return f"{handle}.{member}" if "#" in handle else f"{handle}#{member}"


def stored_handles(graph: Graph, weights: str = "") -> dict[str, str]:
    """The handles of a graph by path of the chunk (of an array: of its members). `weights`: that of the whole model, at ""."""
    found = {"": weights} if weights else {}
    for chunk in graph.chunks:
        if handle := chunk.extern or chunk.source:
            for member in chunk.members:
                path = f"{chunk.path}.{member}" if member else chunk.path
                found[path] = of_member(handle, member)
    return found


def wanted_of(graph: Graph, paths: Iterable[str]) -> dict[str, dict[str, TensorType]]:
    """For each of these paths the parameters and states that are stored there: each at the innermost path that it lies below."""
    found: dict[str, dict[str, TensorType]] = {path: {} for path in paths}
    for entry in graph.parameters:
        parts = entry.path.split(".")
        homes = (".".join(parts[:end]) for end in range(len(parts) - 1, -1, -1))
        home = next((path for path in homes if path in found), None)
        if home is not None:
            found[home][entry.path.removeprefix(f"{home}.") if home else entry.path] = entry.type
    return found


def present_paths(graph: Graph) -> frozenset[str]:
    """The chunks of which the spec says what becomes of them where they cannot be had: their paths in the model."""
    if not any(node.op == "present" for one in (graph, *body_order(graph)) for node in one.nodes):
        return frozenset()
    found: set[str] = set()
    seen: set[tuple[int, Frame]] = set()
    stack = [(graph, Frame())]
    while stack:
        one, frame = stack.pop()
        for node in one.nodes:
            if node.op == "present":
                found.update(frame.path(path) for path in node.attrs["chunks"])
            elif node.op == "apply" and node.attrs["body"] is not None:
                inner = [(node.attrs["body"], frame.enter(node, member)) for member in node.attrs["members"]]
                stack += [pair for pair in inner if (id(pair[0]), pair[1]) not in seen]
                seen.update((id(body), inside) for body, inside in inner)
    return frozenset(found)
