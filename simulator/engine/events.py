"""Discrete events: queues run tasks in order, transfers in flight share bandwidth, full pools make tasks wait."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..compiled import bare_kernel, part
from .flat import BUFFER, DEPENDENCY, NOTHING, QUEUE, TURN, Flat, Floats, Ints, largest_move, pool_need
from .sharing import Shares, fair_rates

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
    left: Floats
    since: Floats
    """[queues] bytes of the largest move that were left, and when."""
    free: Floats
    turn: Ints
    """[pools] takes so far."""
    gave: Ints
    took: Ints
    """[pools] the last task that gave back, and the last that took."""
    moved: Floats
    start: Floats
    end: Floats
    arrived: Floats
    waited: Ints
    waited_on: Ints
    changed: Ints
    """[2] whether transfers began or ended since rates were shared; how many rows of the trace are written."""


def blank(flat: Flat, resources: int, pools: int) -> tuple[State, Shares]:
    """Arrays for a simulation, made outside of kernels, which then take no part in counting references."""
    queues, tasks = len(flat.queue_ptr) - 1, len(flat.after_ptr) - 1
    state = State(
        place=np.empty(queues, np.int64),
        phase=np.empty(queues, np.int64),
        next=np.empty(queues),
        asked=np.empty(queues, np.int64),
        flowing=np.empty(queues, np.int64),
        rate=np.empty(queues),
        left=np.empty(queues),
        since=np.empty(queues),
        free=np.empty(pools),
        turn=np.empty(pools, np.int64),
        gave=np.empty(pools, np.int64),
        took=np.empty(pools, np.int64),
        moved=np.empty(resources),
        start=np.empty(tasks),
        end=np.empty(tasks),
        arrived=np.empty(tasks),
        waited=np.empty(tasks, np.int64),
        waited_on=np.empty(tasks, np.int64),
        changed=np.empty(2, np.int64),
    )
    rate, pending = np.empty(queues), np.empty(queues, np.bool_)
    return state, Shares(rate, np.empty(resources), pending, np.empty(resources), np.empty(resources))


@part
def _reset(flat: Flat, state: State, shares: Shares, capacity: Floats) -> None:
    """Nothing has started, all pools are empty."""
    for queue in range(len(state.place)):
        state.place[queue], state.phase[queue], state.next[queue] = flat.queue_ptr[queue], WAITING, np.inf
        state.flowing[queue], state.rate[queue] = -1, 0.0
        _to_head(flat, state, queue)
    for pool in range(len(capacity)):
        state.free[pool], state.turn[pool], state.gave[pool], state.took[pool] = capacity[pool], 0, -1, -1
    for resource in range(len(state.moved)):
        state.moved[resource], shares.usage[resource] = 0.0, 0.0
    for task in range(len(state.start)):
        state.start[task], state.end[task], state.arrived[task] = np.nan, np.nan, np.nan
        state.waited[task], state.waited_on[task] = NOTHING, -1
    state.changed[0], state.changed[1] = 0, 0


@bare_kernel
def simulate(
    flat: Flat,
    seconds: Floats,
    latency: Floats,
    amounts: Floats,
    bandwidth: Floats,
    capacity: Floats,
    state: State,
    shares: Shares,
    times: Floats,
    rates: Floats,
) -> None:
    """
    Runs all tasks. Those whose `end` stays NaN never could: their pools have no room.

    Args:
        seconds, latency: of each task.
        amounts: bytes of each move.
        bandwidth: B/s of each resource.
        capacity: bytes of each pool.
        state, shares: as `blank` makes them; written.
        times, rates: [changes], [changes, resources] written as far as they reach: B/s in use from then on.
    """
    queues = len(flat.queue_ptr) - 1
    _reset(flat, state, shares, capacity)
    now = 0.0
    while True:
        _start_all(flat, seconds, latency, amounts, state, now)
        if state.changed[0]:
            _share(flat, amounts, bandwidth, state, shares, now, times, rates)
        upcoming = np.inf
        for queue in range(queues):
            upcoming = min(upcoming, state.next[queue])
        if upcoming == np.inf:
            return
        for resource in range(len(bandwidth)):
            state.moved[resource] += shares.usage[resource] * (upcoming - now)
        now = upcoming
        for queue in range(queues):
            if state.next[queue] == now:
                _advance(flat, seconds, amounts, state, queue, now)


@bare_kernel
def simulate_many(
    flat: Flat,
    seconds: Floats,
    latency: Floats,
    amounts: Floats,
    bandwidth: Floats,
    capacity: Floats,
    state: State,
    shares: Shares,
    times: Floats,
    rates: Floats,
    end: Floats,
) -> None:
    """`simulate` for [inputs, tasks] seconds and [inputs, moves] bytes; writes [inputs, tasks] ends."""
    for one in range(len(end)):
        simulate(flat, seconds[one], latency, amounts[one], bandwidth, capacity, state, shares, times, rates)
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
        state.phase[queue], state.next[queue] = TAIL, now + seconds[task]
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
def _share(
    flat: Flat, amounts: Floats, bandwidth: Floats, state: State, shares: Shares, now: float, times: Floats, rates: Floats
) -> None:
    """Rates anew. A transfer whose rate stays keeps its end to the last bit."""
    state.changed[0] = 0
    fair_rates(flat, amounts, bandwidth, state.flowing, shares)
    for queue in range(len(state.rate)):
        if state.flowing[queue] >= 0 and shares.rate[queue] != state.rate[queue]:
            done = state.rate[queue] * (now - state.since[queue])
            state.left[queue], state.since[queue] = max(0.0, state.left[queue] - done), now
            state.rate[queue] = shares.rate[queue]
            state.next[queue] = now + state.left[queue] / state.rate[queue]
    if len(times):
        row = state.changed[1]
        if row == 0 or times[row - 1] < now:  # else what was written for this moment lasted no time
            row = state.changed[1] = row + 1
        times[row - 1] = now
        for resource in range(len(bandwidth)):
            rates[row - 1, resource] = shares.usage[resource]


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
