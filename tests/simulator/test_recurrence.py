"""Transfers in order: equal to the events where nothing shares, monotone in everything to the last bit; many inputs at once."""

import attrs
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from task_graphs import POOLS, RESOURCES, sizes, speeds, task_graphs

from chunkc.simulator.engine import DoesNotFit, TaskList, Tasks, Wait, latencies, run, run_many
from chunkc.simulator.engine.running import Sharing


def ends(tasks: Tasks, bandwidth, capacity, sharing: Sharing) -> np.ndarray:
    """Ends of all tasks; endless if they do not fit."""
    try:
        return run(tasks, bandwidth, capacity, sharing=sharing).end
    except DoesNotFit:
        return np.full(len(tasks), np.inf)


def without_edge(tasks: Tasks, edge: int) -> Tasks:
    """One dependency less."""
    owner = np.repeat(np.arange(len(tasks)), np.diff(tasks.after_ptr))[edge]
    pointers = tasks.after_ptr - (np.arange(len(tasks) + 1) > owner)
    return attrs.evolve(tasks, after=np.delete(tasks.after, edge), after_ptr=pointers)


def removable(tasks: Tasks) -> list[int]:
    """Dependencies but for those of what gives bytes back on what took them."""
    owner = np.repeat(np.arange(len(tasks)), np.diff(tasks.after_ptr))
    taker = np.repeat(np.arange(len(tasks)), np.diff(tasks.take_ptr))
    needed = set(zip(taker.tolist(), tasks.take_until.tolist()))
    return [edge for edge, pair in enumerate(zip(tasks.after.tolist(), owner.tolist())) if pair not in needed]


def with_a_queue_more(tasks: Tasks, moved: list[bool]) -> Tasks:
    """Some tasks of the first queue on another."""
    queue = np.where((tasks.queue == 0) & moved[: len(tasks)], len(tasks.queues), tasks.queue)
    return attrs.evolve(tasks, queue=queue, queues=(*tasks.queues, "another"))


@given(task_graphs(private=True), speeds(), sizes())
def test_it_equals_the_events_where_nothing_shares(tasks, bandwidth, capacity):
    in_order = ends(tasks, bandwidth, capacity, "in order")
    assume(np.isfinite(in_order).all())  # the events can also wait for what a later task gives back
    fair = run(tasks, bandwidth, capacity)
    assert fair.end == pytest.approx(in_order, rel=1e-12)
    assert fair.start == pytest.approx(run(tasks, bandwidth, capacity, sharing="in order").start, rel=1e-12)


@given(task_graphs(), speeds(), sizes(), st.data())
@pytest.mark.parametrize("sharing", ["in order", "fair"])
def test_more_is_never_slower(sharing, tasks, bandwidth, capacity, data):
    # With fair shares a theorem where each resource has one queue: see the counterexamples in test_sharing.
    if sharing == "fair":
        tasks = data.draw(task_graphs(private=True))
    before = ends(tasks, bandwidth, capacity, sharing)
    faster = {name: bandwidth[name] + data.draw(st.integers(0, 3)) for name in RESOURCES}
    assert (ends(tasks, faster, capacity, sharing) <= before).all()
    larger = {name: capacity[name] + data.draw(st.integers(0, 5)) for name in POOLS}
    assert (ends(tasks, bandwidth, larger, sharing) <= before).all()
    assert (ends(tasks, bandwidth, {}, sharing) <= before).all()
    shorter = attrs.evolve(tasks, seconds=tasks.seconds * data.draw(st.sampled_from([0.0, 0.3, 0.9])))
    assert (ends(shorter, bandwidth, capacity, sharing) <= before).all()
    fewer = attrs.evolve(tasks, move_bytes=tasks.move_bytes * data.draw(st.sampled_from([0.0, 0.3, 0.9])))
    assert (ends(fewer, bandwidth, capacity, sharing) <= before).all()
    if edges := removable(tasks):
        freer = without_edge(tasks, data.draw(st.sampled_from(edges)))
        assert (ends(freer, bandwidth, capacity, sharing) <= before).all()


