"""Tables of measured ragged products of mixture layers with the routing that each run had: ways hit, largest load, spread.

Source of how they were measured: NetX-lab/Frontier, `profiling/moe/moe_vllm_kernel.py`: both products of a layer and between them
a copy of half of what the first gave, launched one by one from Python (vLLM 0.10) between two events on the device.
"""

from __future__ import annotations

from functools import cache
from math import ceil
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from ...compiler.diagnostics import CompileError, Diagnostic, Label
from ...compiler.source import NOWHERE
from ..compiled import kernel
from ..kinds import Kind, Seconds
from ..tables import Column, Columns
from ..target import Target
from .grouped import joined
from .grouped_card import grouped_card_of, grouped_of
from .grouped_tiles import GroupedCard, Tile, default_2025

Floats = NDArray[np.float64]

SIZES = ("num_tokens", "num_experts_per_device", "hidden_dim", "expert_hidden_dim")
WHOLE = (*SIZES, "num_tensor_parallel_workers", "total_routed_tokens")
SPREAD = ("expert_utilization", "max_load_ratio", "load_imbalance_cv")


@cache
def loads(ways: int, rows: int, used: float, largest: float, deviation: float) -> tuple[float, ...]:
    """
    Whole loads of the ways hit, the largest last, of which these statistics tell: normal quantiles with their deviation.

    Args:
        used: ways hit, of all.
        largest: the largest load, over the mean of all.
        deviation: standard deviation of all loads, over their mean.
    """
    hit, mean = max(1, round(used * ways)), rows / ways
    top = min(float(rows - hit + 1), max(1.0, float(round(largest * mean))))
    if hit == 1:
        return (float(rows),)
    middle = rows / hit
    variance = max(0.0, (1.0 + deviation**2) * mean**2 * ways / hit - middle**2)
    places = (np.arange(hit) + 0.5) / hit
    wanted = middle + np.sqrt(variance) * np.array([NormalDist().inv_cdf(place) for place in places])
    rest = np.clip(wanted[:-1], 1.0, top)
    rest *= (rows - top) / rest.sum()
    ends = np.round(np.cumsum(np.maximum(rest, 1.0) * (rows - top) / np.maximum(rest, 1.0).sum()))
    return (*np.diff(ends, prepend=0.0).tolist(), top)


@cache
def _sums(ways: int, rows: int, used: float, largest: float, deviation: float, height: float) -> tuple[float, float, float]:
    found = loads(ways, rows, used, largest, deviation)
    return float(sum(ceil(load / height) for load in found)), float(sum(load > 0 for load in found)), float(rows)


@kernel
def launched(card: GroupedCard, host: float, first: float, copied: float, second: float) -> float:
    """Three kernels, one after the other on the device, each no sooner than the thread has launched it: `host` seconds each."""
    end = 0.0
    for place, work in enumerate((first, copied, second)):
        end = max(end, (place + 1.0) * host) + work + (card.launch if host == 0.0 else 0.0)
    return end


@kernel
def routed_rows(card: GroupedCard, host: float, sizes: Floats, tiles: Floats, sums: Floats) -> Floats:
    """Seconds of each row. `sizes`: [rows, 4]: tokens, hidden size, width, ways; `tiles`: [rows, 5]; `sums`: [rows, 3]."""
    seconds = np.empty(len(sizes))
    for row in range(len(sizes)):
        tokens, hidden, width, ways = sizes[row]
        blocks, hit, rows = sums[row]
        shape = tiles[row]
        tile = Tile(shape[0], shape[1], shape[2], shape[3], shape[4])
        weights = 3.0 * ways * width * hidden * card.item
        between = rows * (3.0 * width + hidden) * card.item
        missing = min(1.0, max(0.0, 2.0 * (weights + between) / card.l2 - 1.0))
        first = joined(card, tile, blocks, hit, rows, 2.0 * width, hidden, tokens, missing)[0]
        second = joined(card, tile, blocks, hit, rows, hidden, width, rows, missing)[0]
        seconds[row] = launched(card, host, first, 2.0 * rows * width * card.item / card.dram_rate, second)
    return seconds


def predict(target: Target, columns: Columns) -> Seconds:
    """Seconds of each row on a target, in bf16. `CompileError` where a width is not divided by its workers."""
    tokens, ways, hidden, width, workers, rows = (columns[name] for name in WHOLE)
    bad = np.flatnonzero(width % workers)
    if len(bad):
        message = f"`num_tensor_parallel_workers` does not divide `expert_hidden_dim`, in row {bad[0] + 1}"
        raise CompileError([Diagnostic("CC1101", message, (Label(NOWHERE),))])
    tiles = np.array([default_2025(*pair) for pair in zip(tokens, ways)])
    spread = [columns[name].tolist() for name in SPREAD]
    keys = zip(ways.astype(int).tolist(), rows.astype(int).tolist(), *spread, tiles[:, 0].tolist())
    sums = np.array([_sums(*key) for key in keys])
    sizes = np.stack([tokens, hidden, width / workers, ways], axis=1)
    return np.asarray(routed_rows(grouped_card_of(target, "bf16"), grouped_of(target).host, sizes, tiles, sums))


def work(columns: Columns) -> tuple[Seconds, Seconds]:
    """Multiply-adds of each row, and bytes: the weights of the ways hit, and of each row what comes in, between and out."""
    hidden, width = columns["hidden_dim"], columns["expert_hidden_dim"] / columns["num_tensor_parallel_workers"]
    rows, hit = columns["total_routed_tokens"], columns["num_experts_per_device"] * columns["expert_utilization"]
    return 3 * rows * hidden * width, 2 * (3 * hit * hidden * width + rows * (2 * hidden + 3 * width))


KIND = Kind(
    name="moe_routed",
    title="ragged products of mixture layers with their routing",
    section="grouped",
    columns=(*(Column(name) for name in WHOLE), *(Column(name, least=0.0, whole=False) for name in SPREAD)),
    family=("num_experts_per_device", "num_tensor_parallel_workers"),
    fitted={"feed": (5e9, 500e9), "step": (0.05e-6, 5e-6), "host": (1e-6, 1e-3)},
    predict=predict,
    work=work,
)
