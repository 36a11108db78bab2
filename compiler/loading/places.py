"""Where stored chunks lie: what the store hands to whoever runs them. Everything here is pinned: one version, its bytes known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from ..diagnostics import Diagnostic
from ..source import Source
from .handles import Handle

Kind = Literal["weights", "model", "onnx", "pt2", "py"]
"""`weights`: tensors alone, for a written chunk `from` them; `model`: a `.cc` text with its tensors; the others are run by what
their names say."""


@dataclass(frozen=True, slots=True)
class Blob:
    """One file of known content. Its bytes are checked against `sha256` where they are read first."""

    path: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class TensorPlace:
    """Where a tensor lies in a blob: row-major, little-endian, `bytes` from `start` of the file."""

    blob: Blob
    dtype: str
    """As the language has it: `f32`, `bf16`, …"""
    shape: tuple[int, ...]
    start: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a handle stands for now: one version of it.

    - `sha256`: its identity: of the manifest of a store's version, or of the one file;
    - `location`: the handle with alias and branch resolved: what a lock holds;
    - `tensors`: by the name below the part that was asked for (`linear_1.weight`);
    - `blobs`: all files of it; `program`: the `.cc` text of a model, and `part` what of it is meant;
    - `folder`: of a file that is not in a store: nothing outside of it is read;
    - `allowed`: whether code that the spec does not show may run for it (`--allow-python`); `offline`: whether nothing may be
      fetched for it, packages neither.
    """

    handle: Handle
    kind: Kind
    location: str
    sha256: str
    blobs: tuple[Blob, ...]
    tensors: Mapping[str, TensorPlace] = field(default_factory=dict)
    program: Source | None = None
    part: str = ""
    folder: str = ""
    allowed: bool = False
    offline: bool = field(default=False, compare=False)

    @property
    def bytes(self) -> int:
        """Of its tensors, or of its files where it has none."""
        return sum(place.bytes for place in self.tensors.values()) or sum(blob.bytes for blob in self.blobs)


class Resolver(Protocol):
    """Finds what handles stand for. `CompileError` (codes CC14xx) where there is nothing, or it is not what was asked for."""

    def resolve(self, handle: str) -> Resolved: ...


class Versions(Protocol):
    """What the stored parts of one model are now. A call takes one snapshot, and runs on it to its end."""

    def now(self) -> Mapping[str, Resolved]:
        """By the path of a chunk (`edges`, of an array its members: `expert.3`; `""`: the whole model): the same object as
        before unless an alias was moved. Cheap enough for each call (a `stat` of a file)."""
        ...

    def missing(self) -> Mapping[str, tuple[Diagnostic, ...]]:
        """Why a chunk that can be done without is not in the snapshot, by its path."""
        ...

    def refresh(self) -> None:
        """Looks at everything again for the next call."""


class Unloadable(RuntimeError):
    """A chunk that cannot be loaded or run: `path` in the model, and what is to be said of it."""

    def __init__(self, path: str, diagnostic: Diagnostic):
        self.path, self.diagnostic = path, diagnostic
        hint = f"\n  hint: {diagnostic.hint}" if diagnostic.hint else ""
        super().__init__(f"{diagnostic.code}: the chunk `{path}` cannot be loaded: {diagnostic.message}{hint}")
