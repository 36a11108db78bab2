"""What was in memory when: of each chunk the times from the beginning of its load to when it went."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from .timing import Copy


@attrs.frozen
class Stay:
    """A chunk in memory, in seconds: its load begins, it is there, it goes. What was there from the start has `there` 0; what was
    called off before it was there has `there` at its end."""

    chunk: str
    begin: float
    there: float
    end: float
    bytes: float


def stays_of(copies: Sequence[Copy], n: int, total: float) -> tuple[Stay, ...]:
    """Of the call of input `n`, which took `total` seconds. `copies`: all loads of the calls up to it, in order."""
    here: dict[str, Stay] = {}
    found = []
    for copy in copies:
        if copy.input > n:
            break
        own = copy.input == n
        for gone in copy.gone:
            left = here.pop(gone, None)
            if own and left is not None:
                found.append(attrs.evolve(left, there=min(left.there, copy.begin), end=copy.begin))
        here[copy.chunk] = Stay(copy.chunk, copy.begin if own else 0.0, copy.end if own else 0.0, total, copy.bytes)
    return (*found, *here.values())
