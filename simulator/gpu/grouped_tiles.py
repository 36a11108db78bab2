"""How fused kernels of mixtures cut ragged products: every way's rows are cut into blocks of their own, the last part empty.

Sources: `get_default_config`, `fused_moe_kernel` and the tuned tables in `configs/` of vLLM's `model_executor/layers/fused_moe`
(Triton), in the versions that the measured tables were taken with.
"""

from __future__ import annotations

from math import floor
from typing import NamedTuple

from ..compiled import kernel

LINE = 128.0
"""Bytes of a cache line."""

HALF_LINE_RATE = 2.0 / 3.0
"""What DRAM reaches of its rate where a step asks for half a line of each row, and for the other half in the next step: each line
is opened twice, as are the pages of DRAM that it lies in."""

HALF_LINE_MISS = 2.0
"""How often a gathered byte crosses the L2's port besides being read, where half lines miss: in, and in with the other half."""

REGISTERS = 64.0
"""Of each thread, besides its part of the result: pointers, masks and counters."""


class GroupedCard(NamedTuple):
    """What the kernels know of a GPU, of one dtype."""

    units: float
    """SMs."""
    macs: float
    """Multiply-adds a second and SM, those reached."""
    shared: float
    """Bytes of shared memory an SM."""
    l2: float
    """Bytes that the L2 holds."""
    l2_rate: float
    """B/s."""
    dram_rate: float
    """B/s, those reached."""
    nearer: float
    """Latency of the L2 over that of DRAM."""
    launch: float
    """Seconds that a kernel costs besides its blocks."""
    feed: float
    """Fitted: B/s at which one SM is fed with operands out of the L2."""
    step: float
    """Fitted: seconds that a block waits for the operands of one step along k, alone on its SM."""
    narrow: float
    """Fitted: B/s that pass an SM where rows are not aligned, so that elements are loaded one by one."""
    item: float
    """Bytes of an element."""


class Tile(NamedTuple):
    """Rows and columns of results that a block of threads computes, in steps of `depth` along k, `stages` of them in flight."""

    rows: float
    columns: float
    depth: float
    stages: float
    warps: float


AMPERE = (
    Tile(16.0, 64.0, 128.0, 4.0, 4.0),
    Tile(32.0, 64.0, 128.0, 4.0, 4.0),
    Tile(64.0, 256.0, 64.0, 4.0, 8.0),
    Tile(128.0, 128.0, 64.0, 4.0, 8.0),
)
HOPPER = (
    Tile(16.0, 128.0, 128.0, 4.0, 4.0),
    Tile(32.0, 128.0, 128.0, 3.0, 4.0),
    Tile(64.0, 128.0, 64.0, 3.0, 4.0),
    Tile(128.0, 256.0, 64.0, 4.0, 8.0),
)
"""The tiles that vLLM's tuned tables name most, on A100 and on H200; a tuner takes the fastest."""


def default_2025(tokens: float, ways: float) -> Tile:
    """vLLM up to 0.16, for layers without a tuned table."""
    return Tile(16.0, 32.0, 64.0, 3.0, 4.0) if tokens <= ways else Tile(64.0, 64.0, 32.0, 3.0, 4.0)


def default_2026(tokens: float, ways: float) -> Tile:
    """vLLM from 0.17 on, for layers without a tuned table."""
    rows = 16.0 if tokens <= 32 else 32.0 if tokens <= 96 else 64.0 if tokens <= 512 else 128.0
    columns, depth = (64.0, 128.0) if tokens <= 64 else (128.0, 64.0)
    return Tile(rows, columns, depth, 4.0 if tokens <= 32 else 3.0, 4.0 if tokens <= 128 else 8.0)


@kernel
def together(card: GroupedCard, tile: Tile) -> float:
    """Blocks that one SM runs at once, as its shared memory and registers allow."""
    threads = 32.0 * tile.warps
    memory = floor(card.shared / (tile.stages * (tile.rows + tile.columns) * tile.depth * card.item))
    registers = floor(65536.0 / (threads * (tile.rows * tile.columns / threads + REGISTERS)))
    return max(1.0, min(memory, registers, 16.0))
