"""Steps told as they run: which, on how many rows, and how long each took.

Text that is emitted to be logged says at the start of each step that it begins. Every value has a line of its own there, so that
what a step computes is computed between its beginning and that of the next one.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ...compiler.step_log import Entry, StepLog
from .residing.users import share

if TYPE_CHECKING:
    from .module import CompiledModule


@dataclass(frozen=True, slots=True)
class Logged:
    """One call: what it gave, the steps that ran, and the wall-clock seconds of each, to the start of the next one (calls of
    bodies apart: what a step runs there belongs to the steps of these)."""

    value: Any
    entries: StepLog
    seconds: tuple[float, ...]


@dataclass(slots=True)
class StepClock:
    """Collects the entries of one call. On a device that runs behind the host (`waits`), each step is waited for."""

    waits: bool = False
    entries: list[Entry] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    since: float = 0.0

    def restart(self) -> None:
        """The call begins, or begins again."""
        self.entries.clear()
        self.seconds.clear()
        self.since = time.perf_counter()

    def begin(self, entry: Entry | None) -> None:
        """A step begins (None: one that does not count, whose time is that of the step before it)."""
        if entry is None:
            return
        self.end()
        self.entries.append(entry)
        self.seconds.append(0.0)

    def end(self) -> None:
        """What ran until now belongs to the last step."""
        if self.waits:
            torch.cuda.synchronize()
        now = time.perf_counter()
        if self.seconds:
            self.seconds[-1] += now - self.since
        self.since = now

    def drop(self) -> None:
        """The last step had nothing to do; its time is that of the step before it."""
        self.end()
        self.entries.pop()
        lost = self.seconds.pop()
        if self.seconds:
            self.seconds[-1] += lost


def counts(rows: Any) -> tuple[int, ...]:
    """Numbers of rows, from numbers or from the rows themselves."""
    return tuple(int(one.shape[0]) if isinstance(one, Tensor) else int(one) for one in rows)


def logged(module: CompiledModule, inputs: tuple[Tensor, ...], outputs: str | None) -> Logged:
    """One call of a module's twin that tells its steps (see `CompiledModule.log_steps`)."""
    twin = module._twin() if module._twin else _twin(module)
    # Kept in a function, so that it is no member of the module.
    module._twin = lambda: twin
    share(module, twin)
    _share(module, twin)
    if twin.training != module.training:
        twin.train(module.training)
    twin._forced = module._forced
    clock = StepClock(module._seed.is_cuda)
    _, method = twin._entry(outputs)
    clock.since = time.perf_counter()
    value, last = twin._run_untraced(method, inputs, clock)
    clock.end()
    module._leave(last)
    return Logged(value, tuple(clock.entries), tuple(clock.seconds))


def _share(module: nn.Module, twin: nn.Module) -> None:
    """Gives the twin the module's own parameters and buffers, those put in their place since the last call too."""
    members = dict(module.named_modules())
    for path, other in twin.named_modules():
        for name in ("_parameters", "_buffers"):
            own: dict[str, Any] = getattr(members[path], name)
            if any(own[key] is not value for key, value in getattr(other, name).items()):
                getattr(other, name).update(own)


def _twin(module: CompiledModule) -> CompiledModule:
    from .emission import emit
    from .module import build

    sources = emit(module.graph, module.train_graph, logged=True, partial=module.sources.partial)
    versions = module._memory.versions if module._memory else None
    return build(sources, module.graph, module.train_graph, module.seed, twin=True, versions=versions)
