"""The files of a chunk, as they were when its handle was looked up."""

from __future__ import annotations

from ..residing.parcels import REPAIR
from ..residing.verified import differs
from .runners import Foreign


def check_files(chunk: Foreign) -> None:
    """`Unloadable` where one is away or has other bytes. Each is hashed once in a process."""
    for blob in chunk.place.blobs:
        try:
            wrong = differs(blob)
        except OSError as error:
            raise chunk.unloadable("CC1450", f"`{blob.path}` cannot be read: {error.strerror}", REPAIR) from error
        if wrong:
            raise chunk.unloadable("CC1452", wrong, REPAIR)
