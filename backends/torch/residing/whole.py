"""All that is stored as parameters of a module itself."""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from ....compiler.diagnostics import CompileError, Diagnostic, Label
from ....compiler.ir import Graph
from ....compiler.loading.places import Resolved, Unloadable, Versions
from .loader import read
from .parcels import parcels_of
from .replicas import slot_of

if TYPE_CHECKING:
    from .memory import Memory


class Only:
    """Versions of some chunks alone."""

    def __init__(self, versions: Versions, chunks: Collection[str]) -> None:
        self.versions, self.chunks = versions, frozenset(chunks)
        self.known: tuple[Mapping[str, Resolved], Mapping[str, Resolved]] = ({}, {})

    def now(self) -> Mapping[str, Resolved]:
        before, snapshot = self.known[0], self.versions.now()
        if before is not snapshot:
            self.known = snapshot, {path: one for path, one in snapshot.items() if path in self.chunks}
        return self.known[1]

    def missing(self) -> Mapping[str, tuple[Diagnostic, ...]]:
        return {path: why for path, why in self.versions.missing().items() if path in self.chunks}

    def refresh(self) -> None:
        self.versions.refresh()


def refused(graph: Graph, code: str, message: str, hint: str) -> CompileError:
    """What a module with stored weights cannot do."""
    return CompileError([Diagnostic(code, message, (Label(graph.span, "this model"),), hint)])


def whole(module: Any, why: str) -> None:
    """Loads all that is stored into the module, if anything is; under a budget that is to be asked for."""
    memory: Memory | None = module._memory
    if memory is None or not memory.stored():
        return
    if memory.planned:
        hint = "call `module.materialise()` first: it loads all of them, beyond the budget; or `module.eval()`"
        raise refused(memory.graph, "CC1456", f"{why}, and they lie in files, under a budget", hint)
    materialise(module)


@torch.compiler.disable(reason="CC1456: stored weights are no part of a graph of torch; call module.materialise() first")  # type: ignore[untyped-decorator]
def refuse_stored(module: Any) -> None:
    """`CompileError` where weights of a call that is captured lie in files: loading them is no part of a graph of torch."""
    memory: Memory = module._memory
    if memory.stored():
        message = "a graph of torch reads all weights, and they lie in files"
        raise refused(memory.graph, "CC1456", message, "call `module.materialise()` first: it loads all of them")


def materialise(module: Any) -> None:
    """All stored parameters become those of the module itself. What something else runs is loaded as before. `Unloadable`."""
    memory: Memory | None = module._memory
    if memory is None or memory.versions is None:
        return
    for path, why in memory.versions.missing().items():
        raise Unloadable(path, why[0])  # only calls in eval do without it
    others = False
    for parcel in parcels_of(memory.graph, memory.versions.now(), lambda path: None).values():
        for name, tensor in read(parcel).items():
            table, last = slot_of(module, name)
            made = nn.Parameter(tensor.to(module._seed.device), requires_grad=table[last].requires_grad)
            if weakref.getweakrefcount(table[last]):
                table[last], others = made, True
            else:
                # The same object, so that an optimizer that has it goes on with it.
                torch.utils.swap_tensors(table[last], made)
    if others:
        told = "something (torch.compile does) watches stored parameters, so they are other objects now: make optimizers anew"
        warnings.warn(told, RuntimeWarning, stacklevel=3)
    foreign = memory.runners.nodes
    module._remember(Only(memory.versions, foreign) if foreign else None)
