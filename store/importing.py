"""Imports checkpoints as versions, split into chunks. Tensors are copied from file to file in pieces: memory holds one piece."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ..compiler.diagnostics import CompileError
from ..compiler.loading.handles import Handle, parse_handle, refused
from ..compiler.loading.places import TensorPlace
from .checkpoint import Found, read_files
from .files import LocalFiles
from .manifest import Manifest, Part, is_part
from .names import name_and_version, shown
from .renaming import Renames, renamed
from .splitting import parse_split
from .store import Store
from .writing import Tensor, pieces

Progress = Callable[[str, int, int], None]
"""Is told the part that was stored, and how many of how many bytes are."""


def import_tensors(
    store: Store,
    source: Iterable[Tensor],
    named: str,
    split: str = "",
    *,
    rename: Renames | None = None,
    program: str | None = None,
    progress: Progress | None = None,
) -> Manifest:
    """Stores tensors as the version `named` (`name@version`), a part for each that `split` tells apart (`splitting.py`), called
    what `rename` makes of their names (`renaming.py`).

    `program`: the `.cc` text of the model that they belong to. Each tensor is read once, when its part is written. The version
    appears at the end, whole or not at all. CC1402 where `named` is no name and version, CC1405 where that exists with other
    content, CC1436 where a name stands twice, CC1437 where the split does not fit, CC1412 where the disk is full."""
    name, version = name_and_version(named)
    pattern = parse_split(split)
    tensors: dict[str, Tensor] = {}
    for tensor in source:
        if tensor.name in tensors:
            message = f"two tensors are called `{shown(tensor.name)}`"
            raise refused("CC1436", message, named, hint="rename one of them", what="import")
        tensors[tensor.name] = tensor
    if rename:
        tensors = {new: tensors[old].named(new) for old, new in renamed(tensors, rename).items()}
    if not tensors:
        hint = "is another file, part or module meant?"
        raise refused("CC1416", "there is no tensor to import", named, hint=hint, what="import")
    parts = dict(sorted(pattern.parts(tensors).items()))
    _check_names(parts, named)
    _check_tensors(parts, named)
    done, total = 0, sum(tensor.bytes for tensor in tensors.values())
    stored: dict[str, Part] = {}
    with store.writing() as writer:
        for part, names in parts.items():
            start = len(part) + 1 if part else 0
            stored[part] = Part(writer.put_tensors(tensors[one].named(one[start:]) for one in names))
            done += sum(tensors[one].bytes for one in names)
            if progress is not None:
                progress(part, done, total)
        text = None if program is None else writer.put([program.encode("utf-8")])
        return writer.publish(name, version, stored, text)


def _check_names(parts: Mapping[str, list[str]], named: str) -> None:
    wrong = next((part for part in parts if not is_part(part)), None)
    if wrong is not None:
        hint = "rename its tensors, or split at another place"
        raise refused("CC1437", f"`{shown(wrong)}` cannot name a part", named, hint=hint, what="import")


def _check_tensors(parts: Mapping[str, list[str]], named: str) -> None:
    """CC1437 for what a safetensors file calls no tensor: it notes other things as `__metadata__`."""
    for part, names in parts.items():
        for name in names:
            below = name[len(part) + 1 if part else 0 :]
            if below == "__metadata__" or any("\ud800" <= char <= "\udfff" for char in below):
                message = f"`{shown(name)}` cannot be stored: no tensor of a safetensors file is called `{shown(below)}`"
                raise refused("CC1437", message, named, hint="rename it: `--rename OLD=NEW`, or `rename=`", what="import")


def import_checkpoint(
    store: Store,
    source: str,
    named: str,
    split: str = "",
    *,
    rename: Renames | None = None,
    progress: Progress | None = None,
) -> Manifest:
    """Stores a checkpoint: a .safetensors file, an index with its shards, a folder with either (and `model.cc`, its program), or
    a handle of what lies elsewhere (`hf:org/repo@revision#part`, `https://…`), which is fetched first.

    Besides what `import_tensors` says: CC1423 where nothing is there, CC1425 for a pickle, CC1435 and CC1436 for shards that do
    not fit together, CC1404 for a damaged file."""
    name_and_version(named)
    parse_split(split)
    if ":" in source and not Path(source).exists():
        found = _fetched(store, source)
    else:
        path = Path(source)
        if not path.exists():
            hint = f"paths are relative to {Path.cwd()}; what lies elsewhere is `hf:org/repo` or a URL"
            raise refused("CC1423", f"there is no file or folder `{shown(source)}`", source, hint=hint, what="import")
        home, name = (path, "") if path.is_dir() else (path.parent, path.name)
        # Links lead anywhere: who types a path may read it, and caches of checkpoints are full of links.
        files = LocalFiles(home, source, within=Path("/"), hashing=False)
        found = read_files(files, name, Handle(source, "", "file", source))
    if found.kind not in ("weights", "model"):
        raise refused("CC1416", f"`{source}` has no tensors that could be split", source, hint="chunkc store add", what="import")
    text = found.program.text if found.program else None
    tensors = read(found.tensors, source)
    return import_tensors(store, tensors, named, split, rename=rename, program=text, progress=progress)


def _fetched(store: Store, source: str) -> Found:
    """What a handle of something elsewhere stands for."""
    from .remote import fetched

    handle = parse_handle(source)
    if handle.scheme in ("", "file") or handle.runner:
        hint = "name a file, a folder, `hf:org/repo` or a URL"
        raise refused("CC1423", f"`{shown(source)}` is no file or folder that is there", source, hint=hint, what="import")
    found = fetched(handle, store, None, False)[1]
    wanted = {name: place for name, place in found.tensors.items() if not handle.part or name.startswith(f"{handle.part}.")}
    return replace(found, tensors=wanted)


def read(tensors: Mapping[str, TensorPlace], named: str) -> Iterator[Tensor]:
    """Tensors that lie in files, to be read there."""
    for name, place in tensors.items():
        yield Tensor(name, place.dtype, place.shape, place.bytes, _Reading(place, named))


@dataclass(frozen=True, slots=True)
class _Reading:
    place: TensorPlace
    named: str

    def __call__(self) -> Iterator[bytes]:
        try:
            yield from pieces(self.place.blob.path, self.place.start, self.place.bytes)
        except EOFError as error:
            raise self.shorter() from error

    def shorter(self) -> CompileError:
        return refused("CC1404", "the file became shorter while it was read", self.named, hint="import it again", what="import")
