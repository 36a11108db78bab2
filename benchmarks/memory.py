"""What a process has in memory: resident pages of its own and of mapped files together, as Linux counts them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


def resident() -> int:
    """Bytes resident now (VmRSS: anonymous, shared and mapped file pages)."""
    return _status("VmRSS")


def peak() -> int:
    """The most bytes that were resident since `begin_peak`, kept by the kernel at every moment (VmHWM)."""
    return _status("VmHWM")


def begin_peak() -> None:
    """Lets the peak begin anew at what is resident now."""
    Path("/proc/self/clear_refs").write_text("5")


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    (line,) = (line for line in lines if line.startswith(f"{field}:"))
    return int(line.split()[1]) * 1024


def drop_cache(paths: Iterable[Path]) -> None:
    """Takes the pages of files out of the page cache: the next read comes from the disk. Pages that are mapped stay."""
    for path in paths:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(handle)


def fill_cache(paths: Iterable[Path]) -> None:
    """Reads files, so that the page cache holds them."""
    block = bytearray(4 << 20)
    for path in paths:
        with path.open("rb", buffering=0) as file:
            while file.readinto(block):
                pass
