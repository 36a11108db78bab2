"""Which order loads least: tasks that each need units, in a store with room for some of them.

`optimal` searches orders and evictions exhaustively; `heuristic` takes a greedy order and then Belady's rule, to evict what is
used farthest ahead (Belady, 1966: optimal for a given order where units are of one size). Both start from an empty store.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

MOST_STATES = 20_000
"""States that the exhaustive search looks at before it gives up."""
NEVER = 1 << 60


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to run. Tasks of a `group` run one behind the other; `after`: the groups (bit by bit) that run before;
    `chance`: how likely it is to run at all; `chained`: whether it runs behind the earlier ones of its group."""

    units: tuple[str, ...]
    group: int
    after: int = 0
    chance: float = 1.0
    chained: bool = False


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds on a machine: of loading each unit, and of each task while it runs."""

    loads: Mapping[str, float]
    runs: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """Tasks in an order in which they may run, the bytes of each unit, and the bytes that may be resident.

    `ahead`: how many tasks early loads are to begin; it decides only between evictions that load alike. `times`, where a machine
    is known: then loads cost what they take, not their bytes."""

    tasks: tuple[Task, ...]
    sizes: Mapping[str, int]
    room: int
    ahead: int = 0
    times: Times | None = None

    def cost(self, unit: str) -> float:
        """What loading a unit costs: its seconds, or its bytes."""
        return self.sizes[unit] if self.times is None else self.times.loads[unit]


@dataclass(frozen=True, slots=True)
class Solution:
    """Tasks by number in the order in which they run; at each place what is evicted, then what is loaded, before it runs."""

    order: tuple[int, ...]
    evicted: tuple[tuple[str, ...], ...]
    loaded: tuple[tuple[str, ...], ...]

    def cost(self, problem: Problem) -> float:
        """The bytes (or seconds) that are expected to be loaded: those for each task as often as it runs."""
        pairs = zip(self.order, self.loaded)
        return math.fsum(problem.cost(unit) * problem.tasks[i].chance for i, units in pairs for unit in units)


def candidates(problem: Problem, small: int) -> list[Solution]:
    """Solutions worth looking at: the one that loads least, and for the orders of the heuristic those that load least in them."""
    given = tuple(range(len(problem.tasks)))
    orders = dict.fromkeys((given, greedy_order(problem)))
    return [solve(problem, small), *(belady(problem, order) for order in orders)]


def solve(problem: Problem, small: int) -> Solution:
    """The best order of at most `small` tasks, a good one of more. Each task alone must fit."""
    best = optimal(problem) if len(problem.tasks) <= small else None
    if best is None:
        return heuristic(problem)
    alike = belady(problem, best.order)
    return alike if alike.cost(problem) <= best.cost(problem) else best


# ---- heuristic


def heuristic(problem: Problem) -> Solution:
    """The better of the order that is given and a greedy one, with Belady's evictions."""
    given = tuple(range(len(problem.tasks)))
    tried = [belady(problem, order) for order in dict.fromkeys((given, greedy_order(problem)))]
    return min(tried, key=lambda solution: solution.cost(problem))


def belady(problem: Problem, order: Sequence[int]) -> Solution:
    """For an order, what goes is what is used farthest ahead. Of what is not used again, it is what the next call uses last;
    where loads are to begin early, what was used least lately: its room is free while the last task runs."""
    tasks, sizes = [problem.tasks[i] for i in order], problem.sizes
    following, first = _next_uses(tasks)
    resident: dict[str, int] = {}
    heap: list[tuple[int, str]] = []
    total = 0
    evicted, loaded = [], []
    for place, task in enumerate(tasks):
        missing = tuple(unit for unit in task.units if unit not in resident)
        lacking = total + sum(sizes[unit] for unit in missing) - problem.room
        gone = _farthest(heap, resident, sizes, lacking, task.units) if lacking > 0 else []
        total += sum(sizes[unit] for unit in missing) - sum(sizes[unit] for unit in gone)
        for unit in task.units:
            ahead = following[place, unit]
            idle = len(tasks) - place if problem.ahead else first.get(unit, len(tasks))
            resident[unit] = ahead if ahead < NEVER else len(tasks) + idle
            heapq.heappush(heap, (-resident[unit], unit))
        evicted.append(tuple(gone))
        loaded.append(missing)
    return Solution(tuple(order), tuple(evicted), tuple(loaded))


