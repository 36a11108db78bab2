"""Rows of prices: a run of calls is what host and device make of it, whichever way it is added up."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_machine import ToyMachine, toy_target

from chunkc.backends.reference import run
from chunkc.compiler.cost import Cost
from chunkc.compiler.init import initial
from chunkc.compiler.planning import lower
from chunkc.grammar.elaborate import loads
from chunkc.simulator.pricing import Prices
from chunkc.simulator.pricing.columns import HOST, LAG, MACS, SECONDS, Columns, many, together
from chunkc.simulator.pricing.tables import Table
from chunkc.simulator.walking import Decided, walk

MOE = """
model moe(d: int = 16) {
  input x: f32[B, T, d]
  chunk expert[5](h) { h |> linear(2 * d) |> gelu |> linear(d) }
  router gate { score = x |> linear(5)  keep = top(2) }
  fuse y = weighted_sum(expert(x), by=gate)
  output y
}
"""
CALLS = st.lists(st.tuples(st.floats(0, 9), st.floats(0, 9)), max_size=12)


def rows_of(calls):
    rows = np.zeros((len(calls), Columns(()).width))
    for row, (host, seconds) in zip(rows, calls):
        row[[HOST, SECONDS, LAG]] = host, seconds, host + seconds
    return rows


@given(CALLS, CALLS, st.floats(0, 20), st.floats(0, 20))
def test_a_run_of_calls_is_one_map_of_host_and_device(first, second, host, device):
    h, d = host, device
    for launched, seconds in (*first, *second):
        h += launched
        d = max(d, h) + seconds
    width = Columns(()).width
    whole = together([together(rows_of(first), width), together(rows_of(second), width)], width)
    assert h == pytest.approx(host + whole[HOST])
    if first or second:
        assert d == pytest.approx(max(device + whole[SECONDS], host + whole[LAG]))
    assert many(whole)[LAG] <= whole[LAG] + 1e-9


@given(st.lists(st.lists(st.integers(0, 40), min_size=3, max_size=3), min_size=1, max_size=5))
def test_a_table_gives_the_sums_of_its_rows_in_order(loads):
    width = Columns(()).width

    def one(load):
        return rows_of([(1.0 + load % 3, 0.5 * load)])[0]

    total, ways = Table(width).summed(np.array(loads), one)
    for found, ways_of in zip(total, loads):
        np.testing.assert_allclose(found, together([one(load) for load in ways_of], width))
    np.testing.assert_allclose(ways[:, SECONDS], 0.5 * np.array(loads).mean(0))


def totals(text, dims, fold, passes=(), seeds=(0, 1, 2)):
    graph, calls = loads(text), []
    for seed in seeds:
        params = {entry.path: np.array(initial(entry, seed)) * 3 for entry in graph.parameters}
        x = np.random.default_rng(seed).standard_normal([dims.get(str(size), size) for size in graph.inputs[0].shape])
        calls.append(dict(run(graph, {"x": x}, params).decisions))
    plan = lower(graph)
    prices = Prices.on(ToyMachine(toy_target(host=0.0)), plan, "f32", len(calls))
    rows = [prices.price(ran).rows for ran in walk(plan, Decided(calls), dims, fold=fold)]
    return sum(np.broadcast_to(row, (len(calls), row.shape[1])) for row in rows), calls


def test_what_a_walk_stays_outside_of_costs_what_it_does_inside():
    dims = {"B": 3, "T": 7}
    (outside, calls), (inside, _) = (totals(MOE, dims, fold) for fold in (True, False))
    np.testing.assert_allclose(np.delete(outside, LAG, 1), np.delete(inside, LAG, 1), rtol=1e-12)
    rows = [call["gate"].sum() for call in calls]
    assert list(outside[:, MACS]) == [3 * 7 * 16 * 5 + count * 2 * 16 * 32 for count in rows]


def test_work_that_is_alike_is_priced_once():
    class Counting(ToyMachine):
        asked: list[Cost] = []

        def time(self, call):
            self.asked.append(call)
            return super().time(call)

    plan = lower(loads(MOE))
    x = np.zeros((2, 3, 5), bool)
    x[..., :2] = True
    machine = Counting(toy_target())
    prices = Prices.on(machine, plan, "f32", 4)
    for ran in walk(plan, Decided([{"gate": x}] * 4), {"B": 2, "T": 3}):
        prices.price(ran)
    assert len(machine.asked) == len(set(machine.asked)) < 40
