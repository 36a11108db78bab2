"""What a product takes where operands come over one bus of finite bandwidth into SRAM of finite size.

All three operands share the bus. SRAM is double-buffered: tiles come while the array computes on those before. Of the schedules
that fit into SRAM (see `schedule`) the fastest is taken; more SRAM only adds to the choice, and no schedule gets slower with
bandwidth, so time is monotone in both. By construction

    max(compute, unique words / bandwidth) <= cycles <= compute + demanded words / bandwidth

where *unique* words are those of each operand once, and *demanded* those that the schedule moves. Where several are as fast to a
thousandth, demanded words are those of the one that moves least.

SCALE-Sim's finite-bandwidth runs are no measure for this: each operand has a port of its own there, and stalls are added twice,
so that some runs take longer than all their own demanded words on one bus and then all of compute.
"""

from __future__ import annotations

from typing import NamedTuple

import attrs

from ..compiled import bare_kernel, part
from .closed import DATAFLOWS, Dataflow, kept_length
from .schedule import Grid, held_schedule, streamed_schedule


class Work(NamedTuple):
    """A product on an array. Sizes of words are in units of the bus."""

    dataflow: int
    m: int
    n: int
    k: int
    """As the array sees it: of kept weights."""
    rows: int
    columns: int
    word_a: float
    word_b: float
    word_out: float
    word_sum: float
    spread: float
    """How many operands along k there are for each kept weight."""
    row_units: int = 1
    column_units: int = 1
    stream_units: int = 1
    """Arrays that share a fold: side by side along its rows or columns, or each with a part of the stream and the same
    stationary operands."""


class Room(NamedTuple):
    """Capacities of SRAM in units of the bus: of A, B and the sums if each has its own, and of all together."""

    a: float = float("inf")
    b: float = float("inf")
    sums: float = float("inf")
    total: float = float("inf")


class Choice(NamedTuple):
    """The cycles of the fastest schedule seen, and the cycles and words of the one taken."""

    fastest: float
    taken: float
    words: float


@attrs.frozen
class Streamed:
    """What one product takes. `unique` and `demanded` are words in units of the bus."""

    cycles: float
    compute: float
    demanded: float
    unique: float


def stream_product(
    dataflow: Dataflow,
    m: int,
    n: int,
    k: int,
    rows: int,
    columns: int,
    *,
    sram: Room,
    bandwidth: float,
    words: tuple[float, float, float, float] = (1, 1, 1, 1),
    kept: int = 1,
    block: int = 1,
) -> Streamed:
    """
    A[m, k] @ B[k, n] on an array of `rows` x `columns`, `bandwidth` words a cycle over the bus.

    `words`: sizes of an element of A, of B, of the result, and of a sum that is not finished, in units of the bus. With
    `kept` of `block` (`ws` only) B holds kept weights; each brings along its place in the block (as ELLPACK blocks do:
    the bits that tell `block` places apart), for which `words[1]` is raised by the caller, who knows how wide a word is.
    ValueError for a size below 1, a bandwidth that is not above 0, or sparsity in another dataflow.
    """
    if min(m, n, k, rows, columns) < 1 or not bandwidth > 0:
        raise ValueError(f"all sizes are at least 1 and bandwidth above 0: m={m}, n={n}, k={k}, {rows}x{columns}, {bandwidth}")
    if kept < block and dataflow != "ws":
        raise ValueError(f"N:M sparsity is told to `ws` only, not to `{dataflow}`")
    length = kept_length(k, kept, block)
    a, b, out, sums = map(float, words)
    work = Work(DATAFLOWS[dataflow], m, n, length, rows, columns, a, b, out, sums, k / length)
    return Streamed(*best_schedule(work, Room(*map(float, sram)), float(bandwidth)))


@part
def unique_words(work: Work) -> float:
    """Words of each operand once."""
    return work.m * work.k * work.spread * work.word_a + work.k * work.n * work.word_b + work.m * work.n * work.word_out


@bare_kernel
def best_schedule(work: Work, room: Room, bandwidth: float) -> tuple[float, float, float, float]:
    """The cycles, compute cycles, demanded and unique words of the best schedule: the fields of `Streamed`."""
    unique = unique_words(work)
    first, second = grid_of(work, False), grid_of(work, True)
    compute = first.cycles * first.passing * first.held - 1
    # The operand along the columns of the array, the one along its rows, and the third: the order of `grid_of`.
    if work.dataflow == 0:
        along_columns, along_rows, third = room.b, room.a, room.sums
    elif work.dataflow == 1:
        along_columns, along_rows, third = room.sums, room.a, room.b
    else:
        along_columns, along_rows, third = room.sums, room.b, room.a
    best = _best_of(first, along_rows, along_columns, third, room.total, bandwidth)
    best = _better(best, _best_of(second, along_columns, along_rows, third, room.total, bandwidth))
    # Sums round: a schedule as fast as a bound may come out below it by as much.
    return max(best.fastest, compute, unique / bandwidth), compute, max(best.words, unique), unique


