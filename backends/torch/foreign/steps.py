"""The host step that runs a chunk which is no graph of ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import torch
from torch import Tensor, fx

from ....compiler.diagnostics import CompileError, Diagnostic, Label
from ....compiler.loading.handles import place_of
from ....compiler.loading.places import Unloadable
from ....compiler.loading.residents import NotResident
from ....compiler.source import Span
from ..hosting import host_step
from .chunks import Runners
from .runners import Foreign, Runner


@host_step
def foreign(module: Any, path: str, inputs: Sequence[Tensor], sizes: Sequence[Any], dtype: torch.dtype) -> Tensor:
    """The value of the chunk at `path` for these inputs, [rows, …] of `sizes` and `dtype`; without rows nothing is loaded.

    `Unloadable` where it cannot be loaded or run; `CompileError` where a gradient is wanted through what has none, and where the
    call is a pure region."""
    if module is None:
        return _refused(path, inputs)
    like = inputs[0]
    if like.shape[0] == 0:
        both = dtype.is_floating_point and like.is_floating_point()
        return like.new_empty(tuple(sizes), dtype=like.dtype if both else dtype)
    chunk, runner = _ready(module, path)
    if not runner.differentiable and torch.is_grad_enabled() and any(given.requires_grad for given in inputs):
        what = "another process" if chunk.isolated else f"`{chunk.place.kind}`"
        message = f"a gradient is wanted through the chunk `{path}`, and {what} gives none"
        raise chunk.refused("CC1467", message, "bring it as `pt2:` or as a model, or call under `torch.no_grad()`")
    try:
        return runner.run(inputs)
    except Unloadable as error:
        if error.path == path:
            raise
        found = error.diagnostic  # of chunks that share a runner it has the name of one
        raise chunk.unloadable(found.code, found.message, found.hint) from error


def _ready(module: Any, path: str) -> tuple[Foreign, Runner]:
    """A chunk and its runner: loaded by the plan under a budget, else now."""
    memory = module._memory
    runners: Runners = memory.runners
    chunk = runners.chunks(module.__dict__.get("_snapshot") or memory.versions.now())[path]
    if not memory.planned or memory.residents.here is None:
        return chunk, runners.keep(chunk)
    runner = runners.here(chunk)
    if runner is None:
        raise NotResident(f"`{path}` is run, and is not resident")
    return chunk, runner


def _refused(path: str, inputs: Sequence[Any]) -> Any:
    """What stands in a pure region for the chunk: an error once it is run."""
    tracer = next((one.tracer for one in inputs if isinstance(one, fx.Proxy)), None)
    if tracer is None:
        return refuse_captured({path: place_of(path, "chunk")})
    return tracer.create_proxy("call_function", _in_region, (path, *inputs), {})


def _in_region(path: str, *inputs: Tensor) -> Tensor:
    """In a pure region, where a chunk that something else runs would be."""
    return refuse_captured({path: place_of(path, "chunk")})


CAPTURED = "call the module as it is, without torch.compile or torch.export; or compile what lies around it: `module.regions()`"


@torch.compiler.disable(reason="CC1468: a chunk that something else runs is no part of a graph of torch")  # type: ignore[untyped-decorator]
def refuse_captured(chunks: Mapping[str, Span], what: str = "a graph of torch", hint: str = CAPTURED) -> NoReturn:
    """`CompileError`: `what` would have to hold chunks (by path, with their places in the spec) that something else runs. Under
    `torch.compile(fullgraph=True)` torch raises an error of its own, with the reason above."""
    message = f"{what} cannot hold the chunk `{{}}`, which something else runs"
    raise CompileError(
        Diagnostic("CC1468", message.format(path), (Label(span, "run from there"),), hint) for path, span in chunks.items()
    )
