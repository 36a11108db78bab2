"""Manifests: what a version of a stored chunk consists of. A manifest is itself a blob; its sha256 is the version's identity.

program = { blob = "sha256:…", bytes = 310 }                                   # of a model: its .cc text

[parts]
"" = { blob = "sha256:…", bytes = 8192, kind = "weights" }                     # what lies in no other part
"layers.0" = { blob = "sha256:…", bytes = 16781312, kind = "weights" }
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from ..compiler.diagnostics import CompileError
from ..compiler.loading.handles import refused
from ..compiler.loading.places import Blob, Kind
from .blobs import place
from .names import is_digest
from .tables import quoted, string

PartKind = Literal["weights", "onnx", "pt2"]
HEADER = "# A version of a stored chunk. The sha256 of this text is its identity.\n"


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a version. Tensors in its blob are named relative to it; it may not be there (`Store.files` looks)."""

    blob: Blob
    kind: PartKind = "weights"


@dataclass(frozen=True, slots=True)
class Manifest:
    """One version of `name`: `version` as the index has it (`v2`), `sha256` of its manifest; `parts` by dotted names, `""` the
    one that has none; `program`: the text of a model."""

    name: str
    version: str
    sha256: str
    parts: Mapping[str, Part] = field(default_factory=dict)
    program: Blob | None = None
    ordered: tuple[str, ...] = field(init=False, repr=False, compare=False)
    """The names of its parts, sorted."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "ordered", tuple(sorted(self.parts)))

    @property
    def kind(self) -> Kind:
        """What runs it: all of its parts are of this kind, or are the weights of its program."""
        if self.program is not None:
            return "model"
        return next((part.kind for part in self.parts.values()), "weights")

    @property
    def location(self) -> str:
        """The handle of this version, aliases resolved."""
        return f"{self.name}@{self.version}"

    @property
    def bytes(self) -> int:
        """Of all its files, without the manifest."""
        return sum(blob.bytes for blob in self.blobs)

    @property
    def blobs(self) -> tuple[Blob, ...]:
        """All its files, each once."""
        all_ = [*([self.program] if self.program else []), *(part.blob for part in self.parts.values())]
        return tuple({blob.sha256: blob for blob in all_}.values())


def text_of(parts: Mapping[str, Part], program: Blob | None) -> str:
    """The text of a manifest: the same for the same content."""
    head = f"program = {{ {_blob(program)} }}\n" if program else ""
    rows = (f"{quoted(name)} = {{ {_blob(part.blob)}, kind = {string(part.kind)} }}\n" for name, part in sorted(parts.items()))
    return f"{HEADER}{head}\n[parts]\n{''.join(rows)}"


def _blob(blob: Blob) -> str:
    return f'blob = "sha256:{blob.sha256}", bytes = {blob.bytes}'


def parsed(root: Path, text: str, name: str, version: str, sha256: str) -> Manifest:
    """The manifest that a text says. CC1401 where it is none: its hash is right, so something else was put in its place in the
    index, or it was written by another tool."""

    def wrong(why: str) -> CompileError:
        hint = f"give `{version}` the manifest that it had in `index.toml`, or delete its line and add it again"
        return refused("CC1401", f"the blob {sha256} is no manifest: {why}", f"{name}@{version}", hint=hint, what="store")

    try:
        raw = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise wrong(f"no TOML: {error}") from error
    rows = raw.get("parts")
    if set(raw) - {"parts", "program"} or not isinstance(rows, dict):
        raise wrong("it has `parts` and may have a `program`, nothing else")
    program = raw.get("program")
    if program is not None and (found := _entry(root, program, {"blob", "bytes"})) is None:
        raise wrong("its program is no blob of known size")
    parts = {}
    for part, row in rows.items():
        blob = _entry(root, row, {"blob", "bytes", "kind"})
        if not is_part(part) or blob is None or row["kind"] not in get_args(PartKind):
            raise wrong(f"its part `{part}` is no blob of known size and kind")
        parts[part] = Part(blob, row["kind"])
    if len({part.kind for part in parts.values()} | ({"weights"} if program else set())) > 1:
        raise wrong("its parts are of several kinds")
    return Manifest(name, version, sha256, parts, found if program else None)


def _entry(root: Path, row: Any, keys: set[str]) -> Blob | None:
    if not isinstance(row, dict) or set(row) != keys or not isinstance(row["blob"], str) or type(row["bytes"]) is not int:
        return None
    sha256 = row["blob"].removeprefix("sha256:")
    if row["bytes"] < 0 or not row["blob"].startswith("sha256:") or not is_digest(sha256):
        return None
    return Blob(str(place(root, sha256)), sha256, row["bytes"])


def is_part(name: str) -> bool:
    """Whether a text can name a part: words with dots between, as in names of tensors; `""` is the part of all the rest."""
    return not name or (len(name) <= 1000 and name.isprintable() and all(word.strip() for word in name.split(".")))
