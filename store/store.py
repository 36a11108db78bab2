"""A store: a folder with blobs, an index of versions, and aliases.

blobs/sha256/9f/9f86d0…    files by their content: safetensors, .onnx, .pt2, .cc, and manifests
index.toml                 which manifest each version of each name is
aliases.toml               which version each alias stands for
fetched.toml               which blob each location elsewhere gave
tmp/                       what is being written, and locks
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..compiler.diagnostics import CompileError
from ..compiler.loading.handles import refused
from ..compiler.loading.places import Blob, TensorPlace
from ..compiler.source import Source
from . import versions
from .blobs import blob_at, made, put, room_for, text_of
from .locking import held
from .manifest import Manifest, Part, parsed
from .manifest import text_of as manifest_text
from .names import checked_name, checked_version, shown
from .parts import Headers, tensors_of, touched
from .tables import Rows, TableFile, is_pin, is_target
from .writing import Tensor, written

INDEX = "# Versions of what is stored here: each is the content of its manifest. `chunkc store verify` checks all of it.\n"
ALIASES = "# What aliases stand for: versions, or other aliases. `chunkc store alias` changes a line, and so may you.\n"
FETCHED = "# What was fetched from elsewhere, by location.\n"


class Store:
    """The store in the folder `root`. Making one of these touches nothing; the folder is made by the first `writing`."""

    def __init__(self, root: str | Path):
        self.root = Path(root)
        self.index = TableFile(self.root, "index.toml", INDEX, is_pin)
        self.aliases = TableFile(self.root, "aliases.toml", ALIASES, is_target)
        self.fetches = TableFile(self.root, "fetched.toml", FETCHED, is_pin, is_name=lambda name: True)
        self.headers = Headers()
        self._manifests: dict[tuple[str, str, str], Manifest] = {}

    def there(self) -> Store:
        """This store; CC1400 where the folder is not there, or holds something else."""
        if not self.root.is_dir():
            hint = "`chunkc store add FILE --as NAME@VERSION` makes one; `--store DIR` names another"
            raise refused("CC1400", f"there is no store at `{self.root}`", str(self.root), hint=hint, what="store")
        if self.index.stamp() is None and self._is_another():
            hint = "`--store DIR` names a store's folder, or one that is empty"
            message = f"`{self.root}` is no store: it holds other files, and neither `{self.index.name}` nor `blobs`"
            raise refused("CC1400", message, str(self.root), hint=hint, what="store")
        return self

    def _is_another(self) -> bool:
        """Whether the folder holds what no store does: `gc` would delete there."""
        names = os.listdir(self.root)
        return "blobs" not in names and any(not (name == "tmp" or name.startswith(".")) for name in names)

    # ---- reading

    def names(self) -> list[str]:
        """All that something is stored under."""
        return sorted(self.there().index.read().rows)

    def versions(self, name: str) -> list[str]:
        """The versions of a name; CC1406 where there are none."""
        return sorted(versions.of(self.there().index.read(), name))

    def aliases_of(self, name: str) -> dict[str, str]:
        """The version that each alias of a name stands for, without those that stand for none."""
        known, own = self.there().index.read().rows.get(name, {}), self.aliases.read().rows.get(name, {})
        ends = {alias: versions.chain(known, own, alias)[-1] for alias in own}
        return {alias: end for alias, end in ends.items() if end in known}

    def version(self, name: str, wanted: str = "") -> Manifest:
        """The version that a version, an alias, `sha256:…` or `""` (the only one) stands for now; aliases are followed.

        CC1400, CC1406, CC1410, CC1411 where there is none; CC1408, CC1409 where its manifest is lost."""
        version, sha256 = versions.find(self.there().index.read(), self.aliases.read, name, wanted)
        key = (name, version, sha256)
        if key not in self._manifests:
            self._manifests[key] = parsed(self.root, text_of(blob_at(self.root, sha256)), *key)
        return self._manifests[key]

    def files(self, manifest: Manifest, part: str = "") -> tuple[Blob, ...]:
        """The blobs that hold a part (`""`: the version), without the program: they are there with their sizes, else CC1408,
        CC1409. Their content is not read."""
        blobs = [each.blob for each in touched(manifest, part).values()]
        return tuple({blob.sha256: blob_at(self.root, blob.sha256, blob.bytes) for blob in blobs}.values())

    def tensors(self, manifest: Manifest, part: str = "") -> Mapping[str, TensorPlace]:
        """The tensors of a part (`""`: of the version) by the name below it. CC1407 where there is no such part; CC1404, CC1408,
        CC1409 where a file of it is lost or damaged."""
        self.files(manifest, part)
        return tensors_of(manifest, part, self.headers)

    def program(self, manifest: Manifest) -> Source | None:
        """The `.cc` text of a model, its hash checked."""
        if manifest.program is None:
            return None
        text = text_of(blob_at(self.root, manifest.program.sha256, manifest.program.bytes))
        return Source(f"{manifest.location}.cc", text)

    def fetched(self, location: str) -> Blob | None:
        """What a location elsewhere gave, if it was fetched."""
        pin = self.fetches.read().rows.get(location, {}).get("content")
        return blob_at(self.root, pin.removeprefix("sha256:")) if pin else None

    # ---- writing

    @contextmanager
    def writing(self) -> Iterator[Writer]:
        """What puts something into the store, which is made if it is not there. Until the end `gc` takes nothing."""
        with room_for(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
            for folder in ("tmp", "blobs/sha256"):
                made(self.root / folder, self.root)
        with held(self.root, "writers", shared=True):
            yield Writer(self)

    def alias(self, name: str, alias: str, target: str) -> None:
        """Lets an alias stand for a version or another alias from now on. CC1402, CC1406, CC1410, CC1411, CC1405 where it
        cannot."""
        checked_version(alias, "alias")
        checked_version(target)
        with self.writing(), held(self.root, "tables"):
            index, rows = self.index.read(), rows_of(self.aliases)
            versions.find(index, self.aliases.read, name, target)
            if alias in index.rows[name]:
                raise taken(f"{name}@{alias}", "is a version", "take another word for the alias")
            rows.setdefault(name, {})[alias] = target
            chain = versions.chain(index.rows[name], rows[name], alias)
            if chain[-1] not in index.rows[name]:
                message = f"`{name}@{alias}` would stand for itself: {' -> '.join(chain)}"
                raise refused("CC1410", message, f"{name}@{alias}", hint="let it stand for a version")
            self.aliases.write(rows)

    def remove_alias(self, name: str, alias: str) -> None:
        """Removes an alias; CC1406 where there is none, or another stands for it."""
        with self.writing(), held(self.root, "tables"):
            rows = rows_of(self.aliases)
            own = rows.get(name, {})
            if alias not in own:
                hint = f"there are {', '.join(own)}" if own else f"`{name}` has no aliases"
                raise refused("CC1406", f"`{shown(name)}` has no alias `{shown(alias)}`", f"{name}@{alias}", hint=hint)
            users = [other for other, target in own.items() if target == alias]
            if users:
                hint = f"move or remove {', '.join(f'`{name}@{user}`' for user in users)} first"
                raise refused("CC1411", f"`{name}@{users[0]}` stands for `{name}@{alias}`", f"{name}@{alias}", hint=hint)
            del own[alias]
            self.aliases.write(rows)


@dataclass(frozen=True, slots=True)
class Writer:
    """Puts something into a store, while it is held against `gc`."""

    store: Store

    def put(self, data: Iterable[bytes | memoryview]) -> Blob:
        """A blob of these bytes. CC1412 where the disk is full."""
        return put(self.store.root, data)

    def put_tensors(self, tensors: Iterable[Tensor], metadata: Mapping[str, str] | None = None) -> Blob:
        """A safetensors blob, laid out so that it can be mapped: the same tensors make the same one."""
        return self.put(written(tensors, metadata))

    def publish(self, name: str, version: str, parts: Mapping[str, Part], program: Blob | None = None) -> Manifest:
        """Makes blobs that were put a version; once more with the same content does nothing. CC1405 where there is one of other
        content, or an alias of that name."""
        checked_name(name)
        checked_version(version)
        blob = self.put([manifest_text(parts, program).encode("utf-8")])
        with held(self.store.root, "tables"):
            rows = rows_of(self.store.index)
            pin = rows.setdefault(name, {}).setdefault(version, f"sha256:{blob.sha256}")
            if pin != f"sha256:{blob.sha256}":
                raise taken(f"{name}@{version}", "exists with other content", "a version never changes: add it as another")
            if version in self.store.aliases.read().rows.get(name, {}):
                raise taken(f"{name}@{version}", "is an alias", "take another word for the version")
            if rows != rows_of(self.store.index):
                self.store.index.write(rows)
        return Manifest(name, version, blob.sha256, dict(parts), program)

    def keep_fetched(self, location: str, blob: Blob) -> None:
        """Remembers what a location elsewhere gave; `gc` keeps it."""
        with held(self.store.root, "tables"):
            rows = rows_of(self.store.fetches)
            rows[location] = {"content": f"sha256:{blob.sha256}"}
            self.store.fetches.write(rows)


def rows_of(table: TableFile) -> Rows:
    """The rows as they are now, to be changed."""
    return {name: dict(entries) for name, entries in table.read().rows.items()}


def taken(text: str, why: str, hint: str) -> CompileError:
    """CC1405: a version or alias is there already."""
    return refused("CC1405", f"`{text}` {why}", text, hint=hint, what="store")
