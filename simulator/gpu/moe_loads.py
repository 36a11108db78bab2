"""The loads that measured tables of fused mixture layers were taken with, drawn again as their benchmark draws them.

Source: ai-dynamo/aiconfigurator, `balanced_logits` and `power_law_logits_v3` in `collector/helper.py`. `balanced` puts a token's
choices a stride apart. A power law gives every way a share drawn from the density x⁻ᵃ between 1 and 0.8 · tokens (0.01 and 2
where there are fewer choices than ways), rounds the shares to whole loads, and mends their sum. With ways spread over several
devices the one with most rows is measured. A row of a table is the mean over five draws.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from ..compiled import kernel

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]

DRAWS = 5
HEIGHTS = (16.0, 32.0, 64.0, 128.0)
"""Rows that blocks have."""

SUMS = 2 * len(HEIGHTS) + 4
"""What is kept of loads: blocks of each height; ways hit; rows; of the ways of other devices blocks of each height, and rows; and
ways hit in any of the draws."""


@cache
def sums(tokens: int, ways: int, keep: int, devices: int, distribution: str, spread: bool) -> Floats:
    """[draws, SUMS] of the device with most rows. `spread`: whether what rounding leaves goes to all devices in turn, as in later
    versions of the benchmark, or to the smallest loads."""
    local = ways // devices
    if distribution == "balanced":
        draws = [balanced(tokens, ways, keep)] * DRAWS
    else:
        exponent = float(distribution.removeprefix("power_law_"))
        draw = np.random.default_rng([tokens, ways, keep, devices, int(1000 * exponent)])
        draws = [power_law(tokens, ways, keep, devices, exponent, spread, draw) for _ in range(DRAWS)]
    seen = float((np.sum(draws, axis=0)[:local] > 0).sum())
    return np.array([[*_sums(loads[:local], loads[local:]), seen] for loads in draws])


def _sums(own: Counts, others: Counts) -> list[float]:
    blocks, foreign = ([float(np.ceil(loads / rows).sum()) for rows in HEIGHTS] for loads in (own, others))
    return [*blocks, float((own > 0).sum()), float(own.sum()), *foreign, float(others.sum())]


def balanced(tokens: int, ways: int, keep: int) -> Counts:
    """Loads of all ways, [ways]."""
    stride = -(-ways // keep)
    first = np.arange(tokens) if tokens >= stride else np.arange(tokens) * stride / tokens
    chosen = (first[:, None] + np.arange(keep) * stride).astype(np.int64) % ways
    return np.bincount(chosen.ravel(), minlength=ways)


def power_law(
    tokens: int, ways: int, keep: int, devices: int, exponent: float, spread: bool, draw: np.random.Generator
) -> Counts:
    """Loads of all ways, [ways], those of the device with most rows first."""
    low, high = (1.0, 0.8 * tokens) if tokens * keep > ways else (0.01, 2.0)
    power = 1.0 - exponent
    shares = ((high**power - low**power) * draw.random(ways) + low**power) ** (1.0 / power)
    loads = np.rint(shares / shares.sum() * tokens * keep).astype(np.int64)
    loads = np.minimum(loads, tokens) if spread else loads
    (_mend_in_turn if spread else _mend_smallest)(loads, tokens, keep, devices)
    by_device = loads.reshape(devices, -1)
    most = int(by_device.sum(axis=1).argmax())
    by_device[[0, most]] = by_device[[most, 0]]
    return loads


@kernel
def _mend_in_turn(loads: Counts, tokens: int, keep: int, devices: int) -> None:
    """Brings the sum to tokens · keep, one row a device in turn: to its smallest load, or from its largest. None above tokens."""
    short = tokens * keep - loads.sum()
    local = len(loads) // devices
    while short != 0:
        for device in range(devices):
            own = loads[device * local : (device + 1) * local]
            if short > 0:
                way = own.argmin()
                if own[way] < tokens:
                    own[way] += 1
                    short -= 1
            elif short < 0:
                way = own.argmax()
                if own[way] > 0:
                    own[way] -= 1
                    short += 1


@kernel
def _mend_smallest(loads: Counts, tokens: int, keep: int, devices: int) -> None:
    """None above tokens: what is too much goes to the smallest load until that is full, and so on. Then the sum is brought to
    tokens · keep: one row more for each from the smallest load on, or one less where there is one, else off the largest."""
    over = 0
    for way in range(len(loads)):
        over += max(0, loads[way] - tokens)
        loads[way] = min(loads[way], tokens)
    order = np.argsort(-loads, kind="mergesort")[::-1]
    for way in order:
        more = min(over, tokens - loads[way])
        loads[way] += more
        over -= more
    short = tokens * keep - loads.sum()
    order, place = np.argsort(-loads, kind="mergesort")[::-1], 0
    while short != 0:
        way = order[place % len(order)]
        place += 1
        if short > 0 and loads[way] < tokens:
            loads[way] += 1
            short -= 1
        elif short < 0:
            loads[way if loads[way] > 0 else loads.argmax()] -= 1
            short += 1
