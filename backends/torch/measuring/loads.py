"""How long loads of weights take here: the loader of modules (`residing/loader.py`) on files in a folder, in and out of the page
cache."""

from __future__ import annotations

import hashlib
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from ....compiler.loading.handles import Handle
from ....compiler.loading.places import Blob, Resolved, TensorPlace
from ..residing.loader import Loader
from ..residing.parcels import Parcel

LARGE, SMALL = 32 << 20, 64 << 10
"""Bytes of files: those by which rates are told, and those by which what any load takes."""
FILES = 6


@dataclass(frozen=True, slots=True)
class LoadRates:
    """Seconds and bytes a second. `request`: of any load, besides its bytes; `mapped`: of what the page cache holds; `hashed`: of
    hashing beside; `dropped`: of giving back; `latency` and `cold`: of what comes from the disk. `size`: bytes of the disk."""

    request: float
    mapped: float
    hashed: float
    dropped: float
    latency: float
    cold: float
    size: float


def measure_loads(folder: str | os.PathLike[str] | None = None, *, large: int = LARGE, count: int = FILES) -> LoadRates:
    """Measures in a new folder within `folder` (None: where temporary files go): with `count` files of `large` bytes, by default
    200 MB in two or three seconds."""
    with tempfile.TemporaryDirectory(dir=folder) as here, _loader() as loader:
        many, few = (_files(Path(here), size, count) for size in (large, SMALL))
        # First from the disk: the pages that reading makes are not those that writing leaves, which are mapped faster.
        cold, _ = _loaded(loader, many, before=_forget, of=statistics.fmean)  # disks have bursts: what lasts is their mean
        first, _ = _loaded(loader, few, before=_forget)
        warm, dropped = _loaded(loader, many)
        request, _ = _loaded(loader, few)
        whole, _ = _loaded(loader, many, hashed=True)
        found = os.statvfs(here)
    latency = max(first - request, 0.0)
    return LoadRates(
        request=request,
        mapped=_rate(large, warm - request),
        hashed=_rate(large, whole - warm),
        dropped=_rate(large, dropped),
        latency=latency,
        cold=min(_rate(large, cold - latency), _rate(large, warm - request)),
        size=float(found.f_frsize * found.f_blocks),
    )


def _rate(size: int, seconds: float) -> float:
    """Bytes a second; 1 TB/s where the clock sees nothing."""
    return size / max(seconds, size / 1e12)


@contextmanager
def _loader() -> Iterator[Loader]:
    loader = Loader()
    try:
        yield loader
    finally:
        for key in list(loader.jobs):
            loader.drop(key)
        loader.close()


def _files(folder: Path, size: int, count: int) -> list[Path]:
    """Files of noise, on the disk."""
    found = []
    for number in range(count):
        found.append(folder / f"{size}-{number}")
        with found[-1].open("wb") as file:
            file.write(torch.randint(256, (size,), dtype=torch.uint8).numpy().tobytes())
            file.flush()
            os.fsync(file.fileno())
    return found


def _forget(path: Path) -> None:
    """The page cache lets a file go, where the system can."""
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _loaded(
    loader: Loader,
    files: Sequence[Path],
    *,
    hashed: bool = False,
    before: Callable[[Path], None] | None = None,
    of: Callable[[Sequence[float]], float] = statistics.median,
) -> tuple[float, float]:
    """The median seconds from asking for one of these files to having it, and of giving it back."""
    clock, loads, drops = time.perf_counter, [], []
    for path in files:
        if before is not None:
            before(path)
        size = path.stat().st_size
        blob = Blob(str(path), hashlib.sha256(path.read_bytes()).hexdigest() if hashed else "", size)
        place = TensorPlace(blob, "f32", (size // 4,), 0, size)
        stored = Resolved(Handle(path.name, "", "", path.name), "weights", path.name, blob.sha256, (blob,), {"weight": place})
        loader.parcels[path.name] = Parcel(path.name, stored, {"weight": place}, True)
        start = clock()
        loader.load(path.name)
        loader.wait(path.name)
        there = clock()
        loader.jobs.pop(path.name).give_back()
        loads.append(there - start)
        drops.append(clock() - there)
    return of(loads), of(drops)
