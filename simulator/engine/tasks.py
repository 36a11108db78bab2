"""Tasks: what runs on which queue, for how long, after what, moving and holding which bytes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property

import attrs
import numpy as np

from .flat import Flat, Floats, Ints


@attrs.frozen(slots=False, eq=False)
class Tasks:
    """
    Tasks in the order of their steps, as flat arrays; `TaskList` makes one.

    A queue (an engine: the host, a device's stream, a copy engine, a disk) runs one task at a time, in order. A task starts when
    its queue is free, what it comes `after` has ended, and its pools have room. Its transfer begins `latency` seconds later. It
    ends when `seconds` have passed and the transfer is through.
    """

    queues: tuple[str, ...]
    resources: tuple[str, ...]
    pools: tuple[str, ...]
    queue: Ints
    step: Ints
    """[tasks] the step that each belongs to, never falling."""
    seconds: Floats
    latency: Floats
    after_ptr: Ints
    after: Ints
    move_ptr: Ints
    move_resource: Ints
    move_bytes: Floats
    take_ptr: Ints
    take_pool: Ints
    take_bytes: Floats
    take_until: Ints

    def __attrs_post_init__(self) -> None:
        if wrong := self._wrong():
            raise ValueError("; ".join(wrong))

    def __len__(self) -> int:
        return len(self.queue)

    def _wrong(self) -> list[str]:
        """Everything that is wrong."""
        owner = np.repeat(np.arange(len(self)), np.diff(self.after_ptr))
        taker = np.repeat(np.arange(len(self)), np.diff(self.take_ptr))
        amounts = np.concatenate([self.seconds, self.latency, self.move_bytes, self.take_bytes])
        known = np.isin(taker * len(self) + self.take_until, self.after * len(self) + owner)
        checks = {
            "a task comes after one that is not earlier": bool(np.any((self.after < 0) | (self.after >= owner))),
            "steps fall": bool(np.any(np.diff(self.step) < 0)),
            "seconds, latencies or bytes are negative or not finite": not bool(np.all(np.isfinite(amounts) & (amounts >= 0.0))),
            "bytes of pools are not whole": bool(np.any(self.take_bytes != np.floor(self.take_bytes))),  # else sums would drift
            "bytes go back at the end of a task that does not come after what took them": not bool(
                np.all(known | (taker == self.take_until))
            ),
        }
        return [text for text, broken in checks.items() if broken]

    @cached_property
    def flat(self) -> Flat:
        """What kernels read."""
        taker = np.repeat(np.arange(len(self)), np.diff(self.take_ptr))
        back = np.argsort(self.take_until, kind="stable")
        by_queue = np.argsort(self.queue, kind="stable")
        return Flat(
            queue_ptr=_pointers(self.queue, len(self.queues)),
            queue_tasks=by_queue.astype(np.int64),
            after_ptr=self.after_ptr,
            after=self.after,
            move_ptr=self.move_ptr,
            move_resource=self.move_resource,
            take_ptr=self.take_ptr,
            take_pool=self.take_pool,
            take_bytes=self.take_bytes,
            take_until=self.take_until,
            take_place=_places(taker, self.take_pool, len(self.pools)),
            give_ptr=_pointers(self.take_until, len(self)),
            give_pool=self.take_pool[back],
            give_bytes=self.take_bytes[back],
        )


class TaskList:
    """
    Collects tasks. Queues, resources and pools are known by the names first used.

    Example:
        >>> tasks = TaskList()
        >>> load = tasks.add("copy", moves={"link": 64e6}, latency=2e-6)
        >>> use = tasks.add("device", 1e-3, after=[load])
        >>> tasks.hold("memory", 64e6, load, use)
        >>> len(tasks.done())
        2
    """

    def __init__(self) -> None:
        self._queues: dict[str, int] = {}
        self._resources: dict[str, int] = {}
        self._pools: dict[str, int] = {}
        self._rows: list[tuple[int, int, float, float]] = []
        self._after: list[list[int]] = []
        self._moves: list[list[tuple[int, float]]] = []
        self._holds: list[tuple[int, int, float, int]] = []

    def __len__(self) -> int:
        return len(self._rows)

    def add(
        self,
        queue: str,
        seconds: float = 0.0,
        *,
        latency: float = 0.0,
        after: Iterable[int] = (),
        moves: Mapping[str, float] | None = None,
        step: int | None = None,
    ) -> int:
        """
        Adds a task, returns its number.

        Args:
            queue: where it runs.
            seconds: the least it takes.
            latency: seconds from its start until its transfer begins; counts only where bytes move.
            after: numbers of tasks that end before it starts.
            moves: bytes through each resource; all of them move together.
            step: the step it belongs to: not before those of earlier tasks; by default that of the last one.
        """
        last = self._rows[-1][1] if self._rows else 0
        self._rows.append((_number(self._queues, queue), last if step is None else step, seconds, latency))
        self._after.append(sorted(set(after)))
        self._moves.append([(_number(self._resources, name), amount) for name, amount in (moves or {}).items() if amount])
        return len(self._rows) - 1

    def hold(self, pool: str, amount: float, first: int, last: int) -> None:
        """Takes bytes of a pool from the start of task `first` to the end of task `last`, which comes after it."""
        if first < last < len(self):
            self._after[last] = sorted({*self._after[last], first})
        self._holds.append((first, _number(self._pools, pool), amount, last))

    def done(self) -> Tasks:
        """
        The tasks.

        Raises:
            ValueError: a task comes after a later one, steps fall, or an amount is negative.
        """
        rows = np.array(self._rows, dtype=np.float64).reshape(-1, 4)
        moves = [move for row in self._moves for move in row]
        holds = sorted(self._holds, key=lambda hold: hold[0])
        firsts = np.array([hold[0] for hold in holds], dtype=np.int64)
        return Tasks(
            queues=tuple(self._queues),
            resources=tuple(self._resources),
            pools=tuple(self._pools),
            queue=rows[:, 0].astype(np.int64),
            step=rows[:, 1].astype(np.int64),
            seconds=rows[:, 2].copy(),
            latency=rows[:, 3].copy(),
            after_ptr=_sums([len(row) for row in self._after]),
            after=np.array([task for row in self._after for task in row], dtype=np.int64),
            move_ptr=_sums([len(row) for row in self._moves]),
            move_resource=np.array([resource for resource, _ in moves], dtype=np.int64),
            move_bytes=np.array([amount for _, amount in moves], dtype=np.float64),
            take_ptr=_pointers(firsts, len(rows)),
            take_pool=np.array([hold[1] for hold in holds], dtype=np.int64),
            take_bytes=np.array([hold[2] for hold in holds], dtype=np.float64),
            take_until=np.array([hold[3] for hold in holds], dtype=np.int64),
        )


def _number(names: dict[str, int], name: str) -> int:
    return names.setdefault(name, len(names))


def _sums(counts: list[int]) -> Ints:
    return np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]).astype(np.int64)


def _pointers(rows: Ints, count: int) -> Ints:
    """Where each of `count` rows begins, given the row of each entry."""
    return _sums(np.bincount(rows, minlength=count).tolist())


def _places(taker: Ints, pool: Ints, pools: int) -> Ints:
    """Of each take: how many takes from the same pool earlier tasks have. Takes stand in order of their tasks."""
    places = np.zeros(len(taker), dtype=np.int64)
    for one in range(pools):
        mine = np.flatnonzero(pool == one)
        places[mine] = np.searchsorted(taker[mine], taker[mine], side="left")
    return places
