"""Host steps: what a call does between its regions, on the CPU, with the objects that a module holds only while it runs.

A region is pure: it may be traced, compiled, run on any device. What reads or changes a cache, moves a chunk, or looks at a
value to decide what runs next is a host step: a function that emitted text calls like a kernel, and that the host loop
(`program.py`) runs by itself, with the regions around it cut there. `docs/torch.md` shows how to add one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from torch import Tensor, fx

from ...compiler.loading.places import Unloadable

if TYPE_CHECKING:
    from .context import Context
    from .program import Program

Function = TypeVar("Function", bound=Callable[..., Any])

HOST_STEPS: dict[str, Callable[..., Any]] = {}
"""Every host step by its name. Emitted text may call each of them."""


def host_step(function: Function) -> Function:
    """Registers a host step. Its first argument is the module that is called, or None where a call is one pure region (under
    `torch.compile` and `torch.export`): then it must do what it stands for by plain computation, traceable, or nothing."""
    HOST_STEPS[function.__name__] = function
    return function


def branch(ctx: Context, condition: Tensor, then: Callable[[], Any], otherwise: Callable[[], Any]) -> Any:
    """What `then` gives where the one element of `condition` is true, else what `otherwise` gives; only that one runs.

    Both are functions without arguments (they may read what is around them), give values of like structure, and leave the same
    losses, decisions and rows in the context. `otherwise` is the whole computation: a call that is one pure region runs it.
    """
    if ctx.host is None:
        return otherwise()
    if isinstance(ctx.host, fx.Proxy):
        return ctx.host.tracer.branch(ctx, condition, then, otherwise)  # type: ignore[attr-defined]
    return then() if bool(condition) else otherwise()


_COUNTED = threading.local()


@contextmanager
def attempt() -> Iterator[None]:
    """Around a call that begins again where a chunk turns out to be missing: what host steps counted until then is taken back."""
    around, _COUNTED.undo = getattr(_COUNTED, "undo", None), []
    try:
        yield
    except Unloadable:
        for undo in _COUNTED.undo:
            undo()
        raise
    finally:
        _COUNTED.undo = around


def counted(undo: Callable[[], None]) -> None:
    """Is told of what a host step has counted: `undo` takes it back."""
    undos = getattr(_COUNTED, "undo", None)
    if undos is not None:
        undos.append(undo)


@host_step
def run_branch(module: Any, condition: Tensor, programs: tuple[Program, Program], given: tuple[Any, ...]) -> Any:
    """A branch of a traced call: one of two programs, run on what both read from around them."""
    return programs[not bool(condition)].run(module, given)
