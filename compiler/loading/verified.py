"""What tells a file from what it was before. Those whose content was held against its sha256 in this process, by whoever read
them to the end, are hashed once."""

from __future__ import annotations

import os
from collections.abc import Iterable

Stamp = tuple[int, int, int, int]
"""Device, inode, size and time of the last write of a file: the same for the same content, as far as can be told cheaply."""

VERIFIED: dict[Stamp, str] = {}
"""The sha256 of files that were read to their end."""


def stamp_of(found: os.stat_result) -> Stamp:
    """What tells a file from what it was before."""
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


Looks = tuple[tuple[int, ...] | None, ...]
"""How files were when they were looked at, rights and names too (the time of the last change is part of it)."""


def look_at(paths: Iterable[str]) -> Looks:
    """How files are now, without reading them: None for one that is not there."""
    found: list[tuple[int, ...] | None] = []
    for path in paths:
        try:
            at = os.stat(path)
            found.append((*stamp_of(at), at.st_ctime_ns))
        except OSError:
            found.append(None)
    return tuple(found)
