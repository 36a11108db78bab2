"""Flash attention over many queries (prefill) on a GPU.

Tiles are counted exactly, a row of tiles for each block of queries; blocks go over the SMs in waves; a causal mask makes blocks
of all lengths, of which FlashAttention-3 starts the longest first, so that only short ones end alone. Memory moves beside the
products.
"""

from __future__ import annotations

from math import ceil

from ..compiled import kernel
from .attention_tiles import (
    SPLITS,
    Card,
    both_seconds,
    cache_write_seconds,
    join_seconds,
    kept_tiles,
    moved_seconds,
    scheduling_seconds,
    tile_of,
    tile_seconds,
)


@kernel
def context_parts(
    card: Card, batch: float, heads: float, kv_heads: float, queries: float, keys: float, width: float, value_width: float,
    causal: bool, kept: float, block_rows: float, block_columns: float, cached: bool,
) -> tuple[float, float, float, float]:  # fmt: skip
    """(seconds, compute, memory, launch), the last three as each were alone. `kept`: the share of blocks (rows, columns) of pairs
    that is computed, of those that a causal mask leaves. `cached`: keys and values are first written into a paged cache, as
    serving engines do and measure with it, over and over on the same data."""
    m, n = tile_of(card, width, False)
    widths, group = width + value_width, heads / kv_heads
    share = kept_tiles(kept, m, n, block_rows, block_columns)
    compute = _blocks_seconds(card, batch * heads, queries, keys, m, n, width, value_width, causal, share, 1.0)
    if card.hopper == 1.0 and group > 1.0:  # heads that share keys in one tile, where few queries would leave tiles part empty
        packed = _blocks_seconds(card, batch * kv_heads, queries, keys, m, n, width, value_width, causal, share, group)
        compute = min(compute, packed)
    read = keys * (1.0 - (1.0 - share) ** ceil(queries * group / m))
    amount = batch * card.item * widths * (heads * queries + kv_heads * read)
    resident = amount + batch * card.item * widths * kv_heads * keys if cached else 1e300
    memory = moved_seconds(card, amount, resident)
    launch = card.launch
    if cached:
        launch += cache_write_seconds(card, batch * keys, kv_heads * widths * card.item, resident) + scheduling_seconds(
            card, batch
        )
    return launch + both_seconds(card, compute, memory), compute, memory, launch


@kernel
def _count_tiles(queries: float, keys: float, m: float, n: float, causal: bool, pack: float) -> float:
    """Tiles of keys that all blocks of one head visit together. A causal mask ends with the last key at the last query."""
    blocks = ceil(queries * pack / m)
    if not causal:
        return blocks * ceil(keys / n)
    total = 0.0
    for index in range(int(blocks)):
        last = min(queries, float(ceil((index + 1) * m / pack))) + keys - queries
        total += ceil(min(keys, max(last, 0.0)) / n)
    return total


@kernel
def _blocks_seconds(
    card: Card, heads: float, queries: float, keys: float, m: float, n: float, width: float, value_width: float, causal: bool,
    share: float, pack: float,
) -> float:  # fmt: skip
    """Until the last block ends, if memory were no limit. `heads`: of all sequences, `pack` of them counted as one."""
    widths = width + value_width
    blocks = heads * ceil(queries * pack / m)
    tiles = heads * _count_tiles(queries, keys, m, n, causal, pack) * share
    tile = tile_seconds(card, m, n, widths)
    load = min(keys, n) * widths * card.item / card.stream if share > 0.0 else 0.0
    rows = min(queries * pack, m) * widths * card.item / card.stream
    if card.hopper == 1.0:  # one block an SM; later blocks' queries come while the block before still works
        turns, each, lead, first = 1.0, tile, card.start + load, rows
    else:
        turns = min(2.0, max(1.0, float(ceil(blocks / card.units))))
        each, lead, first = max(load + tile, turns * tile), card.start + rows, 0.0
    slots = card.units * turns
    most = max(1.0, ceil(keys / n) * share) if share > 0.0 else 0.0
    longest = lead + most * each
    seconds = ceil(blocks / slots) * longest
    if causal and queries * pack > m and blocks > slots:
        tail = lead + each if card.hopper == 1.0 else longest
        seconds = min(seconds, max(longest, (tiles * each + blocks * lead) / slots + 0.5 * tail))
    if card.hopper == 1.0 and blocks < slots:
        results = heads * pack * queries * value_width * 4.0
        for splits in range(2, int(min(SPLITS, most)) + 1):
            part = max(lead + ceil(most / splits) * each, (tiles * each + splits * blocks * lead) / slots)
            seconds = min(seconds, part + join_seconds(card, float(splits), results * splits))
    return first + seconds
