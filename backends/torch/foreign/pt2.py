"""torch.export archives (`.pt2`), run by torch as they were exported."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from .archive import Unsafe, check_archive
from .runners import Foreign, reason
from .signature import DTYPES, Found, check_file, check_precision, check_value


def load(chunk: Foreign) -> ModuleRunner:
    """The module in the archive that a handle stands for, if reading it runs nothing."""
    path = chunk.place.blobs[0].path
    try:
        check_archive(path)
    except Unsafe as error:
        hint = "write it with `torch.export.save` of a model that holds tensors and numbers only"
        raise chunk.unloadable("CC1463", f"its archive could run code when it is read: {error}", hint) from error
    except Exception as error:  # torch's reader raises many kinds
        raise _unreadable(chunk, error) from error
    try:
        # Torch warns of a path that does not end in `.pt2`: a store's does not.
        with open(path, "rb") as file:
            program = torch.export.load(file)
        module = program.module()
    except Exception as error:  # as above
        raise _unreadable(chunk, error) from error
    check_file(chunk, *_signature(program))
    inputs, buffers = _written(program)
    if buffers:
        message = f"each call writes into its {', '.join(f'`{name}`' for name in buffers)}, and the next one gives something else"
        hint = "write it anew from the model in eval: `torch.export.export(model.eval(), …)`"
        raise chunk.unloadable("CC1461", message, hint)
    return ModuleRunner(chunk, module, os.stat(path).st_size, writes=inputs)


class ModuleRunner:
    """A module of torch, its weights frozen. Gradients go through it to its inputs. `writes`: whether it may write into these: it
    is given copies, for others read them too."""

    differentiable = True

    def __init__(self, chunk: Foreign, module: Any, size: int, *, writes: bool) -> None:
        self.chunk, self.module, self.bytes, self.writes = chunk, module, size, writes
        self.device: torch.device | None = None
        if isinstance(module, nn.Module):
            module.requires_grad_(False)

    def run(self, inputs: Sequence[Tensor]) -> Tensor:
        if self.chunk.place.kind == "pt2":
            check_precision(self.chunk, inputs)
        self._move(inputs[0].device)
        wanted = torch.is_grad_enabled() and any(given.requires_grad for given in inputs)
        try:
            with nullcontext() if wanted else torch.no_grad():
                value = self.module(*(one.clone() if self.writes else one for one in inputs))
        except (Exception, SystemExit) as error:  # the code of others
            message = f"it failed while it ran: {type(error).__name__}: {reason(error)}"
            raise self.chunk.unloadable("CC1465", message) from error
        # It may be a tensor that the module keeps, or was given: a caller may write into the value of a chunk.
        return check_value(self.chunk, inputs, value).clone()

    def close(self) -> None:
        del self.module

    def _move(self, device: torch.device) -> None:
        if self.device != device and isinstance(self.module, nn.Module):
            self.module.to(device)
            self.device = device


def _unreadable(chunk: Foreign, error: Exception) -> Exception:
    hint = "it was written by another version of torch, is damaged, or is no archive of `torch.export.save`"
    return chunk.unloadable("CC1460", f"torch {torch.__version__} cannot read its archive: {reason(error)}", hint)


def _written(program: Any) -> tuple[bool, list[str]]:
    """Whether a call writes into its inputs, and into which buffers."""
    graphs = (module.graph for module in program.graph_module.modules() if hasattr(module, "graph"))
    targets = (node.target for graph in graphs for node in graph.nodes)
    if any(getattr(getattr(target, "_schema", None), "is_mutable", False) for target in targets):
        program = program.run_decompositions({})  # what is written becomes an output, and is told
    told = program.graph_signature
    return bool(told.user_inputs_to_mutate), sorted(told.buffers_to_mutate.values())


def _signature(program: Any) -> tuple[list[Found], list[Found]]:
    """What an exported program takes from its user and gives."""
    made = {node.name: node.meta.get("val") for node in program.graph.nodes}
    (output,) = (node for node in program.graph.nodes if node.op == "output")
    given = [node.meta.get("val") for node in output.all_input_nodes] if output.all_input_nodes else []
    inputs = [_found(name, made.get(name)) for name in program.graph_signature.user_inputs]
    outputs = [_found(str(name), made.get(str(name))) for name in program.graph_signature.user_outputs]
    return inputs, outputs if given else []


def _found(name: str, value: Any) -> Found:
    if not isinstance(value, Tensor):
        return name, type(value).__name__, None
    sizes = tuple(size if isinstance(size, int) else str(size) for size in value.shape)
    return name, DTYPES.get(value.dtype, str(value.dtype)), sizes
