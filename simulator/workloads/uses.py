"""Which chunks are used one after the other: sequences of known kinds, by which policies of eviction are measured."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ...compiler.loading.replaying import Known

Array = np.ndarray


def popularity(chunks: int, alpha: float) -> Array:
    """Zipf's law: the i-th most popular is used in proportion to i ** -alpha; 0: all alike."""
    weights = np.arange(1, chunks + 1) ** -float(alpha)
    shares: Array = weights / weights.sum()
    return shares


def drawn(length: int, chunks: int, alpha: float, seed: int, phase: int = 0) -> list[str]:
    """Uses drawn independently by Zipf's law. With a `phase`, who is popular is drawn anew after each so many uses; without one,
    chunk `0` is the most popular, then `1`, …"""
    rng, shares = np.random.default_rng(seed), popularity(chunks, alpha)
    ranks = rng.choice(chunks, length, p=shares)
    if phase:
        for start in range(0, length, phase):
            ranks[start : start + phase] = rng.permutation(chunks)[ranks[start : start + phase]]
    return [str(rank) for rank in ranks]


def cyclic(length: int, chunks: int) -> list[str]:
    """All chunks, over and over."""
    return [str(i % chunks) for i in range(length)]


def drifting(length: int, chunks: int, alpha: float, seed: int, every: int) -> list[str]:
    """Drawn by Zipf's law, where after each `every` uses two chunks change places."""
    rng = np.random.default_rng(seed)
    ranks, names, found = rng.choice(chunks, length, p=popularity(chunks, alpha)), rng.permutation(chunks), []
    for i, rank in enumerate(ranks):
        if i % every == 0:
            a, b = rng.choice(chunks, 2, replace=False)
            names[[a, b]] = names[[b, a]]
        found.append(str(names[rank]))
    return found


def scanned(length: int, chunks: int, alpha: float, seed: int, every: int) -> list[str]:
    """Half of the chunks drawn by Zipf's law, the other half read through once in a row after each `every` uses."""
    rng, half = np.random.default_rng(seed), chunks // 2
    popular, found = rng.choice(half, length, p=popularity(half, alpha)), []
    for start in range(0, length, every):
        found += [str(rank) for rank in popular[start : start + every]] + [str(i) for i in range(half, chunks)]
    return found[:length]


def informed(sizes: Mapping[str, int], alpha: float) -> Known:
    """What knows Zipf's law: the least probable goes. Of uses that are drawn independently, and chunks of one size, no policy
    expects fewer loads (A0 of Aho, Denning, Ullman 1971, "Principles of optimal page replacement")."""
    return Known(sizes, {str(i): share for i, share in enumerate(popularity(len(sizes), alpha))})
