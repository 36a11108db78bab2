"""Rules, chains, fallback, renormalisation and levels, against the words of `compiler/selection.py` in plain loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hand import Builder, normal
from oracle import check, kind

from chunkc.backends.reference import SelectionStats, run
from chunkc.compiler.selection import Rule, Share

NAN, INF = np.nan, np.inf


def select(rules, score, *, fields=("kept",), levels=(), fallback=(), renormalise=False, **slots):
    """The fields of one selection over given operands (`of__0` is the slot `of.0`)."""
    b = Builder()
    arrays = {"score": np.asarray(score), **{name.replace("__", "."): np.asarray(value) for name, value in slots.items()}}
    operands = {name: b.input(name, kind(value), *value.shape) for name, value in arrays.items()}
    rules = (rules,) if isinstance(rules, Rule) else tuple(rules)
    node = b.select("gate", rules, slots=operands, levels=levels, fallback=fallback, renormalise=renormalise)
    graph = b.graph(*(b.field(node, name) for name in fields))
    result = run(graph, arrays, {})
    values = tuple(result.outputs.values())
    return values[0] if len(values) == 1 else values


def kept(rules, score, **given):
    return select(rules, score, **given).astype(int).tolist()


def top(amount, **given):
    return Rule("top", amount=amount, **given)


def first(amount, **given):
    return Rule("first", amount=amount, **given)


def test_top():
    assert kept(top(2), [[3.0, 1.0, 2.0], [0.0, 5.0, -1.0]]) == [[1, 0, 1], [1, 1, 0]]
    assert kept(top(9), [3.0, 1.0]) == [1, 1]
    assert kept(top(0), [3.0, 1.0]) == [0, 0]


def test_top_gives_ties_to_the_lower_index():
    assert kept(top(2), [1.0, 2.0, 1.0, 1.0]) == [1, 1, 0, 0]
    assert kept(top(1), [0.0, -0.0]) == [1, 0]
    assert kept(top(3), np.zeros(50)) == [1] * 3 + [0] * 47


def test_top_ranks_nan_below_everything():
    assert kept(top(1), [NAN, -INF]) == [0, 1]
    assert kept(top(2), [NAN, -INF, NAN]) == [1, 1, 0]
    assert kept(top(1), [INF, INF, NAN]) == [1, 0, 0]


def test_shares_round_up_and_keep_at_least_one():
    assert sum(kept(top(Share(0.35)), np.arange(20.0))) == 7
    assert sum(kept(top(Share(0.01)), np.arange(20.0))) == 1
    assert sum(kept(top(Share(0.26)), np.arange(4.0))) == 2
    assert sum(kept(top(Share(5.0)), np.arange(4.0))) == 4


def test_shares_are_of_what_is_allowed():
    allowed = np.array([[True] * 4 + [False] * 4, [True] * 2 + [False] * 6, [False] * 8])
    rows = kept(top(Share(0.5)), np.arange(24.0).reshape(3, 8), allowed=allowed)
    assert rows == [[0, 0, 1, 1, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0, 0, 0], [0] * 8]


def test_shares_are_never_of_what_an_earlier_rule_kept():
    score = np.arange(8.0)
    assert kept((top(4), first(Share(0.5))), score) == [0, 0, 0, 0, 1, 1, 1, 1]
    assert kept((top(4), first(Share(0.25))), score) == [0, 0, 0, 0, 1, 1, 0, 0]


def test_over_several_axes_is_row_major():
    score = np.zeros((2, 2, 2))
    score[1, 0, 1] = 1.0
    expected = np.zeros((2, 2, 2), int)
    expected[1, 0, 1] = expected[0, 0, 0] = expected[0, 0, 1] = 1
    assert kept(top(3, over=(-3, -2, -1)), score) == expected.tolist()
    assert kept(top(1, over=(-1, -3)), score) == [[[0, 0], [1, 0]], [[0, 1], [0, 0]]]


def test_over_positions_each_way_for_itself():
    """Expert choice: each way takes the two positions that want it most."""
    score = np.array([[[1.0, 9.0], [2.0, 8.0]], [[3.0, 7.0], [4.0, 6.0]]])
    assert kept(top(2, over=(-3, -2)), score) == [[[0, 1], [0, 1]], [[1, 0], [1, 0]]]


def test_capacity():
    """Switch: the best way of each position, and of those at most two for each way, first come, first served."""
    score = np.array([[[2.0, 1.0]] * 3, [[0.0, 1.0]] * 3])
    chain = (top(1), first(2, over=(-3, -2)))
    all_kept, first_kept = select(chain, score, fields=("kept", "first"))
    assert all_kept.astype(int).tolist() == [[[1, 0], [1, 0], [0, 0]], [[0, 1], [0, 1], [0, 0]]]
    assert first_kept.astype(int).tolist() == [[[1, 0]] * 3, [[0, 1]] * 3]


def test_above_is_strict_and_never_keeps_nan():
    above = Rule("above", limit=0.5)
    assert kept(above, [0.5, 0.6, NAN, INF, -INF]) == [0, 1, 0, 1, 0]
    assert kept(Rule("above", limit=NAN), [1.0, INF]) == [0, 0]


def test_above_an_operand():
    rule = Rule("above", threshold="threshold.0")
    assert kept(rule, [[1.0, 2.0], [3.0, 4.0]], threshold__0=2.0) == [[0, 0], [1, 1]]
    assert kept(rule, [[1.0, 2.0], [3.0, 4.0]], threshold__0=[[1.5], [3.5]]) == [[0, 1], [0, 1]]
    assert kept((top(1), Rule("above", threshold="threshold.1")), [1.0, 2.0], threshold__1=2.0) == [0, 0]


def test_top_p():
    rule = Rule("top_p", limit=0.7)
    assert kept(rule, [0.1, 0.5, 0.3, 0.1]) == [0, 1, 1, 0]
    assert kept(rule, [0.9, 0.05, 0.05]) == [1, 0, 0]
    assert kept(Rule("top_p", limit=0.5), [0.5, 0.5]) == [1, 0]
    assert kept(Rule("top_p", limit=0.0), [0.5, 0.5]) == [0, 0]
    assert kept(Rule("top_p", threshold="threshold.0"), [[0.6, 0.4], [0.6, 0.4]], threshold__0=[[0.6], [0.61]]) == [
        [1, 0],
        [1, 1],
    ]
    assert kept((top(2), rule), [0.3, 0.35, 0.35]) == [0, 1, 1]
    assert kept(rule, [NAN, 0.2, 0.3]) == [1, 1, 1]


def test_rules_read_what_of_names():
    weight = [[0.1, 0.2, 0.7]]
    assert kept(Rule("above", limit=0.15, of="weight"), [[9.0, 9.0, 0.0]], weight=weight) == [[0, 1, 1]]
    assert kept(top(1, of="of.0"), [[9.0, 8.0, 7.0]], of__0=weight) == [[0, 0, 1]]
    assert kept((top(2), top(1, of="of.1")), [[9.0, 8.0, 7.0]], of__1=weight) == [[0, 1, 0]]


def test_all_and_allowed():
    assert kept(Rule("all"), [1.0, NAN]) == [1, 1]
    assert kept(Rule("all"), [[1.0, 2.0]], allowed=[[False, True]]) == [[0, 1]]
    assert kept(top(1), [[1.0, 2.0]], allowed=[[True, False]]) == [[1, 0]]


def test_each_rule_sees_what_the_last_kept():
    assert kept((Rule("above", limit=0.0), first(1)), [-1.0, 2.0, 3.0]) == [0, 1, 0]
    assert kept((first(2), top(1)), [1.0, 2.0, 3.0]) == [0, 1, 0]
    assert kept((top(2), Rule("all"), first(1)), [1.0, 2.0, 3.0]) == [0, 1, 0]


def test_fallback_to_all_where_coverage_is_low():
    coverage = [[0.5, 0.3, 0.2], [0.8, 0.1, 0.1]]
    given = {"fallback": ("all", 0.7), "coverage": coverage}
    assert kept(top(1), coverage, **given) == [[1, 1, 1], [1, 0, 0]]
    allowed = [[True, True, False], [True, True, True]]
    assert kept(top(1), coverage, allowed=allowed, **given) == [[1, 1, 0], [1, 0, 0]]


def test_fallback_to_the_last_where_none_is_kept():
    rules = (Rule("above", limit=0.9), first(1))
    score = [[0.95, 0.99, 0.0], [0.1, 0.2, 0.3]]
    both, one = select(rules, score, fallback=("last",), fields=("kept", "first"))
    assert both.astype(int).tolist() == [[1, 0, 0], [0, 0, 1]]
    assert one.astype(int).tolist() == [[1, 1, 0], [0, 0, 0]]
    assert kept(rules, score, fallback=("last",), allowed=np.zeros((2, 3), bool)) == [[0] * 3, [0] * 3]


def test_fields():
    score, weight = normal(4, 3), np.abs(normal(4, 3, seed=1))
    names = ("score", "kept", "weight", "load", "gate", "first")
    s, k, w, load, gate, one = select(top(2), score, weight=weight, fields=names)
    check(s, score)
    check(w, np.where(k, weight, 0.0))
    check(load, k.sum(0).astype(float))
    check(gate, k.astype(float))
    check(one, k)


def test_load_sums_over_all_decisions():
    load = select(top(1), normal(4, 5, 3), fields=("load",))
    assert load.shape == (3,) and load.sum() == 20


def test_weights_are_selected_not_multiplied():
    assert select(top(1), [2.0, 1.0], weight=[1.0, NAN], fields=("weight",)).tolist() == [1.0, 0.0]
    assert select(top(1), [2.0, 1.0], fields=("weight",)).tolist() == [1.0, 0.0]


def test_renormalise():
    weight = [[0.2, 0.3, 0.5], [0.1, 0.1, 0.8]]
    w = select(top(2), weight, weight=weight, renormalise=True, fields=("weight",))
    check(w, np.array([[0.0, 0.375, 0.625], [1 / 9, 0.0, 8 / 9]]))
    none = select(Rule("above", limit=2.0), weight, weight=weight, renormalise=True, fields=("weight",))
    check(none, np.zeros((2, 3)))


def test_levels_over_visible_pairs():
    """Each causal row: coarse pairs among the best quarter, middle ones among the best half, fine ones always."""
    score, level = normal(2, 2, 6, 6), normal(2, 1, 6, 6, 3, seed=1)
    visible = np.tril(np.ones((6, 6), bool))
    rules = (top(Share(0.25)), top(Share(0.5)), Rule("all"))
    k, one = select(rules, score, level=level, allowed=visible, levels=("coarse", "medium", "fine"), fields=("kept", "first"))
    for b, h, t, s in np.ndindex(score.shape):
        row = score[b, h, t, : t + 1]
        rank = sum(row > score[b, h, t, s])
        amounts = [max(1, math.ceil(share * (t + 1))) for share in (0.25, 0.5, 1.0)]
        assert k[b, h, t, s] == (s <= t and rank < amounts[level[b, 0, t, s].argmax()])
        assert one[b, h, t, s] == (s <= t and rank < amounts[0])


def test_the_lowest_level_wins_ties():
    rules = (top(1), Rule("all"))
    assert kept(rules, [1.0, 2.0, 3.0], level=[[1.0, 1.0], [0.0, 1.0], [1.0, 1.0]], levels=("a", "b")) == [0, 1, 1]


def test_stats():
    b = Builder()
    score = b.input("score", "f64", "B", "T", 3)
    graph = b.graph(b.field(b.select("gate", (top(1),), slots={"score": score}), "kept"))
    values = np.zeros((2, 5, 3))
    values[1, :, 2] = 1.0
    stats = run(graph, {"score": values}, {}).stats["gate"]
    assert stats == SelectionStats(10, 3, 10, (5, 0, 5))
    assert stats.density == pytest.approx(1 / 3)


def slow(rules, values, allowed, limits):
    """A chain over one flat group of positions, in plain loops."""
    eligible = [i for i, ok in enumerate(allowed) if ok]
    total = len(eligible)
    for rule, v, limit in zip(rules, values, limits):
        better = sorted(eligible, key=lambda i: (math.isnan(v[i]), 0 if math.isnan(v[i]) else -v[i], i))
        amount = rule.amount.count(total) if isinstance(rule.amount, Share) else rule.amount
        match rule.kind:
            case "top":
                chosen = set(better[:amount])
            case "first":
                chosen = set(eligible[:amount])
            case "above":
                chosen = {i for i in eligible if v[i] > limit}
            case "top_p":
                chosen = {i for n, i in enumerate(better) if sum(v[j] for j in better[:n]) < limit}
            case _:
                chosen = set(eligible)
        eligible = [i for i in eligible if i in chosen]
    return [i in eligible for i in range(len(allowed))]


@pytest.mark.parametrize("seed", range(30))
def test_random_chains(seed):
    rng = np.random.default_rng(seed)
    shape = (3, 2, int(rng.integers(1, 9)))
    rules, slots, values, limits = [], {}, [], []
    for number in range(int(rng.integers(1, 4))):
        amount = int(rng.integers(0, 7)) if rng.random() < 0.5 else Share(float(rng.integers(1, 90)) / 100)
        # Few distinct values, so that ties are common, and sums are exact.
        v = rng.choice([0.0, 0.25, 0.5, 1.0, NAN], shape, p=[0.2, 0.3, 0.3, 0.15, 0.05])
        limit = float(rng.choice([0.25, 0.5, 1.0, 1.5]))
        rules.append(Rule(str(rng.choice(["top", "first", "above", "top_p", "all"])), (-2, -1), amount, limit, f"of.{number}"))
        slots[f"of__{number}"] = v
        values.append(v.reshape(3, -1))
        limits.append(limit)
    allowed = rng.random(shape) < 0.8
    actual = select(rules, np.zeros(shape), allowed=allowed, **slots).reshape(3, -1)
    for row in range(3):
        assert actual[row].tolist() == slow(rules, [v[row] for v in values], allowed.reshape(3, -1)[row], limits)
