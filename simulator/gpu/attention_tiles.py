"""How the two generations of flash attention cut their work: tiles by head size, splits of the keys, which heads share a tile.

Sources: the kernels' own dispatch, in `hopper/tile_size.h`, `hopper/heuristics.h` and `hopper/flash_prepare_scheduler.cu`
(FlashAttention-3; Shah et al., arXiv 2407.08608) and in `csrc/flash_attn/src/flash_fwd_launch_template.h` (FlashAttention-2 with
a paged cache; Dao, arXiv 2307.08691), as vLLM ships both.
"""

from __future__ import annotations

from math import ceil, floor
from typing import NamedTuple

from ..compiled import kernel
from .gemm import warm_share

SPLITS = 32.0
"""Parts of the keys: vLLM asks for no more, so that the space for their results can be had before a graph is recorded. Of the
numbers up to it the best is taken, which is what the kernels' heuristics look for."""

SPLIT_BATCH = 512.0
"""Sequences up to which vLLM runs a decode step as a recorded graph, with splits; larger batches fill the device without."""

WARP_BATCH = 31.0
"""Sequences of which a warp of FlashAttention-3's scheduler finds the tiles in one step."""

WITHOUT_WGMMA = 0.35
"""Share of a Hopper's peak that kernels written for Ampere reach there (Shah et al., abstract): FlashAttention-3 goes up to 256
features, and wider heads run on such ones."""


class Card(NamedTuple):
    """What the kernels know of a GPU, of one dtype. Rates are those reached, not those of the datasheet, but for `macs`."""

    units: float
    """SMs."""
    clock: float
    """Hz."""
    macs: float
    """Multiply-adds a cycle and SM."""
    special: float
    """Exponentials a cycle and SM."""
    l2: float
    """Bytes that the L2 holds."""
    l2_rate: float
    """B/s."""
    l2_latency: float
    """Seconds."""
    dram_rate: float
    """B/s."""
    dram_latency: float
    """Seconds."""
    launch: float
    """Seconds that a kernel costs besides its blocks."""
    hopper: float
    """1 for FlashAttention-3: one persistent block an SM, loads run ahead of products; 0 for FlashAttention-2: two blocks an SM
    that take turns."""
    overlap: float
    """Fitted: how fast a tile is, against its products and then its exponentials at the nominal clock."""
    start: float
    """Fitted: seconds of a block besides its tiles of keys: where its work lies, queries in, results out."""
    stream: float
    """Fitted: B/s at which an SM loads a tile that it has to wait for."""
    item: float
    """Bytes of an element."""
    heated: float
    """How many times as long products take once the power limit has had time to answer."""


@kernel
def tile_of(card: Card, width: float, few: bool) -> tuple[float, float]:
    """Rows (queries times the heads packed with them) and keys of a tile. `few`: where all rows of a head fit in 64."""
    if card.hopper == 0.0:
        return 64.0, 256.0 if width <= 64.0 else 128.0 if width <= 128.0 else 64.0
    if width <= 64.0:
        return (64.0, 192.0) if few else (192.0, 128.0)
    if width <= 128.0:
        return 64.0 if few else 128.0, 128.0
    if width <= 256.0:
        return 128.0, 96.0 if width <= 192.0 else 80.0
    return 64.0, 64.0


@kernel
def tile_seconds(card: Card, m: float, n: float, widths: float) -> float:
    """One tile on an SM that does nothing else: both products, and the exponentials between them, which FlashAttention-3 hides in
    part. Never faster than the products. `widths`: those of a key and of a value together."""
    products = m * n * widths / card.macs
    if card.hopper == 1.0 and widths > 512.0:
        return products / WITHOUT_WGMMA / card.clock
    return max(products, (products + m * n / card.special) / card.overlap) / card.clock


@kernel
def kept_tiles(kept: float, m: float, n: float, rows: float, columns: float) -> float:
    """The share of tiles m × n of which any pair is kept, where blocks of rows × columns are kept independently."""
    if kept >= 1.0 or kept <= 0.0:
        return min(1.0, max(0.0, kept))
    return 1.0 - (1.0 - kept) ** (ceil(m / rows) * ceil(n / columns))


@kernel
def moved_seconds(card: Card, amount: float, resident: float) -> float:
    """Seconds to move an amount of bytes, of a call that touches `resident` bytes again and again: what it finds in the L2 comes
    from there."""
    warm = warm_share(card.l2, resident)
    return amount * ((1.0 - warm) / card.dram_rate + warm / card.l2_rate)


@kernel
def cache_write_seconds(card: Card, tokens: float, bytes_a_token: float, resident: float) -> float:
    """Writing new keys and values into a paged cache: one block a token of up to 512 threads, 2048 an SM, that looks up its
    place, reads and writes, each after the other, in rounds. `bytes_a_token`: of keys and values."""
    together = card.units * floor(2048.0 / min(512.0, bytes_a_token / (2.0 * card.item)))
    rounds = ceil(tokens / max(together, 1.0)) - 1.0
    waiting = 3.0 * card.dram_latency + rounds * (card.start + 2.0 * card.dram_latency)
    return card.launch + waiting + moved_seconds(card, 2.0 * tokens * bytes_a_token, resident)


@kernel
def scheduling_seconds(card: Card, batch: float) -> float:
    """FlashAttention-3 on sequences of any lengths: the kernel that joins parts of the keys is launched whether there are any
    or not, and a block finds its sequence by steps over the batch, each of which waits for memory. vLLM lets it split keys, where
    this is not hidden, up to a size of the batch."""
    if card.hopper == 0.0:
        return 0.0
    steps = ceil(min(batch, SPLIT_BATCH) / WARP_BATCH) - 1.0
    return card.launch + steps * (2.0 * card.dram_latency + card.l2_latency)


@kernel
def both_seconds(card: Card, compute: float, memory: float) -> float:
    """Products and loads of blocks that share SMs. Where one block runs ahead with its loads, the longer of both. Where two take
    turns, each at one or the other as it falls, what is longer waits while both are at the other: for s² of the time, with s the
    shorter's share of a block's time."""
    longer, shorter = max(compute, memory), min(compute, memory)
    if card.hopper == 1.0:
        return longer
    part = shorter / (shorter + longer)
    return longer / (1.0 - part * part)


@kernel
def join_seconds(card: Card, splits: float, partial: float) -> float:
    """The kernel that joins the parts of the keys, whose results are `partial` bytes: on Hopper it is launched early and waits
    there, and reads parts ahead; on Ampere it reads one after the other."""
    moved = moved_seconds(card, 2.0 * partial, 2.0 * partial)
    if card.hopper == 1.0:
        return 4.0 * card.dram_latency + 0.25 * splits * card.l2_latency + moved
    return card.launch + 2.0 * card.dram_latency + splits * card.l2_latency + moved
