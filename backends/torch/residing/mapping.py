"""Bytes of files in memory: mapped where they lie as torch would lay them, else read.

A mapping is private to the process and belongs to the page cache until it is written to: populated page by page (`madvise`,
`MADV_POPULATE_READ`), it is memory of the process (RssFile), and given back by `MADV_DONTNEED`. So what is in memory is known at
every moment, and neither is what lies beside a chunk in its file read with it, nor is a byte copied.
"""

from __future__ import annotations

import ctypes
import errno
import hashlib
import mmap
import os
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ....compiler.loading.places import TensorPlace
from .direct import Cache, in_cache, read_past
from .libc import LIBC, map_pages, touch_pages

BLOCK = 4 << 20
"""Bytes between two looks at whether a load is still wanted."""
TOUCHED = 1 << 20
"""Bytes whose pages are touched between two looks at whether there is something to load."""
ASKED = 128 << 10
"""Bytes that the kernel is asked for ahead at once: of more it reads the first only (`read_ahead_kb`, this by default)."""
ALIGNED = 64
"""What torch aligns its own memory to. Kernels take other ways, with other roundings, where it is less."""
POPULATE_READ = 22
"""MADV_POPULATE_READ, of Linux 5.14: read errors come back as an error, not as a signal."""


class Cancelled(Exception):
    """Nobody wants this load any more."""


Look = Callable[[], None]
"""Called between blocks; raises `Cancelled`."""


@dataclass(frozen=True, slots=True)
class Extent:
    """Bytes of a file, and whether they may be mapped."""

    start: int
    bytes: int

    @staticmethod
    def of(place: TensorPlace) -> Extent:
        """Those of a tensor."""
        return Extent(place.start, place.bytes)

    @property
    def end(self) -> int:
        return self.start + self.bytes

    @property
    def mappable(self) -> bool:
        return self.start % ALIGNED == 0


@dataclass(slots=True)
class Piece:
    """Pages in memory. `data`: all of it as bytes; `start`: the place in the file of the first."""

    data: Tensor
    start: int
    mapped: bool
    whole: bool = True
    """Whether all of it is in memory, and not only what was asked for."""
    past: bool = False
    """Whether it was read past the page cache."""

    @property
    def paged(self) -> bool:
        """Whether it begins with a page of its file, and holds all that lies in it."""
        return self.mapped or self.past

    @property
    def end(self) -> int:
        return self.start + self.data.numel()

    def bytes_of(self, extent: Extent) -> Tensor:
        """Those of a part of it."""
        return self.data[extent.start - self.start : extent.end - self.start]

    def give_back(self) -> None:
        """The memory goes now, whoever may still refer to it: who reads it again reads the file."""
        if self.mapped:
            LIBC.madvise(self.data.data_ptr(), self.data.numel(), mmap.MADV_DONTNEED)


@dataclass(slots=True)
class Held:
    """What is in memory of one file. `pinned`: nothing is mapped, all is read into memory that a device can read by itself.
    `cache`: what is known of the page cache; it may be passed by where what is read was `verified` before."""

    pinned: bool = False
    pieces: list[Piece] = field(default_factory=list)
    cache: Cache | None = None
    verified: bool = True

    def read(self, file: int, extents: Sequence[Extent], look: Look, *, exactly: bool = False, path: str = "") -> None:
        """Brings bytes of a file into memory, and `exactly` these where what lies beside them is not to be read along. `OSError`
        where that fails: what is there by then is given back by `drop`."""
        for start, end in _pages([extent for extent in extents if self._maps(extent) and extent.bytes]):
            self.pieces.append(Piece(_map(file, start, end), start, True))
        if self.cache is None or not self.pieces or exactly:
            self._through(look, exactly)
        elif self.verified:
            self._watched(file, path, self.cache, look)
        else:
            self.cache.through.add((path, self.pieces[0].start))
            self._through(look)
        for extent in extents:
            if not self._maps(extent) and extent.bytes:
                self._make_room()
                self.pieces.append(Piece(self._own(extent.bytes), extent.start, False))
                _copy(file, extent, self.pieces[-1].data, look)

    def _watched(self, file: int, path: str, cache: Cache, look: Look) -> None:
        """What is mapped is read, or replaced by what is read past the page cache."""
        way = cache.way((path, self.pieces[0].start), in_cache([piece.data for piece in self.pieces]))
        begun = time.perf_counter()
        if way == "past" and not self._past(file, cache, look):
            way = "through"
        if way != "past":
            self._through(look)
        if way != "cached":
            cache.took(way, sum(piece.data.numel() for piece in self.pieces), time.perf_counter() - begun)

    def _through(self, look: Look, exactly: bool = False) -> None:
        """What is mapped is read through the page cache."""
        self._make_room()
        mapped = [piece.data for piece in self.pieces if piece.mapped]
        for data in mapped if exactly else ():
            ask(data, [(0, data.numel())])
        for data in mapped:
            populate(data, look)

    def _make_room(self) -> None:
        """Other memory is about to be laid out."""
        if self.cache is not None:
            self.cache.regions.release()

    def _past(self, file: int, cache: Cache, look: Look) -> bool:
        """What is mapped is read past the page cache; False where the file system cannot."""
        for i, piece in enumerate(self.pieces):
            data = read_past(file, piece.start, piece.end, cache.regions, look)
            if data is None:
                return False
            self.pieces[i] = Piece(data, piece.start, mapped=False, past=True)
        return True

    def _maps(self, extent: Extent) -> bool:
        return extent.mappable and not self.pinned

    def _own(self, size: int) -> Tensor:
        """Memory of its own, so that it is given back as soon as nothing refers to it."""
        if self.pinned:
            return torch.empty(size, dtype=torch.uint8, pin_memory=True)
        return torch.frombuffer(mmap.mmap(-1, size), dtype=torch.uint8)

    def reserve(self, file: int, extent: Extent) -> Piece:
        """Pages for bytes of a file, none of them read yet."""
        start = extent.start - extent.start % mmap.PAGESIZE
        self.pieces.append(Piece(_map(file, start, extent.end), start, True, False))
        return self.pieces[-1]

    def bytes_of(self, extent: Extent) -> Tensor:
        """Bytes that were read, as they lie in memory."""
        if not extent.bytes:
            return torch.empty(0, dtype=torch.uint8)
        fitting = (one for one in self.pieces if one.whole and one.paged == self._maps(extent))
        piece = next(one for one in fitting if one.start <= extent.start and extent.end <= one.end)
        return piece.bytes_of(extent)

    def digest(self, file: int, size: int, look: Look) -> str:
        """The sha256 of the whole file, whose mapped part is read where it is in memory."""
        found, at = hashlib.sha256(), 0
        for piece in sorted((one for one in self.pieces if one.mapped and one.whole), key=lambda one: one.start):
            _hash_file(found, file, at, piece.start, look)
            for start in range(0, piece.data.numel(), BLOCK):
                look()
                found.update(memoryview(piece.data[start : start + BLOCK].numpy()))  # type: ignore[arg-type]
            at = piece.end
        _hash_file(found, file, at, size, look)
        return found.hexdigest()

    def touch(self, idle: Callable[[], bool]) -> None:
        """Reads a byte of each page, the last first, while there is nothing else to do. In a virtual machine the host may lay a
        page out only when it is first touched: better here than between two products. Who computes begins with the first."""
        for piece in reversed(self.pieces):
            if piece.mapped and piece.whole:
                for start in reversed(range(0, piece.data.numel(), TOUCHED)):
                    part = piece.data[start : start + TOUCHED]
                    if not idle() or not touch_pages(part.data_ptr(), part.numel()):
                        return

    def drop(self) -> None:
        """Gives all of it back."""
        for piece in self.pieces:
            piece.give_back()
        self.pieces.clear()


