"""Dense products on a GPU, as cuBLAS does them: tiles, waves of tiles over SMs, parts of the depth.

A tile goes through its depth in steps. A step takes what its multiply-adds take on the tensor cores, or what its operands take
through the SM's port to the L2, or a least time, whichever is longest. All SMs read the device's memory beside that, shared
evenly; the two overlap, but not wholly where they are near each other (the third root of the sum of third powers). Before a
tile's first step its first operands come, after its last its results go; where the same threads load and multiply, the steps at
a tile's ends overlap nothing. Tiles over SMs make whole waves: with one tile more than SMs all of it is done twice. A product
that is too small for all SMs may be cut along its depth, for a second launch that adds up. Of all tiles and cuts the fastest is
taken, which is what the libraries' heuristics look for; they miss it by some percent.

Sources: Osama et al., Stream-K, arXiv 2301.03598 (waves and cuts); Zhang et al., LLMCompass, ISCA 2024; NVIDIA, Matrix
Multiplication Background User's Guide (wave and tile quantization). Where the L2 keeps operands of the run before: each half of
it holds what its SMs read (A100 and H100 whitepapers), so much is there twice. The power limit: Bekman, Machine Learning
Engineering, "maximum achievable matmul FLOPS".
"""

from __future__ import annotations

from math import ceil
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..compiled import kernel

WARM = 0.35
"""Share of the L2 at which half of the operands that come in turn are still there when their turn comes again."""

WINDOW = 25e-3
"""Seconds for which the power limit lets the clock be: it acts on an average of about as long."""


class GemmCard(NamedTuple):
    """What the kernels know of a GPU, of one dtype."""

    units: float
    """SMs."""
    peak: float
    """Multiply-adds a second and SM, of the datasheet."""
    tensor: float
    """Share of the peak that is reached, cool."""
    sustained: float
    """Share of the peak that is reached for long."""
    dram: float
    """B/s, reached by reads."""
    dram_peak: float
    """B/s of the datasheet."""
    l2: float
    """Bytes that the L2 holds."""
    far: float
    """Latency of the device's memory over that of the L2."""
    launch: float
    """Seconds of a launch."""
    fill: float
    """Seconds until a tile's first product, from the L2."""
    step: float
    """Least seconds of a step."""
    port: float
    """B/s of one SM, reading from the L2."""
    item: float
    """Bytes of an element."""
    depth: float
    """Elements deep of a step."""
    shared: float
    """Blocks that load an operand together."""
    ends: float
    """Steps of a tile that overlap nothing."""


@kernel
def warm_share(l2: float, amount: float) -> float:
    """Share of `amount` bytes, read over and over in turn, that is still in an L2 of so many bytes when its turn comes."""
    return min(1.0, max(0.0, 1.5 - amount / (WARM * l2)))


@kernel
def overlapped(one: float, other: float) -> float:
    """Seconds of two things at once, of which neither is wholly hidden where they take about as long."""
    most, least = max(one, other), min(one, other)
    ratio = least / most
    return most * (1.0 + ratio * ratio * ratio) ** (1.0 / 3.0) if ratio > 0.01 else most


@kernel
def gemm_parts(
    card: GemmCard, tiles: NDArray[np.float64], splits: NDArray[np.float64],
    m: float, n: float, k: float, batch: float, window: float, turns: float, runs: float,
) -> tuple[float, float, float, float, float]:  # fmt: skip
    """(seconds, compute, memory, bytes of the device's memory, bytes of the L2) of `batch` products [m, k] [k, n], the second and
    third as either alone would take. `window`: how often an input element is read as part of `k` (a convolution).

    `turns`: 0 where all operands lie in the device's memory; else products run over and over, with so many weights in turn, and
    what the L2 can keep it keeps. `runs`: of the same product, one after another, which heat the device."""
    if min(m, n, k, batch) <= 0.0:
        return card.launch, 0.0, 0.0, 0.0, 0.0
    weights, inputs, outputs = batch * n * k * card.item, batch * m * k * card.item / window, batch * m * n * card.item
    kept = warm_share(card.l2, turns * weights + inputs + outputs) if turns > 0.0 else 0.0
    kept_rows = warm_share(card.l2, weights + inputs + outputs) if turns > 0.0 else 0.0
    reads, writes = weights * (1.0 - kept) + inputs * (1.0 - kept_rows), outputs * (1.0 - kept_rows)
    dram, write = reads / card.dram, writes / card.dram_peak
    fill = card.fill * (kept + card.far * (1.0 - kept))
    steps = ceil(k / card.depth)
    best, best_compute, best_l2 = 1e300, 0.0, 0.0
    for index in range(len(tiles)):
        features, rows = tiles[index, 0], tiles[index, 1]
        grid = batch * ceil(n / features) * ceil(m / rows)
        edges = min(features, n) + min(rows, m)
        results = min(features, n) * min(rows, m)
        products = features * rows * card.depth / card.peak
        loaded = edges * card.depth * card.item
        step = max(products / card.tensor, loaded / (card.port * card.shared), card.step)
        for split in splits:
            if split > 1.0 and (k < 128.0 * split or grid * split > 4.0 * card.units):
                break
            deep = ceil(steps / split)
            waves = ceil(grid * split / card.units)
            loop = deep * step
            stored = 2.0 * results * (card.item if split == 1.0 else 4.0) / card.port
            share = dram / waves
            ends = min(deep, card.ends) * products / card.tensor
            seconds = card.launch + waves * (fill + ends + max(stored, write / waves) + max(loop, share))
            if split > 1.0:
                seconds += card.launch + 4.0 * split * batch * m * n / (card.port * card.units)
            if seconds >= best:
                continue
            both = overlapped(loop, share)
            seconds += waves * (both - max(loop, share))
            hot = 1.0 - WINDOW / (runs * seconds)
            if hot > 0.0:
                seconds += hot * waves * (overlapped(max(loop, deep * products / card.sustained), share) - both)
            if seconds < best:
                best, best_compute = seconds, waves * loop
                best_l2 = grid * split * deep * loaded / card.shared + outputs
    return best, best_compute, dram + write, reads + writes, best_l2


@kernel
def gemm_rows(
    card: GemmCard, tiles: NDArray[np.float64], splits: NDArray[np.float64],
    m: NDArray[np.float64], n: NDArray[np.float64], k: NDArray[np.float64], turns: float, runs: float,
) -> NDArray[np.float64]:  # fmt: skip
    """Seconds of each row of a table of products."""
    seconds = np.empty(len(m))
    for row in range(len(m)):
        seconds[row] = gemm_parts(card, tiles, splits, m[row], n[row], k[row], 1.0, 1.0, turns, runs)[0]
    return seconds
