"""Runs tasks, one set of durations or many."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from .events import blank, simulate, simulate_many
from .flat import Floats
from .recurrence import blank as blank_line
from .recurrence import recur, recur_many
from .schedule import DoesNotFit, Schedule
from .tasks import Tasks

Sharing = Literal["fair", "in order"]
"""How transfers share a resource: all at once with max-min fair rates, or one at a time in the order of tasks."""


def run(
    tasks: Tasks,
    bandwidth: Mapping[str, float],
    capacity: Mapping[str, float] | None = None,
    *,
    sharing: Sharing = "fair",
    trace: bool = False,
) -> Schedule:
    """
    Runs tasks: queues in order, pools in order, transfers as `sharing` says.

    Args:
        bandwidth: B/s of each resource.
        capacity: bytes of each pool; those not named have no end, and make nobody wait.
        sharing: "fair" by events; "in order" by the recurrence, which is monotone in everything.
        trace: also say which bandwidth was in use when.

    Raises:
        KeyError: a resource has no bandwidth.
        ValueError: a bandwidth is not positive.
        DoesNotFit: a task never has room in its pools; in order: not before a later task ends.
    """
    speeds, sizes = speeds_of(tasks, bandwidth), sizes_of(tasks, capacity or {})
    return (_fair if sharing == "fair" else _in_order)(tasks, speeds, sizes, trace)


def run_many(
    tasks: Tasks,
    bandwidth: Mapping[str, float],
    capacity: Mapping[str, float] | None = None,
    *,
    seconds: Floats | None = None,
    amounts: Floats | None = None,
    sharing: Sharing = "fair",
) -> Floats:
    """
    The ends, [inputs, tasks], of the same tasks with other durations or bytes for each input.

    A task that an input has not takes no seconds and moves no bytes there.

    Args:
        seconds: [inputs, tasks]; by default those of the tasks.
        amounts: [inputs, moves] bytes; by default those of the tasks.

    Raises:
        KeyError, ValueError, DoesNotFit: as `run`; also if neither seconds nor amounts are given, or their shapes do not fit.
    """
    speeds, sizes = speeds_of(tasks, bandwidth), sizes_of(tasks, capacity or {})
    inputs = {len(given) for given in (seconds, amounts) if given is not None}
    if len(inputs) != 1:
        raise ValueError(f"seconds and amounts of {sorted(inputs)} inputs")
    (count,) = inputs
    lengths = _rows("seconds", seconds, tasks.seconds, count)
    moved = _rows("amounts", amounts, tasks.move_bytes, count)
    ends = np.empty((count, len(tasks)))
    if sharing == "fair":
        state, shares = blank(tasks.flat, len(speeds), len(sizes))
        none = np.empty(0), np.empty((0, len(speeds)))
        simulate_many(tasks.flat, lengths, tasks.latency, moved, speeds, sizes, state, shares, *none, ends)
    else:
        line, through = blank_line(tasks.flat, len(speeds), len(sizes)), np.empty(moved.shape[1])
        recur_many(tasks.flat, tasks.queue, lengths, tasks.latency, moved, speeds, sizes, line, through, ends)
    for row in np.flatnonzero(np.isnan(ends).any(axis=1))[:1]:
        raise DoesNotFit(tasks, stuck_heads(tasks, ends[row]), sizes)
    return ends


def _rows(name: str, given: Floats | None, default: Floats, count: int) -> Floats:
    """[inputs, ...] contiguous, finite and not negative."""
    if given is None:
        return np.broadcast_to(default, (count, len(default))).copy()
    rows = np.ascontiguousarray(given, dtype=np.float64)
    if rows.shape != (count, len(default)):
        raise ValueError(f"{name} of shape {rows.shape}, not {(count, len(default))}")
    if not (np.isfinite(rows) & (rows >= 0.0)).all():
        raise ValueError(f"{name} are negative or not finite")
    return rows


def _fair(tasks: Tasks, speeds: Floats, sizes: Floats, trace: bool) -> Schedule:
    changes = 2 * int(np.count_nonzero(np.diff(tasks.move_ptr))) if trace else 0
    times, rates = np.empty(changes), np.empty((changes, len(speeds)))
    state, shares = blank(tasks.flat, len(speeds), len(sizes))
    simulate(tasks.flat, tasks.seconds, tasks.latency, tasks.move_bytes, speeds, sizes, state, shares, times, rates)
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


def _in_order(tasks: Tasks, speeds: Floats, sizes: Floats, trace: bool) -> Schedule:
    through = np.zeros(len(tasks.move_bytes))
    line = blank_line(tasks.flat, len(speeds), len(sizes))
    recur(tasks.flat, tasks.queue, tasks.seconds, tasks.latency, tasks.move_bytes, speeds, sizes, line, through)
    if np.isnan(line.end).any():
        raise DoesNotFit(tasks, stuck_heads(tasks, line.start), sizes)
    times, rates = _service(tasks, speeds, through) if trace else (np.empty(0), np.empty((0, len(speeds))))
    return Schedule(
        tasks=tasks,
        start=line.start,
        end=line.end,
        arrived=line.arrived,
        waited=line.waited,
        waited_on=line.waited_on,
        stretched=line.arrived - (line.start + tasks.latency) - alone(tasks, speeds),
        moved=dict(zip(tasks.resources, np.bincount(tasks.move_resource, tasks.move_bytes, len(speeds)).tolist())),
        times=times,
        rates=rates,
    )


def _service(tasks: Tasks, speeds: Floats, through: Floats) -> tuple[Floats, Floats]:
    """Each resource at full bandwidth while it serves a move, at none between."""
    lengths = tasks.move_bytes / speeds[tasks.move_resource]
    times = np.unique(np.concatenate([through - lengths, through]))
    depth = np.zeros((len(times), len(speeds)), dtype=np.int64)
    np.add.at(depth, (np.searchsorted(times, through - lengths), tasks.move_resource), 1)
    np.add.at(depth, (np.searchsorted(times, through), tasks.move_resource), -1)
    return times, (np.cumsum(depth, axis=0) > 0) * speeds


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


def stuck_heads(tasks: Tasks, times: Floats) -> list[int]:
    """The first task of each queue whose time is NaN, lowest first. The lowest of all waits for nothing but room."""
    waiting = np.flatnonzero(np.isnan(times))
    _, first = np.unique(tasks.queue[waiting], return_index=True)
    return sorted(waiting[first].tolist())
