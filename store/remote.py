"""What lies elsewhere, fetched into the store and kept there by its content; a lock says where it is found without fetching."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..compiler.diagnostics import CompileError
from ..compiler.loading.handles import Handle, refused
from ..compiler.loading.places import Blob
from .blobs import blob_at
from .checkpoint import Found, read_files
from .hub import HubFiles, from_hub
from .lockfile import Entry
from .store import Store
from .urls import UrlFiles, from_url, taken_apart


@dataclass
class Seen:
    """Commits by repository and revision, folders by URL."""

    commits: dict[tuple[str, str], HubFiles] = field(default_factory=dict)
    folders: dict[str, UrlFiles] = field(default_factory=dict)


def fetched(handle: Handle, store: Store, locked: Entry | None, offline: bool, seen: Seen | None = None) -> tuple[str, Found]:
    """The location (branches resolved) and what lies there. `seen`: what was looked at before, and is taken to be as it was:
    members of an array are of one commit, and are not asked for one by one."""
    seen = Seen() if seen is None else seen
    if locked is not None and (kept := kept_files(handle, store, locked)) is not None:
        return locked.location, read_files(kept, kept.main, handle)
    if offline:
        why = "the store has not all files of it that the lock names" if locked else "no lock says what it stands for"
        hint = "`chunkc lock SPEC`, without `--offline`, fetches it once"
        raise refused("CC1428", f"nothing is fetched with `--offline`, and {why}", handle.text, hint=hint)
    if handle.scheme == "hf":
        return from_hub(handle, store, locked, seen.commits)
    return from_url(handle, store, seen.folders)


@dataclass(frozen=True, slots=True)
class KeptFiles:
    """Files of a lock that are in the store. The first that was asked for is the `main` one."""

    files: Mapping[str, Blob]
    text: str
    main: str
    beside: bool = False

    def names(self) -> Sequence[str]:
        return list(self.files)

    def has(self, name: str) -> bool:
        return name in self.files

    def get(self, name: str) -> Blob:
        if name not in self.files:
            raise refused("CC1433", f"the lock does not name the file `{name}` of it", self.text, hint="lock again")
        return self.files[name]


def kept_files(handle: Handle, store: Store, locked: Entry) -> KeptFiles | None:
    """The files that a lock names, if the store has them all."""
    found = {}
    for name, sha256 in locked.files.items():
        try:
            found[name] = blob_at(store.root, sha256)
        except CompileError:  # CC1408: not there, so it is fetched (again)
            return None
    main = "" if handle.scheme == "hf" else taken_apart(handle.name)[1]
    return KeptFiles(found, handle.text, main) if found else None
