"""Whether stored tensors are those that a chunk declares: the same names, dtypes and shapes. Nothing is converted."""

from __future__ import annotations

from collections.abc import Mapping

from ..diagnostics import Diagnostic, Label, did_you_mean
from ..source import Span
from ..types import TensorType
from .handles import place_of
from .places import TensorPlace


def misfits(
    what: str,
    tensors: Mapping[str, TensorPlace],
    declared: Mapping[str, TensorType],
    span: Span | None = None,
    *,
    exactly: bool = True,
) -> list[Diagnostic]:
    """CC1414 for each tensor of `what` (a handle) that is missing, of another type, or (if `exactly`) not declared. `declared`:
    parameters by their path below the chunk, of known sizes; `span`: where the handle is written."""
    place = span or place_of(what)

    def finding(message: str, label: str, hint: str) -> Diagnostic:
        return Diagnostic("CC1414", message, (Label(place, label),), hint)

    found = []
    extra = [name for name in tensors if name not in declared]
    for name, type in declared.items():
        if name not in tensors:
            near = did_you_mean(name, extra) or f"store it too, as {type}"
            found.append(finding(f"`{what}` has no tensor `{name}`", f"{type} is declared", near))
        elif said(tensors[name]) != str(type):
            label = f"{type} is declared, {said(tensors[name])} is stored"
            found.append(finding(f"the tensor `{name}` of `{what}` does not fit", label, _remedy(tensors[name], type)))
    for name in extra if exactly else ():
        hint = did_you_mean(name, [each for each in declared if each not in tensors])
        hint = hint or "name the part that is meant (`#part`), or store a version without it"
        found.append(
            finding(f"`{what}` has a tensor `{name}`, and nothing declares it", f"{said(tensors[name])} is left over", hint)
        )
    return found


def said(place: TensorPlace) -> str:
    """The type of a stored tensor, as the language writes it."""
    return f"{place.dtype}[{', '.join(map(str, place.shape))}]"


def _remedy(place: TensorPlace, type: TensorType) -> str:
    if place.dtype != type.dtype:
        return f"declare {place.dtype}, or store a version that was converted to {type.dtype}"
    return "declare the sizes that are stored (parameters of a model: `-D`), or store a version of this size"
