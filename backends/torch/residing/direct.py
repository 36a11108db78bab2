"""Reads past the page cache (`compiler/loading/page_cache.py` says when), into memory of the loader's own."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import mmap
import os
import weakref
from collections import deque
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ....compiler.loading.page_cache import PageCache
from .libc import LIBC, fresh_pages

BLOCK = 16 << 20
"""Bytes of a read: many requests for the disk at once. Between two there is a look at whether the load is still wanted."""
SAMPLES = 16
"""Pages of a chunk that are asked about."""


class Regions:
    """Memory for what is read past the cache. What is given back is used again by the next load of its size, so that no page is
    laid out twice; it goes before anything else is laid out. So there is never more than there is room for: what is free here was
    given back by a chunk, and whatever takes the room of that either uses it or has it released first."""

    def __init__(self) -> None:
        self.free: deque[tuple[int, int]] = deque()
        """Address and bytes; added to by whatever thread drops the last reference."""
        self.closed = False

    def take(self, size: int) -> Tensor:
        """So many bytes, until nothing refers to them. `OSError` where there is no memory."""
        at = self._same(size)
        if at is None:
            self.release()
            at = fresh_pages(size)
        memory = (ctypes.c_char * size).from_address(at)
        weakref.finalize(memory, self._back, at, size).atexit = False
        return torch.frombuffer(memory, dtype=torch.uint8)

    def _same(self, size: int) -> int | None:
        found = None
        with contextlib.suppress(IndexError):  # another thread took the last
            for _ in range(len(self.free)):
                one = self.free.popleft()
                if one[1] == size:
                    found = one[0]
                    break
                self.free.append(one)
        return found

    def _back(self, at: int, size: int) -> None:
        self.free.append((at, size))
        if self.closed:
            self.release()

    def release(self) -> None:
        """What nothing uses goes."""
        with contextlib.suppress(IndexError):  # another thread took the last
            while self.free:
                LIBC.munmap(*self.free.popleft())

    def close(self) -> None:
        """From now on all goes as soon as nothing uses it."""
        self.closed = True
        self.release()


class Cache(PageCache):
    """What is known of the page cache, and the memory for what is read past it."""

    def __init__(self) -> None:
        super().__init__()
        self.regions = Regions()


def in_cache(pages: Sequence[Tensor]) -> bool:
    """Whether most of some mapped pages lie in the page cache. (Of files that are another user's it is always said.)"""
    found, asked, flag = 0, 0, ctypes.c_ubyte()
    for data in pages:
        count = -(-data.numel() // mmap.PAGESIZE)
        for place in range(0, count, -(-count // SAMPLES)):
            if LIBC.mincore(data.data_ptr() + place * mmap.PAGESIZE, 1, ctypes.byref(flag)):
                return True
            found, asked = found + (flag.value & 1), asked + 1
    return 2 * found >= asked


def read_past(file: int, start: int, end: int, regions: Regions, look: Callable[[], None]) -> Tensor | None:
    """Bytes of a file, from the first of a page, in memory of their own; None where its file system cannot. `OSError`."""
    if not hasattr(os, "O_DIRECT"):
        return None
    size = -(-(end - start) // mmap.PAGESIZE) * mmap.PAGESIZE
    flags = fcntl.fcntl(file, fcntl.F_GETFL)
    try:
        fcntl.fcntl(file, fcntl.F_SETFL, flags | os.O_DIRECT)
    except OSError:
        return None
    try:
        data = regions.take(size)
        with memoryview(data.numpy()) as view:  # type: ignore[arg-type]
            at = 0
            while at < end - start:
                look()
                count = os.preadv(file, [view[at : at + BLOCK]], start + at)
                if not count:
                    raise OSError(errno.EIO, "the file ends too early")
                at += count
        return data[: end - start]
    except OSError as error:
        if error.errno == errno.EINVAL:
            return None
        raise
    finally:
        fcntl.fcntl(file, fcntl.F_SETFL, flags)