@part
def grid_of(work: Work, hold_rows: bool) -> Grid:
    """The grid where the operand along the columns of the array is held, or with `hold_rows` the one along its rows."""
    if work.dataflow == 0:
        along, across, length = work.m, work.n, work.k
        word_rows, word_columns, word_own = work.word_a, work.word_b, work.word_out
    elif work.dataflow == 1:
        along, across, length = work.k, work.n, work.m
        word_rows, word_columns, word_own = work.word_a * work.spread, work.word_sum, work.word_b
    else:
        along, across, length = work.k, work.m, work.n
        word_rows, word_columns, word_own = work.word_b, work.word_sum, work.word_a
    leaves = work.dataflow == 0
    waves = -(-length // work.stream_units)
    lead = 0.0 if leaves else float(work.rows)
    tail = float(work.rows + work.columns - 1)
    high, wide = work.rows * work.row_units, work.columns * work.column_units
    rows, columns = -(-along // high), -(-across // wide)
    row_tile, row_edge = min(high, along), along - (rows - 1) * high
    column_tile, column_edge = min(wide, across), across - (columns - 1) * wide
    row, column = word_rows * length, word_columns * length
    final = 1.0 if leaves else work.word_out / work.word_sum
    cycles = lead + waves + tail - 1
    corner = word_own * row_edge * column_edge
    own, below, right = word_own * row_tile * column_tile, word_own * row_edge * column_tile, word_own * row_tile * column_edge
    row_words, row_last, column_words, column_last = row * row_tile, row * row_edge, column * column_tile, column * column_edge
    if hold_rows:
        sizes = (columns, rows, column_words, column_last, row_words, row_last, own, right, below, corner)
        return Grid(cycles, float(waves), lead, tail, *sizes, leaves, not leaves, False, final)
    sizes = (rows, columns, row_words, row_last, column_words, column_last, own, below, right, corner)
    return Grid(cycles, float(waves), lead, tail, *sizes, leaves, False, not leaves, final)


@part
def _best_of(grid: Grid, passing: float, held: float, third: float, total: float, bandwidth: float) -> Choice:
    """The best schedule of a grid that fits into SRAM (capacities of its operands, and of all together)."""
    wave = 2.0 / grid.length
    own = 2 * grid.own
    streams, stays = wave * grid.passing_tile, wave * grid.held_tile
    queue = min(passing, total - own - stays) - streams
    cycles, words, serial = streamed_schedule(grid, False, max(queue, 0.0), bandwidth)
    if own > third:
        return Choice(serial, serial, words)  # straight from the bus, with nothing kept and nothing overlapped
    if queue < 0 or stays > held:
        cycles = serial
    best = Choice(cycles, cycles, words)
    room = _held_room(grid, 1)
    queue = min(passing, total - own - room) - streams
    if queue >= 0 and room <= held:
        cycles, words, serial = streamed_schedule(grid, True, queue, bandwidth)
        best = _better(best, Choice(cycles, cycles, words))
    flowing = 2 * grid.passing_tile
    if flowing > passing:
        return best
    size = 1
    while True:
        size = min(size, grid.held)
        room = _held_room(grid, size)
        if room <= held and own + flowing + room <= total:
            cycles, words = held_schedule(grid, size, False, bandwidth)
            best = _better(best, Choice(cycles, cycles, words))
            more = 1.5 * flowing  # three tiles, where two are enough for one in use and one to come
            if size == 1 and 1.5 * own <= third and more <= passing and 1.5 * own + more + room <= total:
                cycles, words = held_schedule(grid, 1, True, bandwidth)
                best = _better(best, Choice(cycles, cycles, words))
        if size == grid.held:
            return best
        size *= 2


@part
def _held_room(grid: Grid, size: int) -> float:
    """What blocks of `size` tiles need: twice their room, but for one that holds all."""
    if size >= grid.held:
        return (grid.held - 1) * grid.held_tile + grid.held_edge
    return 2 * size * grid.held_tile


@part
def _better(one: Choice, other: Choice) -> Choice:
    """The least cycles of both, and of those that are as fast to a thousandth the one that moves less."""
    fastest = min(one.fastest, other.fastest)
    near = fastest * 1.001
    if other.taken <= near and (other.words < one.words or one.taken > near):
        return Choice(fastest, other.taken, other.words)
    return Choice(fastest, one.taken, one.words)
