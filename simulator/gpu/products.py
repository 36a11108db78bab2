"""Dense products priced on a target, each once."""

from __future__ import annotations

from typing import NamedTuple

from ..constants import GemmConstants
from ..target import Target
from .card import item_bytes, macs_of
from .gemm import GemmCard, gemm_parts
from .gemm_tiles import GENERATIONS, SPLITS, Generation

AMPERE = GemmConstants(kernels="ampere", sustained=0.859, tensor=0.95, dram=0.779, fill=0.507e-6, step=0.368e-6, port=37.8e9)
"""What was fitted on the A100, for targets that say nothing of products."""


class ProductParts(NamedTuple):
    """Seconds of a product with its launch; as multiply-adds and as memory alone would take; bytes by level."""

    seconds: float
    compute: float
    memory: float
    dram: float
    l2: float


def gemm_card(target: Target, dtype: str = "bf16") -> tuple[GemmCard, Generation]:
    """The numbers that the kernels take, for one dtype, and the generation of kernels that runs there."""
    held = target.gemm or AMPERE
    generation, l2, own = GENERATIONS[held.kernels], target.level("l2"), target.device_memory
    item = item_bytes(dtype)
    card = GemmCard(
        units=float(target.matrix.units),
        peak=macs_of(target, dtype) * target.clock,
        tensor=held.tensor,
        sustained=held.sustained,
        dram=held.dram * own.bandwidth,
        dram_peak=own.bandwidth,
        l2=l2.size,
        far=max(1.0, own.latency / l2.latency) if l2.latency else 1.0,
        launch=target.launch.device,
        fill=held.fill,
        step=held.step * generation.depth / 128.0,
        port=held.port,
        item=item,
        depth=generation.depth / item,
        shared=generation.shared,
        ends=generation.ends,
    )
    return card, generation


class Products:
    """Prices products on one target; prices are remembered."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._cards: dict[str, tuple[GemmCard, Generation]] = {}
        self._known: dict[tuple[float, float, float, float, float, str], ProductParts] = {}

    def time(self, m: float, n: float, k: float, *, batch: float = 1.0, window: float = 1.0, dtype: str = "bf16") -> ProductParts:
        """`batch` products [m, k] [k, n], all operands in the device's memory, alone on a cool device."""
        key = (m, n, k, batch, window, dtype)
        known = self._known.get(key)
        if known is None:
            if dtype not in self._cards:
                self._cards[dtype] = gemm_card(self.target, dtype)
            card, generation = self._cards[dtype]
            sizes = (float(m), float(n), float(k), float(batch), float(window))
            known = self._known[key] = ProductParts(*gemm_parts(card, generation.tiles, SPLITS, *sizes, 0.0, 1.0))
        return known
