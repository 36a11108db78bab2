"""Files whose content was held against its sha256 in this process: each is read for it once."""

from __future__ import annotations

import hashlib
import os

from ....compiler.loading.places import Blob

Stamp = tuple[int, int, int, int]
"""Device, inode, size and time of the last write of a file: the same for the same content, as far as can be told cheaply."""

VERIFIED: dict[Stamp, str] = {}
"""The sha256 of files that were read to their end."""


def stamp_of(found: os.stat_result) -> Stamp:
    """What tells a file from what it was before."""
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def differs(blob: Blob) -> str:
    """What is not as it was stored, in words; nothing where the file has the bytes that it had. `OSError`."""
    found = os.stat(blob.path)
    if found.st_size != blob.bytes:
        return f"`{blob.path}` has {found.st_size:,} bytes, and {blob.bytes:,} were stored"
    if blob.sha256 and VERIFIED.get(stamp_of(found)) != blob.sha256:
        with open(blob.path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            if digest != blob.sha256:
                return f"`{blob.path}` has not the bytes that were stored: its sha256 is {digest[:12]}…, not {blob.sha256[:12]}…"
            VERIFIED[stamp_of(os.fstat(file.fileno()))] = digest
    return ""
