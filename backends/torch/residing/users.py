"""What users ask of a module whose weights come and go."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import torch
from torch import Tensor, nn

from ....compiler.diagnostics import Diagnostic
from ....compiler.ir import Graph
from ....compiler.loading.places import Versions
from ....compiler.loading.residents import Traffic
from ..emission import Sources
from .memory import Memory, memory_of
from .recording import Recorder, recording
from .replicas import slot_of
from .whole import materialise, refused, whole

if TYPE_CHECKING:
    from ..module import CompiledModule


class Residing(nn.Module):
    """The part of a `CompiledModule` that is about what is resident."""

    graph: Graph
    sources: Sources
    _memory: Memory | None
    _seed: Tensor

    def residency(self) -> Traffic | None:
        """What was loaded and evicted since the module was made, what was waited for, and the most bytes that were resident; None
        where the spec sets no budget and nothing is stored."""
        memory = self._memory
        if memory is None:
            return None
        return memory.residents.traffic if memory.ram is None else replace(memory.residents.traffic, ram=memory.ram.traffic)

    def missing(self) -> dict[str, tuple[Diagnostic, ...]]:
        """The chunks that calls do without now, by path, and why (`on_missing`)."""
        memory = self._memory
        if memory is None or memory.versions is None:
            return {}
        unresolved = {path: why for path, why in memory.versions.missing().items() if path in memory.optional}
        return memory.missed.told(unresolved)

    def pin(self, *chunks: str) -> None:
        """Loads these chunks (by path) and keeps them until `unpin`, whatever else is needed. They are a part of the budget.
        `CompileError` where there is no such chunk, or the others would not fit beside them any more; `Unloadable`."""
        memory = self._budgeted("pin")
        with memory.call(self):
            lease = memory.residents.here
            memory.pins.add(chunks, lease.around if lease is not None else {})

    def unpin(self, *chunks: str) -> None:
        """Lets pinned chunks go as others do."""
        self._budgeted("unpin").pins.remove(chunks)

    def _budgeted(self, what: str) -> Memory:
        if self._memory is None or not self._memory.planned:
            message = f"`{what}` is for chunks that come and go, and this model has no budget"
            raise refused(self.graph, "CC1458", message, "write `memory { budget = … }` in the spec")
        return self._memory

    def materialise(self) -> Self:
        """Loads all that is stored into the module itself, as parameters like any other, and leaves the budget: to train, to be
        exported, or to be saved whole. The parameters stay the same objects. `Unloadable` if something cannot be loaded."""
        materialise(self)
        return self

    @contextmanager
    def record_loads(self) -> Iterator[Recorder]:
        """Inside, calls of this thread in eval are recorded: what they compute and for how long, which chunks they use, load and
        give up for them. `recorder.write("loads.json")` makes a file for `chunkc loads`; `recorder.trace()` gives the trace."""
        if self._memory is None:
            raise RuntimeError(f"{self.graph.name} has no budget and nothing stored: no call loads anything")
        with recording(self._memory) as recorder:
            yield recorder

    def _remember(self, versions: Versions | None) -> None:
        """What is resident is known from here on, and where the rest lies."""
        self._memory = memory_of(self.graph, versions, self.sources.partial, self._seed.device)

    # ---- what torch does to all parameters

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        memory = self._memory
        if memory is None or memory.versions is None:
            return super()._apply(fn, recurse)
        before = self._seed.device
        slots = {name: slot_of(self, name) for name in memory.stored()}
        away = {name: table[last] for name, (table, last) in slots.items()}
        for one in {tensor.dtype for tensor in away.values()}:
            made = fn(torch.empty(0, dtype=one))
            if made.dtype != one:
                message = f"stored weights are loaded as they are, {one}, and not as {made.dtype}"
                hint = "call `module.materialise()` first: it loads all of them, beyond the budget"
                raise refused(self.graph, "CC1457", message, hint)
        try:
            for table, last in slots.values():
                table[last] = None
            super()._apply(fn, recurse)
        finally:
            for name, (table, last) in slots.items():
                table[last] = away[name]
        if self._seed.device != before:
            self._remember(memory.versions)
        return self

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """As `nn.Module.load_state_dict`. Values for stored parameters make the module whole first, so that none are lost; with a
        budget that is to be asked for (`materialise`)."""
        memory = self._memory
        if memory is not None and memory.versions is not None:
            stored = memory.stored()
            if any(name in stored and not value.is_meta for name, value in state_dict.items()):
                whole(self, "values for stored parameters would be lost with the next load")
        return super().load_state_dict(state_dict, strict, assign)


def share(module: CompiledModule, twin: CompiledModule) -> None:
    """Gives a twin that logs steps the memory of its module, where that has weights to load."""
    if module._memory is not None and module._memory.versions is not None:
        twin._memory = module._memory
