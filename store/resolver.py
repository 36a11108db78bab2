"""Resolver: what a handle stands for now, wherever it lies. All it gives is pinned, and equal to the lock where there is one.

name@version       the store's tables
file:              the spec's folder
URLs, hf:          fetched into the store, or found there by what the lock says (`remote.py`, `hub.py`)
py:                what is installed, if that is allowed
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..compiler.loading.handles import Handle, parse_handle, refused
from ..compiler.loading.places import Blob, Resolved
from .checkpoint import Found, below, read_files
from .default import GIVE_ONE, store_for
from .files import LocalFiles, together
from .lockfile import Entry, Lock, beside, read_lock
from .remote import Seen, fetched
from .store import Store


@dataclass
class Resolver:
    """Finds what handles stand for, for the specs of one `folder`.

    - `store`: where names lie, and where what is fetched is kept; None: neither is possible;
    - `lock`: what handles must stand for (CC1432); `offline`: nothing is fetched (CC1428);
    - `allow_python`: `py:` handles may import modules, which runs their code (CC1426).
    """

    store: Store | None
    folder: Path
    lock: Lock | None = None
    offline: bool = False
    allow_python: bool = False
    _known: dict[str, tuple[Resolved, Entry]] = field(default_factory=dict)
    _seen: Seen = field(default_factory=Seen)

    def resolve(self, handle: str) -> Resolved:
        """What a handle stands for now; `CompileError` (CC14xx) where there is nothing, or it is not what was asked for."""
        found, entry = self.entry(handle)
        if self.lock:
            self.lock.check(handle, entry)
        said = self.allow_python or self.offline
        return replace(found, allowed=self.allow_python, offline=self.offline) if said else found

    def entry(self, text: str) -> tuple[Resolved, Entry]:
        """The same with what a lock would say of it, which is not compared with what the lock does say."""
        try:
            return self._entry(text)
        except OSError as error:  # a file that may not be read, a disk that fails
            why = (error.strerror or str(error)).lower()
            named = f"`{error.filename}`: " if error.filename else ""
            hint = "see to it that the file can be read; `chunkc store verify` tells of those of a store"
            raise refused("CC1423", f"what it stands for cannot be read: {named}{why}", text, hint=hint) from error

    def _entry(self, text: str) -> tuple[Resolved, Entry]:
        handle = parse_handle(text)
        locked = self.lock.entries.get(text) if self.lock else None
        files: Mapping[str, str] = {}
        if handle.runner == "py":
            found = self._python(handle)
        elif not handle.scheme:
            found = self._stored(handle)
        elif handle.scheme == "file":
            found, files = self._beside(handle)
        elif text in self._known:
            return self._known[text]
        else:
            found, files = self._fetched(handle, locked)
        if handle.scheme and handle.pin and found.sha256 != handle.pin:
            hint = "put back what it was, or pin what it is now"
            raise refused("CC1431", f"it is pinned to sha256 {handle.pin}, and has {found.sha256}", text, hint=hint)
        entry = Entry.of(found, files)
        if handle.scheme not in ("", "file"):
            self._known[text] = found, entry
        return found, entry

    # ---- where it may lie

    def _stored(self, handle: Handle) -> Resolved:
        """A version in the store."""
        if self.store is None:
            raise refused("CC1427", "names without a scheme are a store's, and there is no store", handle.text, hint=GIVE_ONE)
        manifest = self.store.version(handle.name, handle.version)
        if handle.runner and manifest.kind != handle.runner:
            message = f"`{handle.runner}:` runs what was stored as such, and `{manifest.location}` is of kind {manifest.kind}"
            raise refused("CC1425", message, handle.text, hint=f"leave out `{handle.runner}:`")
        tensors = self.store.tensors(manifest, handle.part) if manifest.kind in ("weights", "model") else {}
        blobs = self.store.files(manifest, handle.part)
        location = f"{manifest.location}#{handle.part}" if handle.part else manifest.location
        location = f"{handle.runner}:{location}" if handle.runner else location
        program = self.store.program(manifest)
        return Resolved(handle, manifest.kind, location, manifest.sha256, blobs, tensors, program, handle.part)

    def _beside(self, handle: Handle) -> tuple[Resolved, Mapping[str, str]]:
        """A file or folder beside the spec. Files are named by their paths in its folder. Links lead elsewhere in the spec's
        folder, but an ONNX file reads nothing outside its own."""
        path = LocalFiles(self.folder, handle.text).path(handle.name)
        above, name = (handle.name, "") if path.is_dir() else handle.name.rpartition("/")[::2]
        home = self.folder / above
        files = LocalFiles(home, handle.text, within=None if handle.runner else self.folder)
        return resolved(handle, handle.text, read_files(files, name, handle), folder=str(home.resolve()))

    def _fetched(self, handle: Handle, locked: Entry | None) -> tuple[Resolved, Mapping[str, str]]:
        """What lies elsewhere, by way of the store."""
        if self.store is None:
            message = "what is fetched is kept in a store, and there is none"
            raise refused("CC1427", message, handle.text, hint=GIVE_ONE)
        location, found = fetched(handle, self.store, locked, self.offline, self._seen)
        return resolved(handle, location, found)

    def _python(self, handle: Handle) -> Resolved:
        """A class of a module in the folder, or of one that is installed. It is imported when it runs, not here."""
        if not self.allow_python:
            message = f"`{handle.text}` imports a module, which runs code that the spec does not show"
            hint = "if you know that code, say `--allow-python`, or `allow_python=True` in Python"
            raise refused("CC1426", message, handle.text, label="not allowed", hint=hint)
        return Resolved(handle, "py", handle.text, "", (), folder=str(self.folder.resolve()))


def resolver_for(
    spec: str | Path,
    store: Store | str | Path | None = None,
    *,
    offline: bool = False,
    allow_python: bool = False,
    locked: bool = True,
    lock: str | Path | None = None,
) -> Resolver:
    """The resolver of a spec's file: the store that is given, else the usual one (`default.py`); files out of its folder; and the
    `lock` (by default the one beside it, if it is there), unless not `locked`. CC1433 where that cannot be read.

    Store and folder are kept as absolute paths: who serves the spec may move to another working directory."""
    folder = Path(spec).parent
    found = store if isinstance(store, Store) else store_for(store, folder)
    held = read_lock(Path(lock) if lock is not None else beside(folder)) if locked else None
    if locked and lock is not None and held is None:
        hint = "`chunkc lock SPEC` writes one beside the spec; without `lock=` that one holds, if it is there"
        raise refused("CC1433", f"there is no lock at `{lock}`", str(lock), hint=hint, what="lock")
    return Resolver(found and Store(found.root.absolute()), folder.absolute(), held, offline, allow_python)


def resolved(handle: Handle, location: str, found: Found, folder: str = "") -> tuple[Resolved, Mapping[str, str]]:
    """What was found, pinned, and its files for a lock."""
    tensors = below(found.tensors, handle.part, handle.text) if found.kind == "weights" or found.tensors else {}
    blobs: tuple[Blob, ...] = tuple({blob.sha256: blob for blob in found.files.values()}.values())
    identity = together(list(found.files.items()))
    answer = Resolved(handle, found.kind, location, identity, blobs, tensors, found.program, handle.part, folder)
    return answer, {name: blob.sha256 for name, blob in found.files.items()}
