"""Ragged products on a GPU: one launch in which every way multiplies its own rows with its own weights.

Memory: the weights of the ways that are hit are read once, and no others: time follows the unique ways hit, not min(rows, ways).
Products: each way's rows are cut into blocks, part empty at the end; blocks times columns of tiles go over the SMs. A tile takes
its products, or the time its operands take out of the L2, whichever is longer; where few tiles are in flight each step along k is
waited for. Both overlap but for what the longer leaves no room for, (compute³ + memory³)^⅓, and results are written after.

A step of a simulation of thousands of inputs costs sums over its ways of what stands in a table by load (blocks), of ways hit and
of rows. They are all that the time asks of the loads, so it is exact. Seconds in the table, summed, would leave out that tiles go
over the SMs in whole waves: over the products of the layers measured on A100 and H200 that is too little by 6 and 7% in the mean,
1% in the median, and up to 89% where there are far fewer tiles than SMs.
"""

from __future__ import annotations

from math import ceil

import numpy as np
from numpy.typing import NDArray

from ..compiled import kernel
from .grouped_tiles import HALF_LINE_MISS, HALF_LINE_RATE, LINE, GroupedCard, Tile, together

Floats = NDArray[np.float64]

ALIGNED = 16.0
"""Elements of which a row's length has to be a multiple for its loads to be wide: Triton specialises on that."""

EPILOGUE = 3.0
"""How often a result passes its SM's port: to shared memory, where it is brought into rows, back, and out."""


@kernel
def count_blocks(load: float, rows: float) -> float:
    """Blocks of one way. A load below 1 is the chance that it has a row."""
    return load if load < 1.0 else float(ceil(load / rows))


@kernel
def joined(
    card: GroupedCard, tile: Tile, blocks: float, hit: float, rows: float, n: float, k: float, source: float, missing: float,
) -> tuple[float, float, float, float]:  # fmt: skip
    """(seconds, compute, memory, bytes at the L2's port) of a ragged product without its launch, by its sums. `source`: rows of
    the operand that is gathered from; `missing`: the share of the weights that is not in the L2 yet."""
    if blocks <= 0.0:
        return 0.0, 0.0, 0.0, 0.0
    tiles, steps = blocks * ceil(n / tile.columns), ceil(k / tile.depth)
    seats = together(card, tile)
    half_lines = tile.depth * card.item < LINE
    loaded = (tile.columns + tile.rows) * tile.depth * card.item
    if k % ALIGNED != 0.0:
        fed = loaded / card.narrow
    elif half_lines:
        gathered = source * k * card.item
        fed = (loaded + tile.rows * tile.depth * card.item * HALF_LINE_MISS * gathered / (gathered + card.l2)) / card.feed
    else:
        fed = loaded / card.feed
    step = max(tile.rows * tile.columns * tile.depth / card.macs, fed)
    waits = card.step * (missing + (1.0 - missing) * card.nearer)
    out = EPILOGUE * tile.rows * tile.columns * card.item / card.feed
    waves = ceil(tiles / card.units)
    turns = ceil(tiles / (card.units * seats))
    compute = max(waves * steps * step, turns * steps * waits) + waves * out
    weights = hit * n * k * card.item * missing / (HALF_LINE_RATE if half_lines else 1.0)
    memory = (weights + rows * k * card.item) / card.dram_rate
    written = rows * n * card.item
    seconds = (compute**3 + memory**3) ** (1.0 / 3.0) + turns * card.step + written / card.dram_rate
    return seconds, compute, memory + written / card.dram_rate, tiles * steps * loaded + written


@kernel
def grouped_parts(
    card: GroupedCard, tiles: tuple[Tile, ...], loads: Floats, n: float, k: float,
) -> tuple[float, float, float, float]:  # fmt: skip
    """What `joined` gives of [load, k] · [k, n] for each way with the fastest tile, all operands in the device's memory."""
    best = (0.0, 0.0, 0.0, 0.0)
    for tile in tiles:
        blocks, hit, rows = 0.0, 0.0, 0.0
        for load in loads:
            blocks += count_blocks(load, tile.rows)
            hit += min(1.0, load)
            rows += load
        one = joined(card, tile, blocks, hit, rows, n, k, rows, 1.0)
        if best[0] == 0.0 or one[0] < best[0]:
            best = one
    return best


@kernel
def block_table(tiles: tuple[Tile, ...], most: int) -> Floats:
    """Blocks of a way by its load and the tile: [most + 1, tiles]."""
    table = np.empty((most + 1, len(tiles)))
    for load in range(most + 1):
        for index, tile in enumerate(tiles):
            table[load, index] = count_blocks(float(load), tile.rows)
    return table


@kernel
def grouped_many(
    card: GroupedCard, tiles: tuple[Tile, ...], table: Floats, loads: NDArray[np.int64], n: float, k: float,
) -> Floats:  # fmt: skip
    """A ragged product for each of many inputs, as `grouped_parts` has it: [inputs, 4]. `loads`: [inputs, ways], none above what
    `table` (`block_table`) goes to."""
    inputs, ways = loads.shape
    found = np.zeros((inputs, 4))
    blocks = np.empty(len(tiles))
    for index in range(inputs):
        blocks[:] = 0.0
        hit, rows = 0, 0
        for way in range(ways):
            load = loads[index, way]
            if load > 0:
                hit += 1
                rows += load
                for place in range(len(blocks)):
                    blocks[place] += table[load, place]
        best = np.inf
        for place, tile in enumerate(tiles):
            one = joined(card, tile, blocks[place], float(hit), float(rows), n, k, float(rows), 1.0)
            if hit and one[0] < best:
                best = one[0]
                found[index, 0], found[index, 1], found[index, 2], found[index, 3] = one
    return found
