"""Weights of which only the rows are read that a mask keeps: mapped whole, populated row by row, each once while it is held.

The room is reserved for all of the weight, for all of it may be kept. Pages that no decision asks for are not read (those that
the page cache has anyway the kernel may map along, 64 KiB at a time). What reads the weight past this (nothing that is compiled
does) finds its bytes all the same: the kernel reads them.
"""

from __future__ import annotations

import mmap
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..hosting import host_step
from .mapping import Piece, populate_runs

ROWS = "chunkc_rows"
"""The attribute of a parameter that is loaded by rows: its `Rows`."""
MANY = 2
"""Where more than one page in so many is to be read, all are: one long read takes less than many short ones."""


class Rows:
    """Which pages of a mapped weight are in memory. `offset`: where it begins in its piece; `unread`: what to raise where its
    file cannot be read."""

    def __init__(self, piece: Piece, offset: int, rows: int, size: int, unread: Callable[[OSError], Exception]) -> None:
        self.piece, self.offset, self.rows, self.each, self.unread = piece, offset, rows, size // rows, unread
        self.there = np.zeros(-(-piece.data.numel() // mmap.PAGESIZE), dtype=bool)
        self.lock = threading.Lock()

    def load(self, parts: NDArray[np.bool_]) -> int:
        """Brings the rows of these parts (each a run of equally many) into memory; the bytes of the pages that were read."""
        wanted = self.pages(np.flatnonzero(np.repeat(parts, self.rows // len(parts))))
        with self.lock:
            missing = wanted & ~self.there
            sparse = int(missing.sum()) * MANY <= len(missing)
            if not sparse:
                missing = ~self.there
            # The last page ends with the weight.
            size = self.piece.data.numel()
            runs = [(start * mmap.PAGESIZE, min(end * mmap.PAGESIZE, size)) for start, end in runs_of(missing)]
            try:
                populate_runs(self.piece.data, runs, sparse)
            except OSError as error:
                raise self.unread(error) from error
            self.there |= missing
        return sum(end - start for start, end in runs)

    def pages(self, rows: NDArray[np.intp]) -> NDArray[np.bool_]:
        """The pages that these rows lie on."""
        first = (self.offset + rows * self.each) // mmap.PAGESIZE
        last = (self.offset + (rows + 1) * self.each - 1) // mmap.PAGESIZE
        count = len(self.there) + 1
        inside = np.cumsum(np.bincount(first, minlength=count) - np.bincount(last + 1, minlength=count))
        return inside[:-1] > 0


def runs_of(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """The runs of flags that are set, from first to behind the last."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]


@host_step
def load_rows(module: Any, weight: Tensor, kept: Tensor, axis: int = -1) -> None:
    """Before a product that reads only the rows of `weight` that `kept` keeps (its parts along an axis, counted from the end):
    those that any decision of the call keeps are brought into memory, if the weight is loaded by rows."""
    rows: Rows | None = None if module is None else weight.__dict__.get(ROWS)
    if rows is None or not weight.numel():
        return
    begun = time.perf_counter()
    count = rows.load(kept.movedim(axis, -1).flatten(0, -2).any(0).cpu().numpy())
    module._memory.residents.read_rows(count, time.perf_counter() - begun)
