"""From an order with its loads and evictions to a schedule, in which loads begin before they are waited for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..residency import Residency, Word
from .replacement import Problem, Solution, Times

LIKELY = 0.5
"""A task that is less likely to run is not guessed, and hides no load."""


def entries(
    problem: Problem, solution: Solution, names: Sequence[str], waits: Sequence[int], ahead: int, guess: bool = False
) -> tuple[Residency, ...]:
    """The schedule of a solution. `names` are the tasks'; `waits`: the groups (bit by bit) that run before it is decided whether
    a task is. Loads begin at most `ahead` tasks early, where it has been decided; or, to `guess`, where it is likely."""
    return tuple(_planned(problem, solution, waits, ahead, guess).told(names))


def seconds(problem: Problem, solution: Solution, waits: Sequence[int], ahead: int, guess: bool, times: Times) -> float:
    """What a call is expected to take with the schedule of a solution: one link carries the loads, each beside what runs, and a
    task waits for its own."""
    return _planned(problem, solution, waits, ahead, guess).seconds(times)


def _planned(problem: Problem, solution: Solution, waits: Sequence[int], ahead: int, guess: bool) -> _Plan:
    plan = _Plan(problem, solution)
    for place in range(1, len(solution.order)):
        task = solution.order[place]
        plan.begin_early(place, 0 if guess and problem.tasks[task].chance >= LIKELY else waits[task], ahead)
    return plan


@dataclass(slots=True)
class _Plan:
    """By place in the order: what is evicted and loaded when its task is due, and what begins while it runs."""

    problem: Problem
    solution: Solution
    evicted: list[tuple[str, ...]] = field(init=False)
    begun: list[list[tuple[tuple[str, ...], int]]] = field(init=False)
    """Tasks further on by their places, whose loads begin here, with what is evicted for them."""
    bytes: list[int] = field(init=False)
    """What is resident while each task runs."""
    gone: dict[str, int] = field(default_factory=dict)
    """Where each unit was evicted last, at the place that is looked at."""
    done: list[int] = field(init=False)
    """The groups (bit by bit) that have run before each place."""

    def __post_init__(self) -> None:
        order, sizes = self.solution.order, self.problem.sizes
        self.evicted, self.begun = list(self.solution.evicted), [[] for _ in order]
        self.bytes, self.done = [], []
        total, groups = 0, 0
        for place, task in enumerate(order):
            total += sum(sizes[unit] for unit in self.solution.loaded[place])
            total -= sum(sizes[unit] for unit in self.solution.evicted[place])
            self.bytes.append(total)
            last = self.problem.tasks[order[place - 1]].group if place else None
            groups |= 0 if last is None or last == self.problem.tasks[task].group else 1 << last
            self.done.append(groups)

    def begin_early(self, place: int, waits: int, ahead: int) -> None:
        """Move the loads of a task, and the evictions for them, to the first place where nothing is in their way."""
        loaded, evicted = self.solution.loaded[place], self.evicted[place]
        start = place
        while loaded and start > 0 and ahead > 0 and self._free(start - 1, place, waits):
            start -= 1
            ahead -= self.problem.tasks[self.solution.order[start]].chance >= LIKELY
        if start < place:
            self.begun[start].append((evicted, place))
            self.evicted[place] = ()
            more = self._size(loaded) - self._size(evicted)
            for between in range(start, place):
                self.bytes[between] += more
        self.gone.update(dict.fromkeys(evicted, start))

    def _free(self, start: int, place: int, waits: int) -> bool:
        loaded, evicted = self.solution.loaded[place], self.evicted[place]
        used = self.problem.tasks[self.solution.order[start]].units
        fits = self.bytes[start] + self._size(loaded) - self._size(evicted) <= self.problem.room
        settled = not waits & ~self.done[start] and all(self.gone.get(unit, -1) <= start for unit in loaded)
        return fits and settled and not set(used) & set(evicted)

    def _size(self, units: Sequence[str]) -> int:
        return sum(self.problem.sizes[unit] for unit in units)

    def seconds(self, times: Times) -> float:
        """A recurrence over the places: when the link and the tasks are done."""
        order, tasks = self.solution.order, self.problem.tasks
        clock = link = 0.0
        ready: dict[int, float] = {}

        def load(place: int) -> None:
            nonlocal link
            link = max(link, clock) + tasks[order[place]].chance * sum(times.loads[unit] for unit in self.solution.loaded[place])
            ready[place] = link

        for place, task in enumerate(order):
            if place not in ready:
                load(place)
            if self.solution.loaded[place]:
                clock = max(clock, ready[place])
            for _, later in self.begun[place]:
                load(later)
            clock += tasks[task].chance * times.runs[task]
        return clock

    def told(self, names: Sequence[str]) -> list[Residency]:
        found: list[Residency] = []

        def say(word: Word, *paths: str) -> None:
            found.extend(Residency(word, path) for path in paths)

        for place, task in enumerate(self.solution.order):
            say("evict", *self.evicted[place])
            say("acquire", *self.problem.tasks[task].units)
            for evicted, later in self.begun[place]:
                say("evict", *evicted)
                say("prefetch", *self.solution.loaded[later])
            say("run", names[task])
            say("release", *self.problem.tasks[task].units)
        return found
