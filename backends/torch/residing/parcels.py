"""Parcels: the stored parameters that come and go together, and where they lie."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from ....compiler.diagnostics import Diagnostic, Label
from ....compiler.ir import Graph, Parameter
from ....compiler.loading.handles import place_of
from ....compiler.loading.places import Resolved, TensorPlace
from ..foreign.runners import Foreign
from .mapping import Extent

ALWAYS = "always "
"""Before the path of a chunk: its parameters that are there as long as the module is called."""


@dataclass(frozen=True, slots=True)
class Part:
    """A stored chunk that a parcel holds, or the parcel's own: what is named where it cannot be loaded."""

    path: str
    stored: Resolved


@dataclass(frozen=True, slots=True)
class Parcel:
    """Parameters by their paths. `path`: the unit, or the chunk, that they are of; `stored`: what they are a part of; `fault`:
    why they cannot be loaded, where that is known beforehand, and of which part."""

    path: str
    stored: Resolved
    places: Mapping[str, TensorPlace]
    goes: bool
    """Whether it may go between two calls."""
    fault: tuple[Part, Diagnostic] | None = None
    foreign: tuple[Foreign, ...] = ()
    """Chunks that something else runs."""
    partial: frozenset[str] = frozenset()
    """Those of which only rows are read, as they are kept (`rows.py`)."""
    inner: Mapping[str, Part] = field(default_factory=dict)
    """Of parameters in stored chunks further inside: these."""

    def part(self, names: Iterable[str]) -> Part:
        """Whose these parameters are: the parcel's own, or of a chunk further inside (of several: one of them)."""
        own = Part(self.path, self.stored)
        return min((self.inner.get(name, own) for name in names), key=lambda part: len(part.path), default=own)

    @property
    def bytes(self) -> int:
        return sum(place.bytes for place in self.places.values()) + sum(chunk.place.bytes for chunk in self.foreign)

    @property
    def files(self) -> set[str]:
        """What it is read from."""
        blobs = {place.blob for place in self.places.values()}
        return {blob.path for blob in blobs.union(*(chunk.place.blobs for chunk in self.foreign))}

    @property
    def later(self) -> int:
        """The bytes of those that are not read with it."""
        return sum(self.places[name].bytes for name in self.partial)

    @property
    def identity(self) -> tuple[object, ...]:
        """Equal for the same bytes."""
        tensors = ((name, at.blob.sha256, at.start, at.dtype, at.shape) for name, at in self.places.items())
        return (*tensors, *(chunk.key for chunk in self.foreign))


def chunk_of(path: str, chunks: Collection[str]) -> str | None:
    """The stored chunk that a parameter lies in: the innermost; None where it is no part of any."""
    found = [chunk for chunk in chunks if not chunk or path.startswith(f"{chunk}.")]
    return max(found, key=len, default=None)


def stored_parameters(graph: Graph, chunks: Collection[str]) -> dict[str, str]:
    """The stored chunk of each parameter that lies in one. States are no part: each module has its own."""
    found = {entry.path: chunk_of(entry.path, chunks) for entry in graph.parameters if entry.kind != "state"}
    return {path: chunk for path, chunk in found.items() if chunk is not None}


Home = Callable[[str], str | None]
"""The unit that a path lies in; None: in none that is ever away."""


def parcels_of(
    graph: Graph,
    snapshot: Mapping[str, Resolved],
    home: Home,
    foreign: Iterable[Foreign] = (),
    partial: frozenset[str] = frozenset(),
    optional: Collection[str] = (),
) -> dict[str, Parcel]:
    """The parcels of a snapshot, by unit; what lies in no unit, by `ALWAYS` and its chunk. Of the chunks that something else runs
    those in units: the others are loaded when they are first run. `partial`: parameters whose kept rows are loaded before they
    are read; they are, where they lie so that they can be mapped. `optional`: chunks that may be missing from the snapshot; they
    are no part of what is around them."""
    entries = {entry.path: entry for entry in graph.parameters}
    groups: dict[str, list[str]] = {}
    chunks = {path: chunk for path, chunk in stored_parameters(graph, {*snapshot, *optional}).items() if chunk in snapshot}
    for path, chunk in chunks.items():
        unit = home(path)
        groups.setdefault(ALWAYS + chunk if unit is None else unit, []).append(path)
    found = {}
    for name, paths in groups.items():
        # A unit may be made of several stored chunks; what is said of all of it names the first.
        first, goes = chunks[paths[0]], not name.startswith(ALWAYS)
        mine = Parcel(name if goes else first, snapshot[first], {}, goes)
        places: dict[str, TensorPlace] = {}
        inner: dict[str, Part] = {}
        fault: tuple[Part, Diagnostic] | None = None
        for path in paths:
            chunk, stored = chunks[path], snapshot[chunks[path]]
            if chunk.startswith(f"{mine.path}."):
                inner[path] = Part(chunk, stored)
            below = path[len(chunk) + 1 :] if chunk else path
            place = stored.tensors.get(below)
            reason = wrong(entries[path], below, place, stored)
            if reason is not None and fault is None:
                fault = inner.get(path, Part(mine.path, stored)), reason
            if place is not None:
                places[path] = place
        apart = {path for path in partial & places.keys() if goes and Extent.of(places[path]).mappable and places[path].bytes}
        found[name] = replace(mine, places=places, fault=fault, partial=frozenset(apart), inner=inner)
    for other in foreign:
        unit = home(other.path)
        if unit is not None:
            known = found.get(unit) or Parcel(unit, other.place, {}, True)
            reason, fault = too_large(other), known.fault
            if reason is not None and fault is None:
                fault = Part(other.path, other.place), reason
            found[unit] = replace(known, foreign=(*known.foreign, other), fault=fault)
    return found


def too_large(chunk: Foreign) -> Diagnostic | None:
    """What is wrong with a version that takes more than a plan has room for."""
    if chunk.place.bytes <= chunk.planned:
        return None
    message = f"`{chunk.place.location}` has {chunk.place.bytes:,} bytes, and the plan was made for {chunk.planned:,}"
    return chunk.diagnostic("CC1469", message, "compile the spec again, or move the alias back")


def wrong(entry: Parameter, inner: str, place: TensorPlace | None, stored: Resolved) -> Diagnostic | None:
    """What is wrong with a stored tensor, if it is not what its parameter is declared to be."""
    declared = f"{entry.type.dtype}[{', '.join(map(str, entry.type.shape))}]"
    if place is None:
        return told(
            "CC1453",
            f"it has no tensor `{inner}`; `{entry.path}` is declared {declared}",
            stored,
            "add it, or ask for another version",
        )
    if (place.dtype, place.shape) != (entry.type.dtype, entry.type.shape):
        found = f"{place.dtype}[{', '.join(map(str, place.shape))}]"
        message = f"its tensor `{inner}` is {found}, and `{entry.path}` is declared {declared}"
        return told("CC1453", message, stored, "store it in the declared dtype and shape, or declare what is stored")
    if place.start < 0 or place.start + place.bytes > place.blob.bytes:
        return told("CC1451", f"its tensor `{inner}` lies beyond the end of `{place.blob.path}`", stored, REPAIR)
    return None


REPAIR = "`chunkc store verify` names what is damaged; add it to the store again, or move the alias to another version"


def told(code: str, message: str, stored: Resolved, hint: str) -> Diagnostic:
    """What is wrong with something stored, at its handle."""
    return Diagnostic(code, message, (Label(place_of(stored.handle.text), f"is {stored.location}"),), hint)
