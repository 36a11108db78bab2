"""A fused mixture layer on a GPU as vLLM runs it: choices are sorted by way, a ragged product, an activation, a second ragged
product, and the sum of each token's results.

Choices of ways that other devices hold are there too: their blocks find that out and write zeros, and the activation and the sum
go over all choices.
"""

from __future__ import annotations

from math import ceil
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..compiled import kernel
from .grouped import joined
from .grouped_tiles import GroupedCard, Tile, together

Floats = NDArray[np.float64]

WIDE_SUM = 4.0
"""Results a token up to which vLLM has a kernel for their sum. More go to torch's, which loads elements one by one."""

NARROW_PASSES = 2.0
"""An element loaded by itself passes its SM's port twice in a product, to registers and to shared memory, once in a sum."""


class Layer(NamedTuple):
    """Sizes of one layer on one device. `matrices`: three with a gate, two without; `launches`: kernels of the layer."""

    tokens: float
    hidden: float
    width: float
    keep: float
    matrices: float
    launches: float


@kernel
def layer_seconds(card: GroupedCard, layer: Layer, tiles: Floats, sums: Floats) -> float:
    """One layer with the loads of which `sums` tells (`moe_loads.SUMS`), run over and over on the same weights. `tiles`:
    [tiles, 5], of which the fastest is taken for both products."""
    seen, item = sums[11], card.item
    up = (layer.matrices - 1.0) * layer.width
    choices = layer.tokens * layer.keep
    weights = seen * layer.matrices * layer.width * layer.hidden * item
    between = choices * (up + layer.width + layer.hidden) * item
    missing = min(1.0, max(0.0, 2.0 * (weights + between) / card.l2 - 1.0))
    products = np.inf
    for row in tiles:
        tile = Tile(row[0], row[1], row[2], row[3], row[4])
        both = _product(card, tile, sums, up, layer.hidden, layer.tokens, missing)
        products = min(products, both + _product(card, tile, sums, layer.hidden, layer.width, choices, missing))
    passes = 3.0 if layer.matrices == 3.0 else 4.0  # without a gate it is two ops, each reads and writes
    wide, narrow = choices * passes * layer.width * item, 0.0
    summed = (choices + layer.tokens) * layer.hidden * item
    if layer.keep > WIDE_SUM:
        narrow = summed / (card.units * NARROW_PASSES * card.narrow)
    rate = missing / card.dram_rate + (1.0 - missing) / card.l2_rate
    return layer.launches * card.launch + products + wide * rate + max(summed * rate, narrow)


@kernel
def _product(card: GroupedCard, tile: Tile, sums: Floats, n: float, k: float, source: float, missing: float) -> float:
    height = 0 if tile.rows == 16.0 else 1 if tile.rows == 32.0 else 2 if tile.rows == 64.0 else 3
    own = joined(card, tile, sums[height], sums[4], sums[5], n, k, source, missing)[0]
    empty = ceil(sums[6 + height] * ceil(n / tile.columns) / (card.units * together(card, tile)))
    return own + empty * card.step + sums[10] * n * card.item / card.dram_rate


@kernel
def layers_seconds(card: GroupedCard, sizes: Floats, tiles: Floats, sums: Floats, parts: Floats) -> Floats:
    """Means over draws of many layers. `sizes`: [rows, 6], as in `Layer`; `tiles`: [rows, tiles, 5], those with no rows are none;
    `sums`: [rows, draws, SUMS]; `parts`: in how many parts tokens are cut that go one after the other."""
    seconds = np.zeros(len(sizes))
    for row in range(len(sizes)):
        cut = parts[row]
        layer = Layer(sizes[row, 0] / cut, sizes[row, 1], sizes[row, 2], sizes[row, 3], sizes[row, 4], sizes[row, 5])
        used = tiles[row][tiles[row, :, 0] > 0.0]
        for one in sums[row]:
            share = one / cut
            share[4], share[11] = one[4], one[11]
            seconds[row] += cut * layer_seconds(card, layer, used, share) / len(sums[row])
    return seconds
