"""When each task ran, and what it waited for."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

import attrs
import numpy as np

from .events import BUFFER, DEPENDENCY, NOTHING, QUEUE, TURN, State, simulate
from .flat import Floats, Ints
from .tasks import Tasks


class Wait(IntEnum):
    """What a task waited for last before it started."""

    NOTHING = NOTHING
    DEPENDENCY = DEPENDENCY
    """Something that it comes after ended."""
    QUEUE = QUEUE
    """The task before it in its queue ended."""
    BUFFER = BUFFER
    """A task gave back bytes of a pool."""
    TURN = TURN
    """An earlier task took its bytes of a pool, which serves tasks in order."""


class DoesNotFit(ValueError):
    """
    Tasks that can never start, for want of room in their pools.

    Attributes:
        stuck: tasks at the heads of their queues, of which the first waits for room.
        pool: the pool that it waits for, by name; None if it is not known.
    """

    def __init__(self, tasks: Tasks, stuck: list[int], capacity: Floats) -> None:
        first = stuck[0]
        pools = tasks.take_pool[tasks.take_ptr[first] : tasks.take_ptr[first + 1]].tolist()
        self.stuck = stuck
        self.pool = tasks.pools[pools[0]] if pools else None
        room = ", ".join(f"{tasks.pools[pool]} of {capacity[pool]:.0f} B" for pool in sorted(set(pools)))
        super().__init__(f"task {first} of step {tasks.step[first]} never has room in {room or 'its pools'}")


@attrs.frozen(eq=False)
class Schedule:
    """
    Times in seconds, bytes by resource.

    Attributes:
        start, end: [tasks].
        arrived: [tasks] when the transfer was through; NaN if there was none.
        waited: [tasks] a `Wait`; `waited_on`: the task it is about, or -1.
        stretched: [tasks] seconds that the transfer took beyond what it takes alone.
        moved: bytes that went through each resource, as the integral of the rates given.
        times, rates: [changes], [changes, resources] bandwidth in use (B/s) from each time on; empty unless asked for.
    """

    tasks: Tasks
    start: Floats
    end: Floats
    arrived: Floats
    waited: Ints
    waited_on: Ints
    stretched: Floats
    moved: Mapping[str, float]
    times: Floats
    rates: Floats

    @property
    def total(self) -> float:
        """When the last task ended."""
        return float(self.end.max(initial=0.0))

    @property
    def busy(self) -> dict[str, float]:
        """Seconds in which each queue ran something."""
        lengths = np.bincount(self.tasks.queue, weights=self.end - self.start, minlength=len(self.tasks.queues))
        return dict(zip(self.tasks.queues, lengths.tolist()))

    def critical(self) -> list[int]:
        """The chain of tasks that the last one waited for, from the first; each started as the one before it ended or started."""
        chain: list[int] = []
        task = int(self.end.argmax()) if len(self.end) else -1
        while task >= 0:
            chain.append(task)
            task = int(self.waited_on[task])
        return chain[::-1]

    def held(self, pool: str) -> tuple[Floats, Floats]:
        """(times, bytes of the pool that are taken from then on)."""
        mine = self.tasks.take_pool == self.tasks.pools.index(pool)
        taker = np.repeat(np.arange(len(self.tasks)), np.diff(self.tasks.take_ptr))[mine]
        amounts, back = self.tasks.take_bytes[mine], self.tasks.take_until[mine]
        moments = np.concatenate([self.start[taker], self.end[back]])
        times, place = np.unique(moments, return_inverse=True)
        return times, np.cumsum(np.bincount(place, weights=np.concatenate([amounts, -amounts]), minlength=len(times)))


def run(
    tasks: Tasks, bandwidth: Mapping[str, float], capacity: Mapping[str, float] | None = None, *, trace: bool = False
) -> Schedule:
    """
    Runs tasks: queues in order, transfers in flight with max-min fair shares, pools in order.

    Args:
        bandwidth: B/s of each resource.
        capacity: bytes of each pool; those not named have no end.
        trace: also say which bandwidth was in use when.

    Raises:
        KeyError: a resource has no bandwidth.
        ValueError: a bandwidth is not positive.
        DoesNotFit: a task never has room in its pools.
    """
    speeds, sizes = speeds_of(tasks, bandwidth), sizes_of(tasks, capacity or {})
    changes = 2 * int(np.count_nonzero(np.diff(tasks.move_ptr))) if trace else 0
    times, rates = np.empty(changes), np.empty((changes, len(speeds)))
    state: State = simulate(tasks.flat, tasks.seconds, tasks.latency, tasks.move_bytes, speeds, sizes, times, rates)
    if np.isnan(state.end).any():
        raise DoesNotFit(tasks, stuck_heads(tasks, state.start), sizes)
    return Schedule(
        tasks=tasks,
        start=state.start,
        end=state.end,
        arrived=state.arrived,
        waited=state.waited,
        waited_on=state.waited_on,
        stretched=state.arrived - (state.start + tasks.latency) - alone(tasks, speeds),
        moved=dict(zip(tasks.resources, state.moved.tolist())),
        times=times[: state.changed[1]],
        rates=rates[: state.changed[1]],
    )


def alone(tasks: Tasks, speeds: Floats) -> Floats:
    """[tasks] seconds that each transfer takes with all resources to itself: the greatest of bytes over bandwidth."""
    longest = np.zeros(len(tasks))
    mover = np.repeat(np.arange(len(tasks)), np.diff(tasks.move_ptr))
    np.maximum.at(longest, mover, tasks.move_bytes / speeds[tasks.move_resource])
    return longest


def speeds_of(tasks: Tasks, bandwidth: Mapping[str, float]) -> Floats:
    """[resources] B/s in the order of `tasks.resources`."""
    if slow := [name for name in tasks.resources if not bandwidth[name] > 0.0]:
        raise ValueError(f"bandwidth of {', '.join(slow)} is not positive")
    return np.array([bandwidth[name] for name in tasks.resources], dtype=np.float64)


def sizes_of(tasks: Tasks, capacity: Mapping[str, float]) -> Floats:
    """[pools] bytes in the order of `tasks.pools`."""
    return np.array([capacity.get(name, np.inf) for name in tasks.pools], dtype=np.float64)


def stuck_heads(tasks: Tasks, start: Floats) -> list[int]:
    """The first task of each queue that did not start, lowest first. The lowest of all waits for nothing but room."""
    waiting = np.flatnonzero(np.isnan(start))
    _, first = np.unique(tasks.queue[waiting], return_index=True)
    return sorted(waiting[first].tolist())
