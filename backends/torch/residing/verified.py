"""Whether a file still has the bytes that were stored."""

from __future__ import annotations

import hashlib
import os

from ....compiler.loading.places import Blob
from ....compiler.loading.verified import VERIFIED as VERIFIED
from ....compiler.loading.verified import Stamp as Stamp
from ....compiler.loading.verified import stamp_of as stamp_of


def is_known(blob: Blob) -> bool:
    """Whether a file was read to its end before, as it is now."""
    try:
        return not blob.sha256 or VERIFIED.get(stamp_of(os.stat(blob.path))) == blob.sha256
    except OSError:
        return False


def differs(blob: Blob) -> str:
    """What is not as it was stored, in words; nothing where the file has the bytes that it had. `OSError`."""
    found = os.stat(blob.path)
    if found.st_size != blob.bytes:
        return f"`{blob.path}` has {found.st_size:,} bytes, and {blob.bytes:,} were stored"
    if not is_known(blob):
        with open(blob.path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            if digest != blob.sha256:
                return f"`{blob.path}` has not the bytes that were stored: its sha256 is {digest[:12]}…, not {blob.sha256[:12]}…"
            VERIFIED[stamp_of(os.fstat(file.fileno()))] = digest
    return ""
