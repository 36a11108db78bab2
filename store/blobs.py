"""Blobs: files by the sha256 of their content, written once, never changed.

A blob appears under its name whole or not at all: it is written to `tmp/`, flushed, and renamed; then its folder is flushed. Two
writers of the same content both succeed, and one file stays.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..compiler.diagnostics import CompileError, Diagnostic, Label
from ..compiler.loading.handles import place_of
from ..compiler.loading.places import Blob
from .names import is_digest, no_digest

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
LONGEST_TEXT = 64 << 20
"""Of a manifest or a program, in bytes: what an index names by mistake is not read into memory."""
REPAIR = "add it again from its source, which puts the right file in its place"


def place(root: Path, sha256: str) -> Path:
    """Where a blob lies. CC1402 where `sha256` is none: no text from outside becomes part of a path."""
    if not is_digest(sha256):
        raise no_digest(sha256)
    return root / "blobs" / "sha256" / sha256[:2] / sha256


def put(root: Path, data: Iterable[bytes | memoryview]) -> Blob:
    """Stores what comes in pieces. CC1412 where the disk is full; the store is then as it was."""
    with room_for(root), _draft(root) as (handle, path):
        digest, size = hashlib.sha256(), 0
        for piece in data:
            digest.update(piece)
            size += memoryview(piece).nbytes
            _write(handle, piece)
        os.fchmod(handle, 0o444)
        os.fsync(handle)
        final = place(root, digest.hexdigest())
        made(final.parent, root)
        # Also where there is one already, for that may be damaged. Who has mapped the old file keeps it.
        os.rename(path, final)
        flush_folder(final.parent)
    return Blob(str(final), digest.hexdigest(), size)


@contextmanager
def room_for(root: Path) -> Iterator[None]:
    """Says a full disk, and a folder that cannot be written, as CC1412 and CC1413."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            message = f"there is no room in the store at `{root}`: {(error.strerror or '').lower()}"
            hint = "the store is as it was; make room (`chunkc store gc` helps), or take another place with `--store DIR`"
            raise _refused("CC1412", message, root, hint) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.EEXIST, errno.ENOTDIR):
            message = f"the store at `{root}` cannot be written: {(error.strerror or '').lower()}"
            raise _refused("CC1413", message, root, "take a folder that you may write to with `--store DIR`") from error
        raise


def blob_at(root: Path, sha256: str, size: int | None = None) -> Blob:
    """A blob that is there with its size; CC1408 where it is not, CC1409 where it is no plain file inside the store, or has
    another size. Its content is not read."""
    path = place(root, sha256)
    try:
        found = os.lstat(path)
    except FileNotFoundError as error:
        raise broken("CC1408", f"the blob {sha256} is missing", path) from error
    if not stat.S_ISREG(found.st_mode) or any(map(os.path.islink, path.parents[:3])):
        raise broken("CC1409", f"the blob {sha256} is no file of the store: a link or a folder is never read as one", path)
    if size is not None and found.st_size != size:
        raise broken("CC1409", f"the blob {sha256} has {found.st_size:,} bytes, and should have {size:,}", path)
    return Blob(str(path), sha256, found.st_size)


def broken(code: str, message: str, path: Path, hint: str = REPAIR) -> CompileError:
    """What is wrong with a blob's file."""
    return _refused(code, message, path, hint)


def text_of(blob: Blob) -> str:
    """The text of a small blob, its hash checked: CC1409 where it differs, CC1401 where it is no text."""
    if blob.bytes > LONGEST_TEXT:
        raise broken("CC1401", f"the blob {blob.sha256} should hold text, and has {blob.bytes:,} bytes", Path(blob.path))
    data = Path(blob.path).read_bytes()
    if hashlib.sha256(data).hexdigest() != blob.sha256:
        raise broken("CC1409", f"the blob {blob.sha256} does not hold what its name says", Path(blob.path))
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise broken("CC1401", f"the blob {blob.sha256} should hold text, and does not", Path(blob.path)) from error


def digest_of(path: str | Path) -> str:
    """The sha256 of a file, read in pieces."""
    with open(path, "rb", buffering=0) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def made(folder: Path, root: Path) -> None:
    """Makes a folder below a store's root, to stay there when the power fails."""
    if not folder.is_dir():
        made(folder.parent, root)
        folder.mkdir(exist_ok=True)
        flush_folder(folder.parent)


def flush_folder(folder: Path) -> None:
    """Makes what was renamed into a folder stay there when the power fails."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def replace_text(root: Path, path: Path, text: str) -> None:
    """Writes a file of the store anew, whole or not at all."""
    with room_for(root), _draft(root) as (handle, draft):
        _write(handle, text.encode("utf-8"))
        os.fchmod(handle, 0o644)
        os.fsync(handle)
        os.rename(draft, path)
        flush_folder(path.parent)


@contextmanager
def _draft(root: Path) -> Iterator[tuple[int, str]]:
    """A new file in `tmp/`, gone at the end unless it was renamed."""
    handle, path = tempfile.mkstemp(dir=root / "tmp", suffix=".part")
    try:
        yield handle, path
    finally:
        os.close(handle)
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass  # renamed


def _write(handle: int, data: bytes | memoryview) -> None:
    view = memoryview(data).cast("B")
    while view:
        view = view[os.write(handle, view) :]


def _refused(code: str, message: str, path: Path, hint: str) -> CompileError:
    return CompileError([Diagnostic(code, message, (Label(place_of(str(path), "store")),), hint)])
