"""The calls of the C library that Python has not, or only with a descriptor kept for each mapping."""

from __future__ import annotations

import ctypes
import mmap
import os
from typing import Any

import numpy as np

LIBC: Any = ctypes.CDLL(None, use_errno=True)
LIBC.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
LIBC.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p]
LIBC.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
LIBC.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
LIBC.mmap.restype = ctypes.c_void_p
_READV = getattr(LIBC, "process_vm_readv", None)
if _READV is not None:
    _READV.argtypes = [ctypes.c_int, *[ctypes.c_void_p, ctypes.c_ulong] * 2, ctypes.c_ulong]
    _READV.restype = ctypes.c_ssize_t
HUGE = 2 << 20
FAILED = ctypes.c_void_p(-1).value


def map_pages(file: int, start: int, size: int) -> int:
    """The address of bytes of a file, from the first of a page, mapped for this process alone; where `file` is -1, of fresh
    memory. `LIBC.munmap(address, size)` gives them back. `OSError`."""
    flags = mmap.MAP_PRIVATE | (mmap.MAP_ANONYMOUS if file < 0 else 0)
    at = LIBC.mmap(None, size, mmap.PROT_READ | mmap.PROT_WRITE, flags, file, start)
    if at == FAILED:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return int(at)


def touch_pages(at: int, size: int) -> bool:
    """Reads a byte of each page, of 1,024 at most (`IOV_MAX`); whether that went. The system reads them: who reads a page behind
    the end that a file has by now is ended by a signal, and it gives an error."""
    if _READV is None:
        return False
    pages = np.arange(at, at + size, mmap.PAGESIZE, dtype=np.uint64)
    places, read = np.stack([pages, np.ones_like(pages)], axis=1), np.empty(len(pages), np.uint8)
    into = np.array([read.ctypes.data, len(pages)], np.uint64)
    return bool(_READV(os.getpid(), into.ctypes.data, 1, places.ctypes.data, len(pages), 0) == len(pages))


def fresh_pages(size: int) -> int:
    """The address of fresh memory, of huge pages as far as it goes: a read into them takes few requests, into small pages many.
    `LIBC.munmap(address, size)` gives it back. `OSError`."""
    base = map_pages(-1, 0, size + HUGE)
    at = -(-base // HUGE) * HUGE
    for start, end in ((base, at), (at + size, base + size + HUGE)):
        if start < end:
            LIBC.munmap(start, end - start)
    LIBC.madvise(at, size, mmap.MADV_HUGEPAGE)
    return at
