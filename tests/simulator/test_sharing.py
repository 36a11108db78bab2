"""Max-min fair shares: what is monotone, what cannot be, and the rates themselves."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from task_graphs import speeds, task_graphs

from chunkc.simulator.engine import TaskList, Tasks, run
from chunkc.simulator.engine.sharing import Shares, fair_rates


def stolen_share() -> Tasks:
    """A product bound by memory, then one that is not; beside them a load, through the link into the same memory."""
    tasks = TaskList()
    tasks.add("copy", moves={"link": 40, "dram": 40})
    first = tasks.add("device", moves={"dram": 100})
    tasks.add("device", 20, after=[first])
    return tasks.done()


def earlier_arrival(wait: float) -> Tasks:
    """A transfer that much work waits for, and another that comes when `wait` seconds have passed."""
    tasks = TaskList()
    urgent = tasks.add("a", moves={"link": 10})
    tasks.add("a", 100, after=[urgent])
    before = tasks.add("b", wait)
    tasks.add("b", after=[before], moves={"link": 10})
    return tasks.done()


def test_with_fair_shares_a_faster_link_can_be_slower():
    # The load takes more of the memory's bandwidth while the product needs it, and less when nobody does.
    slow, fast = {"link": 2.0, "dram": 10.0}, {"link": 4.0, "dram": 10.0}
    assert run(stolen_share(), slow).total == 32.5 and run(stolen_share(), fast).total == 34.0
    in_order = [run(stolen_share(), bandwidth, sharing="in order").total for bandwidth in (slow, fast)]
    assert in_order == [34.0, 34.0]


def test_with_fair_shares_less_work_can_be_slower():
    # So it is with every sharing that leaves no bandwidth idle and does not see what comes (docs/engine.md).
    assert run(earlier_arrival(10), {"link": 1.0}).total == 110
    assert run(earlier_arrival(5), {"link": 1.0}).total == 115


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(1, 9)), min_size=1, max_size=8), st.integers(1, 4), st.integers(0, 3))
def test_on_one_resource_transfers_that_begin_when_they_must_end_earlier_with_more(transfers, speed, more):
    tasks = TaskList()
    for i, (begin, amount) in enumerate(transfers):
        tasks.add(f"queue {i}", latency=begin, moves={"link": amount})
    before, after = (run(tasks.done(), {"link": float(s)}).end for s in (speed, speed + more))
    assert (after <= before + 1e-9).all()
    # The last ends as if served in order of arrival: no bandwidth is idle while somebody waits.
    served = 0.0
    for begin, amount in sorted(transfers):
        served = max(served, begin) + amount / speed
    assert before.max() == pytest.approx(served)


@given(task_graphs(most=9, holds=False), speeds())
def test_rates_are_max_min_fair(tasks, bandwidth):
    # Each transfer uses a full resource on which no transfer is faster (Bertsekas and Gallager, 6.5.2).
    flying = np.flatnonzero(np.diff(tasks.move_ptr))
    limits = np.array([bandwidth[name] for name in tasks.resources])
    shares = Shares(np.empty(len(flying)), np.empty(len(limits)), np.empty(len(flying), bool), limits.copy(), limits.copy())
    fair_rates(tasks.flat, tasks.move_bytes, limits, flying, shares)
    moves = [range(tasks.move_ptr[task], tasks.move_ptr[task + 1]) for task in flying]
    users = [[i for i, row in enumerate(moves) if r in tasks.move_resource[row]] for r in range(len(limits))]
    assert (shares.usage <= limits * (1 + 1e-12)).all()
    for i, row in enumerate(moves):
        full = [r for r in tasks.move_resource[row] if shares.usage[r] >= limits[r] * (1 - 1e-12)]
        assert any(shares.rate[i] >= max(shares.rate[users[r]]) * (1 - 1e-12) for r in full)


def test_equal_transfers_get_equal_shares_whatever_their_numbers():
    tasks = TaskList()
    for i in range(7):
        tasks.add(f"queue {i}", moves={"link": 30, "dram": 10})
    schedule = run(tasks.done(), {"link": 3.0, "dram": 100.0}, trace=True)
    assert len(set(schedule.end.tolist())) == 1 and schedule.total == pytest.approx(70)
    assert schedule.stretched == pytest.approx(np.full(7, 60))
    assert schedule.rates[0] == pytest.approx([3, 1])
