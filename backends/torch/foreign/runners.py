"""Runners: what stands in the place of a chunk's graph, each loaded when its chunk is first activated."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from ....compiler.diagnostics import CompileError, Diagnostic, Label
from ....compiler.loading.handles import place_of
from ....compiler.loading.places import Resolved, Unloadable
from ....compiler.types import TensorType

Key = tuple[object, ...]
"""Equal for chunks that one runner serves."""


class Runner(Protocol):
    """A loaded chunk. Several threads may run it at once."""

    bytes: int
    """What it holds while it is loaded: of a file its size."""
    differentiable: bool
    """Whether a gradient goes through it to its inputs. Its own weights are frozen."""

    def run(self, inputs: Sequence[Tensor]) -> Tensor:
        """The chunk's value [rows, …], on the device of the first input."""
        ...

    def close(self) -> None:
        """Gives up what it holds."""
        ...


@dataclass(frozen=True, slots=True)
class Foreign:
    """A chunk that something else runs: its `path` in the model, what it was declared to take and give, and where it lies.

    `inputs`: names and types, in order; run-time dimensions are bound by name, anew in each call. `requires`: PEP 508.
    """

    path: str
    inputs: tuple[tuple[str, TensorType], ...]
    output: TensorType
    place: Resolved
    requires: tuple[str, ...] = ()
    isolated: bool = False
    planned: int = 0
    """The bytes that a plan counts for it: those of the version that it was made with."""

    @property
    def key(self) -> Key:
        """All but where it stands in the model."""
        return (self.place.location, self.place.sha256, self.inputs, self.output, self.requires, self.isolated)

    def unloadable(self, code: str, message: str, hint: str = "", label: str = "") -> Unloadable:
        """What is to be raised where it cannot be loaded or run."""
        return Unloadable(self.path, self.diagnostic(code, message, hint, label))

    def refused(self, code: str, message: str, hint: str = "") -> CompileError:
        """What is to be raised where a call asks of it what it cannot do, loaded or not."""
        return CompileError([self.diagnostic(code, message, hint)])

    def diagnostic(self, code: str, message: str, hint: str = "", label: str = "") -> Diagnostic:
        return Diagnostic(code, message, (Label(place_of(self.place.handle.text), label or f"the chunk `{self.path}`"),), hint)


Load = Callable[[Foreign], Runner]


def load(chunk: Foreign) -> Runner:
    """The runner of a chunk: its requirements are met, its file is what was declared. `Unloadable` with what is not so."""
    from .files import check_files

    check_files(chunk)
    if chunk.isolated:
        from . import isolated

        return isolated.load(chunk)
    from .requirements import check

    check(chunk)
    return _loaders()[chunk.place.kind](chunk)


def _loaders() -> Mapping[str, Load]:
    from . import onnx, pt2, python

    return {"onnx": onnx.load, "pt2": pt2.load, "py": python.load}


def reason(error: BaseException) -> str:
    """What an error of another library says, on one line, and not at length."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 300 else f"{text[:297]}…"
