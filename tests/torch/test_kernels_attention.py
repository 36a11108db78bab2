"""Attention in all its forms, against the reference's loops and the plain formula."""

import math

import pytest
import torch

from chunkc.backends.reference import MEANING
from chunkc.backends.torch.kernels import KERNELS as K

D = torch.float64
INF, NAN = float("inf"), float("nan")


def qkv(t=6, s=9, h=4, g=2, e=4):
    torch.manual_seed(t + s)
    return torch.randn(2, h, t, e, dtype=D), torch.randn(2, g, s, e, dtype=D), torch.randn(2, g, s, e, dtype=D)


def reference(q, k, v, mask=None, q_position=None, k_position=None, **attrs):
    optional = (None if x is None else x.numpy() for x in (mask, None, q_position, k_position))
    return torch.from_numpy(MEANING["attention"](q.numpy(), k.numpy(), v.numpy(), *optional, **attrs))


MASKS = [None, (2, 4, 6, 9), (2, 1, 6, 9), (1, 1, 6, 9), (2, 1, 1, 9), (1, 4, 1, 9)]


@pytest.mark.parametrize("shape", MASKS)
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("after", [False, True])
def test_attention_is_the_references(shape, causal, after):
    q, k, v = qkv()
    mask = None if shape is None else torch.rand(shape) < 0.4
    if mask is not None:
        mask[0, 0, 0] = False
    for scale in (None, 0.3):
        expected = reference(q, k, v, mask, causal=causal, after=after, scale=scale)
        torch.testing.assert_close(K["attention"](q, k, v, mask, causal=causal, after=after, scale=scale), expected)
        if mask is not None:
            gate = mask.double()
            torch.testing.assert_close(K["attention"](q, k, v, mask, gate, causal=causal, after=after, scale=scale), expected)


def test_causal_by_position():
    q, k, v = qkv()
    q_position, k_position = torch.tensor([[5, 3, 9, 0, 1, 2], [0, 1, 2, 3, 4, 5]]), torch.randint(0, 7, (1, 9))
    both = {"q_position": q_position, "k_position": k_position}
    for given in ({"q_position": q_position}, {"k_position": k_position[0]}, both):
        torch.testing.assert_close(K["attention"](q, k, v, causal=True, **given), reference(q, k, v, causal=True, **given))
    q, k, v = qkv(9, 9)
    torch.testing.assert_close(K["causal_attention"](q, k, v), reference(q, k, v, causal=True))


def test_an_absent_key_or_value_cannot_reach_the_result():
    q, k, v = qkv(9, 9)
    bad_k, bad_v = k.clone(), v.clone()
    bad_k[0, 0, 4], bad_k[1, 1, 7], bad_v[0, 1, 6], bad_v[1, 0, 3, 2] = INF, NAN, NAN, -INF
    mask = torch.rand(2, 4, 9, 9) < 0.7
    mask[0, :2, :, 4] = mask[1, 2:, :, 7] = mask[0, 2:, :, 6] = mask[1, :2, :, 3] = False
    clean = K["attention"](q, k, v, mask)
    assert torch.equal(K["attention"](q, bad_k, bad_v, mask), clean)
    torch.testing.assert_close(K["attention"](q, bad_k, bad_v, mask, mask.double()), clean)
    torch.testing.assert_close(K["attention"](q, k, bad_v, mask, after=True), K["attention"](q, k, v, mask, after=True))
    causal = K["causal_attention"](q, bad_k, bad_v)
    assert torch.equal(causal[:, :, :3], K["causal_attention"](q, k, v)[:, :, :3])
    assert causal[0, 0, 4:].isnan().all() and causal[0, 2, :6].isfinite().all()
    assert K["attention"](q, bad_k, v, mask.fill_(True))[0, 0].isnan().all()


def test_gradients_are_those_of_the_formula_and_finite_for_empty_rows():
    q, k, v = (x.requires_grad_() for x in qkv(4, 5, 2, 1, 2))
    mask = torch.rand(2, 2, 4, 5) < 0.5
    mask[0, 1, 2] = False
    for after in (False, True):
        assert torch.autograd.gradcheck(lambda q, k, v, after=after: K["attention"](q, k, v, mask, after=after), (q, k, v))
        gate = mask.double()
        gated = torch.autograd.grad(K["attention"](q, k, v, mask, gate, after=after).square().sum(), (q, k, v))
        plain = torch.autograd.grad(K["attention"](q, k, v, mask, after=after).square().sum(), (q, k, v))
        torch.testing.assert_close(gated, plain)


