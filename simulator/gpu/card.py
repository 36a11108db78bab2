"""The numbers of a GPU that the attention kernels ask for, from its target."""

from __future__ import annotations

from ...compiler.types import BYTES
from ..constants import AttentionConstants
from ..target import Target
from .attention_tiles import Card

DRAM_REACHED = 0.85
"""Share of a datasheet's rate that long reads reach: 84 to 92% on A100, H100 and H200 (BabelStream; Deakin et al., 2018, and its
results since). Where products were fitted on a device, what they found there is taken."""

AMPERE = AttentionConstants(kernel="fa2", overlap=0.773, start=2.14e-6, stream=138e9)
"""What was fitted on the A100, for targets that say nothing of attention."""


NARROW = {"tf32": 4.0, "f8": 1.0, "i8": 1.0, "i4": 0.5}
"""Bytes of the dtypes that only products have."""


def item_bytes(dtype: str) -> float:
    """Bytes of an element."""
    return float(BYTES[dtype]) if dtype in BYTES else NARROW[dtype]


def macs_of(target: Target, dtype: str) -> float:
    """Multiply-adds a cycle and unit. A dtype that the matrix units do not have is computed as their fastest one that is as
    wide."""
    rates = target.matrix.macs
    if dtype in rates:
        return rates[dtype]
    wide = [rate for name, rate in rates.items() if item_bytes(name) >= item_bytes(dtype)]
    return max(wide, default=min(rates.values()))


def reached_dram(target: Target) -> float:
    """B/s that reads from the device's memory reach."""
    share = target.gemm.dram if target.gemm is not None else DRAM_REACHED
    return share * target.device_memory.bandwidth


def card_of(target: Target, dtype: str = "bf16") -> Card:
    """The numbers that the kernels take, for one dtype."""
    held = target.attention or AMPERE
    l2 = target.level("l2")
    return Card(
        units=float(target.matrix.units),
        clock=target.clock,
        macs=macs_of(target, dtype),
        special=target.vector.special,
        l2=l2.size,
        l2_rate=l2.bandwidth,
        l2_latency=l2.latency,
        dram_rate=reached_dram(target),
        dram_latency=target.device_memory.latency,
        launch=target.launch.device,
        hopper=1.0 if held.kernel == "fa3" else 0.0,
        overlap=held.overlap,
        start=held.start,
        stream=held.stream,
        item=item_bytes(dtype),
        heated=target.gemm.tensor / target.gemm.sustained if target.gemm is not None else 1.0,
    )
