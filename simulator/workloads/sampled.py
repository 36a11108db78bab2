"""Selections that fall by chance: how many decisions keep each way, drawn or measured, and no more than that."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...compiler.calls import Kept
from ...compiler.dims import evaluate
from ...compiler.ir import Node
from ...compiler.selection import paths_of
from ...compiler.work import Dims
from ..routes import Counts, Route, drawn
from ..walking.falls import Fallen
from ..walking.place import Place, Where
from ..walking.positions import Array
from .rules import UNSURE, allowed


@dataclass(slots=True)
class Sampled:
    """Falls by route. What is drawn is kept by path, so that a workload is drawn once however often it is walked.

    - `routes`: by path of a selection, or under "" for all others;
    - `counts`: measured ones by path, [inputs, ways];
    - `shares`: the kept share, of masks and of gates that keep or not; `hits`: the share of rows that a cache holds. By path.
    """

    inputs: int
    routes: Mapping[str, Route]
    counts: Mapping[str, Counts] = field(default_factory=dict)
    shares: Mapping[str, float] = field(default_factory=dict)
    hits: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0
    known: dict[Any, Counts] = field(default_factory=dict)

    def start(self) -> Where:
        return None

    def fell(self, place: Place, select: Node, spread: Array | None) -> Counted:
        own = select.attrs["select"] if select.op == "ladder" else select
        paths = [place.path + path for path in paths_of(own)]
        decisions, samples = self.decisions(place, own)
        counts = self.drawn(place, own, paths, decisions)
        if counts.shape[1] and place.ran is not None:
            counts = np.where(place.ran[:, None], counts, 0)
        share = self.share(place, own, paths, decisions, counts)
        return Counted(counts, decisions, samples, own, share, spread, place)

    def held(self, place: Place, node: Node, rows: Array) -> Array:
        path = place.path + str(node.attrs["path"])
        return np.floor(rows * self.hits.get(path, 0.0)).astype(np.int64)

    def decisions(self, place: Place, select: Node) -> tuple[Counts, Counts]:
        """How many decisions are taken, and for how many samples, by input."""
        shape = select.selection.kept.shape[:-1]
        found = []
        for n in range(self.inputs if place.levels else 1):
            dims, share = place.sizes(tuple(float(level[n]) for level in place.levels))
            sizes = [evaluate(size, dims) for size in shape]
            found.append((round(share * math.prod(sizes)), round(share * sizes[0]) if sizes else 1))
        whole = np.array(found, np.int64).repeat(1 if place.levels else self.inputs, axis=0)
        return whole[:, 0], whole[:, 1]

    def drawn(self, place: Place, select: Node, paths: Sequence[str], decisions: Counts) -> Counts:
        """[inputs, ways]; [inputs, 0] of a mask, whose kept share says all."""
        given = next((self.counts[path] for path in paths if path in self.counts), None)
        if given is not None:
            return given
        ways = select.selection.kept.shape[-1]
        if select.attrs["kind"] == "mask" or not isinstance(ways, int):
            return np.zeros((self.inputs, 0), np.int64)
        key = (paths[0], decisions.tobytes())
        if key not in self.known:
            self.known[key] = self.draw(place, select, paths, decisions, ways)
        return self.known[key]

    def draw(self, place: Place, select: Node, paths: Sequence[str], decisions: Counts, ways: int) -> Counts:
        draw = np.random.default_rng([self.seed, zlib.crc32(paths[0].encode())])
        route = next((self.routes[path] for path in paths if path in self.routes), self.routes.get(""))
        told = next((self.shares[path] for path in paths if path in self.shares), None)
        rule = allowed(select, self.some_dims(place))
        most = float(decisions.max(initial=1))
        if rule.each:
            return (route or Route("balanced")).counts(decisions, ways, rule.each, draw)
        if rule.quota:
            return np.repeat(np.ceil(decisions * rule.quota).astype(np.int64)[:, None], ways, 1)
        spread = (route or Route("uniform")).shares(self.inputs, ways, most, draw)
        if rule.share:
            return drawn(spread, np.ceil(decisions * rule.share).astype(np.int64), ways, draw)
        if rule.most == 1:
            return one_after_another(decisions, ways, UNSURE if told is None else told, draw)
        mean = (UNSURE if told is None else told) if not rule.most else min(UNSURE if told is None else told, rule.most / ways)
        return draw.binomial(decisions[:, None], np.clip(mean * ways * spread, 0, 1))

    def some_dims(self, place: Place) -> Dims:
        """The sizes of some input: what rules ask is alike for all."""
        return place.sizes(tuple(max(1.0, float(level.max(initial=1))) for level in place.levels))[0]

    def share(self, place: Place, select: Node, paths: Sequence[str], decisions: Counts, counts: Counts) -> float:
        """The kept share of all parts."""
        told = next((self.shares[path] for path in paths if path in self.shares), None)
        if told is not None:
            return told
        if counts.shape[1]:
            return float(counts.sum()) / max(1, int(decisions.sum()) * counts.shape[1])
        dims = self.some_dims(place)
        rule, ways = allowed(select, dims), evaluate(select.selection.kept.shape[-1], dims)
        return rule.quota or rule.share or ((rule.each / ways) if rule.each else UNSURE)


def one_after_another(decisions: Counts, ways: int, chance: float, draw: np.random.Generator) -> Counts:
    """Ways asked one after the other, each kept by this share of what is left."""
    left, found = decisions.copy(), np.zeros((len(decisions), ways), np.int64)
    for way in range(ways):
        found[:, way] = draw.binomial(left, chance)
        left -= found[:, way]
    return found


@dataclass(frozen=True, slots=True)
class Counted(Fallen):
    """Counts of one selection at one place. Where a row holds finer decisions, how many rows have any that keeps a way is as
    expected of independent ones."""

    kept: Counts
    decisions: Counts
    samples: Counts
    select: Node
    share: float
    spread: Array | None
    place: Place

    def counts(self, axes: int) -> Array:
        if self.spread is not None:
            return np.minimum(self.kept, 1) * self.spread[:, None]
        finer = self.finer(axes)
        if (finer <= 1).all():
            return self.kept
        rows = np.round(self.decisions / finer)
        share = np.clip(self.kept / np.maximum(1, self.decisions)[:, None], 0, 1)
        return np.round(rows[:, None] * (1 - (1 - share) ** finer[:, None])).astype(np.int64)

    def finer(self, axes: int) -> Array:
        """How many decisions a row of the first axes holds, by input."""
        shape = self.select.selection.kept.shape[axes:-1]
        if not shape:
            return np.ones(len(self.decisions))
        levels = self.place.levels
        inputs = len(self.decisions) if levels else 1
        sizes = [self.place.sizes(tuple(float(level[n]) for level in levels))[0] for n in range(inputs)]
        found = np.array([math.prod(evaluate(size, dims) for size in shape) for dims in sizes], np.float64)
        return found if levels else found.repeat(len(self.decisions))

    def inside(self, axes: int, way: int) -> Where:
        return None

    def left(self, axes: int, way: int) -> tuple[Array, Where]:
        rows = np.round(self.decisions / self.finer(axes)).astype(np.int64)
        return np.maximum(0, rows - self.counts(axes)[:, :way].sum(1)), None

    def masked(self, select: Node, dims: Dims, share: float) -> Sequence[Kept]:
        return [Kept.expected(select, self.share, dims, share)]

    def packed(self) -> tuple[Array, Array]:
        total = self.kept[:, 0]
        mean, positions = total / np.maximum(1, self.samples), self.decisions / np.maximum(1, self.samples)
        # The most of some binomial numbers: two of their deviations above the mean.
        wide = 2 * np.sqrt(mean * np.clip(1 - mean / np.maximum(1, positions), 0, 1))
        fullest = np.minimum(positions, np.ceil(mean + wide * (self.samples > 1)))
        return np.maximum(1, fullest).astype(np.int64), total
