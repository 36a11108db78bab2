"""Members of an array run together: the rows of all of them one behind the other, each product by the weights of its member.

What is written once for all members runs in eval where no gradient is wanted. Elsewhere (in training, in graphs that are
captured, where a member is not as it was made: hooks, parametrisations, other modules in its place) each member runs by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, wraps
from itertools import accumulate
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .derived import called_by_regions, drop, stored, trace_call, tracing
from .kernels.routing import take, take_each
from .tensors import all_plain, captured


class Members:
    """The members of an array with their parameters by path, and how many of the rows are each one's (`counts`, in order)."""

    def __init__(self, array: nn.Module, tensors: Mapping[str, Sequence[Tensor]], counts: Sequence[int], rows: Tensor) -> None:
        self.array, self.tensors, self.counts, self.device = array, tensors, counts, rows.device

    def linear(self, x: Tensor, weight: str, bias: str = "") -> Tensor:
        """x [rows, …, in] times the weight [out, in] of each row's member: [rows, …, out]."""
        weights = self.tensors[weight]
        if fits_grouped(x, weights):
            y = grouped_product(x.flatten(0, -2), self.stack(weight), self.ends * x[:1, ..., 0].numel())
            y = y.unflatten(0, x.shape[:-1])
            return y + self.of(bias, x.ndim) if bias else y
        biases: Sequence[Tensor | None] = self.tensors[bias] if bias else [None] * len(weights)
        inner = x[:1, ..., 0].numel()
        parts = x.flatten(0, -2).split([n * inner for n in self.counts])
        found = [F.linear(part, w, b) for part, w, b, n in zip(parts, weights, biases, self.counts) if n]
        return torch.cat(found).unflatten(0, x.shape[:-1]) if found else x.new_zeros((*x.shape[:-1], weights[0].shape[0]))

    def of(self, path: str, rank: int) -> Tensor:
        """For each row the parameter of its member, with as many axes as the rows have."""
        rows = self.stack(path).index_select(0, self.member)
        return rows.reshape(rows.shape[0], *(1,) * (rank - rows.ndim), *rows.shape[1:])

    def stack(self, path: str) -> Tensor:
        """The members' parameters of this path in one tensor: a derived value."""
        tensors = self.tensors[path]
        made: Tensor = stored(self.array, (path, len(tensors)), tensors, lambda: torch.stack(list(tensors)))
        return made

    @cached_property
    def member(self) -> Tensor:
        """Whose each row is."""
        counts = torch.tensor(self.counts, device=self.device)
        # With its size told, CUDA need not be waited for.
        return torch.arange(len(self.counts), device=self.device).repeat_interleave(counts, output_size=sum(self.counts))

    @cached_property
    def ends(self) -> Tensor:
        """Where the rows of each member end."""
        return torch.tensor(list(accumulate(self.counts)), dtype=torch.int32, device=self.device)


def fits_grouped(x: Tensor, weights: Sequence[Tensor]) -> bool:
    """Whether one kernel may make the products of all members: where it is promised (bf16, CUDA from compute capability 8.0),
    rows of 16 bytes. Elsewhere a product for each member is as fast (measured on CPU: `docs/derived.md`)."""
    aligned = all(size * x.element_size() % 16 == 0 for size in weights[0].shape)
    if not (x.is_cuda and aligned and x.dtype == weights[0].dtype == torch.bfloat16) or torch.is_autocast_enabled("cuda"):
        return False
    return torch.cuda.get_device_capability(x.device) >= (8, 0)


def grouped_product(x: Tensor, weights: Tensor, ends: Tensor) -> Tensor:
    """x [rows, in] times weights [members, out, in]: rows up to `ends[i]` (int32) by weight i."""
    return F.grouped_mm(x.contiguous(), weights.transpose(1, 2), offs=ends)


def grouped(*labels: str, sources: Sequence[str]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorates a method that runs members together; the method of a call does so where it may, else runs them one by one.

    `labels` are the members (none: all of the array), `sources` the paths of the parameters that they read.
    """

    def decorate(together: Callable[..., Tensor]) -> Callable[..., Any]:
        name, namespace = together.__name__, together.__module__

        @wraps(together)
        def method(
            self: nn.Module, array: nn.Module, rows: list[Tensor], axes: int, inputs: tuple[Tensor, ...], *captured: Any
        ) -> list[Tensor]:
            if tracing():
                traced: list[Tensor] = trace_call(self, name, (array, rows, axes, inputs, *captured))
                return traced
            modules = _below(array, labels)
            tensors = None if array.training else _tensors(array, modules, sources, (*inputs, *captured), namespace)
            if tensors is None:
                each = zip(*(take_each(x, rows, axes) for x in inputs))
                return [member(*part, *captured) for member, part in zip(modules, each)]
            counts, at = [one.shape[0] for one in rows], torch.cat(rows)
            members = Members(array, tensors, counts, at)
            return list(together(self, members, *(take(x, at, axes) for x in inputs), *captured).split(counts))

        return called_by_regions(method)

    return decorate


def _below(array: nn.Module, labels: Sequence[str]) -> list[nn.Module]:
    found = [array._modules[label] for label in labels] if labels else list(array._modules.values())
    return [module for module in found if module is not None]


def _tensors(
    array: nn.Module, modules: Sequence[nn.Module], sources: Sequence[str], given: Sequence[Any], namespace: str
) -> dict[str, list[Tensor]] | None:
    """The parameters of the members by path; None where these may not run together now."""
    if captured() or not _as_made(modules, namespace):
        return None
    homes: dict[tuple[str, ...], Sequence[Any]] = {(): modules}
    found: dict[str, list[Tensor]] = {}
    for path in sources:
        *labels, name = path.split(".")
        for depth in range(len(labels)):
            place = tuple(labels[: depth + 1])
            if place not in homes:
                homes[place] = [home._modules.get(place[-1]) for home in homes[place[:-1]]]
                if not _as_made(homes[place], namespace):
                    return None
        found[path] = [home._parameters.get(name, home._buffers.get(name)) for home in homes[tuple(labels)]]
    tensors = [tensor for part in found.values() for tensor in part] + [one for one in given if isinstance(one, Tensor)]
    if not all_plain(tensors):
        return None
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors):
        drop(array)
        return None
    return found


def _as_made(modules: Sequence[Any], namespace: str) -> bool:
    """Whether modules are all of one class, emitted or PyTorch's own, with nothing hung on them that a call would run too."""
    kinds = {type(one) for one in modules}
    if len(kinds) != 1 or not kinds.pop().__module__.startswith((namespace, "torch.nn.modules.")):
        return False
    return not any(one._forward_hooks or one._forward_pre_hooks or "forward" in one.__dict__ for one in modules)
