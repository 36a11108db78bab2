"""The numbers of a GPU that ragged products ask for, from its target."""

from __future__ import annotations

from ..constants import GroupedConstants
from ..target import Target
from .card import DRAM_REACHED, item_bytes, macs_of
from .grouped_tiles import AMPERE, HOPPER, GroupedCard, Tile
from .products import AMPERE as DENSE

SHARED_OF_SRAM = 7.0 / 8.0
"""Share of an SM's L1 that can be shared memory: 228 of 256 KiB on Hopper, 164 of 192 on Ampere."""

THROUGH_REGISTERS = 0.8
"""Share of a library's rate that Triton's products reach on Ampere, where operands go out of shared memory into registers first
(estimate: 64-wide parts of a tile are read by each warp as often as they are used, at 128 bytes a cycle beside the products)."""

UNFITTED = GroupedConstants(software="vllm-2025", feed=53.5e9, step=0.686e-6, narrow=12.1e9)
"""What was fitted on the A100, for targets that say nothing of ragged products."""


def grouped_of(target: Target) -> GroupedConstants:
    """The constants of ragged products of a target."""
    return target.grouped or UNFITTED


def tuned_tiles(target: Target) -> tuple[Tile, ...]:
    """Those of which a tuner takes the fastest."""
    return HOPPER if (target.gemm or DENSE).kernels == "hopper" else AMPERE


def grouped_card_of(target: Target, dtype: str = "bf16") -> GroupedCard:
    """The numbers that the kernels take, for one dtype."""
    held, dense, l2, dram = grouped_of(target), target.gemm or DENSE, target.level("l2"), target.device_memory
    units = float(target.matrix.units)
    reached = dense.sustained * (THROUGH_REGISTERS if dense.kernels == "ampere" else 1.0)
    return GroupedCard(
        units=units,
        macs=reached * macs_of(target, dtype) * target.clock,
        shared=SHARED_OF_SRAM * target.level("sram").size / units,
        l2=l2.size,
        l2_rate=l2.bandwidth,
        dram_rate=DRAM_REACHED * dram.bandwidth,  # a way's weights are one long read
        nearer=l2.latency / dram.latency if dram.latency else 1.0,
        launch=target.launch.device,
        feed=held.feed,
        step=held.step,
        narrow=held.narrow,
        item=item_bytes(dtype),
    )
