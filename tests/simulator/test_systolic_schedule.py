"""Schedules phase by phase: what is counted of like phases together is what a plain walk over all folds gives, and operands are
there when the array takes them in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chunkc.simulator.systolic import schedule
from chunkc.simulator.systolic.closed import DATAFLOWS
from chunkc.simulator.systolic.memory import Work, grid_of

SIZES = st.integers(1, 40)
ARRAY = st.integers(1, 6)
NEAR = 1e-9


class Phase:
    """Of one fold: the words that must come while it runs, those that come for later folds or go, and its own part."""

    def __init__(self, own):
        self.now, self.other, self.own = 0.0, 0.0, own

    @property
    def words(self):
        return self.now + self.other


def walk(grid, size):
    """All phases in order, and the words that leave behind the last; nothing is told from what is alike."""

    def tile(number, count, full, edge):
        return edge if number == count - 1 else full

    def spread(words, places):
        for place in places:
            phases[place].other += words / len(places)

    blocks = [range(start, min(start + size, grid.held)) for start in range(0, grid.held, size)]
    visits = [(block, passing) for block in range(len(blocks)) for passing in range(grid.passing)]
    phases, of_visit, after = [], [], 0.0
    for block, passing in visits:
        of_visit.append(range(len(phases), len(phases) + len(blocks[block])))
        for held in blocks[block]:
            phases.append(Phase(schedule._own_words(grid, passing == grid.passing - 1, held == grid.held - 1)))
    for place, phase in enumerate(phases):
        if not grid.leaves:
            phase.now += phase.own
        elif place > 0:
            phase.other += phase.own
    for place, (block, passing) in enumerate(visits):
        words, here, last = (
            tile(passing, grid.passing, grid.passing_tile, grid.passing_edge),
            of_visit[place],
            block == len(blocks) - 1,
        )
        if grid.passing_sums:
            if block > 0:
                spread(words, of_visit[place - 1])
            gone = words * (grid.final if last else 1)
            if place + 1 < len(visits):
                spread(gone, of_visit[place + 1])
            else:
                after += gone
        elif size == 1:
            phases[here[0]].now += words
        elif place == 0:
            phases[0].now += words
        else:
            spread(words, of_visit[place - 1])
    for block, tiles in enumerate(blocks):
        words = [tile(held, grid.held, grid.held_tile, grid.held_edge) * (grid.final if grid.held_sums else 1) for held in tiles]
        if grid.held_sums and block + 1 == len(blocks):
            for place, some in zip(of_visit[-1], words):
                phases[place].now += some
        elif grid.held_sums or block > 0:
            beside = block + 1 if grid.held_sums else block - 1
            spread(sum(words), [place for visit, (at, _) in enumerate(visits) if at == beside for place in of_visit[visit]])
        else:
            for place, some in zip(of_visit[0], words):
                phases[place].now += some
    return phases, after + (phases[0].own if grid.leaves else 0.0)


@given(
    flow=st.sampled_from(sorted(DATAFLOWS)),
    sizes=st.tuples(SIZES, SIZES, SIZES, ARRAY, ARRAY),
    rows=st.booleans(),
    size=st.integers(1, 8),
    bandwidth=st.floats(0.1, 50),
)
def test_like_phases_are_counted_as_a_walk_over_all_has_them(flow, sizes, rows, size, bandwidth):
    m, n, k, high, wide = sizes
    grid = grid_of(Work(DATAFLOWS[flow], m, n, k, high, wide, 1.0, 1.0, 1.0, 2.0, 1.0), rows)
    size = min(size, grid.held)
    phases, after = walk(grid, size)
    cycles, words = schedule.held_schedule(grid, size, False, bandwidth)
    assert words == pytest.approx(sum(phase.words for phase in phases) + after)
    found = [schedule._phase(grid, phase.words, phase.own, bandwidth) for phase in phases]
    taken = sum(cycles for cycles, _ in found) + max(late for _, late in found) + after / bandwidth - 1
    if grid.held_sums:  # the last sums leave wave by wave, when they have crossed the array
        spare = found[-1][0] - phases[-1].words / bandwidth
        taken += grid.held_edge * grid.final / grid.length / bandwidth + max(0.0, grid.cycles - grid.length - spare)
    assert cycles == pytest.approx(min(taken, grid.cycles * len(phases) - 1 + words / bandwidth))


@given(
    sizes=st.tuples(SIZES, SIZES, SIZES, ARRAY, ARRAY), rows=st.booleans(), size=st.integers(1, 8), bandwidth=st.floats(0.1, 50)
)
def test_operands_are_there_when_the_array_takes_them_in(sizes, rows, size, bandwidth):
    for flow in sorted(DATAFLOWS):
        m, n, k, high, wide = sizes
        grid = grid_of(Work(DATAFLOWS[flow], m, n, k, high, wide, 1.0, 1.0, 1.0, 1.0, 1.0), rows)
        phases, _ = walk(grid, min(size, grid.held))
        found = [schedule._phase(grid, phase.words, phase.own, bandwidth) for phase in phases]
        lag = max(late for _, late in found)
        for phase, (taken, _) in zip(phases, found):
            first = 0.0 if grid.leaves else phase.own  # what stays comes before what streams
            begins = lag + taken - grid.cycles  # as late as the array may begin, from the begin of the phase on the bus
            for wave in range(int(grid.length)):
                needed = first + (wave + 1) / grid.length * (phase.now - first)
                assert needed / bandwidth <= begins + grid.lead + wave + NEAR * (1 + begins)
