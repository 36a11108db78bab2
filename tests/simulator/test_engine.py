"""The event engine: equal to a slow exact one, bytes conserved, never faster than any bound, and what each task waited for."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from slow_engine import slow_run
from task_graphs import sizes, speeds, task_graphs

from chunkc.simulator.engine import DoesNotFit, TaskList, Tasks, Wait, run


@given(task_graphs(), speeds(), sizes())
def test_it_equals_the_slow_exact_engine(tasks, bandwidth, capacity):
    slow = slow_run(tasks, [Fraction(bandwidth[r]) for r in tasks.resources], [capacity[p] for p in tasks.pools])
    try:
        fast = run(tasks, bandwidth, capacity)
    except DoesNotFit as error:
        assert slow[error.stuck[0]].start is None
        return
    assert fast.start == pytest.approx([float(task.start) for task in slow], rel=1e-9, abs=1e-12)
    assert fast.end == pytest.approx([float(task.end) for task in slow], rel=1e-9, abs=1e-12)


@given(task_graphs(), speeds())
def test_bytes_in_are_bytes_accounted(tasks, bandwidth):
    schedule = run(tasks, bandwidth, trace=True)
    asked = np.bincount(tasks.move_resource, weights=tasks.move_bytes, minlength=len(tasks.resources))
    assert list(schedule.moved.values()) == pytest.approx(asked.tolist())
    # The trace says the same, and no resource gives more than it has.
    lengths = np.diff(schedule.times, append=schedule.times[-1:])
    assert lengths @ schedule.rates == pytest.approx(asked)
    assert (schedule.rates <= [bandwidth[name] * (1 + 1e-12) for name in tasks.resources]).all()


@given(task_graphs(), speeds())
def test_never_faster_than_the_roofline(tasks, bandwidth):
    schedule = run(tasks, bandwidth)
    total = schedule.total * (1 + 1e-12)
    assert all(moved / bandwidth[name] <= total * (1 + 1e-9) for name, moved in schedule.moved.items())
    assert all(np.bincount(tasks.queue, weights=least_of(tasks, bandwidth)) <= total)
    assert critical_path(tasks, bandwidth) <= total
    assert (schedule.stretched[~np.isnan(schedule.stretched)] >= -1e-9).all()


def least_of(tasks: Tasks, bandwidth: dict[str, float]) -> list[float]:
    """Seconds of each task alone on the machine."""
    least = []
    for i in range(len(tasks)):
        moves = range(tasks.move_ptr[i], tasks.move_ptr[i + 1])
        longest = max((tasks.move_bytes[m] / bandwidth[tasks.resources[tasks.move_resource[m]]] for m in moves), default=0.0)
        least.append(max(tasks.seconds[i], tasks.latency[i] + longest))
    return least


def critical_path(tasks: Tasks, bandwidth: dict[str, float]) -> float:
    """The longest chain of dependencies."""
    ends: list[float] = []
    for i, least in enumerate(least_of(tasks, bandwidth)):
        before = tasks.after[tasks.after_ptr[i] : tasks.after_ptr[i + 1]]
        ends.append(max((ends[j] for j in before), default=0.0) + least)
    return max(ends)


@given(task_graphs(), speeds(), sizes())
def test_nothing_overlaps_that_may_not(tasks, bandwidth, capacity):
    try:
        schedule = run(tasks, bandwidth, capacity)
    except DoesNotFit:
        return
    for i in range(len(tasks)):
        before = tasks.after[tasks.after_ptr[i] : tasks.after_ptr[i + 1]]
        assert (schedule.end[before] <= schedule.start[i]).all()
    for queue in range(len(tasks.queues)):
        mine = np.flatnonzero(tasks.queue == queue)
        assert (schedule.end[mine[:-1]] <= schedule.start[mine[1:]]).all()
    for pool in tasks.pools:
        times, held = schedule.held(pool)
        assert (held <= capacity[pool]).all() and held[-1] == 0


@given(task_graphs(), speeds(), sizes())
def test_every_start_has_a_cause(tasks, bandwidth, capacity):
    try:
        schedule = run(tasks, bandwidth, capacity)
    except DoesNotFit:
        return
    for i in range(len(tasks)):
        why, other = Wait(schedule.waited[i]), schedule.waited_on[i]
        if why is Wait.NOTHING:
            assert schedule.start[i] == 0.0 and other == -1
        else:
            moment = schedule.start[other] if why is Wait.TURN else schedule.end[other]
            assert moment == schedule.start[i]
    chain = schedule.critical()
    assert schedule.end[chain[-1]] == schedule.total and schedule.waited[chain[0]] == Wait.NOTHING


@given(task_graphs(), speeds(), sizes())
def test_runs_are_equal_to_the_last_bit(tasks, bandwidth, capacity):
    try:
        first = run(tasks, bandwidth, capacity)
    except DoesNotFit:
        return
    second = run(tasks, bandwidth, capacity)
    assert first.end.tobytes() == second.end.tobytes() and first.waited_on.tobytes() == second.waited_on.tobytes()


def test_a_load_overlaps_the_work_before_it():
    tasks = TaskList()
    first = tasks.add("copy", moves={"link": 10})
    use = tasks.add("device", 5, after=[first])
    second = tasks.add("copy", moves={"link": 10})
    last = tasks.add("device", 5, after=[second])
    schedule = run(tasks.done(), {"link": 5.0})
    assert schedule.start.tolist() == [0, 2, 2, 7] and schedule.end.tolist() == [2, 7, 4, 12]
    assert schedule.waited_on[last] == use and Wait(schedule.waited[last]) is Wait.QUEUE


def test_a_full_buffer_stalls_the_load():
    tasks = TaskList()
    loads, uses = [], []
    for _ in range(3):
        loads.append(tasks.add("copy", moves={"link": 10}))
        uses.append(tasks.add("device", 5, after=loads[-1:]))
        tasks.hold("slots", 10, loads[-1], uses[-1])
    schedule = run(tasks.done(), {"link": 10.0}, {"slots": 20})
    assert schedule.start[loads].tolist() == [0, 1, 6] and Wait(schedule.waited[loads[2]]) is Wait.BUFFER
    assert schedule.waited_on[loads[2]] == uses[0]
    with pytest.raises(DoesNotFit, match="task 0 of step 0 never has room in slots of 9 B") as caught:
        run(tasks.done(), {"link": 10.0}, {"slots": 9})
    assert caught.value.pool == "slots"


def test_shares_are_max_min_fair():
    # Of three transfers through one link, that which a slow disk holds back leaves its share to the others.
    tasks = TaskList()
    tasks.add("a", moves={"link": 55})
    tasks.add("b", moves={"link": 55})
    tasks.add("c", moves={"link": 10, "disk": 10})
    schedule = run(tasks.done(), {"link": 12.0, "disk": 2.0}, trace=True)
    assert schedule.end.tolist() == [10, 10, 5]  # 5 B/s each beside 2 B/s for 5 s, then 6 B/s each of the 30 left
    assert schedule.rates[0].tolist() == [12, 2]


def test_wrong_tasks_are_told_all_at_once():
    tasks = TaskList()
    tasks.add("a", -1.0, after=[0], step=2)
    tasks.add("a", step=1)
    tasks.hold("p", 0.5, 1, 0)
    with pytest.raises(ValueError, match="not earlier; steps fall; .* negative or .*; .* not whole; .* does not come after"):
        tasks.done()
    good = TaskList()
    good.add("a", moves={"link": 1})
    with pytest.raises(ValueError, match="bandwidth of link is not positive"):
        run(good.done(), {"link": 0.0})
    with pytest.raises(KeyError, match="link"):
        run(good.done(), {})


def test_no_tasks_take_no_time():
    assert run(TaskList().done(), {}).total == 0.0 and run(TaskList().done(), {}).critical() == []


def test_what_gives_bytes_back_comes_after_what_took_them():
    tasks = TaskList()
    tasks.add("a", 3)
    take, give = tasks.add("a", 1), tasks.add("b", 1)
    tasks.hold("slots", 5, take, give)
    assert run(tasks.done(), {}, {"slots": 5}).start.tolist() == [0, 3, 4]
