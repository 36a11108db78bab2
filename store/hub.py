"""Repositories of Hugging Face, by huggingface_hub: safetensors and programs, of one commit, and of those only what is needed."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..compiler.loading.handles import Handle
from ..compiler.loading.places import Blob
from .blobs import blob_at, room_for
from .checkpoint import Found, read_files
from .lockfile import Entry
from .store import Store, Writer
from .urls import LARGEST, Asking
from .writing import pieces

_COMMIT = re.compile(r"[0-9a-f]{40}")


def from_hub(
    handle: Handle, store: Store, locked: Entry | None, known: dict[tuple[str, str], HubFiles]
) -> tuple[str, Found]:
    """What a repository holds, at the commit that is locked or else that the revision means now (or meant, if it is `known`)."""
    revision = _locked_commit(locked) or (handle.version if not handle.pin else "") or "main"
    key = (handle.name, revision)
    if key not in known:
        known[key] = _commit(handle, store, revision)
    files = replace(known[key], text=handle.text)
    location = f"hf:{handle.name}@{files.commit}" + (f"#{handle.part}" if handle.part else "")
    location = f"{handle.runner}:{location}" if handle.runner else location
    return location, read_files(files, "", handle)


def _commit(handle: Handle, store: Store, revision: str) -> HubFiles:
    """What the server says of a revision."""
    asking = Asking(handle.text, f"hf:{handle.name}")
    api = asking.do(_api)
    info = asking.do(lambda: api.model_info(handle.name, revision=revision, files_metadata=True))
    sizes = {each.rfilename: each.size for each in info.siblings}
    sha256 = {each.rfilename: each.lfs.sha256 for each in info.siblings if each.lfs is not None}
    return HubFiles(api, handle.name, info.sha, handle.text, store, sizes, sha256)


def _api() -> Any:
    import huggingface_hub

    return huggingface_hub.HfApi(endpoint=os.environ.get("HF_ENDPOINT"), library_name="chunkc")


def _locked_commit(locked: Entry | None) -> str:
    found = locked.location.partition("#")[0].rpartition("@")[2] if locked else ""
    return found if _COMMIT.fullmatch(found) else ""


@dataclass
class HubFiles:
    """The files of one commit. `sha256`: of those that the server keeps by content, so what the store has is not fetched."""

    api: Any
    repository: str
    commit: str
    text: str
    store: Store
    sizes: dict[str, int | None]
    sha256: dict[str, str]
    beside: bool = False
    _here: dict[str, Blob] = field(default_factory=dict)

    def names(self) -> Sequence[str]:
        return sorted(self.sizes)

    def has(self, name: str) -> bool:
        return name in self.sizes

    def get(self, name: str) -> Blob:
        if name not in self._here:
            self._here[name] = self._kept(name) or self._fetched(name)
        return self._here[name]

    def _kept(self, name: str) -> Blob | None:
        sha256 = self.sha256.get(name, "")
        there = sha256 and (self.store.root / "blobs" / "sha256" / sha256[:2] / sha256).exists()
        return blob_at(self.store.root, sha256, self.sizes[name]) if there else None

    def _fetched(self, name: str) -> Blob:
        location = f"hf:{self.repository}@{self.commit}/{name}"
        asking = Asking(self.text, location)
        size = self.sizes.get(name)
        if size is not None and size > LARGEST:
            raise asking.failed(f"it has {size:,} bytes, and at most {LARGEST:,} are fetched")
        with self.store.writing() as writer, room_for(self.store.root):
            folder = tempfile.mkdtemp(dir=self.store.root / "tmp", suffix=".part")
            try:
                blob = self._through(folder, name, asking, writer)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
            if self.sha256.get(name, blob.sha256) != blob.sha256:
                raise asking.failed(f"its sha256 is {blob.sha256}, and {self.sha256[name]} was announced")
            writer.keep_fetched(location, blob)
        return blob

    def _through(self, folder: str, name: str, asking: Asking, writer: Writer) -> Blob:
        """By a file of its own in the store, as the library writes it."""
        path = asking.do(
            lambda: self.api.hf_hub_download(self.repository, name, revision=self.commit, local_dir=folder)  # resumes, retries
        )
        return writer.put(pieces(path, 0, Path(path).stat().st_size))
