"""Files that a handle may read: by name, out of one folder and no other, each with its size and sha256."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..compiler.diagnostics import CompileError
from ..compiler.loading.handles import refused
from ..compiler.loading.places import Blob
from ..compiler.loading.verified import VERIFIED, Stamp, stamp_of
from .names import shown

BLOCK = 4 << 20
"""Bytes that are in memory at once, where files are read or copied."""


class Files(Protocol):
    """One folder, here or elsewhere. `text` is the handle that asks, for messages; `beside`: whether its files, once they are
    here, lie beside each other under their names."""

    @property
    def text(self) -> str: ...

    @property
    def beside(self) -> bool: ...

    def names(self) -> Sequence[str] | None:
        """The files in it; None where that cannot be known (a URL)."""

    def has(self, name: str) -> bool: ...

    def get(self, name: str) -> Blob:
        """The file, here and of known content; CC14xx where there is none, or it may not be read."""
        ...


@dataclass(frozen=True, slots=True)
class LocalFiles:
    """A folder of this machine. Links are followed while they stay in it (or `within` another, that it lies in). Without
    `hashing` blobs have no sha256: for what is copied, and hashed then."""

    root: Path
    text: str
    beside: bool = True
    within: Path | None = None
    hashing: bool = True

    def names(self) -> Sequence[str]:
        return sorted(entry.name for entry in os.scandir(self.root) if entry.is_file())

    def has(self, name: str) -> bool:
        return (self.root / name).is_file()

    def get(self, name: str) -> Blob:
        path = self.path(name)
        size, digest = hashed(path) if self.hashing else (path.stat().st_size, "")
        return Blob(str(path), digest, size)

    def path(self, name: str) -> Path:
        """Where a file or folder lies, without links; CC1422 where that is outside, CC1423 where nothing is."""
        if any("\ud800" <= char <= "\udfff" for char in name):
            raise refused("CC1423", f"the name `{shown(name)}` is no UTF-8", self.text, hint="rename the file")
        try:
            found = (self.root / name).resolve(strict=True)
        except (OSError, RuntimeError, ValueError) as error:  # `RuntimeError`: links that go round, until Python 3.13
            why = error.strerror.lower() if isinstance(error, OSError) and error.strerror else str(error).lower()
            hint = f"paths are relative to {self.root}"
            raise refused("CC1423", f"`{name}` cannot be read: {why}", self.text, hint=hint) from error
        home = self.within or self.root
        if not found.is_relative_to(home.resolve()):
            hint = f"only what lies in {home} is read: move it there, or add it to the store"
            raise refused("CC1422", f"`{name}` is a link that leads out of its folder", self.text, hint=hint)
        if not (found.is_file() or found.is_dir()):  # a pipe would be waited for, a device has no end
            hint = "pipes and devices are not read: name a file"
            raise refused("CC1423", f"`{name}` is neither a file nor a folder", self.text, hint=hint)
        return found


RECENT = 100_000_000
"""Nanoseconds: what was written so lately may be written again without another time of its last write."""


def stamp(path: str | Path) -> Stamp:
    """What tells a file from the one that stood at its path before."""
    return stamp_of(os.stat(path))


def hashed(path: Path) -> tuple[int, str]:
    """Size and sha256 of a file. It is read once in a process while it stays as it is."""
    before = stamp(path)
    found = VERIFIED.get(before, "")
    if not found:
        digest = hashlib.sha256()
        with open(path, "rb", buffering=0) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise OSError(f"{path} is no file")
            while block := file.read(BLOCK):
                digest.update(block)
        if stamp(path) != before:
            raise changing(path)
        found = digest.hexdigest()
        if time.time_ns() - before[3] > RECENT:
            VERIFIED[before] = found
    return before[2], found


def changing(path: Path) -> CompileError:
    return refused("CC1423", "the file is being written", str(path), hint="try again when it is whole", what="file")


def together(files: Sequence[tuple[str, Blob]]) -> str:
    """The identity of what has these files: of one, its sha256; of several, the sha256 of lines `sha256 name`, by name."""
    if len(files) == 1:
        return files[0][1].sha256
    lines = "".join(f"{blob.sha256} {name}\n" for name, blob in sorted(files))
    return hashlib.sha256(lines.encode("utf-8", "surrogateescape")).hexdigest()
