"""What holding things launches: rows of a cached part, positions packed side by side, chunks moved between memory levels."""

from __future__ import annotations

from collections.abc import Sequence

from ..cost import Cost, How
from ..shapes import Pointwise
from .tape import EAGER, Array, Number, Tape

LOOK = 0.3
"""Launches that take the host as long as looking one row up, or holding it (measured on one CPU core, `docs/caching.md`)."""


def probe_calls(keys: Sequence[Array], hits: Number, values: Sequence[Array], how: How = EAGER) -> list[Cost]:
    """Looking rows up: `keys` [rows, …] are what a row depends on, `values` [1, …] one row of what is held."""
    t, rows = Tape(how), keys[0].shape[0]
    parts = [key.of(rows, key.bytes / rows if rows else 0, dtype="bool") for key in keys]
    joined = t.copy(*parts, like=parts[0].of(rows, sum(part.shape[1] for part in parts)))
    if how.device == "cuda":
        t.move(joined.bytes, "device", "host")
    looking(t, rows, joined.bytes)
    left = rows - hits
    for value in values if hits else ():
        t.gather(value.of(hits, *value.shape[1:]), hits)
    for key in keys if hits and left else ():
        t.gather(key.of(left, *key.shape[1:]), left)
    return t.calls


def remember_calls(rows: Number, hits: Number, values: Sequence[Array], how: How = EAGER) -> list[Cost]:
    """Holding the rows that were not held, and putting all together."""
    t, left = Tape(how), rows - hits
    if left:
        looking(t, left, 0)
    for value in values:
        new, whole = value.of(left, *value.shape[1:]), value.of(rows, *value.shape[1:])
        if left:
            t.scatter(new, t.gather(new, left), 0, fresh=True)
        if hits:
            if left:
                t.copy(new, value.of(hits, *value.shape[1:]), like=whole)
            t.gather(whole, rows)
    return t.calls


def cached_calls(keys: Sequence[Array], hits: Number, values: Sequence[Array], how: How = EAGER) -> tuple[list[Cost], list[Cost]]:
    """What stands before and behind computing the rows that are not held: `probe`, and `remember`."""
    return probe_calls(keys, hits, values, how), remember_calls(keys[0].shape[0], hits, values, how)


def looking(t: Tape, rows: Number, bytes: Number) -> None:
    """The host asks its table for each row."""
    t.calls.append(Cost(0, bytes, LOOK * rows, Pointwise("lookup", rows, bytes)))


def move_calls(bytes: Number, source: str = "host", destination: str = "device") -> list[Cost]:
    """One unit of chunks moved between two levels of memory."""
    t = Tape()
    t.move(bytes, source, destination)
    return t.calls


# ---- packed positions


def pack_calls(samples: Number, positions: Number, kept: Number, how: How = EAGER, *, rows: bool = False) -> list[Cost]:
    """Which positions are kept, [samples, positions]: as many a sample as the fullest has, or (`rows`) the `kept` of all."""
    t, mask = Tape(how), Array((samples, positions), "bool")
    if rows:
        t.along("any", mask, (0, 1))
        t.nonzero(mask.of(samples * positions), kept)
        return t.calls
    t.sort(mask)
    fullest = t.each("maximum", t.along("max", t.along("sum", mask, dtype="i64")))
    if how.device == "cuda":
        t.move(fullest.bytes, "device", "host")
    return t.calls


def packed_calls(x: Array, fullest: Number, kept: Number, how: How = EAGER, *, rows: bool = False) -> list[Cost]:
    """The packed positions of a value [samples, positions, …]."""
    t = Tape(how)
    if rows:
        t.gather(x.of(kept, *x.shape[2:]), kept)
    else:
        t.fetch(x.at(1, fullest), width=1)
    return t.calls


def unpacked_calls(y: Array, fullest: Number, kept: Number, how: How = EAGER, *, rows: bool = False) -> list[Cost]:
    """What was computed of packed positions, at their places in a value [samples, positions, …]."""
    t = Tape(how)
    t.fill(*y.shape, dtype=y.dtype)
    if rows:
        t.scatter(y.of(y.shape[0] * y.shape[1], *y.shape[2:]), y.of(kept, *y.shape[2:]), 0)
    else:
        t.scatter(y, y.at(1, fullest), -1)
    return t.calls
