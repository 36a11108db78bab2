"""Derived values: what is made of parameters and states alone, computed once per eval period and kept beside the module.

A value is kept for each module instance, outside of it: it is in no `state_dict`, in no copy and in no pickle. It stands as long
as the tensors that it was made of do (the same objects, storage and version), and dies with `train()`, `.to()` and the like,
`load_state_dict` and `refresh()`. That much is needed: fused optimizers and writes through `.data` change a tensor and say
nothing (measured: version counters stay). So a call that wants gradients, after which an optimizer may step, drops it too.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from typing import Any

import torch
from torch import Tensor, fx, nn

from .context import Context
from .tensors import all_plain, autocast, captured, loaned, plain, stamp


@dataclass(frozen=True, slots=True)
class _Kept:
    """A value, and the tensors that it was made of as they were then."""

    value: Any
    sources: tuple[Tensor, ...]
    stamps: tuple[tuple[int, int], ...]
    autocast: torch.dtype | None

    def stands(self, sources: Sequence[Tensor], autocast: torch.dtype | None) -> bool:
        same = len(sources) == len(self.sources) and all(a is b for a, b in zip(sources, self.sources))
        return same and autocast == self.autocast and tuple(map(stamp, sources)) == self.stamps


Period = dict[Hashable, _Kept]
"""What one module keeps in an eval period."""
_PERIODS: weakref.WeakKeyDictionary[nn.Module, Period] = weakref.WeakKeyDictionary()
_LOCK = threading.Lock()
_TRACER: ContextVar[Any] = ContextVar("_TRACER", default=None)


@contextmanager
def traced_by(tracer: fx.Tracer) -> Iterator[None]:
    """Inside, derived values become nodes of the graph that is traced: they are read in each call, and not made now."""
    token = _TRACER.set(tracer)
    try:
        yield
    finally:
        _TRACER.reset(token)


def forget(module: nn.Module) -> None:
    """Drops what a module and all below it keep. A value that another thread is computing now is not kept either."""
    with _LOCK:
        for part in module.modules():
            _PERIODS.pop(part, None)


def drop(owner: nn.Module) -> None:
    """Drops what one module keeps."""
    with _LOCK:
        _PERIODS.pop(owner, None)


def keeps(module: nn.Module) -> int:
    """How many derived values a module and all below it keep now."""
    with _LOCK:
        return sum(len(_PERIODS.get(part, ())) for part in module.modules())


def stored(owner: nn.Module, key: Hashable, sources: Sequence[Tensor], compute: Callable[[], Any]) -> Any:
    """What `compute` makes of the sources: a tensor, or a tuple or dictionary of some; kept where that is right, or made anew.

    It is made anew in training, where gradients may be wanted, in a graph that is being captured, and of tensors of other types.
    """
    wanted = torch.is_grad_enabled() and any(source.requires_grad for source in sources)
    if owner.training or captured() or not all_plain(sources) or loaned(sources):
        return compute()
    with _LOCK:
        period = _PERIODS.setdefault(owner, {})
    if wanted:
        period.pop(key, None)
        return compute()
    cast = autocast(sources)
    known = period.get(key)
    if known is not None and known.stands(sources, cast):
        return known.value
    stamps = tuple(map(stamp, sources))
    # A value made in inference mode could not be used outside of it.
    with torch.inference_mode(False), torch.no_grad():
        value = compute()
    if _settled(value):
        # Into the period that was there before: what was dropped meanwhile stays dropped.
        period[key] = _Kept(value, tuple(sources), stamps, cast)
    return value


def derived(*decides: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorates a method that makes a derived value of its arguments, all tensors; `decides` are the decisions taken in it.

    With decisions the context is the first argument. They are recorded in each call, and a replayed one has the value made anew.
    """

    def decorate(compute: Callable[..., Any]) -> Callable[..., Any]:
        name = compute.__name__

        @wraps(compute)
        def plain(self: nn.Module, *sources: Tensor) -> Any:
            if tracing():
                return trace_call(self, name, sources)
            return stored(self, name, sources, lambda: compute(self, *sources))

        def deciding(self: nn.Module, *sources: Tensor) -> tuple[Any, tuple[Tensor, ...]]:
            """The value, and the decisions."""

            def both() -> tuple[Any, tuple[Tensor, ...]]:
                ctx = Context()
                value = compute(self, ctx, *sources)
                return value, tuple(ctx.record.kept[path][0] for path in decides)

            return stored(self, name, sources, both)

        @wraps(compute)
        def recording(self: nn.Module, ctx: Context | None, *sources: Tensor) -> Any:
            if ctx is None:
                return deciding(self, *sources)
            if any(ctx.path + path in ctx.forced for path in decides):
                return compute(self, ctx, *sources)
            value, kept = trace_call(self, name, (None, *sources)) if tracing() else deciding(self, *sources)
            for i, path in enumerate(decides):
                ctx.keep(path, kept[i], shared=True)
            return value

        method = recording if decides else plain
        return called_by_regions(method)

    return decorate


def called_by_regions(method: Callable[..., Any]) -> Callable[..., Any]:
    """The method, marked as one that traced regions call by its name."""
    method.__dict__["called_by_regions"] = True
    return method


def is_called(cls: type, name: str) -> bool:
    """Whether a class has such a method of this name."""
    return getattr(getattr(cls, name, None), "called_by_regions", False) is True


def methods_of(cls: type) -> list[str]:
    """The names of a class's methods that regions call."""
    return [name for name in dir(cls) if is_called(cls, name)]


def value_of(method: Callable[..., Any], *arguments: Any) -> Any:
    """Calls such a method: a node of a region."""
    return method(*arguments)


def tracing() -> bool:
    """Whether a region is being traced here."""
    return not torch.compiler.is_compiling() and _TRACER.get() is not None


def node_of(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """What a function gives: where a region is being traced, by a node of it, even if no argument is one."""
    return _TRACER.get().create_proxy("call_function", function, arguments, named) if tracing() else function(*arguments, **named)


def trace_call(owner: nn.Module, name: str, arguments: tuple[Any, ...]) -> Any:
    """The node that calls a method of a module, one of `methods_of`, in the region that is being traced."""
    tracer = _TRACER.get()
    path = tracer.path_of_module(owner)
    method = tracer.create_proxy("get_attr", f"{path}.{name}" if path else name, (), {})
    return tracer.create_proxy("call_function", value_of, (method, *arguments), {})


def _settled(value: Any) -> bool:
    """Whether a value may be kept; on CUDA, once it is there for every stream."""
    tensors = value if isinstance(value, tuple) else tuple(value.values()) if isinstance(value, dict) else None
    if tensors is not None:
        return all(map(_settled, tensors))
    if not plain(value):
        return False
    if value.is_cuda:
        if torch.cuda.is_current_stream_capturing():
            return False
        torch.cuda.current_stream(value.device).synchronize()
    return True
