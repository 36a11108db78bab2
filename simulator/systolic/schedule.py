"""The kernels of `memory`: a grid of folds whose operands come over one bus while the array computes.

The folds of a product stand in a grid. One operand goes with the columns of the grid and one with its rows; the third, of which
each fold has a part of its own, is met once. In `os` these are B, A, and the sums, which leave; in `ws` the sums and A, and the
weights, which come; in `is` the same with A for B. A *schedule* walks the grid block by block: the tiles of one operand that a
block *holds* stay in SRAM, the tiles of the other are *passing*, each once a block. All that is in SRAM is there twice, once in
use and once coming or going, unless it never changes.

Time is counted in *phases*, one a fold: the bus moves the words of a phase while the array computes, so a phase takes the longer
of the two. The array lags behind the bus by what the first operands of a fold need to come and the last ones need to pass
through; what leaves last stands at the end. Each schedule is one that hardware could run, and none is longer than moving all
words first and computing then.
"""

from __future__ import annotations

from typing import NamedTuple

from ..compiled import part


class Grid(NamedTuple):
    """What a schedule asks of a product: words are in units of the bus (bytes, or words of one size)."""

    cycles: float
    """Of the array for one fold, wherever it stands."""
    length: float
    """How many waves of operands stream past in a fold."""
    lead: float
    """Cycles of a fold before the first wave."""
    tail: float
    """Cycles of a fold from its last wave on."""
    passing: int
    held: int
    passing_tile: float
    passing_edge: float
    held_tile: float
    held_edge: float
    """How many tiles there are of each operand, the words of one, and of the last one, which may be smaller."""
    own: float
    own_passing_edge: float
    own_held_edge: float
    own_both_edges: float
    """Words of a fold's own part of the third operand."""
    leaves: bool
    """Whether that part is written (`os`), and not read."""
    passing_sums: bool
    held_sums: bool
    """Whether an operand is sums that are added to, which come and go, and not an input."""
    final: float
    """Words of a finished sum over those of one that is not."""


@part
def _phase(grid: Grid, words: float, own: float, bandwidth: float) -> tuple[float, float]:
    """The cycles of a phase that moves `words`, with the fold's own part among them, and how far the array must lag for them."""
    move = words / bandwidth
    cycles = max(grid.cycles, move)
    spare = cycles - grid.cycles
    stationary = 0.0 if grid.leaves else own
    wave = (words - stationary) / grid.length / bandwidth
    lag = max(stationary / bandwidth - grid.lead, 0.0) + wave - spare
    if grid.lead > 0:
        lag = max(lag, stationary / grid.lead / bandwidth - spare)
    return cycles, max(lag, grid.tail + move - cycles)


@part
def _fold(grid: Grid, words: float, own: float, sums: bool, queue: float, bandwidth: float) -> float:
    """The cycles of a fold of whose words no more than `queue` come before it begins; `sums`, where they are among the words,
    leave when they have crossed the array."""
    cycles, lag = _phase(grid, words, own, bandwidth)
    crossing = grid.cycles - grid.length if sums else 0.0
    late = max(0.0, lag - min(queue, words) / bandwidth)
    return min(cycles + late + crossing, grid.cycles + words / bandwidth)


@part
def _passing_words(grid: Grid, size: int, block: int, blocks: int, tile: int) -> float:
    """What comes and goes of the passing operand while one of its tiles is in use: the next one, and of sums the one before. An
    input that is used for one fold only comes wave by wave in that fold."""
    last = grid.passing - 1
    if _flows(grid, size):
        return grid.passing_edge if tile == last else grid.passing_tile
    ahead_block = block if tile < last else block + 1
    ahead = tile + 1 if tile < last else 0
    words = 0.0
    if ahead_block < blocks and (ahead_block > 0 or not grid.passing_sums):
        words += grid.passing_edge if ahead == last else grid.passing_tile
    if grid.passing_sums and (tile > 0 or block > 0):
        behind = grid.passing_tile if tile > 0 else grid.passing_edge
        behind_block = block if tile > 0 else block - 1
        words += behind * (grid.final if behind_block == blocks - 1 else 1.0)
    return words


@part
def _held_words(grid: Grid, size: int, block: int, blocks: int) -> float:
    """What comes or goes of the held operand during a block: inputs of the next block, or sums of the one before."""
    if grid.held_sums:
        return size * grid.held_tile * grid.final if block > 0 else 0.0
    if block + 1 == blocks:
        return 0.0
    tiles = min(size, grid.held - (block + 1) * size)
    return (tiles - 1) * grid.held_tile + (grid.held_edge if block + 2 == blocks else grid.held_tile)


