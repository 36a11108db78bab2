"""Files whose content was held against its sha256 in this process, by whoever read them to the end: each is hashed once."""

from __future__ import annotations

import os

Stamp = tuple[int, int, int, int]
"""Device, inode, size and time of the last write of a file: the same for the same content, as far as can be told cheaply."""

VERIFIED: dict[Stamp, str] = {}
"""The sha256 of files that were read to their end."""


def stamp_of(found: os.stat_result) -> Stamp:
    """What tells a file from what it was before."""
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
