"""Whether all of a store is as it was written: each blob's hash, each manifest, each alias. Everything that is wrong is found
in one run."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..compiler.diagnostics import CompileError, Diagnostic
from . import versions
from .blobs import broken, digest_of, place
from .manifest import Manifest
from .names import is_digest
from .safetensors import read_header
from .store import Store
from .tables import TableFile


@dataclass
class Verified:
    """What was looked at, and what is wrong with it."""

    blobs: int = 0
    bytes: int = 0
    versions: int = 0
    aliases: int = 0
    findings: list[Diagnostic] = field(default_factory=list)


def verify(store: Store, told: Callable[[int], None] = lambda count: None) -> Verified:
    """Reads all of a store; `told` the bytes as they are read. CC1400 where there is none. Beside writers it sees what they have
    published."""
    found = Verified()
    tables = [each for each in (store.there().index, store.aliases, store.fetches) if _read(found, each)]
    for folder in (store.root / "blobs", store.root / "blobs" / "sha256"):
        if folder.is_symlink():
            hint = "let the whole store lie elsewhere: move its folder, and name it by `--store DIR`"
            found.findings += broken("CC1409", f"`{folder}` is a link: no blob is read through it", folder, hint).diagnostics
    damaged = set(_blobs(store, found, told))
    if store.index in tables:
        for manifest in _manifests(store, found):
            _check_version(store, manifest, damaged, found)
        if store.aliases in tables:
            found.aliases = sum(map(len, store.aliases.read().rows.values()))
            found.findings += versions.problems(store.index.read(), store.aliases.read())
    if store.fetches in tables:
        for pins in store.fetches.read().rows.values():
            for pin in pins.values():
                _there(store, pin.removeprefix("sha256:"), damaged, found)
    return found


def files(store: Store) -> Iterator[Path]:
    """All that lies among the blobs, in order. `gc` may take it meanwhile."""
    folder = store.root / "blobs" / "sha256"
    for below in sorted(folder.iterdir()) if folder.is_dir() else ():
        try:
            yield from sorted(below.iterdir()) if below.is_dir() and not below.is_symlink() else (below,)
        except FileNotFoundError:
            continue


def is_blob(store: Store, path: Path) -> bool:
    """Whether something among the blobs has the name of one, in the right place."""
    return is_digest(path.name) and place(store.root, path.name) == path


def _read(found: Verified, table: TableFile) -> bool:
    try:
        table.read()
    except CompileError as error:
        found.findings += error.diagnostics
        return False
    return True


def _blobs(store: Store, found: Verified, told: Callable[[int], None]) -> Iterator[str]:
    """Checks each blob; gives those that are damaged."""
    for path in files(store):
        try:
            mode = path.lstat().st_mode
        except FileNotFoundError:
            continue  # `gc` took it meanwhile
        if not is_blob(store, path):
            stray = broken("CC1417", f"`{path.relative_to(store.root)}` is no blob", path, "nothing reads it: move it away")
            found.findings += stray.diagnostics
            continue
        if not stat.S_ISREG(mode):
            wrong = broken("CC1409", f"the blob {path.name} is no file: a link or a folder is never read as one", path)
            found.findings += wrong.diagnostics
            yield path.name
            continue
        try:
            size = path.stat().st_size
            right = digest_of(path) == path.name
        except FileNotFoundError:
            continue
        except OSError as error:
            found.findings += broken("CC1409", f"the blob {path.name} cannot be read: {error.strerror}", path).diagnostics
            yield path.name
            continue
        told(size)
        found.blobs, found.bytes = found.blobs + 1, found.bytes + size
        if not right:
            message = f"the blob {path.name} does not hold what its name says: it was cut short, or changed"
            found.findings += broken("CC1409", message, path).diagnostics
            yield path.name


def _manifests(store: Store, found: Verified) -> Iterator[Manifest]:
    seen: set[str] = set()
    for name, entries in store.index.read().rows.items():
        for version, pin in entries.items():
            found.versions += 1
            try:
                manifest = store.version(name, version)
            except CompileError as error:
                # Of a damaged blob that was said already; two versions may share it.
                found.findings += [one for one in error.diagnostics if one.code != "CC1409" and pin not in seen]
            else:
                yield manifest
            seen.add(pin)


def _check_version(store: Store, manifest: Manifest, damaged: set[str], found: Verified) -> None:
    """Whether the files of a version are there, and are what the manifest says."""
    for blob in manifest.blobs:
        if not _there(store, blob.sha256, damaged, found):
            continue
        path = place(store.root, blob.sha256)
        size = path.stat().st_size
        if size != blob.bytes:
            message = (
                f"the manifest of `{manifest.location}` says {blob.bytes:,} bytes of the blob {blob.sha256}, which has {size:,}"
            )
            found.findings += broken("CC1401", message, path).diagnostics
    for part in manifest.parts.values():
        if part.kind == "weights" and part.blob.sha256 not in damaged:
            try:
                read_header(part.blob.path)
            except FileNotFoundError:
                continue  # said above
            except CompileError as error:
                found.findings += error.diagnostics


def _there(store: Store, sha256: str, damaged: set[str], found: Verified) -> bool:
    """Whether a blob can be looked at; says once that one is missing."""
    if sha256 in damaged:
        return False
    path = place(store.root, sha256)
    if path.exists():
        return True
    damaged.add(sha256)
    found.findings += broken("CC1408", f"the blob {sha256} is missing", path).diagnostics
    return False
