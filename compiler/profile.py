"""Activity profiles: what the selections of a model kept while it was used, and the file that holds it (`docs/profiles.md`).

A profile only ever makes a call faster: what is built on it checks the call's own decisions first. What is checked here is that a
profile belongs to the model: the parameter table, which no pass changes, and the number of ways of each selection.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from types import MappingProxyType

from .ir import Graph, Node, call_path
from .selection import paths_of
from .source import NOWHERE, Span

FORMAT = "chunkc profile"
VERSION = 1


@dataclass(frozen=True, slots=True)
class KeptSet:
    """One set of ways: how many decisions kept exactly it, and in how many calls every decision did."""

    ways: tuple[int, ...]
    decisions: int
    calls: int = 0


@dataclass(frozen=True, slots=True)
class Activity:
    """What one selection did, over all calls.

    - `kept`: for each way, how many of the `decisions` kept it;
    - `most`: for each way, the largest share of one call's decisions that kept it;
    - `sets`: the most frequent kept sets, the most frequent first;
    - `repeats`: how many decisions had a score that an earlier one had had too, bit for bit; None where that was not looked at.
    """

    ways: int
    decisions: int
    kept: tuple[int, ...]
    most: tuple[float, ...]
    sets: tuple[KeptSet, ...] = ()
    repeats: int | None = None

    @property
    def never(self) -> tuple[int, ...]:
        """The ways that no decision kept."""
        return tuple(way for way, count in enumerate(self.kept) if not count)

    @property
    def frequencies(self) -> tuple[float, ...]:
        """For each way, the share of decisions that kept it."""
        return tuple(count / max(1, self.decisions) for count in self.kept)

    def likely(self, count: int) -> tuple[int, ...]:
        """The `count` ways that were kept most often, the most frequent first; of ways kept alike the lower. Never those that no
        decision kept. What a speculative prefetch loads."""
        order = sorted((way for way, kept in enumerate(self.kept) if kept), key=lambda way: (-self.kept[way], way))
        return tuple(order[:count])


def merged(activities: Iterable[Activity]) -> Activity | None:
    """Several selections of one form as if they were one: what a body does that is called in several places. None if there are
    none, or if their ways differ."""
    known = list(activities)
    if len({one.ways for one in known}) != 1:
        return None
    sets: dict[tuple[int, ...], tuple[int, int]] = {}
    for one in known:
        for entry in one.sets:
            decisions, calls = sets.get(entry.ways, (0, 0))
            sets[entry.ways] = decisions + entry.decisions, calls + entry.calls
    order = sorted(sets, key=lambda ways: (-sets[ways][0], ways))
    repeats = [one.repeats for one in known if one.repeats is not None]
    return Activity(
        known[0].ways,
        sum(one.decisions for one in known),
        tuple(map(sum, zip(*(one.kept for one in known)))),
        tuple(map(max, zip(*(one.most for one in known)))),
        tuple(KeptSet(ways, *sets[ways]) for ways in order),
        sum(repeats) if len(repeats) == len(known) else None,
    )


@dataclass(frozen=True, slots=True, repr=False)
class Profile:
    """What the selections of a model did in `calls` calls, by their paths as `stats()` has them.

    `dims`: the sizes of run-time dimensions with the number of calls that had them. `origin`: the place of the fingerprint in the
    file that was read.
    """

    model: str
    fingerprint: str
    calls: int
    dims: tuple[tuple[Mapping[str, int], int], ...] = ()
    selections: Mapping[str, Activity] = field(default_factory=lambda: MappingProxyType({}))
    origin: Span = field(default=NOWHERE, compare=False)

    def __repr__(self) -> str:
        return f"<profile of {self.model}, {self.calls} calls>"

    def likely(self, path: str, count: int) -> tuple[int, ...]:
        """The ways of a selection that were kept most often; () for one that the profile does not know."""
        return self.selections[path].likely(count) if path in self.selections else ()

    def write(self, path: str | PathLike[str]) -> None:
        """Writes the file; `OSError` if that fails."""
        Path(path).write_text(profile_text(self), encoding="utf-8")


def fingerprint(graph: Graph) -> str:
    """16 hexadecimal digits of the model's name and parameter table: the same after every pass, in training and in eval."""
    lines = [graph.name, *(f"{entry.path} {entry.type} {entry.kind}" for entry in graph.parameters)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def selections_of(graph: Graph) -> dict[str, Node]:
    """The `select` node at each path under a graph, as `stats()` names them, in the order of the graph."""
    found: dict[str, Node] = {}

    def walk(one: Graph, caller: str) -> None:
        for node in one.nodes:
            if node.op == "select":
                for path in paths_of(node):
                    found.setdefault(caller + path, node)
            elif node.op == "apply" and node.attrs["body"] is not None:
                for member in node.attrs["members"]:
                    walk(node.attrs["body"], call_path(caller, node, member))

    walk(graph, "")
    return found


def ways_of(select: Node) -> int | None:
    """How many ways a selection has; None where that is known at run time only, and there is no counting by way."""
    ways = select.selection.kept.shape[-1]
    return ways if isinstance(ways, int) else None


# ---- the text


def profile_text(profile: Profile) -> str:
    """The profile as a JSON file, an entry a line."""
    dims = [json.dumps({"sizes": dict(sizes), "calls": calls}) for sizes, calls in profile.dims]
    selections = [f"{json.dumps(path)}: {_activity_text(one)}" for path, one in profile.selections.items()]
    lines = [
        f'  "format": {json.dumps(FORMAT)}',
        f'  "version": {VERSION}',
        f'  "model": {json.dumps(profile.model)}',
        f'  "fingerprint": {json.dumps(profile.fingerprint)}',
        f'  "calls": {profile.calls}',
        f'  "dims": {_block(dims, "[]", 4)}',
        f'  "selections": {_block(selections, "{}", 4)}',
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _activity_text(one: Activity) -> str:
    sets = [json.dumps({"ways": list(s.ways), "decisions": s.decisions, "calls": s.calls}) for s in one.sets]
    lines = [
        f'"ways": {one.ways}',
        f'"decisions": {one.decisions}',
        f'"kept": {list(one.kept)}',
        f'"most": {json.dumps(list(one.most))}',
        f'"sets": {_block(sets, "[]", 8)}',
        f'"repeats": {json.dumps(one.repeats)}',
    ]
    return _block(lines, "{}", 6)


def _block(entries: list[str], brackets: str, indent: int) -> str:
    if not entries:
        return brackets
    inner = ",\n".join(" " * indent + entry for entry in entries)
    return f"{brackets[0]}\n{inner}\n{' ' * (indent - 2)}{brackets[1]}"
