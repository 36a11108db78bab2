"""Routes: how many decisions keep each way, drawn for many inputs at once.

`balanced` loads ways as evenly as whole numbers allow; the others say how likely each way is: `uniform`, `zipf(s)` (the way of
rank r in proportion to r⁻ˢ), and `power_law(a)`, whose ways have shares drawn from a density x⁻ᵃ anew for each input, as those of
the measured tables are (ai-dynamo/aiconfigurator).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

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
    Decisions drawn by shares, each of `keep` different ways: how many keep each, [inputs, ways].

    Each way takes a binomial number by the chance that a decision keeps it; what then lacks of whole decisions, or exceeds, is
    spread over ways as they vary. Mean loads agree with those of drawing one by one to 3% at most, and to 1% where 8 of 128 ways
    are kept under zipf(1.2); the number of ways hit to 1%.
    """
    if keep == 1:
        return draw.multinomial(decisions, shares / shares.sum(1, keepdims=True))
    chances = keep_chances(shares, keep)
    found = draw.binomial(decisions[:, None], chances)
    while len(rows := np.flatnonzero(short := decisions * keep - found.sum(1))):
        own, most, sign = found[rows], decisions[rows, None], np.sign(short[rows, None])
        room = np.where(sign > 0, own < most, own > 0)
        weight = np.where(room, (chances * (1 - chances))[rows] + 1e-9, 0.0)
        moved = draw.multinomial(np.abs(short[rows]), weight / weight.sum(1, keepdims=True))
        found[rows] = np.clip(own + sign * moved, 0, most)
    return np.asarray(found, np.int64)


def keep_chances(shares: Floats, keep: int) -> Floats:
    """
    How likely a decision keeps each way, where it draws `keep` of them by shares, none twice: rows that sum to `keep`.

    Such a draw is a race of clocks that ring at rates of the shares (Efraimidis & Spirakis, 2006): a way is kept if less than
    `keep` others ring before it. That time is taken as gamma distributed, as if all others had one rate: a way with share p is
    kept with a chance of 1 − (1 + θ/keep · p/(1−p))^−keep, and θ is found by Newton. It is exact where one way is kept.
    """
    same = shares[:1] if len(shares) and (shares == shares[0]).all() else shares
    able = (same > 0).sum(1) > keep
    odds = same[able] / (same[able].sum(1, keepdims=True) - same[able]) / keep
    scale = keep / (keep * odds.sum(1, keepdims=True))
    for _ in range(200):
        left = (1.0 + scale * odds) ** -keep
        lacks = keep - (1.0 - left).sum(1, keepdims=True)
        scale += lacks / (keep * odds * left / (1.0 + scale * odds)).sum(1, keepdims=True)
        if (np.abs(lacks) < 1e-9 * keep).all():
            break
    chances = (same > 0).astype(np.float64)  # where there are no more ways than are kept, all are
    chances[able] = 1.0 - (1.0 + scale * odds) ** -keep
    return np.asarray(np.broadcast_to(chances, shares.shape))


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
