"""Masked products, blocks and measures, against their plain formulas."""

import math

import pytest
import torch
import torch.nn.functional as F

from chunkc.backends.torch.kernels import KERNELS as K

D = torch.float64


@pytest.mark.parametrize("decisions", [(), (5,), (5, 1), (5, 3)])
@pytest.mark.parametrize("parts", [8, 4])
def test_masked_linear(decisions, parts):
    x = torch.randn(5, 3, 6, dtype=D) if len(decisions) == 2 else torch.randn(5, 6, dtype=D)
    weight, bias = torch.randn(8, 6, dtype=D, requires_grad=True), torch.randn(8, dtype=D, requires_grad=True)
    kept = torch.rand(*decisions, parts) < 0.4
    kept[..., 0] = False
    wide = kept.repeat_interleave(8 // parts, -1)
    for b in (bias, None):
        expected = torch.where(wide, F.linear(x, weight, b), 0.0)
        assert torch.allclose(K["masked_linear"](x, weight, kept, b), expected)
    assert torch.autograd.gradcheck(lambda w, b: K["masked_linear"](x, w, kept, b), (weight, bias))
    assert not K["masked_linear"](x, weight, torch.zeros_like(kept), bias).any()


def test_rows_that_nobody_keeps_are_not_read():
    x, weight = torch.randn(4, 6), torch.randn(8, 6)
    weight[3] = float("nan")
    kept = torch.ones(4, 8, dtype=torch.bool)
    kept[:, 3] = False
    assert K["masked_linear"](x, weight, kept).isfinite().all()
    compiled = torch.compile(lambda x, kept: K["masked_linear"](x, weight, kept), fullgraph=True)
    torch.testing.assert_close(compiled(x, kept), K["masked_linear"](x, weight, kept))


def test_masked_convolutions():
    x, weight, bias = torch.randn(2, 3, 7, 7, dtype=D), torch.randn(4, 3, 3, 3, dtype=D), torch.randn(4, dtype=D)
    kept = torch.tensor([[True, False, True, False], [False, False, True, False]])
    options = {"stride": 2, "padding": 1}
    expected = torch.where(kept[:, :, None, None], F.conv2d(x, weight, bias, **options), 0.0)
    assert torch.allclose(K["masked_conv2d"](x, weight, kept[:, :, None, None], bias, **options), expected)
    expected = torch.where(kept[:, :, None], F.conv1d(x[..., 0], weight[..., 0], bias, **options), 0.0)
    assert torch.allclose(K["masked_conv1d"](x[..., 0], weight[..., 0], kept[:, :, None], bias, **options), expected)


@pytest.mark.parametrize("axes, sizes", [((-2, -1), (5, 3)), ((-3, -1), (2, 7)), ((-3, -2), (4, 13))])
def test_blocks(axes, sizes):
    x = torch.randn(4, 13, 7, dtype=D)
    pooled = K["pool_blocks"](x, axes, sizes)
    spread = K["expand_blocks"](pooled, axes, sizes, tuple(x.shape[axis] for axis in axes))
    assert spread.shape == x.shape
    index = [slice(None)] * 3
    index[axes[0]], index[axes[1]] = slice(-(x.shape[axes[0]] % sizes[0] or sizes[0]), None), slice(0, sizes[1])
    block = x[tuple(index)]
    assert torch.allclose(spread[tuple(index)], block.mean(axes, keepdim=True).expand_as(block))
    dots = torch.rand(4, 13, 7) < 0.03
    anywhere = K["expand_blocks"](K["any_blocks"](dots, axes, sizes), axes, sizes, tuple(x.shape[axis] for axis in axes))
    assert (anywhere | ~dots).all() and torch.equal(K["any_blocks"](anywhere, axes, sizes), K["any_blocks"](dots, axes, sizes))
    assert torch.equal(K["any_blocks"](dots, axes, sizes), K["pool_blocks"](dots.double(), axes, sizes) > 0)


def test_pairs_stand_side_by_side():
    a, b = torch.randn(2, 3, 4), torch.randn(2, 5, 1)
    both = K["pairs"](a, b)
    assert both.shape == (2, 3, 5, 5)
    assert torch.equal(both[1, 2, 4], torch.cat((a[1, 2], b[1, 4])))


def test_divergences_at_their_limits():
    p = torch.tensor([[0.0, 0.5, 0.5], [1.0, 0.0, 0.0]], dtype=D, requires_grad=True)
    q = torch.tensor([[0.0, 0.25, 0.75], [0.5, 0.0, 0.5]], dtype=D, requires_grad=True)
    value = K["kl"](p, q)
    assert torch.allclose(value, torch.tensor([0.5 * math.log(2) + 0.5 * math.log(2 / 3), math.log(2)], dtype=D))
    assert torch.allclose(K["kl"](p.T, q.T, axis=-2), value)
    value.sum().backward()
    assert p.grad.isfinite().all() and q.grad.isfinite().all()
    t = torch.tensor([0.0, 1.0, 0.3, 1.0, 0.0], dtype=D)
    p = torch.tensor([0.0, 0.0, 0.7, 1.0, 1.0], dtype=D, requires_grad=True)
    assert torch.allclose(K["bce"](p, t), F.binary_cross_entropy(p, t, reduction="none"))
    K["bce"](p, t).sum().backward()
    assert p.grad.isfinite().all()


@pytest.mark.parametrize("decisions, rest", [((5,), ()), ((5,), (3,)), ((2, 3), ()), ((), (4, 3))])
def test_block_linear_is_linear_with_each_decisions_own_weight(decisions, rest):
    x = torch.randn(*decisions, *rest, 10, dtype=D, requires_grad=True)
    weight = torch.randn(7, 10, dtype=D, requires_grad=True)
    kept = torch.rand(*decisions, 3, 3) < 0.5
    own = weight * K["expand_blocks"](kept, (-2, -1), (3, 4), (7, 10))
    for _ in rest if decisions else ():
        own = own.unsqueeze(len(decisions))
    expected = (own @ x.unsqueeze(-1)).squeeze(-1)
    torch.testing.assert_close(K["block_linear"](x, weight, kept, (3, 4)), expected)
    assert torch.autograd.gradcheck(lambda x, w: K["block_linear"](x, w, kept, (3, 4)), (x, weight))
    assert not K["block_linear"](x, weight, torch.zeros_like(kept), (3, 4)).any()


def test_masked_heads_and_head_attention():
    x, weight, bias = torch.randn(2, 5, 6, dtype=D), torch.randn(8, 6, dtype=D), torch.randn(8, dtype=D)
    kept = torch.tensor([[True, False, True, False], [False, False, True, False]])[:, :, None, None]
    heads = F.linear(x, weight, bias).unflatten(-1, (4, -1)).transpose(-3, -2)
    torch.testing.assert_close(K["masked_heads"](x, weight, kept, heads=4, bias=bias), torch.where(kept, heads, 0.0))
    q, k, v = torch.randn(3, 2, 4, 5, 2, dtype=D).unbind(0)
    for causal in (False, True):
        expected = torch.where(kept, K["attention"](q, k, v, causal=causal), 0.0)
        torch.testing.assert_close(K["masked_head_attention"](q, k, v, kept, causal=causal), expected)
