"""Routes: sums, bounds and seeds of what is drawn, and that it is spread as drawing decision by decision is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chunkc.compiler.diagnostics import CompileError
from chunkc.simulator.routes import Route, drawn, keep_chances, route_of

routes = st.sampled_from(["balanced", "uniform", "zipf(0)", "zipf(1.2)", "zipf(4)", "power_law(0.5)", "power_law(1)"])


def one_by_one(shares: np.ndarray, decisions: int, keep: int, inputs: int, draw: np.random.Generator) -> np.ndarray:
    """Counts [inputs, ways] each decision with `keep` ways, none twice: the first clocks to ring at rates of the shares."""
    found = []
    for _ in range(inputs):
        rung = draw.exponential(size=(decisions, len(shares))) / shares
        kept = np.argpartition(rung, keep - 1, axis=1)[:, :keep]
        found.append(np.bincount(kept.ravel(), minlength=len(shares)))
    return np.array(found)


@given(routes, st.lists(st.integers(0, 600), min_size=1, max_size=6), st.integers(1, 40), st.integers(1, 12), st.integers(0, 9))
@settings(max_examples=120, deadline=None)
def test_counts_are_of_whole_decisions_that_keep_no_way_twice(text, decisions, ways, keep, seed):
    route, each = route_of(text), np.array(decisions)
    counts = route.counts(each, ways, keep, np.random.default_rng(seed))
    assert counts.shape == (len(decisions), ways)
    assert (counts.sum(1) == each * min(keep, ways)).all()
    assert (counts >= 0).all() and (counts <= each[:, None]).all()
    assert (counts == route.counts(each, ways, keep, np.random.default_rng(seed))).all()


weights = st.lists(st.just(0.0) | st.floats(1e-6, 1), min_size=1, max_size=30).filter(any)


@given(weights, st.integers(1, 30))
@settings(max_examples=120, deadline=None)
def test_chances_sum_to_what_is_kept_in_the_order_of_shares(weights, keep):
    shares = np.array([weights]) / sum(weights)
    chances, able = keep_chances(shares, keep)[0], np.count_nonzero(weights)
    assert chances.sum() == pytest.approx(min(keep, able), rel=1e-6)
    assert ((chances >= 0) & (chances <= 1)).all()
    if keep == 1:
        assert chances == pytest.approx(shares[0], abs=1e-6)
    order = np.argsort(shares[0])
    assert (np.diff(chances[order]) >= -1e-9).all()


@pytest.mark.parametrize("exponent", [0.0, 0.6, 1.2])
@pytest.mark.parametrize(("decisions", "ways", "keep"), [(512, 128, 8), (16, 128, 8), (64, 8, 2), (4, 8, 2), (4, 8, 1)])
def test_loads_and_ways_hit_are_those_of_drawing_one_by_one(exponent, decisions, ways, keep):
    draw, inputs = np.random.default_rng(0), 400
    shares = np.arange(1, ways + 1.0) ** -exponent
    shares /= shares.sum()
    real = one_by_one(shares, decisions, keep, inputs, draw)
    found = drawn(np.tile(shares, (inputs, 1)), np.full(inputs, decisions), keep, draw)
    chance = np.sqrt(real.mean(0) / inputs).sum()  # what the mean of so many draws varies by, over all ways
    assert np.abs(found.mean(0) - real.mean(0)).sum() < 0.03 * decisions * keep + 1.5 * chance
    assert (found > 0).sum(1).mean() == pytest.approx((real > 0).sum(1).mean(), rel=0.03)
    busy = real.mean(0) > 0.25
    assert found.std(0)[busy].mean() == pytest.approx(real.std(0)[busy].mean(), rel=0.1)


@pytest.mark.parametrize("text", ["zipf", "zipf(-1)", "zipf(x)", "balanced(2)", "powerlaw(1)", "zipf(nan)", "", "zipf(1.2"])
def test_what_is_no_route_is_told(text):
    with pytest.raises(CompileError) as error:
        route_of(text)
    (found,) = error.value.diagnostics
    assert found.code == "CC1303" and text in found.message


def test_a_route_is_written_as_it_is_read():
    for text in ("balanced", "uniform", "zipf(1.2)", "power_law(0.5)"):
        assert str(route_of(text)) == text
    assert route_of(" zipf( 1.2 ) ") == Route("zipf", 1.2)
