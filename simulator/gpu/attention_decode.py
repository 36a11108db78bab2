"""Flash attention with few queries a sequence (decode) on a GPU: the keys are read once, so memory rules, and a sequence is split
over SMs where there are too few of them; a second kernel then joins the parts."""

from __future__ import annotations

from math import ceil, floor

from ..compiled import kernel
from .attention_tiles import SPLITS, Card, both_seconds, join_seconds, moved_seconds, scheduling_seconds, tile_of, tile_seconds


@kernel
def decode_parts(
    card: Card, batch: float, heads: float, kv_heads: float, queries: float, keys: float, width: float, value_width: float,
    kept: float, cached: bool,
) -> tuple[float, float, float, float]:  # fmt: skip
    """(seconds, compute, memory, launch), the last three as each were alone, of `queries` a sequence against `keys` keys, of
    which a share is `kept`. `cached`: one new key and value are first written into a paged cache, as in `context_parts`."""
    group, widths = heads / kv_heads, width + value_width
    m, n = tile_of(card, width, queries * group <= 64.0)
    blocks = batch * kv_heads * ceil(queries * group / m)
    tiles = ceil(ceil(keys / n) * kept)
    row_bytes = batch * heads * queries * widths * card.item
    key_bytes = batch * kv_heads * min(keys, tiles * n) * widths * card.item
    resident = key_bytes + row_bytes if cached else 1e300
    launch = card.launch
    most = min(SPLITS, max(1.0, float(tiles)))
    if cached:
        launch += card.launch + 3.0 * card.dram_latency + scheduling_seconds(card, batch)
        if card.hopper == 0.0 and group == 1.0:
            most = 1.0  # vLLM splits only with packed heads
        if card.hopper == 0.0 and group > 1.0:
            launch += card.launch
            if batch > 1.0 and kv_heads > 1.0:  # queries and results are brought into the order of the packed heads
                resident += row_bytes
                launch += 2.0 * (card.launch + 2.0 * card.dram_latency) + moved_seconds(card, 2.0 * row_bytes, resident)
    tile, tile_bytes = tile_seconds(card, m, n, widths), min(keys, n) * widths * card.item
    memory = moved_seconds(card, key_bytes, resident)
    best, compute = 1e300, 0.0
    for index in range(int(most)):
        splits = index + 1.0
        part = float(ceil(tiles / splits))
        if index > 0 and part == ceil(tiles / (splits - 1.0)):
            continue
        one, join = _blocks_seconds(card, blocks * splits, part, tile_bytes, tile), 0.0
        if index > 0:
            partial = batch * heads * queries * value_width * 4.0 * splits
            join = join_seconds(card, splits, partial)
        lead = card.start + tile_bytes / card.stream
        seconds = both_seconds(card, one, memory + lead) + join
        if seconds < best:
            best, compute = seconds, one
    rows = moved_seconds(card, row_bytes, resident)
    return launch + best + rows, compute, memory + rows, launch


@kernel
def _blocks_seconds(card: Card, blocks: float, part: float, tile_bytes: float, tile: float) -> float:
    """Equal blocks of `part` tiles in waves over the SMs, if memory were no limit."""
    load = tile_bytes / card.stream
    if card.hopper == 1.0:
        return ceil(blocks / card.units) * (card.start + (load if part > 0.0 else 0.0) + part * tile)
    slots = 2.0 * card.units
    full = floor(blocks / slots)
    rest = blocks - full * slots
    alone = card.start + part * (load + tile)
    shared = card.start + part * max(load + tile, 2.0 * tile)
    return full * shared + (0.0 if rest == 0.0 else alone if rest <= card.units else shared)