@pytest.mark.parametrize("causal", [False, True])
def test_a_gate_multiplies_exp_of_the_logit(causal):
    q, k, v = qkv(4, 4, 2, 2, 2)
    mask = torch.rand(2, 2, 4, 4) < 0.6
    mask |= torch.eye(4, dtype=torch.bool)
    visible = torch.ones(4, 4).tril().bool() if causal else torch.ones(4, 4, dtype=torch.bool)
    gate = mask.double().requires_grad_()
    weight = torch.randn(2, 2, 4, 2, dtype=D)
    (got,) = torch.autograd.grad((K["attention"](q, k, v, mask, gate, causal=causal) * weight).sum(), gate)
    free = mask.double().requires_grad_()
    each = free * visible * (q @ k.transpose(-2, -1) / math.sqrt(2)).exp()
    (expected,) = torch.autograd.grad((each / each.sum(-1, keepdim=True) @ v * weight).sum(), free)
    torch.testing.assert_close(got, expected)


def test_a_gate_after_the_softmax_multiplies_the_weight():
    q, k, v = qkv(4, 5, 2, 2, 2)
    mask = torch.rand(2, 1, 4, 5) < 0.6
    gate = mask.double().requires_grad_()
    (got,) = torch.autograd.grad(K["attention"](q, k, v, mask, gate, after=True).square().sum(), gate)
    free = mask.double().requires_grad_()
    value = (torch.softmax(q @ k.transpose(-2, -1) / math.sqrt(2), -1) * free) @ v
    (expected,) = torch.autograd.grad(value.square().sum(), free)
    torch.testing.assert_close(got, expected)


def test_a_distant_absent_pair_keeps_the_gradient_finite():
    q, k, v = torch.tensor([[[[100.0]]]]), torch.tensor([[[[-100.0], [100.0]]]]), torch.randn(1, 1, 2, 3)
    mask = torch.tensor([[[[True, False]]]])
    gate = mask.float().requires_grad_()
    value = K["attention"](q, k, v, mask, gate)
    torch.testing.assert_close(value, v[:, :, :1])
    value.sum().backward()
    assert gate.grad.isfinite().all()


@pytest.mark.parametrize("kept_shape", [(2, 4, 3, 4), (2, 1, 3, 4), (1, 1, 3, 4)])
@pytest.mark.parametrize("causal", [False, True])
def test_block_attention_is_attention_under_the_spread_mask(kept_shape, causal):
    q, k, v = (x.requires_grad_() for x in qkv(11, 15))
    sizes = (4, 4)
    kept = torch.rand(kept_shape) < 0.5
    kept[0, 0, 1] = False
    mask = K["expand_blocks"](kept, (-2, -1), sizes, (11, 15))
    got, expected = K["block_attention"](q, k, v, kept, sizes, causal=causal), K["attention"](q, k, v, mask, causal=causal)
    torch.testing.assert_close(got, expected)
    weight = torch.randn_like(got)
    torch.testing.assert_close(
        torch.autograd.grad((got * weight).sum(), (q, k, v)), torch.autograd.grad((expected * weight).sum(), (q, k, v))
    )


def test_block_attention_leaves_absent_infinities_out_and_compiles():
    q, k, v = qkv(8, 8)
    kept = torch.tensor([[True, False], [True, False]]).expand(2, 4, 2, 2)
    clean = K["block_attention"](q, k, v, kept, (4, 4))
    k[:, :, 5], v[:, :, 6] = INF, NAN
    assert torch.equal(K["block_attention"](q, k, v, kept, (4, 4)), clean)
    compiled = torch.compile(lambda *values: K["block_attention"](*values, (4, 4)), fullgraph=True)
    torch.testing.assert_close(compiled(q, k, v, kept), clean)


@pytest.mark.parametrize("rank", [2, 3, 4])
def test_rope_is_the_references(rank):
    x = torch.randn(*(2, 3, 5, 6)[4 - rank :], dtype=D)
    expected = torch.from_numpy(MEANING["rope"](x.numpy()))
    torch.testing.assert_close(K["rope"](x), expected)
    if rank > 2:
        position = torch.randint(0, 90, (x.shape[0], 5))
        expected = torch.from_numpy(MEANING["rope"](x.numpy(), position.numpy(), base=500.0))
        torch.testing.assert_close(K["rope"](x, position, 500.0), expected)
