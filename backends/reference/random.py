"""Numbers that look random: hashes, and draws keyed by the call's seed, the call path and the dense position."""

from __future__ import annotations

import hashlib
import math

import numpy as np

from .meaning import Array, means

_WORD = 2**64 - 1


def _mix(x: Array, seed: int) -> Array:
    """splitmix64 of x · golden + seed · M, modulo 2⁶⁴ (as uint64)."""
    h = x.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed * 0xBF58476D1CE4E5B9 & _WORD)
    h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return h ^ (h >> np.uint64(31))


@means("hash")
def hash_(x: Array, *, n: int, seed: int = 0) -> Array:
    """An integer in 0..n for each integer, the same everywhere and always."""
    return ((_mix(x, seed) >> np.uint64(1)) % np.uint64(n)).astype(np.int64)


@means("uniform")
def uniform(x: Array, *, path: str, seed: int = 0) -> Array:
    """A draw in (0, 1) for each element of x, of which only the shape is read. `path` is the full one, call path included."""
    key = int.from_bytes(hashlib.sha256(path.encode()).digest()[:8], "little")
    h = _mix(np.arange(math.prod(x.shape), dtype=np.uint64), (seed ^ key) & _WORD)
    return (((h >> np.uint64(41)).astype(np.float64) + 0.5) / 2**23).reshape(x.shape)
