"""Recording a profile: the decisions of call after call, added up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .ir import Graph
from .profile import Activity, KeptSet, Profile, fingerprint, selections_of, ways_of

Array = NDArray[Any]
Decision = Array | tuple[Array, Array]
"""What was kept, bool [decisions…, ways]; or that and, of the same shape, where it was decided at all."""

MOST_SETS = 32
"""Kept sets that a profile lists for a selection: the most frequent ones."""
COUNTED_SETS = 2**14
"""Kept sets that are counted at once. Where more occur, the rarer half is forgotten (so their counts are lower bounds)."""
REMEMBERED = 2**20
"""Scores of a selection that are remembered. Where more occur, later ones are not (so `repeats` is a lower bound)."""


@dataclass(slots=True)
class _Tally:
    """One selection so far. `seen` holds scores, None as soon as a call came without them."""

    ways: int
    kept: Array
    most: Array
    decisions: int = 0
    sets: Counter[bytes] = field(default_factory=Counter)
    alike: Counter[bytes] = field(default_factory=Counter)
    seen: set[bytes] | None = field(default_factory=set)
    repeats: int = 0

    def add(self, kept: Array, score: Array | None) -> None:
        """One call's decisions, bool [n, ways], and the scores that they were taken on."""
        count = kept.shape[0]
        if not count:
            return
        load = kept.sum(0)
        self.decisions += count
        self.kept += load
        self.most = np.maximum(self.most, load / count)
        sets, counts = _distinct(np.packbits(kept, axis=1))
        self.sets.update(dict(zip(sets, map(int, counts))))
        if len(sets) == 1:
            self.alike[sets[0]] += 1
        for table in (self.sets, self.alike):
            if len(table) > COUNTED_SETS:
                kept_on = table.most_common(COUNTED_SETS // 2)
                table.clear()
                table.update(dict(kept_on))
        self.repeat(score)

    def repeat(self, score: Array | None) -> None:
        if score is None or self.seen is None:
            self.seen = None
            return
        keys, _ = _distinct(np.ascontiguousarray(score).view(np.uint8).reshape(score.shape[0], -1))
        new = [key for key in keys if key not in self.seen]
        self.repeats += score.shape[0] - len(new)
        self.seen.update(new[: max(0, REMEMBERED - len(self.seen))])

    def activity(self) -> Activity:
        listed = sorted(self.sets, key=lambda one: (-self.sets[one], one))[:MOST_SETS]
        # What whole calls kept is listed too, though it may be rare among decisions.
        listed += [one for one, _ in self.alike.most_common(MOST_SETS) if one not in listed]
        sets = tuple(KeptSet(self.members(one), self.sets[one], self.alike[one]) for one in listed)
        repeats = None if self.seen is None else self.repeats
        most = tuple(round(float(share), 6) for share in self.most)
        return Activity(self.ways, self.decisions, tuple(map(int, self.kept)), most, sets, repeats)

    def members(self, packed: bytes) -> tuple[int, ...]:
        bits = np.unpackbits(np.frombuffer(packed, np.uint8), count=self.ways)
        return tuple(map(int, bits.nonzero()[0]))


def _distinct(rows: Array) -> tuple[list[bytes], Array]:
    """The distinct rows of bytes [n, width], and how often each occurs."""
    width = max(1, rows.shape[1])
    if rows.shape[1] == 0:
        rows = np.zeros((rows.shape[0], 1), np.uint8)
    whole = np.ascontiguousarray(rows).view(np.dtype((np.void, width))).ravel()
    found, counts = np.unique(whole, return_counts=True)
    return [one.tobytes() for one in found], counts


class Recorder:
    """Adds up calls of a model: of each selection whose ways are counted when it is compiled."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.calls = 0
        self.dims: Counter[tuple[tuple[str, int], ...]] = Counter()
        counted = {path: ways_of(select) for path, select in selections_of(graph).items()}
        self.tallies = {path: _Tally(n, np.zeros(n, np.int64), np.zeros(n)) for path, n in counted.items() if n is not None}

    def add(self, decisions: Mapping[str, Decision], dims: Mapping[str, int], scores: Mapping[str, Array] | None = None) -> None:
        """One call: its decisions by path, the sizes of its inputs, and the scores where they are known, shaped alike."""
        self.calls += 1
        self.dims[tuple(sorted(dims.items()))] += 1
        for path, tally in self.tallies.items():
            if path in decisions:
                tally.add(*_taken(decisions[path], (scores or {}).get(path), tally.ways))

    def profile(self) -> Profile:
        """What was recorded so far."""
        activities = {path: tally.activity() for path, tally in self.tallies.items()}
        dims = tuple((MappingProxyType(dict(sizes)), calls) for sizes, calls in self.dims.most_common())
        return Profile(self.graph.name, fingerprint(self.graph), self.calls, dims, MappingProxyType(activities))


def _taken(decision: Decision, score: Array | None, ways: int) -> tuple[Array, Array | None]:
    """The decisions that were taken, [n, ways], and their scores."""
    kept, known = decision if isinstance(decision, tuple) else (decision, None)
    rows = np.asarray(kept, bool).reshape(-1, ways)
    scored = None if score is None else np.asarray(score).reshape(-1, ways)
    if known is None:
        return rows, scored
    taken = np.asarray(known, bool).reshape(-1, ways)[:, 0]
    return rows[taken], None if scored is None else scored[taken]
