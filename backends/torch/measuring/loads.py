"""How long loads of weights take here: the loader of modules (`residing/loader.py`) on files in a folder, in and out of the page
cache."""

from __future__ import annotations

import hashlib
import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from ....compiler.loading.handles import Handle
from ....compiler.loading.page_cache import Way
from ....compiler.loading.places import Blob, Resolved, TensorPlace
from ..residing.loader import Loader
from ..residing.parcels import Parcel

LARGE, SMALL = 32 << 20, 64 << 10
"""Bytes of files: those by which rates are told, and those by which what any load takes."""
FILES, PASSES = 6, 4
"""Files, and how often they are read from the disk. Disks have bursts: what lasts is the mean, of all else the median is told."""


@dataclass(frozen=True, slots=True)
class LoadRates:
    """Seconds and bytes a second. `request`: of any load, besides its bytes; `mapped`: of what the page cache holds; `hashed`: of
    hashing beside; `dropped`: of giving back; `latency` and `cold`: of what comes from the disk through the page cache; `past`:
    of what comes past it (0: the file system cannot). `size`: bytes of the disk."""

    request: float
    mapped: float
    hashed: float
    dropped: float
    latency: float
    cold: float
    past: float
    size: float


def measure_loads(folder: str | os.PathLike[str] | None = None, *, large: int = LARGE, count: int = FILES) -> LoadRates:
    """Measures in a new folder within `folder` (None: where temporary files go): with `count` files of `large` bytes, by default
    200 MB in two or three seconds."""
    with tempfile.TemporaryDirectory(dir=folder) as here, _loader() as loader:
        many, few = (_files(Path(here), size, count) for size in (large, SMALL))
        # First from the disk: the pages that reading makes are not those that writing leaves, which are mapped faster.
        cold, past = (statistics.fmean(_loaded(loader, many * PASSES, cold=way)[0]) for way in ("through", "past"))
        first = statistics.median(_loaded(loader, few, cold="through")[0])
        _loaded(loader, many)  # they lie in the page cache again
        warm, dropped = map(statistics.median, _loaded(loader, many))
        request = statistics.median(_loaded(loader, few)[0])
        whole = statistics.median(_loaded(loader, many, hashed=True)[0])
        found, can = os.statvfs(here), loader.cache is not None and bool(loader.cache.pace["past"])
    latency = max(first - request, 0.0)
    return LoadRates(
        request=request,
        mapped=_rate(large, warm - request),
        hashed=_rate(large, whole - warm),
        dropped=_rate(large, dropped),
        latency=latency,
        cold=min(_rate(large, cold - latency), _rate(large, warm - request)),
        past=_rate(large, past - latency) if can else 0.0,
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


def _files(folder: Path, size: int, count: int) -> list[Blob]:
    """Files of the same noise, on the disk."""
    data = torch.randint(256, (size,), dtype=torch.uint8).numpy().tobytes()
    digest, found = hashlib.sha256(data).hexdigest(), []
    for number in range(count):
        path = folder / f"{size}-{number}"
        with path.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        found.append(Blob(str(path), digest, size))
    return found


def _forget(blob: Blob) -> None:
    """The page cache lets a file go, where the system can."""
    with open(blob.path, "rb") as file:
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


@torch.no_grad()
def _loaded(
    loader: Loader, files: Sequence[Blob], *, hashed: bool = False, cold: Way | None = None
) -> tuple[Sequence[float], Sequence[float]]:
    """The seconds from asking for each of these files to having it, and of giving it back. `cold`: from the disk, by this way."""
    assert loader.cache is not None
    loader.cache.only = cold or "through"
    clock, loads, drops, x = time.perf_counter, [], [], torch.zeros(1, 1024)
    for one in files:
        if cold:
            _forget(one)
        blob = one if hashed else replace(one, sha256="")
        place = TensorPlace(blob, "f32", (blob.bytes // 4096, 1024), 0, blob.bytes)
        stored = Resolved(Handle(blob.path, "", "", blob.path), "weights", blob.path, blob.sha256, (blob,), {"weight": place})
        loader.parcels[blob.path] = Parcel(blob.path, stored, {"weight": place}, True)
        start = clock()
        loader.load(blob.path)
        loader.wait(blob.path)
        loads.append(clock() - start)
        job = loader.jobs.pop(blob.path)
        for weight in job.tensors.values():  # what was read by a call takes longer to give back
            torch.nn.functional.linear(x, weight)
        start = clock()
        job.give_back()
        drops.append(clock() - start)
    return loads, drops
