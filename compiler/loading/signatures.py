"""What stored chunks must bring: the handles of a graph, the parameters of each, and how a store's tensors differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..ir import Graph
from ..types import TensorType
from .places import TensorPlace

Wanted = Mapping[str, TensorType]
"""Parameters by the name below their chunk."""


def of_member(handle: str, member: str) -> str:
    """The handle of a member of an array: `#part.i` of the array's."""
    if not member:
        return handle
    return f"{handle}.{member}" if "#" in handle else f"{handle}#{member}"


def stored_handles(graph: Graph, weights: str = "") -> dict[str, str]:
    """The handles of a graph by path of the chunk (of an array: of its members). `weights`: that of the whole model, at ""."""
    found = {"": weights} if weights else {}
    for chunk in graph.chunks:
        if handle := chunk.extern or chunk.source:
            for member in chunk.members:
                path = f"{chunk.path}.{member}" if member else chunk.path
                found[path] = of_member(handle, member)
    return found


def wanted_of(graph: Graph, paths: Iterable[str]) -> dict[str, dict[str, TensorType]]:
    """For each of these paths the parameters and states that are stored there: each at the innermost path that it lies below."""
    found: dict[str, dict[str, TensorType]] = {path: {} for path in paths}
    for entry in graph.parameters:
        parts = entry.path.split(".")
        homes = (".".join(parts[:end]) for end in range(len(parts) - 1, -1, -1))
        home = next((path for path in homes if path in found), None)
        if home is not None:
            found[home][entry.path.removeprefix(f"{home}.") if home else entry.path] = entry.type
    return found


@dataclass(frozen=True, slots=True)
class Differences:
    """How the tensors of a store differ from what is wanted: names of those that are `missing` or `superfluous`, and those of
    another dtype or shape with both."""

    missing: tuple[str, ...]
    superfluous: tuple[str, ...]
    other: tuple[tuple[str, TensorType, str], ...]

    @property
    def fit(self) -> bool:
        """Whether all that is wanted is there."""
        return not self.missing and not self.other


def differences(wanted: Wanted, found: Mapping[str, TensorPlace]) -> Differences:
    """What of `wanted` is not in `found` as it is wanted."""
    other = []
    for name, kind in wanted.items():
        place = found.get(name)
        if place is not None and (place.dtype != kind.dtype or place.shape != kind.shape):
            other.append((name, kind, f"{place.dtype}[{', '.join(map(str, place.shape))}]"))
    missing = tuple(name for name in wanted if name not in found)
    return Differences(missing, tuple(name for name in found if name not in wanted), tuple(other))


def listed(names: Iterable[str], most: int = 4) -> str:
    """Names for a message: the first few, and how many more."""
    known = list(names)
    shown = ", ".join(f"`{name}`" for name in known[:most])
    return shown + (f" and {len(known) - most} more" if len(known) > most else "")