def _next_uses(tasks: Sequence[Task]) -> tuple[dict[tuple[int, str], int], dict[str, int]]:
    """For each task and unit where the unit is used next, and where each is used first, by tasks that may run at all."""
    following: dict[tuple[int, str], int] = {}
    first: dict[str, int] = {}
    for place in reversed(range(len(tasks))):
        for unit in tasks[place].units:
            following[place, unit] = first.get(unit, NEVER)
        if tasks[place].chance > 0:
            first.update(dict.fromkeys(tasks[place].units, place))
    return following, first


def _farthest(
    heap: list[tuple[int, str]], resident: dict[str, int], sizes: Mapping[str, int], lacking: int, needed: tuple[str, ...]
) -> list[str]:
    """Take units out of the store, those used farthest ahead first, until so many bytes are free; none more than that takes."""
    gone: list[tuple[int, str]] = []
    aside: list[tuple[int, str]] = []
    while lacking > 0 and heap:
        ahead, unit = heapq.heappop(heap)
        if resident.get(unit) != -ahead or (ahead, unit) in gone:
            continue
        (aside if unit in needed else gone).append((ahead, unit))
        lacking -= 0 if unit in needed else sizes[unit]
    for entry in sorted(gone, reverse=True):
        if lacking + sizes[entry[1]] <= 0:
            lacking += sizes[entry[1]]
            gone.remove(entry)
            aside.append(entry)
    for entry in aside:
        heapq.heappush(heap, entry)
    for _, unit in gone:
        del resident[unit]
    return [unit for _, unit in gone]


def greedy_order(problem: Problem) -> tuple[int, ...]:
    """What may run and lacks the fewest bytes of what has just been used runs next; ties go to the order that is given."""
    left = _Left(problem.tasks)
    recent: dict[str, None] = {}
    order: list[int] = []
    while (ready := left.ready()) is not None:
        chosen = min(ready, key=lambda i: sum(problem.sizes[unit] for unit in problem.tasks[i].units if unit not in recent))
        order.append(chosen)
        left.take(chosen)
        for unit in problem.tasks[chosen].units:
            recent.pop(unit, None)
            recent[unit] = None
        total = sum(problem.sizes[unit] for unit in recent)
        while total > problem.room:
            oldest = next(iter(recent))
            total -= problem.sizes[oldest]
            del recent[oldest]
    return tuple(order)


class _Left:
    """The tasks that have not run: which may run next."""

    LOOKED_AT = 64

    def __init__(self, tasks: Sequence[Task]) -> None:
        self.groups: dict[int, list[int]] = {}
        self.after: dict[int, int] = {}
        for i, task in enumerate(tasks):
            self.groups.setdefault(task.group, []).append(i)
            self.after[task.group] = task.after
        self.tasks, self.done = tasks, 0
        self.open: int | None = None

    def ready(self) -> list[int] | None:
        """Tasks that may run, in order (of many, the first); None: all have run."""
        if not self.groups:
            return None
        free = (group for group in self.groups if not self.after[group] & ~self.done)
        groups = [self.open] if self.open is not None else itertools.islice(free, self.LOOKED_AT)
        found = itertools.chain.from_iterable(map(self.of, groups))
        return list(itertools.islice(found, self.LOOKED_AT))

    def of(self, group: int) -> list[int]:
        """What may run next of a group."""
        left = self.groups[group]
        return left[:1] if self.tasks[left[0]].chained else left

    def take(self, i: int) -> None:
        group = self.tasks[i].group
        self.groups[group].remove(i)
        self.open = group
        if not self.groups[group]:
            del self.groups[group]
            self.done |= 1 << group
            self.open = None


# ---- exhaustive search


