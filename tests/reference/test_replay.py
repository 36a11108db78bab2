"""Replayed decisions: used as told, compared with free ones, and how far those were from flipping."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hand import Builder
from oracle import check, kind

from chunkc.backends.reference import Inadmissible, RunError, admissible, run
from chunkc.compiler.selection import Rule, Share

INF = math.inf


def gate(rules, score, replay, *, fields=("kept",), levels=(), fallback=(), tolerance=None, **slots):
    b = Builder()
    arrays = {"score": np.asarray(score), **{name.replace("__", "."): np.asarray(value) for name, value in slots.items()}}
    operands = {name: b.input(name, kind(value), *value.shape) for name, value in arrays.items()}
    node = b.select("gate", tuple(rules), slots=operands, levels=levels, fallback=fallback)
    graph = b.graph(*(b.field(node, name) for name in fields))
    return run(graph, arrays, {}, decisions=replay, tolerance=tolerance)


def margins(rules, score, told, **given):
    """The absolute margin of each position that was told otherwise; None where it agrees."""
    told = np.array(told, bool)
    found: list[float | None] = [None] * told.size
    for d in gate(rules, score, {"gate": told}, **given).disagreements:
        assert d.path == "gate" and d.replayed == told[d.index]
        found[np.ravel_multi_index(d.index, told.shape)] = round(d.absolute, 9)
    return found


def top(amount, **given):
    return Rule("top", amount=amount, **given)


def test_replayed_decisions_are_used():
    told = np.array([[False, True, False]])
    result = gate([top(1)], [[3.0, 2.0, 1.0]], {"gate": told}, fields=("kept", "weight", "first", "load"))
    kept, weight, first, load = result.outputs.values()
    check(kept, told)
    check(weight, told.astype(float))
    check(first, told)
    check(load, np.array([0.0, 1.0, 0.0]))
    assert result.stats["gate"].load == (0, 1, 0)
    assert (result.decisions["gate"] == told).all()


def test_agreement_leaves_no_trace():
    assert gate([top(1)], [[3.0, 2.0]], {"gate": np.array([[True, False]])}).disagreements == ()


def test_margin_of_top_is_to_the_boundary():
    assert margins([top(2)], [5.0, 3.0, 2.5, 0.0], [1, 0, 1, 0]) == [None, 0.5, 0.5, None]
    assert margins([top(2)], [5.0, 3.0, 2.5, 0.0], [0, 1, 0, 1]) == [2.5, None, None, 3.0]
    assert margins([top(2)], [1.0, 1.0, 1.0], [0, 1, 1]) == [0.0, None, 0.0]
    assert margins([top(3)], [1.0, 2.0, 3.0], [0, 1, 1]) == [INF, None, None]


def test_margins_are_relative_to_the_scores():
    (a, b) = gate([top(1)], [[100.0, 99.0, -200.0]], {"gate": np.array([[False, True, False]])}).disagreements
    assert (a.index, a.replayed, a.absolute, a.relative) == ((0, 0), False, 1.0, 0.005)
    assert (b.index, b.replayed, b.absolute, b.relative) == ((0, 1), True, 1.0, 0.005)


def test_margin_of_above_is_to_the_threshold():
    rules = [Rule("above", limit=0.5)]
    assert margins(rules, [0.6, 0.25, 0.5, np.nan], [0, 1, 1, 1]) == [0.1, 0.25, 0.0, INF]


def test_margin_of_top_p():
    rules = [Rule("top_p", limit=0.75)]
    # 0.5 + 0.25 reaches p exactly, so the third is dropped by nothing.
    assert margins(rules, [0.5, 0.25, 0.125, 0.125], [1, 1, 1, 0]) == [None, None, 0.0, None]
    assert margins(rules, [0.5, 0.3, 0.1, 0.1], [1, 0, 0, 0]) == [None, 0.2, None, None]


def test_first_and_all_have_no_boundary_of_their_own():
    assert margins([Rule("first", amount=1)], [1.0, 2.0], [0, 1]) == [INF, INF]
    assert margins([Rule("all")], [1.0, 2.0], [0, 1]) == [INF, None]


def test_a_chain_flips_where_any_rule_of_it_may():
    above, first = Rule("above", limit=0.5), Rule("first", amount=1)
    # The second comes first if the first's score is a little lower.
    assert margins([above, first], [0.6, 0.9, 0.0], [0, 1, 0]) == [0.1, 0.1, None]
    # Kept by both rules: the nearer boundary. Dropped by the last: that one alone.
    assert margins([top(2), above], [0.55, 0.9, 0.5], [0, 1, 0]) == [0.05, None, None]
    assert margins([top(2), above], [0.2, 0.9, 0.15], [1, 1, 0]) == [0.3, None, None]


def test_what_is_not_allowed_is_inadmissible():
    assert margins([top(1)], [1.0, 0.9], [0, 1], allowed=np.array([True, False])) == [INF, INF]


def test_margins_over_several_axes():
    score = [[1.0, 5.0], [4.0, 2.0]]
    assert margins([top(2, over=(-2, -1))], score, [[0, 1], [0, 1]]) == [None, None, 2.0, 2.0]


def test_margin_of_a_fallback():
    coverage = [[0.5, 0.3, 0.2]]
    given = {"coverage": coverage, "fallback": ("all", 0.51)}
    assert margins([top(1)], coverage, [[1, 0, 0]], **given) == [None, 0.01, 0.01]
    last = {"fallback": ("last",)}
    assert margins([Rule("above", limit=0.9)], [[0.1, 0.85, 0.2]], [[0, 1, 0]], **last) == [None, 0.05, 0.05]


def test_margin_of_levels():
    rules, levels = [top(1), Rule("all")], ("coarse", "fine")
    level = [[1.0, 0.9], [0.0, 1.0], [1.0, 0.0]]
    # The first is coarse by 0.1; the third is coarse and far from it, but its score is near the top.
    assert margins(rules, [1.0, 3.0, 2.8], [1, 1, 1], level=level, levels=levels) == [0.1, None, 0.2]


def test_decisions_that_are_known_only_in_part():
    score = [[3.0, 2.0], [1.0, 2.0]]
    told, known = np.array([[False, True], [True, True]]), np.array([[True], [False]])
    result = gate([top(1)], score, {"gate": (told, known)})
    check(result.output, np.array([[False, True], [False, True]]))
    assert [d.index for d in result.disagreements] == [(0, 0), (0, 1)]


def test_the_first_rule_replays_by_its_own_name():
    rules = [top(1), Rule("first", amount=Share(0.5), over=(-2,))]
    score, told = [[1.0, 0.9], [1.0, 0.0]], np.array([[False, True], [True, False]])
    free = gate(rules, score, {"gate": told}, fields=("first",)).output
    check(free, np.array([[True, False], [True, False]]))
    result = gate(rules, score, {"gate": told, "gate:first": told}, fields=("first",))
    check(result.output, told)
    assert result.unused == ()


def test_admissible_up_to_a_tolerance():
    told = {"gate": np.array([[False, True]])}
    result = gate([top(1)], [[1.0, 0.999]], told)
    assert admissible(result, 0.01) and not admissible(result, 1e-4)
    gate([top(1)], [[1.0, 0.999]], told, tolerance=0.01)
    with pytest.raises(Inadmissible, match="0.0001 is allowed"):
        gate([top(1)], [[1.0, 0.999]], told, tolerance=1e-4)


def test_what_is_replayed_must_fit():
    with pytest.raises(RunError, match=r"decisions of `gate` must be bool \[1, 2\], got bool \[2\]"):
        gate([top(1)], [[1.0, 2.0]], {"gate": np.array([True, False])})
    with pytest.raises(RunError, match="must be bool"):
        gate([top(1)], [[1.0, 2.0]], {"gate": np.array([[1.0, 0.0]])})
    assert gate([top(1)], [[1.0, 2.0]], {"gone": np.array([True])}).unused == ("gone",)


def test_later_decisions_see_what_was_replayed():
    """The second router reads what the first one kept."""
    b = Builder()
    score = b.input("score", "f64", 2)
    one = b.select("one", (top(1),), slots={"score": score})
    two = b.select("two", (top(1),), slots={"score": b.field(one, "weight")})
    graph = b.graph(b.field(two, "kept"))
    result = run(graph, {"score": np.array([2.0, 1.0])}, {}, decisions={"one": np.array([False, True])})
    check(result.output, np.array([False, True]))
    assert {d.path for d in result.disagreements} == {"one"}


def test_draws_replay():
    b = Builder()
    graph = b.graph(b.op("uniform", b.input("x", "f32", 3), path="noise"))
    told = np.array([0.1, 0.2, 0.3])
    check(run(graph, {"x": np.zeros(3)}, {}, draws={"noise": told}).output, told)
    with pytest.raises(RunError, match=r"draws of `noise` must have the shape \[3\], got \[2\]"):
        run(graph, {"x": np.zeros(3)}, {}, draws={"noise": told[:2]})


@pytest.mark.parametrize("seed", range(200))
def test_decisions_on_values_a_little_off_are_admissible(seed):
    """Soundness: what another backend decides on values within ε of these is within a few ε of its boundary."""
    rng, epsilon, n = np.random.default_rng(seed), 0.05, 6
    rules, slots = [], {}
    for number in range(int(rng.integers(1, 4))):
        amount = int(rng.integers(1, 5)) if rng.random() < 0.5 else Share(float(rng.integers(1, 90)) / 100)
        limit = float(rng.random() * 2)
        over = ((-1,), (-2,), (-2, -1))[int(rng.integers(3))]
        rules.append(Rule(str(rng.choice(["top", "first", "above", "top_p", "all"])), over, amount, limit, f"of.{number}"))
        slots[f"of__{number}"] = rng.random((4, n))
    given = {"fallback": ((), ("last",), ("all", 0.6))[int(rng.integers(3))]}
    slots["coverage"] = rng.random((4, n))
    if rng.random() < 0.3:
        slots["level"], given["levels"] = rng.random((4, n, len(rules))), tuple("abc"[: len(rules)])
    elsewhere = {name: value + rng.uniform(-epsilon, epsilon, value.shape) for name, value in slots.items()}
    told = gate(rules, np.zeros((4, n)), {}, **given, **elsewhere).decisions
    result = gate(rules, np.zeros((4, n)), told, **given, **slots)
    assert all(d.absolute <= 4 * n * epsilon for d in result.disagreements)
    exact = gate(rules, np.zeros((4, n)), gate(rules, np.zeros((4, n)), {}, **given, **slots).decisions, **given, **slots)
    assert not exact.disagreements


@pytest.mark.parametrize("seed", range(100))
@pytest.mark.parametrize("rule", ["top", "above"])
def test_margins_of_one_rule_are_tight(rule, seed):
    rng, epsilon = np.random.default_rng(seed), 0.05
    score = rng.random((4, 6))
    rules = [Rule(rule, amount=3, limit=0.5)]
    told = gate(rules, score + rng.uniform(-epsilon, epsilon, score.shape), {}).decisions
    result = gate(rules, score, told)
    assert admissible(result, 2 * epsilon / score.max() if rule == "top" else epsilon / score.max())
