"""The rules of a selection in torch, against the reference's, on scores full of ties, NaN and infinities."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from chunkc.backends.reference.select import decide
from chunkc.backends.torch.kernels import KERNELS as K
from chunkc.compiler.selection import Rule, Share

AWKWARD = [float("nan"), float("-inf"), float("inf"), -0.0, 0.0, 1.0, -1.0, 0.5, 2.0, 1e-45, -1e-45]
SHAPES = [(5,), (4, 6), (2, 3, 5), (1, 1), (0, 4), (3, 1)]


def scores(shape, seed, dtype=torch.float32):
    draw = np.random.default_rng(seed)
    values = draw.choice(AWKWARD + list(draw.normal(size=4)), size=shape)
    return torch.tensor(values, dtype=dtype)


def oracle(rules, slots, **attrs):
    verdict, first = decide({"rules": rules, **attrs}, {name: np.asarray(value) for name, value in slots.items()})
    return torch.from_numpy(np.array(verdict.kept))


def one(rule, of, among=None, allowed=None):
    """One rule in torch."""
    amount = K["share"](rule.amount.value, of, rule.over, allowed) if isinstance(rule.amount, Share) else rule.amount
    among = allowed if among is None else among
    match rule.kind:
        case "above":
            return K["above"](of, rule.limit, among)
        case "top_p":
            return K["top_p"](of, rule.limit, rule.over, among)
        case "all":
            return K["keep_all"](of, among)
        case kind:
            return K[kind](of, amount, rule.over, among)


RULES = st.builds(
    Rule,
    kind=st.sampled_from(["top", "first", "above", "top_p", "all"]),
    amount=st.one_of(st.integers(1, 12), st.sampled_from([Share(0.05), Share(0.35), Share(0.5), Share(1.0)])),
    limit=st.sampled_from([0.0, 0.5, 0.9, -1.0]),
)


@given(st.lists(RULES, min_size=1, max_size=3), st.sampled_from(SHAPES), st.integers(0, 10**6), st.booleans(), st.data())
def test_rules_are_those_of_the_reference(rules, shape, seed, within, data):
    of = scores(shape, seed, data.draw(st.sampled_from([torch.float32, torch.float64])))
    over = data.draw(st.sampled_from([(-1,)] + ([(-2, -1), (-2,)] if len(shape) > 1 else [])))
    if 0 in shape:
        over = (-1,)
    rules = tuple(Rule(r.kind, over, r.amount, r.limit, "score") for r in rules)
    slots = {"score": of.double().numpy()}
    allowed = torch.from_numpy(np.random.default_rng(seed).random(shape) < 0.6) if within else None
    if within:
        slots["allowed"] = allowed.numpy()
    kept = allowed
    for rule in rules:
        kept = one(rule, of, kept, allowed)
    assert torch.equal(kept, oracle(rules, slots))


@pytest.mark.parametrize("shape, count", [((512, 8), 2), ((64, 64), 6), ((64, 64), 20), ((3, 300), 100)])
def test_ties_go_to_the_lower_index(shape, count):
    of = torch.randint(0, 4, shape).float()
    assert torch.equal(K["top"](of, count), oracle((Rule("top", amount=count),), {"score": of}))


def test_low_precision_and_integers_rank_too():
    of = torch.tensor([[3, 1, 2, 3]])
    for kind in (torch.bfloat16, torch.float16, torch.int64, torch.int32):
        assert K["top"](of.to(kind), 2).tolist() == [[True, False, False, True]]


def test_a_share_is_of_what_within_allows():
    allowed = torch.tensor([[True] * 4 + [False] * 6, [True] * 10])
    of = torch.zeros(2, 10)
    assert K["share"](0.25, of, allowed=allowed).tolist() == [[1], [3]]
    assert K["share"](0.35, torch.zeros(20)).tolist() == [7]
    assert K["share"](0.1, torch.zeros(2, 3, 4), (-3, -2)).shape == (4, 1)


@given(st.integers(0, 10**6))
def test_levels_and_fallbacks(seed):
    draw = np.random.default_rng(seed)
    level, of = torch.from_numpy(draw.integers(0, 3, size=(4, 6, 3)).astype(float)), torch.from_numpy(draw.normal(size=(4, 6)))
    rules = (Rule("top", amount=1), Rule("top", amount=3), Rule("all"))
    kept = K["keep_level"](level, *(one(rule, of) for rule in rules))
    assert torch.equal(kept, oracle(rules, {"score": of, "level": level}, levels=("a", "b", "c")))
    coverage, allowed = torch.softmax(of, -1), torch.from_numpy(draw.random((4, 6)) < 0.5)
    slots = {"score": of, "coverage": coverage, "allowed": allowed}
    above = one(Rule("above", limit=1.0), of, allowed)
    assert torch.equal(
        K["fallback_all"](above, coverage, 0.3, allowed), oracle((Rule("above", limit=1.0),), slots, fallback=("all", 0.3))
    )
    assert torch.equal(K["fallback_last"](above, allowed), oracle((Rule("above", limit=1.0),), slots, fallback=("last",)))
    assert torch.equal(K["fallback_last"](above), above | (~above.any(-1, keepdim=True) & (torch.arange(6) == 5)))


def test_renormalised_weights_and_load():
    weight = torch.rand(5, 4, dtype=torch.float64, requires_grad=True)
    kept = torch.rand(5, 4) < 0.5
    kept[0], kept[1] = False, True
    shared = K["renormalise"](weight, kept)
    assert torch.allclose(shared.sum(-1), kept.any(-1).double())
    assert shared[0].tolist() == [0.0] * 4
    shared.square().sum().backward()
    assert weight.grad.isfinite().all()
    assert torch.autograd.gradcheck(lambda w: K["renormalise"](w, kept), weight)
    assert torch.equal(K["load"](kept, torch.float32), kept.sum(0).float())
    assert K["load"](kept[0], torch.float32).shape == (4,)


def chain(of):
    first = K["top"](of, 3)
    second = K["first"](of, K["share"](0.25, of, (-2,)), (-2,), first)
    return K["top_p"](torch.softmax(of, -1), 0.9, (-1,), second), K["above"](of, 0.0), K["top"](of, 12), K["level_choice"](of)


def test_rules_compile_whole():
    compiled = torch.compile(chain, fullgraph=True, dynamic=True)
    for rows in (7, 33):
        of = scores((rows, 16), rows)
        for got, expected in zip(compiled(of), chain(of)):
            assert torch.equal(got, expected)


def test_rules_export_with_free_sizes():
    class Chain(torch.nn.Module):
        def forward(self, of):
            return chain(of)

    exported = torch.export.export(Chain(), (scores((9, 16), 0),), dynamic_shapes=({0: torch.export.Dim("rows")},)).module()
    of = scores((31, 16), 1)
    for got, expected in zip(exported(of), chain(of)):
        assert torch.equal(got, expected)
