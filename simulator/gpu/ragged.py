"""Ragged products priced on a target: one by one, or of many inputs at once."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np
from numpy.typing import NDArray

from ...compiler.shapes import Grouped
from ..target import Target
from .grouped import block_table, grouped_many, grouped_parts
from .grouped_card import grouped_card_of, tuned_tiles
from .grouped_tiles import GroupedCard
from .vector import Parts

Floats = NDArray[np.float64]


@attrs.frozen(eq=False)
class Many:
    """Ragged products of many inputs, each field [inputs]: seconds without launches, and bytes by level."""

    seconds: Floats
    compute: Floats
    memory: Floats
    bytes: Mapping[str, Floats]


class Ragged:
    """Prices ragged products on one target; what it needs of a dtype, and blocks by load, are remembered."""

    def __init__(self, target: Target) -> None:
        self._target, self._tiles = target, tuned_tiles(target)
        self._cards: dict[str, GroupedCard] = {}
        self._table = block_table(self._tiles, 0)

    def one(self, shape: Grouped) -> Parts:
        """One ragged product; loads may be fractions, where they are expected."""
        card, loads = self._card(shape.dtype), np.array(shape.loads, dtype=np.float64)
        seconds, compute, memory, l2 = grouped_parts(card, self._tiles, loads, float(shape.n), float(shape.k))
        rows, hit = float(loads.sum()), float(np.minimum(loads, 1.0).sum())
        dram = card.item * (hit * shape.n * shape.k + rows * (shape.n + shape.k))
        return Parts(seconds, compute, memory, 0.0, {"dram": dram, "l2": max(l2, dram)})

    def many(self, loads: NDArray[np.int64], n: float, k: float, dtype: str) -> Many:
        """One of each input; `loads`: [inputs, ways]."""
        card, most = self._card(dtype), int(loads.max(initial=0))
        if most >= len(self._table):
            self._table = block_table(self._tiles, 2 * most)
        found = grouped_many(card, self._tiles, self._table, np.ascontiguousarray(loads), float(n), float(k))
        dram = card.item * ((loads > 0).sum(axis=1) * float(n) * k + loads.sum(axis=1) * (float(n) + k))
        return Many(found[:, 0], found[:, 1], found[:, 2], {"dram": dram, "l2": np.maximum(found[:, 3], dram)})

    def _card(self, dtype: str) -> GroupedCard:
        if dtype not in self._cards:
            self._cards[dtype] = grouped_card_of(self._target, dtype)
        return self._cards[dtype]
