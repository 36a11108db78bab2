"""What may be kept of tensors between calls, and how to tell that they are what they were."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch._C._functorch import is_functorch_wrapped_tensor, peek_interpreter_stack

PLAIN = (Tensor, nn.Parameter)
"""Types of tensors that are what they seem: no stand-ins of tracers, no shards."""
_PLAIN = frozenset(PLAIN)


def plain(tensor: Any) -> bool:
    """Whether a tensor is what it seems, and not one that a transform has wrapped."""
    return type(tensor) in PLAIN and not is_functorch_wrapped_tensor(tensor)


def all_plain(tensors: Iterable[Any]) -> bool:
    """`plain` of many, where nothing is `captured`."""
    return _PLAIN.issuperset(map(type, tensors))


def captured() -> bool:
    """Whether calls are captured as a graph, or transformed: what is computed then is not for later calls."""
    traced = torch.compiler.is_compiling() or torch._C._get_tracing_state() is not None
    return traced or peek_interpreter_stack() is not None


LOAN = "_loan"


@dataclass(frozen=True, slots=True)
class Loan:
    """What a stored parameter that comes and goes says of its numbers, wherever they are loaded to: their place in a file."""

    sha256: str
    start: int


def loaned(tensors: Iterable[Tensor]) -> bool:
    """Whether one of these may go between two calls: nothing that is made of it is kept then."""
    return any(LOAN in tensor.__dict__ for tensor in tensors)


def standing(tensor: Tensor) -> Tensor | Loan:
    """What stands for a tensor as long as its numbers do: itself, or what a loan says of them."""
    loan: Loan | None = tensor.__dict__.get(LOAN)
    return tensor if loan is None else loan


def stands(now: Tensor | Loan, before: Tensor | Loan) -> bool:
    """Whether two of these are the same."""
    return now is before or (isinstance(now, Loan) and now == before)


def stamp(tensor: Tensor) -> tuple[int, int]:
    """Where a tensor's numbers are, and its version: another one after writes that tell."""
    if LOAN in tensor.__dict__:
        return 0, tensor._version
    return tensor.data_ptr(), -1 if tensor.is_inference() else tensor._version


def autocast(tensors: Sequence[Tensor]) -> torch.dtype | None:
    """The dtype that products of these would have now, if not their own."""
    kind = tensors[0].device.type if tensors else "cpu"
    usual = kind in ("cpu", "cuda") and torch.is_autocast_enabled(kind)
    return torch.get_autocast_dtype(kind) if usual else None
