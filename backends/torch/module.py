"""The module that a model becomes: its classes, made and filled with first values, and called through its regions."""

from __future__ import annotations

import itertools
import linecache
import sys
import types
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...compiler.init import initial
from ...compiler.ir import Graph, Parameter
from ...compiler.loading.places import Versions
from ...compiler.plan import Plan
from ...compiler.planning.stores import optional_chunks
from ...compiler.source import Span
from . import stats
from .caching import Cache, CacheStats
from .context import Context
from .derived import derived, forget
from .emission import ALL, Method, Sources
from .foreign.chunks import foreign_nodes
from .foreign.steps import refuse_captured
from .grouped import grouped
from .guarding import Guards, GuardStats
from .hosting import HOST_STEPS, branch
from .kernels import KERNELS
from .logging import Logged, StepClock, logged
from .regions import Call, trace
from .residing.memory import running
from .residing.parcels import stored_parameters
from .residing.replicas import DTYPES
from .residing.users import Residing
from .residing.whole import refuse_stored

_COUNTER = itertools.count(1)


class CompiledModule(Residing):
    """A model. The class that `build` makes of it holds what the source text defines; this is what every one of them can do.

    - `module(x)`: the first output; `outputs="name"` another one, `outputs=[names]` a dictionary of several.
    - `losses()`: the named losses of the last call in training; `stats()`: what its selections kept; `decisions()`: for `replay`.
    - `seed`: of the next call. A call in training that draws moves it on by one.
    """

    sources: Sources
    namespace: types.ModuleType
    graph: Graph
    """For eval."""
    train_graph: Graph
    _inputs: tuple[str, ...]
    _outputs: tuple[str, ...]
    _foreign: Mapping[str, Span]
    """The chunks that something else runs, by path, and where the spec says so."""
    _seed: Tensor

    def _start(self, seed: int, versions: Versions | None) -> None:
        self._calls: dict[tuple[bool, str], Call] = {}
        self._last: stats.Last | None = None
        self._twin: Callable[[], CompiledModule] | None = None
        self._caches: dict[str, Cache] = {}
        self._forced: dict[str, Any] | None = None
        self._guards = Guards()
        self.register_buffer("_seed", torch.tensor(seed, dtype=torch.int64), persistent=False)
        self._remember(versions)

    # ---- calls

    def forward(self, *inputs: Tensor, outputs: str | Sequence[str] | None = None, **named: Tensor) -> Any:
        """The outputs asked for. Inputs come in the order of the spec, or by name."""
        which, method = self._entry(outputs)
        given = inputs if not named and len(inputs) == len(method.inputs) else self._bind(inputs, named)
        if self._forced is not None:
            value, last = self._run_untraced(method, given)
        else:
            call = self._calls[self.training, which]
            pure = torch.compiler.is_compiling() or torch.compiler.is_exporting()
            if pure and self._foreign:
                refuse_captured(self._foreign)
            if pure and self._memory is not None and self._memory.versions is not None:
                refuse_stored(self)
            value, last = (call.pure if pure else call.hosted).run(self, given)
        self._leave(last)
        if outputs is None or isinstance(outputs, str):
            return value
        return {name: value[name] if which == ALL else value for name in outputs}

    def _leave(self, last: stats.Last) -> None:
        """What a call has left is known, and its states are written."""
        for state, next_value in last.nexts:
            _write_state(state, next_value)
        if not torch.compiler.is_exporting():
            if self.training and last.draws:
                self._seed.add_(1)
            self._last = last

    def log_steps(self, *inputs: Tensor, outputs: str | None = None, **named: Tensor) -> Logged:
        """One call with the steps that ran: those of `plan(outputs)` and of the bodies it calls, in order, each with its rows and
        seconds. It gives, decides and leaves what a call does, but for caches and residency: these are the log's own. It runs
        step by step, and so a little longer than a call."""
        return logged(self, self._bind(inputs, named), outputs)

    def _entry(self, outputs: str | Sequence[str] | None) -> tuple[str, Method]:
        names = self._outputs
        asked = [names[0]] if outputs is None else [outputs] if isinstance(outputs, str) else list(outputs)
        for name in asked:
            if name not in names:
                raise KeyError(f"{self.graph.name} has no output `{name}`; it has {', '.join(names)}")
        which = asked[0] if len(asked) == 1 else ALL
        return which, self.sources.entries[self.training, which]

    @property
    def output_names(self) -> list[str]:
        """In the order of the spec; a call gives the first unless asked for others."""
        return list(self._outputs)

    @property
    def input_names(self) -> list[str]:
        return list(self._inputs)

    def _bind(self, inputs: Sequence[Tensor], named: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
        names = self._inputs
        if not named and len(inputs) == len(names):
            return tuple(inputs)
        given = {**dict(zip(names, inputs)), **named}
        if len(inputs) + len(named) != len(names) or set(given) != set(names):
            got = f"{len(inputs)} by place and {', '.join(sorted(named)) or 'none'} by name"
            raise TypeError(f"{self.graph.name} takes the inputs {', '.join(names)}; got {got}")
        return tuple(given[name] for name in names)

    def _run_untraced(self, method: Method, inputs: Sequence[Tensor], log: StepClock | None = None) -> tuple[Any, stats.Last]:
        """The emitted class itself, with decisions to be replayed, and steps to be told."""

        def run(host: Any) -> tuple[Any, Context]:
            if log is not None:
                log.restart()
            ctx = Context(self._seed, self._forced, host, log)
            return getattr(host, method.name)(ctx, *inputs), ctx

        value, ctx = running(self, True, run)
        return value, stats.Last.of(ctx.record, tuple(ctx.record.nexts), ctx.drawn())

    # ---- what the last call left

    def losses(self) -> dict[str, Tensor]:
        """Named scalars of the last call in training, to be weighed and added by the training loop."""
        return stats.losses(self._last)

    def stats(self) -> stats.CallStats:
        """What each selection kept in the last call, and on how many rows each way ran; as `memory` of that, `residency()`."""
        return stats.CallStats(stats.selections(self._last), self.residency())

    def guards(self) -> dict[str, GuardStats]:
        """How often each likely computation that `specialize` laid out was asked for in this module's calls, and ran."""
        return self._guards.stats()

    def decisions(self) -> dict[str, Any]:
        """The decisions of the last call, dense: what was kept, or (kept, known) where only some positions were reached."""
        return stats.decisions(self._last)

    def held(self) -> dict[str, int]:
        """How many rows each cache held in the last call, by path."""
        return {path: hits for path, (hits, _) in self._last.found.items()} if self._last else {}

    def caches(self) -> dict[str, CacheStats]:
        """What the caches of selections held and were asked for, by path, since the module was made."""
        return {path: cache.stats() for path, cache in self._caches.items()}

    @contextmanager
    def replay(self, decisions: Mapping[str, Any]) -> Iterator[None]:
        """Inside, calls take these decisions (by path, as `decisions()` gives them, or as arrays) instead of their own."""
        before, self._forced = self._forced, {path: self._decision(given) for path, given in decisions.items()}
        try:
            yield
        finally:
            self._forced = before

    def _decision(self, given: Any) -> Any:
        if isinstance(given, tuple):
            return tuple(map(self._decision, given))
        return torch.as_tensor(given, dtype=torch.bool, device=self._seed.device)

    @property
    def seed(self) -> int:
        return int(self._seed)

    @seed.setter
    def seed(self, value: int) -> None:
        self._seed.fill_(value)

    # ---- what is kept between calls

    def refresh(self) -> None:
        """Drops what is kept of parameters between calls in eval, and empties the caches. To be called where they are written
        past PyTorch's version counters (`.data`, fused optimizers) and the module stays in eval; `train()`, `.to()` and
        `load_state_dict` do it."""
        forget(self)
        for cache in list(self.__dict__.get("_caches", {}).values()):
            cache.clear()
        if (memory := self.__dict__.get("_memory")) is not None:
            memory.renew()

    def train(self, mode: bool = True) -> Self:
        """As `nn.Module.train`; derived values end with the eval period."""
        if mode:
            self.refresh()
        return super().train(mode)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        self.refresh()
        return super()._apply(fn, recurse)

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """As `nn.Module.load_state_dict`."""
        self.refresh()
        return super().load_state_dict(state_dict, strict, assign)

    # ---- how it is made

    def plan(self, outputs: str | None = None) -> Plan:
        """The plan of a call that asks for this output (the first by default, `*` for all), in the present mode."""
        return self.sources.plans[self.training, outputs or self.output_names[0]]

    @property
    def source(self) -> str:
        """The Python text of the classes."""
        return self.sources.text

    def region(self, outputs: str | None = None) -> torch.fx.GraphModule:
        """A call that asks for this output, in the present mode, as one traced region: what `torch.compile` and `torch.export`
        see. Without host steps it is what runs; with them, `regions` are."""
        (region,) = self._calls[self.training, outputs or self.output_names[0]].pure.program.regions
        return region.over(self)

    def regions(self, outputs: str | None = None) -> list[torch.fx.GraphModule]:
        """The regions of a call in their order, with host steps between them."""
        program = self._calls[self.training, outputs or self.output_names[0]].hosted.program
        return [region.over(self) for region in program.regions]

    def __deepcopy__(self, memo: dict[int, Any]) -> CompiledModule:
        import copy

        twin = type(self).__new__(type(self))
        memo[id(self)] = twin
        # Regions hold nothing of the module; what a call left belongs to that call.
        apart = ("_calls", "_last", "_caches", "_memory", "_twin")
        own = {name: value for name, value in self.__dict__.items() if name not in apart}
        twin.__dict__.update(copy.deepcopy(own, memo))
        twin._calls, twin._last, twin._caches = self._calls, None, {}
        twin._remember(self._memory.versions if self._memory else None)
        twin._twin = None
        return twin


def _write_state(state: Tensor, value: Tensor) -> None:
    with torch.no_grad():
        state.copy_(value)


def build(
    sources: Sources,
    eval_graph: Graph,
    train_graph: Graph,
    seed: int,
    *,
    twin: bool = False,
    versions: Versions | None = None,
) -> CompiledModule:
    """The module of a model's sources, its parameters drawn from `seed` and their paths, but for those that are stored (in
    `versions`); a `twin` is given those of another module, and runs untraced."""
    namespace = load_text(sources.text, f"_chunkc_{eval_graph.name}_{next(_COUNTER)}")
    emitted = namespace.__dict__[sources.name]
    members = {
        "sources": sources,
        "namespace": namespace,
        "graph": eval_graph,
        "train_graph": train_graph,
        "_inputs": tuple(str(node.attrs["name"]) for node in eval_graph.inputs),
        "_outputs": tuple(name for name, _ in eval_graph.outputs),
        "_foreign": {path: node.span for path, node in foreign_nodes(eval_graph).items()},
    }
    cls = type(sources.name, (CompiledModule, emitted), members)
    weakref.finalize(cls, _forget, namespace.__name__)
    with torch.device("meta"):
        module = cls()
    if not twin:
        away = stored_parameters(eval_graph, {*versions.now(), *optional_chunks(eval_graph)}) if versions else ()
        fill(module, [entry for entry in eval_graph.parameters if entry.path not in away], seed)
    module._start(seed, versions)
    for key, method in sources.entries.items() if not twin else ():
        module._calls[key] = trace(module, method)
    return module.train()


def load_text(text: str, name: str) -> types.ModuleType:
    """Emitted text as a module, with what it may use. `torch.compile` finds it by its name, tracebacks show its lines."""
    namespace, filename = types.ModuleType(name), f"<{name}>"
    names = {"branch": branch, "derived": derived, "grouped": grouped, "torch": torch, "nn": nn, "F": F, "Context": Context}
    namespace.__dict__.update({**KERNELS, **HOST_STEPS, **names})
    linecache.cache[filename] = (len(text), None, text.splitlines(True), filename)
    exec(compile(text, filename, "exec"), namespace.__dict__)
    sys.modules[name] = namespace
    return namespace


def _forget(name: str) -> None:
    sys.modules.pop(name, None)
    linecache.cache.pop(f"<{name}>", None)


def fill(module: nn.Module, parameters: Sequence[Parameter], seed: int) -> None:
    """Gives every parameter and state its first value, in the dtype of the spec."""
    for parameter in parameters:
        home, _, name = parameter.path.rpartition(".")
        owner = _member(module, home)
        value = torch.tensor(initial(parameter, seed), dtype=DTYPES[parameter.type.dtype])
        if parameter.kind == "state":
            owner._buffers[name] = value
        else:
            trained = parameter.kind == "param" and value.is_floating_point()
            owner._parameters[name] = nn.Parameter(value, requires_grad=trained)


def _member(module: nn.Module, path: str) -> nn.Module:
    for label in path.split(".") if path else ():
        child = module._modules[label]
        assert child is not None
        module = child
    return module
