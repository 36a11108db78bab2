"""What a spec may read besides its own text, as a caller says it: store, lock, the whole model's weights, and what is allowed."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ..compiler.bodies import body_order
from ..compiler.diagnostics import CompileError, Diagnostic, Label
from ..compiler.ir import Chunk, Graph, Node
from ..compiler.loading.fitting import misfits
from ..compiler.loading.signatures import of_member, present_paths, stored_handles, wanted_of
from ..compiler.planning.uses import foreign_bytes
from .resolver import Resolver, resolver_for
from .serving import Serving
from .store import Store
from .values import array_of


@dataclass(frozen=True)
class Outside:
    """What lies outside of a spec.

    - `store`: the store's folder; without it that of `$CHUNKC_STORE`, or `chunkc-store` beside the spec, or none;
    - `weights`: the handle of the whole model's state dict;
    - `lock`: a lock's file; `chunkc.lock` beside the spec where there is one;
    - `offline`: nothing is fetched; `allow_python`: `py:` handles may run code.
    """

    store: str | PathLike[str] | None = None
    weights: str = ""
    lock: str | PathLike[str] | None = None
    offline: bool = False
    allow_python: bool = False
    _opened: dict[Path, Resolver] = field(default_factory=dict, compare=False, repr=False)

    def resolver(self, spec: str | PathLike[str]) -> Resolver:
        """Of the specs in one folder, the same whenever it is asked for. CC1400 where a store is named that is none."""
        folder = Path(spec).parent
        if folder not in self._opened:
            given = Store(Path(self.store)).there() if self.store is not None else None
            lock = Path(self.lock) if self.lock is not None else None
            said = {"offline": self.offline, "allow_python": self.allow_python}
            self._opened[folder] = resolver_for(Path(spec), given, lock=lock, **said)
        return self._opened[folder]

    def versions(self, graph: Graph, spec: str | PathLike[str]) -> Serving | None:
        """What the stored parts of a graph are while it serves; None where it has none.

        Without a store what cannot be found is left out: written chunks draw their weights, and others have no body to run.
        `CompileError` where something is not there, or does not fit the graph.
        """
        resolver = self.resolver(spec)
        handles = stored_handles(graph, self.weights)
        wanted, runs = wanted_of(graph, handles), foreign_bytes(graph)
        used = {path: handle for path, handle in handles.items() if wanted[path] or path in runs}
        if resolver.store is None and not self.weights:
            used = {path: handle for path, handle in used.items() if not why_not(resolver, handle)}
        serving = Serving(resolver, used, optional=present_paths(graph)) if used else None
        wrong = [
            one
            for path, part in (serving.now().items() if serving else ())
            for one in misfits(part.location, part.tensors, wanted[path], exactly=False)
        ]
        if wrong:  # an alias moved since the graph was made, or another store is meant
            raise CompileError(wrong)
        return serving


def values_of(graph: Graph, versions: Serving | None) -> dict[str, NDArray[Any]]:
    """The stored parameters of a graph by their path, as arrays."""
    snapshot = versions.now() if versions else {}
    found = {}
    for path, names in wanted_of(graph, snapshot).items():
        for name in names:
            found[f"{path}.{name}" if path else name] = array_of(snapshot[path].tensors[name])
    return found


def warn_of_missing(findings: Iterable[Diagnostic]) -> None:
    """A `RuntimeWarning`, to who called who calls this, for each chunk that is done without from the start: never silently."""
    told = (one for one in findings if one.code == "CC1444")
    for text in dict.fromkeys(f"{one.code}: {one.message}" + (f"\n  hint: {one.hint}" if one.hint else "") for one in told):
        warnings.warn(text, RuntimeWarning, stacklevel=3)


def need_bodies(graph: Graph, resolver: Resolver | None = None) -> None:
    """`CompileError` with every call of an extern chunk in whose place nothing was put, and what is in the way of its handle."""
    chunks = {chunk.path: chunk for chunk in graph.chunks}
    found: dict[str, Diagnostic] = {}
    for one in (graph, *body_order(graph)):
        for node in one.nodes:
            path = str(node.attrs["chunk"]) if node.op == "apply" and node.attrs["body"] is None else ""
            if path and path not in found:
                found[path] = _bodiless(path, node, chunks.get(path), resolver)
    if found:
        raise CompileError(found.values())


def _bodiless(path: str, call: Node, chunk: Chunk | None, resolver: Resolver | None) -> Diagnostic:
    also = (Label(chunk.span, "declared here"),) if chunk and chunk.span else ()
    name = path.rsplit(".", 1)[-1]
    hint = f'put a written chunk in its place: --bind {name}=FILE, or bind={{"{name}": …}} in Python'
    message = f"the chunk `{name}` is stored elsewhere, and nothing was found in its place"
    if chunk and resolver and (told := why_not(resolver, of_member(chunk.extern, chunk.members[0]))):
        message = f"the chunk `{name}` is stored elsewhere: {told[0].message}"
        hint = "; or ".join(filter(None, [told[0].hint, hint]))
    return Diagnostic("CC0711", message, (Label(call.span, "called here"), *also), hint)


def why_not(resolver: Resolver, handle: str) -> tuple[Diagnostic, ...]:
    """What is in the way of a handle; nothing where it stands for something."""
    try:
        resolver.resolve(handle)
    except CompileError as error:
        return error.diagnostics
    return ()
