"""Locks of a store, between processes and threads: `flock` on files that hold nothing, so that a process that is killed leaves
none behind.

Who adds holds `writers` shared from its first blob to its entry in the index, so that `gc`, which holds it alone, takes none of
its blobs for garbage. Who changes a table holds `tables` alone, from reading it to its new file.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from .blobs import room_for

Name = Literal["tables", "writers"]


@contextmanager
def held(root: Path, name: Name, *, shared: bool = False, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Holds a lock of the store at `root`, which is there; waits for it, having called `waiting`."""
    with room_for(root):
        handle = os.open(root / "tmp" / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(handle, kind)
        yield
    finally:
        fcntl.flock(handle, fcntl.LOCK_UN)  # closing alone would not do while a process forked meanwhile has it open too
        os.close(handle)
