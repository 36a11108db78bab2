"""The tensors of a version, or of a part of it, whatever files they lie in.

The full name of a tensor is its part's name, a dot, and its name in that part's blob. A part that is asked for, `layers`, is all
tensors whose full names begin with `layers.`, named by what follows: of parts `layers.0 …` all together, and of a version that is
one file those below the prefix.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ..compiler.diagnostics import did_you_mean
from ..compiler.loading.handles import refused
from ..compiler.loading.places import Blob, TensorPlace
from .manifest import Manifest, Part
from .names import among, listed, shown
from .safetensors import Header, read_header


@dataclass
class Headers:
    """Headers that were read, by file, with their names sorted: an array asks for the same one a member."""

    known: dict[tuple[str, int, int, int], tuple[Header, tuple[str, ...]]] = field(default_factory=dict)

    def of(self, blob: Blob) -> tuple[Header, tuple[str, ...]]:
        """CC1404 where the blob is no safetensors file."""
        found = os.stat(blob.path)
        key = (blob.path, found.st_ino, found.st_size, found.st_mtime_ns)
        if key not in self.known:
            header = read_header(blob.path)
            self.known[key] = header, tuple(sorted(header.tensors))
        return self.known[key]


def touched(manifest: Manifest, part: str) -> dict[str, Part]:
    """The parts that hold something of `part`: itself, those below, and those that it lies in."""
    if not part:
        return dict(manifest.parts)
    words = part.split(".")
    above = (".".join(words[:count]) for count in range(len(words) + 1))
    names = [*above, *among(manifest.ordered, part)]
    return {name: manifest.parts[name] for name in names if name in manifest.parts}


def tensors_of(manifest: Manifest, part: str, headers: Headers) -> dict[str, TensorPlace]:
    """By the name below `part`, in order. CC1407 where the part is not there. The blobs are there."""
    found: dict[str, TensorPlace] = {}
    for name, each in touched(manifest, part).items():
        if each.kind != "weights":
            continue
        header, ordered = headers.of(each.blob)
        # Of a part that `part` lies in, what begins with the rest of it; else all, and `part` is cut off.
        rest = part[len(name) + 1 if name else 0 :]
        for tensor in among(ordered, rest) if rest else ordered:
            full, stored = f"{name}.{tensor}" if name else tensor, header.tensors[tensor]
            below = full[len(part) + 1 :] if part else full
            found[below] = TensorPlace(each.blob, stored.dtype, stored.shape, stored.start, stored.bytes)
    if part and not found:
        raise no_part(manifest, part, _prefixes(manifest, headers))
    return dict(sorted(found.items()))


def no_part(manifest: Manifest, part: str, known: Iterable[str]) -> Exception:
    """CC1407: a version has nothing below a name."""
    names = list(known)
    hint = did_you_mean(part, names) or listed("it has", names) or "it has no parts"
    text = f"{manifest.location}#{shown(part)}"
    return refused("CC1407", f"`{manifest.location}` has no part `{shown(part)}`", text, hint=hint)


def _prefixes(manifest: Manifest, headers: Headers) -> list[str]:
    """What could be asked for: prefixes of full names, the short ones first."""
    found: Mapping[str, TensorPlace] = tensors_of(manifest, "", headers) if _all_there(manifest) else {}
    words = [name.split(".") for name in [*found, *(f"{part}." for part in manifest.parts if part)]]
    names = {".".join(parts[:count]): count for parts in words for count in range(1, len(parts))}
    return sorted(names, key=lambda name: (names[name], name))


def _all_there(manifest: Manifest) -> bool:
    return all(os.path.exists(blob.path) for blob in manifest.blobs)
