"""Several arrays with one bus and one SRAM: how a product, or a batch of products, is split over them."""

from __future__ import annotations

from typing import NamedTuple

from ..compiled import bare_kernel, part
from .memory import Room, Work, best_schedule, unique_words


class Shared(NamedTuple):
    """What a batch of products takes: cycles, those of compute alone, words over the bus, and words through the port of SRAM."""

    cycles: float
    compute: float
    demanded: float
    ported: float


@bare_kernel
def share_product(
    dataflow: int,
    m: int,
    n: int,
    k: int,
    batch: int,
    rows: int,
    columns: int,
    units: int,
    word_a: float,
    word_b: float,
    word_out: float,
    word_sum: float,
    spread: float,
    sram: float,
    bandwidth: float,
) -> Shared:
    """
    `batch` products on `units` arrays of rows x columns, in the way that takes least. Sizes as in `memory.Work`.

    Each is on all arrays, one after the other, or each on its own, which then has its part of SRAM and bus. And each may be
    computed as (A @ B)ᵀ = Bᵀ @ Aᵀ: what stays and what streams past is the compiler's to choose, and SRAM gives rows as well as
    columns.
    """
    words = (word_sum, spread, 1, 1, 1)
    work = Work(dataflow, m, n, k, rows, columns, word_a, word_b, word_out, *words)
    best = _batched(work, batch, units, sram, bandwidth, float("inf"))
    if spread > 1 or (dataflow == 0 and rows == columns):  # sparse weights must stay; a square array of sums sees no difference
        return best
    turned = Work(dataflow, n, m, k, rows, columns, word_b, word_a, word_out, *words)
    other = _batched(turned, batch, units, sram, bandwidth, best.cycles)
    return other if other.cycles < best.cycles else best


@part
def _batched(work: Work, batch: int, units: int, sram: float, bandwidth: float, limit: float) -> Shared:
    """Products one after the other, or several at a time; any number of cycles above `limit` if there is no faster way."""
    best = Shared(float("inf"), 0.0, 0.0, 0.0)
    if (_compute(_fastest_split(work, units)) + 1) * batch - 1 < limit:
        best = _rounds(work, batch, 1, units, sram, bandwidth)
    together = min(units, batch)
    if together > 1 and (_compute(_fastest_split(work, units // together)) + 1) * -(-batch // together) - 1 < limit:
        alone = _rounds(work, batch, together, units, sram, bandwidth)
        if alone.cycles < best.cycles:
            return alone
    return best


@part
def _rounds(work: Work, batch: int, together: int, units: int, sram: float, bandwidth: float) -> Shared:
    """Rounds of `together` products at a time."""
    one = _split(work, units // together, sram / together, bandwidth / together)
    rounds = -(-batch // together)
    cycles, compute = (one.cycles + 1) * rounds - 1, (one.compute + 1) * rounds - 1
    return Shared(cycles, compute, one.demanded * batch, one.ported * batch)


@part
def _split(work: Work, units: int, sram: float, bandwidth: float) -> Shared:
    """One product on so many arrays, split along the columns and along what else needs no sums of several arrays: the rows of
    `os`, the stream of the others. The fewest compute cycles come first; a split that cannot be faster is not looked at."""
    best = _with_split(_fastest_split(work, units), sram, bandwidth)
    least = unique_words(work) / bandwidth
    for across in range(units, 0, -1):
        for along in (units // across, 1):
            split = _with_units(work, across, along)
            if max(least, _compute(split)) < best.cycles:
                other = _with_split(split, sram, bandwidth)
                if other.cycles < best.cycles:
                    best = other
            if work.dataflow != 0:  # a part of the stream needs no more SRAM than all of it, so no fewer arrays are tried
                break
    return best


@part
def _with_split(split: Work, sram: float, bandwidth: float) -> Shared:
    """A product whose arrays share one SRAM."""
    cycles, compute, demanded, _ = best_schedule(split, Room(sram, sram, sram, sram), bandwidth)
    return Shared(cycles, compute, demanded, demanded + ported_words(split))


@part
def _fastest_split(work: Work, units: int) -> Work:
    """The split with the fewest compute cycles."""
    best, cycles = work, _compute(work)
    for across in range(units, 0, -1):
        split = _with_units(work, across, units // across)
        taken = _compute(split)
        if taken < cycles:
            best, cycles = split, taken
    return best


@part
def _with_units(work: Work, across: int, along: int) -> Work:
    """The product on across x along arrays."""
    down, stream = (along, 1) if work.dataflow == 0 else (1, along)
    words = (work.word_a, work.word_b, work.word_out, work.word_sum, work.spread)
    return Work(work.dataflow, work.m, work.n, work.k, work.rows, work.columns, *words, down, across, stream)


@part
def _compute(work: Work) -> float:
    """Compute cycles of a split product: as `closed` has them, with the folds that its arrays do at once."""
    high, wide = work.rows * work.row_units, work.columns * work.column_units
    if work.dataflow == 0:
        folds = -(-work.m // high) * -(-work.n // wide)
        return folds * (work.rows + work.columns + work.k - 2.0) - 1
    across, length = (work.n, work.m) if work.dataflow == 1 else (work.m, work.n)
    folds = -(-work.k // high) * -(-across // wide)
    return folds * (2.0 * work.rows + work.columns + -(-length // work.stream_units) - 2) - 1


@part
def ported_words(work: Work) -> float:
    """Words that the arrays read from SRAM and write there: an operand that streams past comes once for each fold that it passes;
    one that stays, once for each array that holds it; sums that do not stay are read back but for the first time."""
    down, right = -(-work.k // work.rows), -(-work.n // work.columns)
    a, b = work.m * work.k * work.spread * work.word_a, work.k * work.n * work.word_b
    outputs = work.m * work.n
    if work.dataflow == 0:
        return a * right + b * -(-work.m // work.rows) + outputs * work.word_out
    sums = (2 * down - 1) * outputs * work.word_sum
    if work.dataflow == 1:
        return a * right + b * work.stream_units + sums
    return a * work.stream_units + b * -(-work.m // work.columns) + sums
