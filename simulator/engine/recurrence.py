"""
Each resource serves transfers one at a time, in the order of tasks: a recurrence over tasks, without events.

    start[i] = max(end of the task before in its queue, ends of what it comes after, when its pools have room)
    served[r] = max(served[r], start[i] + latency[i]) + bytes / bandwidth[r]        for each resource r that it uses
    end[i] = max(start[i] + seconds[i], served[r] for each of them)

Only sums, maxima and order statistics: every end is monotone in everything, to the last bit. Where no two transfers would share a
resource it gives what the events give.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..compiled import bare_kernel, part
from .flat import BUFFER, DEPENDENCY, NOTHING, QUEUE, TURN, Flat, Floats, Ints, pool_need


class Line(NamedTuple):
    """What is known when the tasks before some task are done. Times in seconds."""

    before: Ints
    """[queues] the last task so far, or -1."""
    served: Floats
    """[resources] when all transfers so far are through."""
    used: Floats
    """[pools] bytes taken, but for what had to be waited for."""
    took: Ints
    """[pools] the last task that took bytes, or -1."""
    holding: Ints
    held: Ints
    """[pools, takes] the first `holding` of each row: takes that may not have been given back."""
    start: Floats
    end: Floats
    arrived: Floats
    waited: Ints
    waited_on: Ints


@bare_kernel
def recur(
    flat: Flat,
    queue: Ints,
    seconds: Floats,
    latency: Floats,
    amounts: Floats,
    bandwidth: Floats,
    capacity: Floats,
    line: Line,
    through: Floats,
) -> None:
    """
    Runs all tasks, up to the first (its `end` and those after it stay NaN) whose pools have no room before a later task ends.

    Args:
        queue, seconds, latency: of each task.
        amounts: bytes of each move.
        bandwidth: B/s of each resource.
        capacity: bytes of each pool.
        line: as `blank` makes it; written.
        through: [moves] written: when each was served.
    """
    _reset(line)
    for task in range(len(queue)):
        if not _start(flat, line, queue[task], capacity, task):
            break
        begin, last = line.start[task] + latency[task], 0.0
        for move in range(flat.move_ptr[task], flat.move_ptr[task + 1]):
            if amounts[move] > 0.0:
                resource = flat.move_resource[move]
                line.served[resource] = max(line.served[resource], begin) + amounts[move] / bandwidth[resource]
                through[move] = line.served[resource]
                last = max(last, through[move])
        if last > 0.0:
            line.arrived[task] = last
        line.end[task] = max(line.start[task] + seconds[task], last)
        line.before[queue[task]] = task


@bare_kernel
def recur_many(
    flat: Flat,
    queue: Ints,
    seconds: Floats,
    latency: Floats,
    amounts: Floats,
    bandwidth: Floats,
    capacity: Floats,
    line: Line,
    through: Floats,
    end: Floats,
) -> None:
    """`recur` for [inputs, tasks] seconds and [inputs, moves] bytes; writes [inputs, tasks] ends."""
    for one in range(len(end)):
        recur(flat, queue, seconds[one], latency, amounts[one], bandwidth, capacity, line, through)
        for task in range(end.shape[1]):
            end[one, task] = line.end[task]


def blank(flat: Flat, resources: int, pools: int) -> Line:
    """Arrays for a run, made outside of kernels."""
    queues, tasks = len(flat.queue_ptr) - 1, len(flat.after_ptr) - 1
    return Line(
        before=np.empty(queues, np.int64),
        served=np.empty(resources),
        used=np.empty(pools),
        took=np.empty(pools, np.int64),
        holding=np.empty(pools, np.int64),
        held=np.empty((pools, len(flat.take_pool)), np.int64),
        start=np.empty(tasks),
        end=np.empty(tasks),
        arrived=np.empty(tasks),
        waited=np.empty(tasks, np.int64),
        waited_on=np.empty(tasks, np.int64),
    )


@part
def _reset(line: Line) -> None:
    """Nothing has run, all pools are empty."""
    for queue in range(len(line.before)):
        line.before[queue] = -1
    for resource in range(len(line.served)):
        line.served[resource] = 0.0
    for pool in range(len(line.used)):
        line.used[pool], line.took[pool], line.holding[pool] = 0.0, -1, 0
    for task in range(len(line.start)):
        line.start[task], line.end[task], line.arrived[task] = np.nan, np.nan, np.nan


@part
def _start(flat: Flat, line: Line, queue: int, capacity: Floats, task: int) -> bool:
    """Sets when a task starts, and what it waited for last; False if its pools have no room before a later task ends."""
    moment, why, other = 0.0, NOTHING, -1
    for place in range(flat.after_ptr[task], flat.after_ptr[task + 1]):
        ended = line.end[flat.after[place]]
        if ended > moment or why == NOTHING:
            moment, why, other = ended, DEPENDENCY, flat.after[place]
    before = line.before[queue]
    if before >= 0 and (line.end[before] > moment or why == NOTHING):
        moment, why, other = line.end[before], QUEUE, before
    for take in range(flat.take_ptr[task], flat.take_ptr[task + 1]):
        pool = flat.take_pool[take]
        took = line.took[pool]
        if took == task or capacity[pool] == np.inf:  # the first take from a pool makes room for all of them
            continue
        waited_for = _make_room(flat, line, pool, capacity[pool] - pool_need(flat, task, pool))
        if waited_for == -2:
            return False
        if waited_for >= 0 and line.end[waited_for] > moment:
            moment, why, other = line.end[waited_for], BUFFER, waited_for
        if took >= 0 and line.start[took] > moment:
            moment, why, other = line.start[took], TURN, took
        line.took[pool] = task
    line.start[task], line.waited[task], line.waited_on[task] = moment, why, other
    _hold(flat, line, capacity, task)
    return True


@part
def _make_room(flat: Flat, line: Line, pool: int, allowed: float) -> int:
    """Gives back what ends first until at most `allowed` bytes are taken. The task waited for last; -1: none, -2: in vain."""
    last = -1
    while line.used[pool] > allowed:
        first = -1
        for place in range(line.holding[pool]):
            ended = line.end[flat.take_until[line.held[pool, place]]]
            if not np.isnan(ended) and (first < 0 or ended < line.end[flat.take_until[line.held[pool, first]]]):
                first = place
        if first < 0:
            return -2
        last = flat.take_until[line.held[pool, first]]
        line.used[pool] -= flat.take_bytes[line.held[pool, first]]
        line.holding[pool] -= 1
        line.held[pool, first] = line.held[pool, line.holding[pool]]
    return last if allowed >= 0.0 else -2


@part
def _hold(flat: Flat, line: Line, capacity: Floats, task: int) -> None:
    """Takes a task's bytes. Pools without end make nobody wait."""
    for take in range(flat.take_ptr[task], flat.take_ptr[task + 1]):
        pool = flat.take_pool[take]
        if capacity[pool] < np.inf:
            line.held[pool, line.holding[pool]] = take
            line.holding[pool] += 1
            line.used[pool] += flat.take_bytes[take]