@given(task_graphs(), speeds(), sizes(), st.lists(st.booleans(), min_size=14, max_size=14))
def test_more_queues_are_never_slower(tasks, bandwidth, capacity, moved):
    before = ends(tasks, bandwidth, capacity, "in order")
    assert (ends(with_a_queue_more(tasks, moved), bandwidth, capacity, "in order") <= before).all()
    # By events where no transfers share: here, where there are none.
    still = attrs.evolve(tasks, move_bytes=tasks.move_bytes * 0)
    before = ends(still, bandwidth, capacity, "fair")
    assert (ends(with_a_queue_more(still, moved), bandwidth, capacity, "fair") <= before).all()


@given(task_graphs(), speeds(), sizes())
def test_bounds_and_causes_hold_in_order_too(tasks, bandwidth, capacity):
    try:
        schedule = run(tasks, bandwidth, capacity, sharing="in order", trace=True)
    except DoesNotFit:
        return
    lengths = np.diff(schedule.times, append=schedule.times[-1:])
    assert lengths @ schedule.rates == pytest.approx(list(schedule.moved.values()))
    assert all(moved / bandwidth[name] <= schedule.total * (1 + 1e-9) for name, moved in schedule.moved.items())
    assert all(length <= schedule.total * (1 + 1e-9) for length in schedule.busy.values())
    for pool in tasks.pools:
        assert (schedule.held(pool)[1] <= capacity[pool]).all()
    for i in range(len(tasks)):
        why, other = Wait(schedule.waited[i]), schedule.waited_on[i]
        cause = 0.0 if why is Wait.NOTHING else schedule.start[other] if why is Wait.TURN else schedule.end[other]
        assert cause == schedule.start[i]


@given(task_graphs(), speeds(), sizes(), st.data())
@pytest.mark.parametrize("sharing", ["in order", "fair"])
def test_many_inputs_are_each_as_if_alone(sharing, tasks, bandwidth, capacity, data):
    draw = np.random.default_rng(data.draw(st.integers(0, 99)))
    seconds = draw.integers(0, 5, (3, len(tasks))).astype(float)
    amounts = draw.integers(0, 3, (3, len(tasks.move_bytes))).astype(float)
    each = [attrs.evolve(tasks, seconds=s, move_bytes=b) for s, b in zip(seconds, amounts)]
    alone = [ends(one, bandwidth, capacity, sharing) for one in each]
    assume(np.isfinite(alone).all())
    together = run_many(tasks, bandwidth, capacity, seconds=seconds, amounts=amounts, sharing=sharing)
    assert together.tobytes() == np.array(alone).tobytes()


def test_wrong_inputs_are_refused():
    tasks = TaskList()
    tasks.add("a", 1.0, moves={"link": 8})
    tasks.hold("p", 5, 0, 0)
    done, bandwidth = tasks.done(), {"link": 2.0}
    assert run_many(done, bandwidth, seconds=np.array([[1.0], [9.0]])).tolist() == [[4], [9]]
    late = attrs.evolve(done, latency=np.array([3.0]))
    assert run_many(late, bandwidth, amounts=np.array([[0.0], [4.0]])).tolist() == [[1], [5]]
    assert run_many(late, bandwidth, amounts=np.array([[0.0], [4.0]]), sharing="in order").tolist() == [[1], [5]]
    assert run_many(done, bandwidth, amounts=np.array([[0.0], [4.0]])).tolist() == [[1], [2]]
    with pytest.raises(ValueError, match=r"shape \(2, 2\), not \(2, 1\)"):
        run_many(done, bandwidth, seconds=np.ones((2, 2)))
    with pytest.raises(ValueError, match="negative or not finite"):
        run_many(done, bandwidth, seconds=np.array([[np.nan]]))
    with pytest.raises(ValueError, match="seconds and amounts of"):
        run_many(done, bandwidth, seconds=np.ones((2, 1)), amounts=np.ones((3, 1)))
    with pytest.raises(DoesNotFit, match="in p of 4 B"):
        run_many(done, bandwidth, {"p": 4}, seconds=np.ones((2, 1)), sharing="in order")


def test_percentiles_are_totals_that_occurred():
    found = latencies(np.arange(1.0, 101.0))
    assert (found.p50, found.p90, found.p99, found.longest, found.mean, found.inputs) == (50, 90, 99, 100, 50.5, 100)
    assert latencies(np.array([3.0])).p50 == 3.0
    with pytest.raises(ValueError, match="no inputs"):
        latencies(np.array([]))
