"""Tensors as bytes, a block at a time: what a store writes of a module or a state dict, without a second copy of any of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ...compiler.diagnostics import CompileError, Diagnostic
from ...compiler.loading.handles import refused

BLOCK = 4 << 20
"""Bytes that are copied at once, where a tensor does not lie in this machine's memory row by row."""

NAMES = {
    **{torch.float64: "f64", torch.float32: "f32", torch.float16: "f16", torch.bfloat16: "bf16", torch.bool: "bool"},
    **{torch.int64: "i64", torch.int32: "i32", torch.int16: "i16", torch.int8: "i8", torch.uint8: "u8"},
    **{torch.uint16: "u16", torch.uint32: "u32", torch.uint64: "u64", torch.complex64: "c64"},
    **{torch.float8_e4m3fn: "f8_e4m3", torch.float8_e5m2: "f8_e5m2"},
}
"""Dtypes as safetensors has them, in lower case."""


TENSORS = "store what has values under names: a module on its device, or `{name: tensor, …}` without the rest"


class Named(NamedTuple):
    """A tensor that is to be stored: what it is called, and what gives its bytes, row-major, when its turn comes."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    bytes: int
    read: Callable[[], Iterator[memoryview]]


def named_tensors(source: nn.Module | Mapping[str, object]) -> list[Named]:
    """The tensors of a module (its parameters and persistent buffers) or of a state dict. CC1438 with all that have no bytes:
    those on `meta`, sparse or quantised ones, and what is no tensor."""
    state = source.state_dict() if isinstance(source, nn.Module) else source
    found, wrong = [], list[Diagnostic]()
    for name, value in state.items():
        why = _why_not(value) if isinstance(name, str) else "its name is no text"
        if why:
            wrong += refused("CC1438", f"`{name}` cannot be stored: {why}", str(name), hint=TENSORS, what="tensor").diagnostics
        else:
            assert isinstance(value, Tensor)
            found.append(_named(name, value.detach()))
    if wrong:
        raise CompileError(wrong)
    return found


def _why_not(value: object) -> str:
    if not isinstance(value, Tensor):
        return f"it is a {type(value).__name__}, no tensor"
    if value.is_meta:
        return "it is on `meta`, where no values are"
    if value.layout != torch.strided or value.is_quantized:
        return f"it is {'quantised' if value.is_quantized else 'sparse'}"
    return "" if value.dtype in NAMES else f"safetensors has no {value.dtype}"


def _named(name: str, value: Tensor) -> Named:
    size = value.numel() * value.element_size()
    return Named(name, NAMES[value.dtype], tuple(value.shape), size, lambda: blocks(value))


def blocks(value: Tensor) -> Iterator[memoryview]:
    """The bytes of a tensor in row-major order, in pieces of at most a few MiB."""
    if value.numel() == 0:
        return
    if value.device.type == "cpu" and value.is_contiguous() and not (value.is_conj() or value.is_neg()):
        yield from _slices(value)
    elif value.numel() * value.element_size() <= BLOCK:
        copy = value.resolve_conj().resolve_neg().to("cpu", memory_format=torch.contiguous_format).contiguous()
        yield from _slices(copy)
    else:
        row = math.prod(value.shape[1:]) * value.element_size()
        if row > BLOCK:
            for i in range(value.shape[0]):
                yield from blocks(value[i])
        else:
            for rows in value.split(max(1, BLOCK // row)):
                yield from blocks(rows)


def _slices(value: Tensor) -> Iterator[memoryview]:
    # Of one element the stride may be anything, and `reshape` keeps it; bytes need 1.
    flat = value.as_strided((value.numel(),), (1,))
    view = flat.view(torch.uint8).numpy().data
    for at in range(0, len(view), BLOCK):
        yield view[at : at + BLOCK]
