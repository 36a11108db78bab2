"""Garbage: blobs that no version refers to and nothing fetched, and what writers that died left in `tmp/`."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .blobs import room_for
from .locking import held
from .store import Store
from .verifying import files, is_blob


@dataclass(frozen=True, slots=True)
class Collected:
    """What went: blobs, files and folders in `tmp/`, and the bytes of both."""

    blobs: tuple[str, ...]
    drafts: tuple[str, ...]
    bytes: int


def collect(store: Store, waiting: Callable[[], None] = lambda: None, *, dry: bool = False) -> Collected:
    """Deletes what nothing refers to; `dry`: only tells it. Waits until no writer is at work, having called `waiting`. CC14xx
    where a table or a manifest cannot be read: what it refers to is not known, and nothing is deleted."""
    with room_for(store.there().root):
        (store.root / "tmp").mkdir(exist_ok=True)
        with held(store.root, "writers", waiting=waiting):
            kept = referred(store)
            blobs = [path for path in files(store) if is_blob(store, path) and path.name not in kept and not path.is_dir()]
            drafts = [path for path in sorted((store.root / "tmp").iterdir()) if path.suffix == ".part"]
            size = sum(map(_size, (*blobs, *drafts)))
            for path in () if dry else (*blobs, *drafts):
                _delete(path)
                _drop_empty(path.parent, store)
    return Collected(tuple(path.name for path in blobs), tuple(path.name for path in drafts), size)


def referred(store: Store) -> set[str]:
    """The sha256 of each blob that a version is, or refers to, or that was fetched."""
    kept = {pin.removeprefix("sha256:") for pins in store.fetches.read().rows.values() for pin in pins.values()}
    for name, entries in store.index.read().rows.items():
        for version in entries:
            manifest = store.version(name, version)
            kept |= {manifest.sha256, *(blob.sha256 for blob in manifest.blobs)}
    return kept


def _is_folder(path: Path) -> bool:
    """A draft is one where a library wrote it (`hub.py`)."""
    return path.is_dir() and not path.is_symlink()


def _size(path: Path) -> int:
    return sum(map(_size, path.iterdir())) if _is_folder(path) else path.lstat().st_size


def _delete(path: Path) -> None:
    if _is_folder(path):
        shutil.rmtree(path)
    else:
        path.unlink()


def _drop_empty(folder: Path, store: Store) -> None:
    if folder != store.root / "tmp" and not any(folder.iterdir()):
        folder.rmdir()