def _map(file: int, start: int, end: int) -> Tensor:
    """Bytes of a file, from the first of a page, until nothing refers to them. (`mmap.mmap` would keep a descriptor for each:
    there may be fewer of those than a model has chunks.)"""
    size, at = end - start, map_pages(file, start, end - start)
    pages = (ctypes.c_char * size).from_address(at)
    weakref.finalize(pages, LIBC.munmap, at, size).atexit = False
    return torch.frombuffer(pages, dtype=torch.uint8)


def _pages(extents: Sequence[Extent]) -> list[tuple[int, int]]:
    """The runs of pages that hold these bytes, from first byte to last. What lies on neighbouring pages is one."""
    found: list[tuple[int, int]] = []
    for extent in sorted(extents, key=lambda one: one.start):
        start = extent.start - extent.start % mmap.PAGESIZE
        if found and start <= -(-found[-1][1] // mmap.PAGESIZE) * mmap.PAGESIZE:
            found[-1] = (found[-1][0], max(found[-1][1], extent.end))
        else:
            found.append((start, extent.end))
    return found


def ask(data: Tensor, runs: Sequence[tuple[int, int]]) -> None:
    """The kernel begins to read these runs of bytes of mapped pages, which begin with a page, and nothing around them."""
    at, madvise = data.data_ptr(), LIBC.madvise
    madvise(at, data.numel(), mmap.MADV_RANDOM)
    for start, end in runs:
        for first in range(start, end, ASKED):
            madvise(at + first, min(ASKED, end - first), mmap.MADV_WILLNEED)


def populate_runs(data: Tensor, runs: Sequence[tuple[int, int]], sparse: bool) -> None:
    """`populate` for runs of bytes that begin with a page. If they are `sparse`, they are asked for before the first is waited
    for; else the kernel may read in long strides."""
    at, madvise = data.data_ptr(), LIBC.madvise
    if sparse:
        ask(data, runs)
    else:
        madvise(at, data.numel(), mmap.MADV_NORMAL)
    for start, end in runs:
        if madvise(at + start, end - start, POPULATE_READ):
            populate(data[start:end])


def populate(data: Tensor, look: Look = lambda: None) -> None:
    """Brings mapped pages into memory. `OSError` where their file cannot be read, or has ended."""
    for start in range(0, data.numel(), BLOCK):
        look()
        part = data[start : start + BLOCK]
        if LIBC.madvise(part.data_ptr(), part.numel(), POPULATE_READ):
            number = ctypes.get_errno()
            if number != errno.EINVAL:
                raise OSError(number, os.strerror(number))
            # A kernel that does not know it: touch each page.
            part[:: mmap.PAGESIZE].sum()


def _copy(file: int, extent: Extent, data: Tensor, look: Look) -> None:
    with memoryview(data.numpy()) as view:  # type: ignore[arg-type]
        for start in range(0, extent.bytes, BLOCK):
            look()
            part = view[start : start + BLOCK]
            if os.preadv(file, [part], extent.start + start) != len(part):
                raise OSError(errno.EIO, "the file ends too early")


def _hash_file(found: Any, file: int, start: int, end: int, look: Look) -> None:
    """Adds bytes of the file to a hash, a little at a time: they take no room worth counting."""
    step = BLOCK // 4
    for at in range(start, end, step):
        look()
        found.update(os.pread(file, min(step, end - at), at))