def optimal(problem: Problem) -> Solution | None:
    """The order and evictions that load the fewest bytes, among those the order nearest to the one given; None: too many to
    look at.

    A* over (tasks done, units resident), from below by what has yet to be loaded at least once (Hart, Nilsson, Raphael, 1968).
    What is evicted makes room for a load and is no more than that takes: other evictions can wait without loss.
    """
    search = _Search(problem)
    start = (0, 0)
    seen: dict[tuple[int, int], tuple[float, int]] = {start: (0, 0)}
    came: dict[tuple[int, int], tuple[tuple[int, int], int]] = {}
    heap: list[tuple[float, int, int, int, tuple[int, int]]] = [(search.least(*start), 0, 0, 0, start)]
    looked: set[tuple[int, int]] = set()
    while heap and len(looked) < MOST_STATES:
        _, turns, _, _, state = heapq.heappop(heap)
        if state in looked:
            continue
        looked.add(state)
        if state[0] == search.all:
            return search.told(state, came)
        spent = seen[state][0]
        for task, resident, cost, turn in search.steps(*state):
            following = (state[0] | 1 << task, resident)
            reached = (spent + cost, turns + turn)
            if following not in looked and reached < seen.get(following, (NEVER, 0)):
                seen[following], came[following] = reached, (state, task)
                least = reached[0] + search.least(*following)
                heapq.heappush(heap, (least, reached[1], -following[0].bit_count(), len(seen), following))
    return None


class _Search:
    """States are two sets as bits: tasks that have run, and units that are resident."""

    def __init__(self, problem: Problem) -> None:
        self.tasks, self.room = problem.tasks, problem.room
        self.names = tuple(dict.fromkeys(unit for task in problem.tasks for unit in task.units))
        self.sizes = [problem.sizes[name] for name in self.names]
        self.costs = [problem.cost(name) for name in self.names]
        self.needs = [sum(1 << self.names.index(unit) for unit in task.units) for task in problem.tasks]
        self.all = (1 << len(problem.tasks)) - 1
        self.groups: dict[int, int] = {}
        for i, task in enumerate(problem.tasks):
            self.groups[task.group] = self.groups.get(task.group, 0) | 1 << i

    def bytes(self, units: int) -> int:
        return sum(size for i, size in enumerate(self.sizes) if units >> i & 1)

    def cost(self, units: int) -> float:
        return sum(cost for i, cost in enumerate(self.costs) if units >> i & 1)

    def least(self, done: int, resident: int) -> float:
        """What is loaded at least from here on."""
        wanted: dict[int, float] = {}
        for i, need in enumerate(self.needs):
            for unit in range(len(self.sizes)) if not done >> i & 1 else ():
                if need & ~resident & 1 << unit:
                    wanted[unit] = min(self.tasks[i].chance, wanted.get(unit, 1.0))
        return math.fsum(self.costs[unit] * chance for unit, chance in wanted.items())

    def steps(self, done: int, resident: int) -> Iterator[tuple[int, int, float, int]]:
        """What may run next: the task, what is resident then, the bytes expected to be loaded, how many tasks it overtakes."""
        over = {group for group, members in self.groups.items() if not members & ~done}
        begun = [members for members in self.groups.values() if members & done and members & ~done]
        overtaken = 0
        for i, task in enumerate(self.tasks):
            if done >> i & 1:
                continue
            ready = all(not task.after >> group & 1 or group in over for group in self.groups)
            ready = ready and not (task.chained and self.groups[task.group] & ~done & ((1 << i) - 1))
            if ready and (not begun or begun[0] >> i & 1):
                missing = self.cost(self.needs[i] & ~resident) * task.chance
                for left in self.rooms(resident, self.needs[i]):
                    yield i, left | self.needs[i], missing, overtaken
            overtaken += 1

    def rooms(self, resident: int, need: int) -> Iterator[int]:
        """What may stay resident beside what is needed: all, or what is left after the least evictions."""
        lacking = self.bytes(resident | need) - self.room
        if lacking <= 0:
            yield resident
            return
        others = [i for i in range(len(self.names)) if resident & ~need & 1 << i]
        for count in range(1, len(others) + 1):
            for chosen in itertools.combinations(others, count):
                freed = [self.sizes[i] for i in chosen]
                if sum(freed) >= lacking > sum(freed) - min(freed):
                    yield resident & ~sum(1 << i for i in chosen)

    def told(self, state: tuple[int, int], came: Mapping[tuple[int, int], tuple[tuple[int, int], int]]) -> Solution:
        """The way to a state."""
        steps = []
        while state in came:
            before, task = came[state]
            steps.append((task, before[1], state[1]))
            state = before
        steps.reverse()
        return Solution(
            tuple(task for task, _, _ in steps),
            tuple(self.units(before & ~after) for _, before, after in steps),
            tuple(self.units(after & ~before) for _, before, after in steps),
        )

    def units(self, bits: int) -> tuple[str, ...]:
        return tuple(name for i, name in enumerate(self.names) if bits >> i & 1)
