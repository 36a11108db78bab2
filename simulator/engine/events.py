"""Discrete events: queues run tasks in order, transfers in flight share bandwidth, full pools make tasks wait."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..compiled import kernel, part
from .flat import BUFFER, DEPENDENCY, QUEUE, TURN, Flat, Floats, Ints, largest_move, pool_need
from .sharing import fair_rates

WAITING, LATENCY, FLOWING, TAIL = 0, 1, 2, 3


class State(NamedTuple):
    """Where a simulation is; times in seconds. By queue, then by pool, by resource, and by task."""

    place: Ints
    """[queues] position of the head in `Flat.queue_tasks`."""
    phase: Ints
    next: Floats
    """[queues] when something happens there next."""
    asked: Ints
    """[queues] position in `Flat.after`: what the head comes after has ended up to here."""
    flowing: Ints
    rate: Floats
    fair: Floats
    """[queues] the rate as shared anew."""
    left: Floats
    since: Floats
    """[queues] bytes of the largest move that were left, and when."""
    free: Floats
    turn: Ints
    """[pools] takes so far."""
    gave: Ints
    took: Ints
    """[pools] the last task that gave back, and the last that took."""
    usage: Floats
    moved: Floats
    start: Floats
    end: Floats
    arrived: Floats
    waited: Ints
    waited_on: Ints
    changed: Ints
    """[1] whether transfers began or ended since rates were shared, and [1] how many rows of the trace are written."""


@part
def fresh(flat: Flat, queues: int, capacity: Floats, resources: int) -> State:
    """Nothing has started, all pools are empty."""
    tasks, pools = len(flat.after_ptr) - 1, len(capacity)
    state = State(
        place=flat.queue_ptr[:queues].copy(),
        phase=np.zeros(queues, np.int64),
        next=np.full(queues, np.inf),
        asked=np.zeros(queues, np.int64),
        flowing=np.full(queues, -1),
        rate=np.zeros(queues),
        fair=np.zeros(queues),
        left=np.zeros(queues),
        since=np.zeros(queues),
        free=capacity.copy(),
        turn=np.zeros(pools, np.int64),
        gave=np.full(pools, -1),
        took=np.full(pools, -1),
        usage=np.zeros(resources),
        moved=np.zeros(resources),
        start=np.full(tasks, np.nan),
        end=np.full(tasks, np.nan),
        arrived=np.full(tasks, np.nan),
        waited=np.zeros(tasks, np.int64),
        waited_on=np.full(tasks, -1),
        changed=np.zeros(2, np.int64),
    )
    for queue in range(queues):
        _to_head(flat, state, queue)
    return state


@kernel
def simulate(
    flat: Flat,
    seconds: Floats,
    latency: Floats,
    amounts: Floats,
    bandwidth: Floats,
    capacity: Floats,
    times: Floats,
    rates: Floats,
) -> State:
    """
    Runs all tasks. Those whose `end` stays NaN never could: their pools have no room.

    Args:
        seconds, latency: of each task.
        amounts: bytes of each move.
        bandwidth: B/s of each resource.
        capacity: bytes of each pool.
        times, rates: [changes], [changes, resources] written as far as they reach: B/s in use from then on.
    """
    queues = len(flat.queue_ptr) - 1
    state = fresh(flat, queues, capacity, len(bandwidth))
    now = 0.0
    while True:
        _start_all(flat, seconds, latency, amounts, state, now)
        if state.changed[0]:
            _share(flat, amounts, bandwidth, state, now, times, rates)
        upcoming = np.inf
        for queue in range(queues):
            upcoming = min(upcoming, state.next[queue])
        if upcoming == np.inf:
            return state
        for resource in range(len(bandwidth)):
            state.moved[resource] += state.usage[resource] * (upcoming - now)
        now = upcoming
        for queue in range(queues):
            if state.next[queue] == now:
                _advance(flat, seconds, amounts, state, queue, now)


@kernel
def simulate_many(
    flat: Flat, seconds: Floats, latency: Floats, amounts: Floats, bandwidth: Floats, capacity: Floats, end: Floats
) -> None:
    """`simulate` for [inputs, tasks] seconds and [inputs, moves] bytes; writes [inputs, tasks] ends."""
    times, rates = np.empty(0), np.empty((0, len(bandwidth)))
    for one in range(len(end)):
        state = simulate(flat, seconds[one], latency, amounts[one], bandwidth, capacity, times, rates)
        for task in range(end.shape[1]):
            end[one, task] = state.end[task]


@part
def _start_all(flat: Flat, seconds: Floats, latency: Floats, amounts: Floats, state: State, now: float) -> None:
    """Starts every task that can start now; a task that takes its turn at a pool may let another have the next."""
    again = True
    while again:
        again = False
        for queue in range(len(state.place)):
            if state.phase[queue] != WAITING or state.place[queue] == flat.queue_ptr[queue + 1]:
                continue
            task = flat.queue_tasks[state.place[queue]]
            if _ready(flat, state, queue, task) and _room(flat, state, task):
                _say_why(flat, state, queue, task, now)
                _take(flat, state, task)
                _start(flat, seconds, latency, amounts, state, queue, now)
                again = again or flat.take_ptr[task] < flat.take_ptr[task + 1]


@part
def _ready(flat: Flat, state: State, queue: int, task: int) -> bool:
    """Whether all that the head of a queue comes after has ended; each is asked about once after its end."""
    while state.asked[queue] < flat.after_ptr[task + 1]:
        if np.isnan(state.end[flat.after[state.asked[queue]]]):
            return False
        state.asked[queue] += 1
    return True


@part
def _room(flat: Flat, state: State, task: int) -> bool:
    """Whether it is the task's turn at its pools, and they have room. Pools serve in the order of tasks."""
    for take in range(flat.take_ptr[task], flat.take_ptr[task + 1]):
        pool = flat.take_pool[take]
        if state.free[pool] == np.inf:
            continue
        if state.turn[pool] != flat.take_place[take] or pool_need(flat, task, pool) > state.free[pool]:
            return False
    return True