@part
def held_schedule(grid: Grid, size: int, ahead: bool, bandwidth: float) -> tuple[float, float]:
    """
    Cycles and words where blocks of `size` tiles are held. Blocks and tiles that are alike are counted and not walked.

    `ahead`, for blocks of one tile: words may come a fold earlier still, so the bus need not wait for the array while it computes
    the last fold of a block, which has few words of its own.
    """
    blocks = -(-grid.held // size)
    cycles = lag = after = 0.0
    block = 0
    while block < blocks:
        alike = blocks - 3 if block == 1 and blocks > 3 else 1
        here = min(size, grid.held - block * size)
        share = _held_words(grid, size, block, blocks) / (grid.passing * here)
        tile = 0
        while tile < grid.passing:
            same = grid.passing - 3 if tile == 1 and grid.passing > 3 else 1
            per_fold = _passing_words(grid, size, block, blocks, tile) / here + share
            now, late, moved, after = _visit(grid, size, block, tile, per_fold, bandwidth)
            if ahead and tile == grid.passing - 2:
                tile += 1
                per_fold = _passing_words(grid, size, block, blocks, tile) + share
                then, later, more, after = _visit(grid, size, block, tile, per_fold, bandwidth)
                both = max(2 * grid.cycles, (moved + more) / bandwidth)
                late, now = max(late, later) + now + then - both, both
            cycles, lag = cycles + now * same * alike, max(lag, late)
            tile += same
        block += alike
    words = _words(grid, blocks)
    compute = grid.cycles * grid.passing * grid.held - 1
    return min(cycles + lag + after - 1, compute + words / bandwidth), words


@part
def _visit(grid: Grid, size: int, block: int, tile: int, per_fold: float, bandwidth: float) -> tuple[float, float, float, float]:
    """The cycles of the folds of one passing tile in one block, how far the array must lag for them, the words that the last
    of them moves, and, if none comes after them, the cycles until all sums are written."""
    here = min(size, grid.held - block * size)
    ends_held = block * size + here == grid.held
    begins, ends = block == 0 and tile == 0, ends_held and tile == grid.passing - 1
    cycles = lag = spare = moved = 0.0
    for edge in range(2):
        count = 1 if edge else here - 1
        part = grid.held_edge if edge and ends_held else grid.held_tile
        own = _own_words(grid, tile == grid.passing - 1, edge == 1 and ends_held)
        moved = per_fold + own
        if begins and not grid.held_sums:
            moved += part
        if ends and grid.held_sums:
            moved += part * grid.final
        if begins and count > 0 and cycles == 0:
            first = moved + _first_words(grid, size) - (own if grid.leaves else 0.0)
            cycles, lag = _phase(grid, first, own, bandwidth)
            count, spare = count - 1, cycles - first / bandwidth
            if here == 1:
                moved = first
        if count > 0:
            now, late = _phase(grid, moved, own, bandwidth)
            cycles, lag, spare = cycles + now * count, max(lag, late), now - moved / bandwidth
    if not ends:
        return cycles, lag, moved, 0.0
    if grid.held_sums:  # sums leave wave by wave, the first when it has crossed the array
        crossing = max(0.0, grid.cycles - grid.length - spare)
        return cycles, lag, moved, grid.held_edge * grid.final / grid.length / bandwidth + crossing
    last = _own_words(grid, grid.passing == 1, grid.held == 1) if grid.leaves else grid.passing_edge * grid.final
    return cycles, lag, moved, last / bandwidth if grid.leaves or grid.passing_sums else 0.0


@part
def _words(grid: Grid, blocks: int) -> float:
    """All words that are moved where the held operand comes or goes once, and the passing one with each block."""
    passing = (grid.passing - 1) * grid.passing_tile + grid.passing_edge
    held = (grid.held - 1) * grid.held_tile + grid.held_edge
    own = (grid.held - 1) * ((grid.passing - 1) * grid.own + grid.own_passing_edge)
    own += (grid.passing - 1) * grid.own_held_edge + grid.own_both_edges
    if grid.passing_sums:
        return own + held + passing * (2 * (blocks - 1) + grid.final)
    return own + held * (grid.final if grid.held_sums else 1.0) + passing * blocks


@part
def _own_words(grid: Grid, passing_edge: bool, held_edge: bool) -> float:
    """Words of the own part of a fold that stands at an edge, or not."""
    if passing_edge:
        return grid.own_both_edges if held_edge else grid.own_passing_edge
    return grid.own_held_edge if held_edge else grid.own


@part
def _flows(grid: Grid, size: int) -> bool:
    """Whether passing tiles can come in the phase in which they are used."""
    return size == 1 and not grid.passing_sums


@part
def _first_words(grid: Grid, size: int) -> float:
    """What must come of the passing operand before anything else."""
    if grid.passing_sums or _flows(grid, size):
        return 0.0
    return grid.passing_edge if grid.passing == 1 else grid.passing_tile


@part
def streamed_schedule(grid: Grid, hold: bool, queue: float, bandwidth: float) -> tuple[float, float, float]:
    """
    Cycles, words, and cycles with no overlap at all, where passing tiles come wave by wave while they are in use, since SRAM has
    room for no more than `queue` words of the next one; one held tile stays for all that pass (`hold`), or comes with each fold.
    """
    cycles = words = 0.0
    column = 0
    while column < grid.held:
        alike = grid.held - 2 if column == 1 and grid.held > 2 else 1
        tile = 0
        while tile < grid.passing:
            same = grid.passing - 2 if tile == 1 and grid.passing > 2 else 1
            passing_edge, held_edge = tile == grid.passing - 1, column == grid.held - 1
            own = _own_words(grid, passing_edge, held_edge)
            part = grid.passing_edge if passing_edge else grid.passing_tile
            moved = own + _sums_or_input(grid.passing_sums, part, column == 0, held_edge, grid.final)
            part = grid.held_edge if held_edge else grid.held_tile
            meets = (passing_edge if grid.held_sums else tile == 0) or not hold
            if meets:
                moved += _sums_or_input(grid.held_sums, part, tile == 0 or hold, passing_edge, grid.final)
            sums, folds = grid.passing_sums or (grid.held_sums and meets), same * alike
            cycles, words = cycles + folds * _fold(grid, moved, own, sums, queue, bandwidth), words + folds * moved
            tile += same
        column += alike
    if grid.leaves:
        cycles += grid.own / bandwidth
    serial = grid.cycles * grid.passing * grid.held - 1 + words / bandwidth
    return min(cycles - 1, serial), words, serial


@part
def _sums_or_input(sums: bool, part: float, first: bool, last: bool, final: float) -> float:
    """Words of one visit to a tile: an input comes; sums come but for the first visit, and go."""
    if not sums:
        return part
    return (0.0 if first else part) + part * (final if last else 1.0)
