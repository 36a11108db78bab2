"""Routes: how many decisions keep each way, drawn for many inputs at once.

`balanced` loads ways as evenly as whole numbers allow; the others say how likely each way is: `uniform`, `zipf(s)` (the way of
rank r in proportion to r⁻ˢ), and `power_law(a)`, whose ways have shares drawn from a density x⁻ᵃ anew for each input, as those of
the measured tables are (ai-dynamo/aiconfigurator).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..compiler.diagnostics import CompileError, Diagnostic, Label, did_you_mean
from ..compiler.source import NOWHERE

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]
Kind = Literal["balanced", "uniform", "zipf", "power_law"]
KINDS: tuple[Kind, ...] = ("balanced", "uniform", "zipf", "power_law")


@dataclass(frozen=True, slots=True)
class Route:
    """A spread of decisions over ways."""

    kind: Kind
    exponent: float = 0.0

    def __str__(self) -> str:
        return f"{self.kind}({self.exponent:g})" if self.kind in ("zipf", "power_law") else self.kind

    def shares(self, inputs: int, ways: int, most: float, draw: np.random.Generator) -> Floats:
        """How likely each way is, [inputs, ways], rows that sum to 1. `most`: decisions of an input, where a power law ends."""
        if self.kind == "zipf":
            weight = np.arange(1, ways + 1) ** -self.exponent
            return np.broadcast_to(draw.permutation(weight / weight.sum()), (inputs, ways))
        if self.kind == "power_law":
            weight = power_law(inputs, ways, self.exponent, max(2.0, 0.8 * most), draw)
            return weight / weight.sum(1, keepdims=True)
        return np.full((inputs, ways), 1 / ways)

    def counts(self, decisions: Counts, ways: int, keep: int, draw: np.random.Generator) -> Counts:
        """
        How many decisions keep each way, where each keeps `keep` of them.

        Args:
            decisions: [inputs].

        Returns:
            [inputs, ways], rows that sum to decisions · keep, none above its decisions.
        """
        keep = min(keep, ways)
        if self.kind == "balanced":
            return balanced(decisions, ways, keep)
        shares = self.shares(len(decisions), ways, float(decisions.max(initial=1)), draw)
        return drawn(shares, decisions, keep, draw)


def balanced(decisions: Counts, ways: int, keep: int) -> Counts:
    """As even as can be, the lower ways first."""
    total = decisions * keep
    return (total[:, None] // ways + (np.arange(ways) < (total % ways)[:, None])).astype(np.int64)


def power_law(inputs: int, ways: int, exponent: float, most: float, draw: np.random.Generator) -> Floats:
    """Samples of the density x⁻ᵃ between 1 and `most`, by the inverse of its distribution."""
    u, a = draw.random((inputs, ways)), 1 - exponent
    if abs(a) < 1e-9:
        return np.asarray(most**u)
    return np.asarray((1 + u * (most**a - 1)) ** (1 / a))


def drawn(shares: Floats, decisions: Counts, keep: int, draw: np.random.Generator) -> Counts:
    """
    Decisions drawn by shares, way by way: each takes a binomial number of what the ways before it left (a multinomial). That no
    decision keeps a way twice stands as a bound on each count.
    """
    (inputs, ways), left = shares.shape, decisions * keep
    found = np.zeros((inputs, ways), np.int64)
    rest = shares.sum(1)
    for way in draw.permutation(ways):
        chance = np.clip(np.divide(shares[:, way], rest, out=np.zeros(inputs), where=rest > 0), 0.0, 1.0)
        found[:, way] = draw.binomial(left, chance)
        left, rest = left - found[:, way], rest - shares[:, way]
    return bounded(found, decisions)


def bounded(counts: Counts, decisions: Counts) -> Counts:
    """Counts with none above its row's decisions: what is too much goes to the ways with most room, evenly."""
    over = np.maximum(counts - decisions[:, None], 0).sum(1)
    counts = np.minimum(counts, decisions[:, None])
    for row in np.flatnonzero(over):
        left = int(over[row])
        while left:
            room = decisions[row] - counts[row]
            open_ways = np.flatnonzero(room)
            each = max(1, left // len(open_ways))
            given = np.minimum(room[open_ways], each)
            given = np.minimum(given, np.maximum(0, left - np.concatenate([[0], np.cumsum(given)[:-1]])))
            counts[row, open_ways] += given
            left -= int(given.sum())
    return counts


def route_of(text: str) -> Route:
    """The route that a text names; `CompileError` where it names none."""
    match = re.fullmatch(r"(\w+)(?:\(([^()]*)\))?", text.strip())
    name, number = (match[1], match[2]) if match else (text, None)
    if name in KINDS and (number is None) == (name in ("balanced", "uniform")):
        try:
            exponent = float(number) if number is not None else 0.0
            if np.isfinite(exponent) and exponent >= 0:
                return Route(name, exponent)
        except ValueError:
            pass
    hint = did_you_mean(name, KINDS) or "write balanced, uniform, zipf(1.2) or power_law(0.5), or name the file of a trace"
    raise CompileError([Diagnostic("CC1303", f"`{text}` is no route", (Label(NOWHERE),), hint)])


def as_counts(given: Any) -> Counts:
    """Measured counts as [inputs, ways]."""
    found = np.asarray(given)
    return np.atleast_2d(found).astype(np.int64) if found.dtype.kind in "iu" else np.empty((0, 0), np.int64)
