"""When each task ran, and what it waited for."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

import attrs
import numpy as np

from .flat import BUFFER, DEPENDENCY, NOTHING, QUEUE, TURN, Floats, Ints
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
