"""Which chunks of a graph something else runs, and the runners of those that are loaded."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from ....compiler.diagnostics import CompileError, Diagnostic, Label
from ....compiler.ir import Frame, Graph, Node
from ....compiler.loading.places import Resolved
from ....compiler.loading.signatures import present_paths
from .runners import Foreign, Key, Runner, load


def foreign_of(path: str, node: Node, place: Resolved) -> Foreign:
    """The chunk of a `foreign` node."""
    names = [operand.attrs["name"] if operand.op == "input" else operand.name for operand in node.operands]
    inputs = tuple((str(name or i), operand.tensor) for i, (name, operand) in enumerate(zip(names, node.operands)))
    needs, isolated, planned = tuple(node.attrs["requires"]), bool(node.attrs["isolated"]), int(node.attrs["bytes"])
    return Foreign(path, inputs, node.tensor, place, needs, isolated, planned)


def foreign_nodes(graph: Graph) -> dict[str, Node]:
    """The `foreign` nodes of a graph by the paths of their chunks."""
    return dict(_nodes(graph, Frame(), set()))


def _nodes(graph: Graph, frame: Frame, seen: set[tuple[int, Frame]]) -> Iterator[tuple[str, Node]]:
    """Every `foreign` node with the path of its chunk, each body once where it stands."""
    if (id(graph), frame) in seen:
        return
    seen.add((id(graph), frame))
    for node in graph.nodes:
        if node.op == "foreign":
            yield frame.prefix[:-1], node
        elif node.op == "apply" and node.attrs["body"] is not None:
            for member in node.attrs["members"]:
                yield from _nodes(node.attrs["body"], frame.enter(node, member), seen)


def check_there(graph: Graph, snapshot: Mapping[str, Resolved]) -> None:
    """`CompileError` with every chunk that something else runs, may not be missing, and of which nobody says where it lies."""
    optional = present_paths(graph)
    hint = "compile the spec by its path: what it names is looked for beside it and in its store"
    wrong = [
        Diagnostic("CC0711", f"nothing was found in the place of the chunk `{path}`", (Label(node.span, "needed here"),), hint)
        for path, node in foreign_nodes(graph).items()
        if path not in snapshot and path not in optional
    ]
    if wrong:
        raise CompileError(wrong)


class Runners:
    """Those of one module's chunks, by what they run: chunks that are alike share one. Each is loaded when it is first taken, and
    closed when the last that took it gives it back."""

    def __init__(self, graph: Graph) -> None:
        self.nodes = foreign_nodes(graph)
        self._snapshot: tuple[Mapping[str, Resolved], dict[str, Foreign]] = ({}, {})
        self._loaded: dict[Key, Runner] = {}
        self._taken: Counter[Key] = Counter()
        self._own: dict[Key, Foreign] = {}
        """Taken by calls, as no plan loads them."""
        self._lock = threading.Lock()

    def chunks(self, snapshot: Mapping[str, Resolved]) -> Mapping[str, Foreign]:
        """By path, those that lie in a snapshot of versions."""
        known, chunks = self._snapshot
        if known is not snapshot:
            chunks = {path: foreign_of(path, node, snapshot[path]) for path, node in self.nodes.items() if path in snapshot}
            self._snapshot = snapshot, chunks
        return chunks

    def take(self, chunk: Foreign) -> Runner:
        """The runner of a chunk, to be given back. `Unloadable` if it cannot be loaded: the next one that asks tries again."""
        with self._lock:
            return self._take(chunk)

    def give(self, chunk: Foreign) -> None:
        """It is needed no more."""
        with self._lock:
            self._give(chunk)

    def here(self, chunk: Foreign) -> Runner | None:
        """The runner of a chunk, if it is loaded."""
        return self._loaded.get(chunk.key)

    def keep(self, chunk: Foreign) -> Runner:
        """The runner of a chunk, which is loaded if it is not there, and stays until `leave`."""
        if chunk.key in self._own and (runner := self._loaded.get(chunk.key)) is not None:
            return runner  # nobody waits here for the load of another
        with self._lock:
            if chunk.key not in self._own:
                self._take(chunk)
                self._own[chunk.key] = chunk
            return self._loaded[chunk.key]

    def leave(self, chunks: Iterable[Foreign] = ()) -> None:
        """What calls took is given back, but for these."""
        if not self._own:
            return
        kept = {chunk.key for chunk in chunks}
        with self._lock:
            for key in [key for key in self._own if key not in kept]:
                self._give(self._own.pop(key))

    def _take(self, chunk: Foreign) -> Runner:
        if chunk.key not in self._loaded:
            self._loaded[chunk.key] = load(chunk)
        self._taken[chunk.key] += 1
        return self._loaded[chunk.key]

    def _give(self, chunk: Foreign) -> None:
        self._taken[chunk.key] -= 1
        if not self._taken[chunk.key]:
            self._loaded.pop(chunk.key).close()
