"""The event engine again: exact fractions, everything asked anew at every moment, no state kept but what has happened."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from chunkc.simulator.engine import Tasks


@dataclass
class Task:
    """One task of `Tasks` with what has happened to it. `left`: the share of its transfer that is still to come."""

    number: int
    queue: int
    seconds: Fraction
    latency: Fraction
    after: list[int]
    moves: list[tuple[int, Fraction]]
    takes: list[tuple[int, Fraction, int]]
    start: Fraction | None = None
    end: Fraction | None = None
    left: Fraction = field(default_factory=lambda: Fraction(1))

    def flows(self, now: Fraction) -> bool:
        return self.start is not None and bool(self.moves) and self.left > 0 and now >= self.start + self.latency


def rows(tasks: Tasks) -> list[Task]:
    """Row by row, without moves of nothing."""
    found = []
    for i in range(len(tasks)):
        moves = range(tasks.move_ptr[i], tasks.move_ptr[i + 1])
        takes = range(tasks.take_ptr[i], tasks.take_ptr[i + 1])
        found.append(
            Task(
                i,
                int(tasks.queue[i]),
                Fraction(tasks.seconds[i]),
                Fraction(tasks.latency[i]),
                tasks.after[tasks.after_ptr[i] : tasks.after_ptr[i + 1]].tolist(),
                [(int(tasks.move_resource[m]), Fraction(tasks.move_bytes[m])) for m in moves if tasks.move_bytes[m]],
                [(int(tasks.take_pool[t]), Fraction(tasks.take_bytes[t]), int(tasks.take_until[t])) for t in takes],
            )
        )
    return found


def shares(flowing: list[Task], bandwidth: list[Fraction]) -> dict[int, Fraction]:
    """Max-min fair rates of the largest moves: the greatest common rate; who meets a full resource stays; the others go on."""
    rates: dict[int, Fraction] = {}
    while len(rates) < len(flowing):
        levels = []
        for resource, speed in enumerate(bandwidth):
            users = [(t.number, amount / size(t)) for t in flowing for r, amount in t.moves if r == resource]
            used = sum(rates[number] * part for number, part in users if number in rates)
            open_ = sum(part for number, part in users if number not in rates)
            if open_:
                levels.append(((speed - used) / open_, resource))
        level, full = min(levels)
        for t in flowing:
            if t.number not in rates and any(r == full for r, _ in t.moves):
                rates[t.number] = level
    return rates


def size(task: Task) -> Fraction:
    """Bytes of the largest move."""
    return max(amount for _, amount in task.moves)


def can_start(task: Task, all_tasks: list[Task], capacity: list[float]) -> bool:
    """Queue free, dependencies ended, all earlier takers of its pools started, and room beside what is held."""
    earlier = all_tasks[: task.number]
    if task.start is not None or any(t.end is None for t in earlier if t.queue == task.queue):
        return False
    if any(all_tasks[i].end is None for i in task.after):
        return False
    for pool in {pool for pool, _, _ in task.takes if capacity[pool] < float("inf")}:
        takers = [t for t in earlier if any(p == pool for p, _, _ in t.takes)]
        held = sum(b for t in takers for p, b, until in t.takes if p == pool and all_tasks[until].end is None)
        if any(t.start is None for t in takers) or held + sum(b for p, b, _ in task.takes if p == pool) > capacity[pool]:
            return False
    return True


def slow_run(tasks: Tasks, bandwidth: list[Fraction], capacity: list[float]) -> list[Task]:
    """All tasks with their starts and ends; those that never have room keep None."""
    found, now = rows(tasks), Fraction(0)
    while True:
        moved = True
        while moved:
            moved = False
            for task in found:
                if can_start(task, found, capacity):
                    task.start, moved = now, True
                passed = task.start is not None and now >= task.start + task.seconds
                if task.end is None and passed and not (task.moves and task.left > 0):
                    task.end, moved = now, True
        running = [t for t in found if t.start is not None and t.end is None]
        flowing = [t for t in running if t.flows(now)]
        rates = shares(flowing, bandwidth)
        moments = [t.start + wait for t in running for wait in (t.seconds, t.latency) if t.start + wait > now]
        moments += [now + t.left * size(t) / rates[t.number] for t in flowing]
        if not moments:
            return found
        for t in flowing:
            t.left -= rates[t.number] * (min(moments) - now) / size(t)
        now = min(moments)