@part
def _take(flat: Flat, state: State, task: int) -> None:
    for take in range(flat.take_ptr[task], flat.take_ptr[task + 1]):
        pool = flat.take_pool[take]
        state.free[pool] -= flat.take_bytes[take]
        state.turn[pool] += 1
        state.took[pool] = task


@part
def _say_why(flat: Flat, state: State, queue: int, task: int, now: float) -> None:
    """What the task waited for last: of what happened just now, a dependency before the queue before its pools."""
    for place in range(flat.after_ptr[task], flat.after_ptr[task + 1]):
        if state.end[flat.after[place]] == now:
            state.waited[task], state.waited_on[task] = DEPENDENCY, flat.after[place]
            return
    if state.place[queue] > flat.queue_ptr[queue]:
        before = flat.queue_tasks[state.place[queue] - 1]
        if state.end[before] == now:
            state.waited[task], state.waited_on[task] = QUEUE, before
            return
    for take in range(flat.take_ptr[task], flat.take_ptr[task + 1]):
        gave, took = state.gave[flat.take_pool[take]], state.took[flat.take_pool[take]]
        if gave >= 0 and state.end[gave] == now:
            state.waited[task], state.waited_on[task] = BUFFER, gave
            return
        if took >= 0 and state.start[took] == now:
            state.waited[task], state.waited_on[task] = TURN, took


@part
def _start(flat: Flat, seconds: Floats, latency: Floats, amounts: Floats, state: State, queue: int, now: float) -> None:
    task = flat.queue_tasks[state.place[queue]]
    state.start[task] = now
    if largest_move(flat, amounts, task) == 0.0:
        state.phase[queue], state.next[queue] = TAIL, now + max(seconds[task], latency[task])
    elif latency[task] > 0.0:
        state.phase[queue], state.next[queue] = LATENCY, now + latency[task]
    else:
        _flow(flat, amounts, state, queue, now)


@part
def _flow(flat: Flat, amounts: Floats, state: State, queue: int, now: float) -> None:
    """The transfer of a queue's head begins. `_share` says until when it lasts."""
    task = flat.queue_tasks[state.place[queue]]
    state.phase[queue], state.next[queue], state.flowing[queue] = FLOWING, np.inf, task
    state.left[queue], state.since[queue], state.rate[queue] = largest_move(flat, amounts, task), now, 0.0
    state.changed[0] = 1


@part
def _share(flat: Flat, amounts: Floats, bandwidth: Floats, state: State, now: float, times: Floats, rates: Floats) -> None:
    """Rates anew. A transfer whose rate stays keeps its end to the last bit."""
    state.changed[0] = 0
    fair_rates(flat, amounts, bandwidth, state.flowing, state.fair, state.usage)
    for queue in range(len(state.rate)):
        if state.flowing[queue] >= 0 and state.fair[queue] != state.rate[queue]:
            done = state.rate[queue] * (now - state.since[queue])
            state.left[queue], state.since[queue] = max(0.0, state.left[queue] - done), now
            state.rate[queue] = state.fair[queue]
            state.next[queue] = now + state.left[queue] / state.rate[queue]
    row = state.changed[1]
    if row < len(times):
        times[row] = now
        for resource in range(len(bandwidth)):
            rates[row, resource] = state.usage[resource]
        state.changed[1] += 1


@part
def _advance(flat: Flat, seconds: Floats, amounts: Floats, state: State, queue: int, now: float) -> None:
    """What a queue's head waited for has come: its transfer begins, ends, or its seconds have passed."""
    task = flat.queue_tasks[state.place[queue]]
    if state.phase[queue] == LATENCY:
        _flow(flat, amounts, state, queue, now)
        return
    if state.phase[queue] == FLOWING:
        state.arrived[task], state.flowing[queue], state.rate[queue], state.changed[0] = now, -1, 0.0, 1
        if state.start[task] + seconds[task] > now:
            state.phase[queue], state.next[queue] = TAIL, state.start[task] + seconds[task]
            return
    state.end[task] = now
    for give in range(flat.give_ptr[task], flat.give_ptr[task + 1]):
        state.free[flat.give_pool[give]] += flat.give_bytes[give]
        state.gave[flat.give_pool[give]] = task
    state.phase[queue], state.next[queue] = WAITING, np.inf
    state.place[queue] += 1
    _to_head(flat, state, queue)


@part
def _to_head(flat: Flat, state: State, queue: int) -> None:
    if state.place[queue] < flat.queue_ptr[queue + 1]:
        state.asked[queue] = flat.after_ptr[flat.queue_tasks[state.place[queue]]]
