"""What a chunk was declared to take and give, beside what its file says and what comes out of it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ....compiler.dims import Dim, Size, UnboundDim, evaluate
from ....compiler.types import TensorType
from .runners import Foreign

DTYPES = {
    torch.float64: "f64",
    torch.float32: "f32",
    torch.bfloat16: "bf16",
    torch.float16: "f16",
    torch.int64: "i64",
    torch.int32: "i32",
    torch.bool: "bool",
}

Found = tuple[str, str, tuple[int | str, ...] | None]
"""Of a file's input or output: its name, its dtype as the language has it, and its shape: a name or "" stands for a size that is
not fixed, None for any shape at all."""


def check_file(chunk: Foreign, inputs: Sequence[Found], outputs: Sequence[Found]) -> None:
    """`Unloadable` with all in which a file's own signature differs from the declared one."""
    wrong = []
    if len(inputs) != len(chunk.inputs):
        wrong.append(f"it takes {_listed(inputs)}; declared is {', '.join(name for name, _ in chunk.inputs)}")
    else:
        for (name, declared), found in zip(chunk.inputs, inputs):
            if not _fits(declared, found):
                wrong.append(f"its input `{found[0]}` is {_text(found)}; declared is `{name}: {declared}`")
    if len(outputs) != 1:
        wrong.append(f"it gives {_listed(outputs)}; a chunk gives one value")
    elif not _fits(chunk.output, outputs[0]):
        wrong.append(f"its output `{outputs[0][0]}` is {_text(outputs[0])}; declared is {chunk.output}")
    if wrong:
        hint = "change the chunk's signature in the spec, or write the file anew"
        if any(_fixed(declared, found) for (_, declared), found in zip(chunk.inputs, inputs)):
            hint = "the file fixes a size that the spec has as a run-time dimension: export it with that axis dynamic"
        raise chunk.unloadable("CC1461", f"its file is not what the spec declares: {'; '.join(wrong)}", hint)


def check_precision(chunk: Foreign, inputs: Sequence[Tensor]) -> None:
    """`CompileError` where the module was moved to another precision than the file is written in."""
    dtypes = [kind.dtype for _, kind in chunk.inputs]
    if moved := [given.dtype for given, dtype in zip(inputs, dtypes) if DTYPES.get(given.dtype) != dtype]:
        wanted = ", ".join(dict.fromkeys(dtypes))
        message = f"the inputs of the chunk `{chunk.path}` come as {moved[0]}, and its file takes {wanted}"
        raise chunk.refused("CC1461", message, "it runs in the precision that it was written in")


def check_value(chunk: Foreign, inputs: Sequence[Tensor], value: object) -> Tensor:
    """The value, if it is a tensor of the declared type for these inputs; else `Unloadable` with both."""
    declared = f"declared is {chunk.output}"
    if not isinstance(value, Tensor):
        raise chunk.unloadable("CC1461", f"it gave {_article(type(value).__name__)}; {declared}", "a chunk gives one tensor")
    sizes: dict[str, int] = {}
    for (_, kind), given in zip(chunk.inputs, inputs):
        bind(kind, given.shape, sizes)
    try:
        expected = tuple(evaluate(size, sizes) for size in chunk.output.shape)
    except UnboundDim:
        return value
    # A model that was moved to another precision is run in it.
    here = {given.dtype for given in inputs if given.is_floating_point()}
    floats = chunk.output.is_float and here == {value.dtype}
    if tuple(value.shape) != expected or not (DTYPES.get(value.dtype) == chunk.output.dtype or floats):
        known = ", ".join(f"{name} = {size}" for name, size in sizes.items())
        got = f"{DTYPES.get(value.dtype, value.dtype)}[{', '.join(map(str, value.shape))}]"
        raise chunk.unloadable("CC1461", f"it gave {got}; {declared}" + (f" with {known}" if known else ""))
    return value


def bind(kind: TensorType, shape: Sequence[int], sizes: dict[str, int]) -> None:
    """The values of run-time dimensions that stand bare in a type, from a shape of it."""
    for size, here in zip(kind.shape, shape):
        if isinstance(size, Dim) and not size.compound:
            sizes.setdefault(str(size), int(here))


def _fits(declared: TensorType, found: Found) -> bool:
    _, dtype, shape = found
    if dtype and dtype != declared.dtype:
        return False
    return shape is None or (len(shape) == declared.rank and all(map(_size_fits, declared.shape, shape)))


def _size_fits(declared: Size, found: int | str) -> bool:
    return isinstance(found, str) or declared == found


def _fixed(declared: TensorType, found: Found) -> bool:
    """Whether a file fixes a size that is a run-time dimension in the spec."""
    return any(isinstance(one, Dim) and isinstance(other, int) for one, other in zip(declared.shape, found[2] or ()))


def _text(found: Found) -> str:
    _, dtype, shape = found
    return f"{dtype or 'any'}[{', '.join(str(size) or '?' for size in shape) if shape is not None else '…'}]"


def _listed(found: Sequence[Found]) -> str:
    return ", ".join(name for name, _, _ in found) or "nothing"


def _article(noun: str) -> str:
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"
