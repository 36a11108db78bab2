"""Products of each decision's own parts: the values of the kernels that compute more, gradients, and multiply-adds counted."""

import pytest
import torch
import torch.nn.functional as F

from chunkc.backends.torch.counting import MacCounter
from chunkc.backends.torch.kernels import KERNELS as K

D = torch.float64
INF, NAN = float("inf"), float("nan")


def counted(function):
    with MacCounter() as counter:
        value = function()
    return value, counter.macs


@pytest.mark.parametrize("decisions", [(), (5,), (5, 1), (5, 3), (1, 3)])
@pytest.mark.parametrize("parts", [8, 4])
@pytest.mark.parametrize("alike", [False, True])
def test_own_linear(decisions, parts, alike):
    x = torch.randn(5, 3, 6, dtype=D) if len(decisions) == 2 else torch.randn(5, 6, dtype=D)
    weight, bias = torch.randn(8, 6, dtype=D, requires_grad=True), torch.randn(8, dtype=D, requires_grad=True)
    score = torch.rand(*decisions, parts)
    kept = K["top"](score, 2) if alike else score < 0.4
    for b in (bias, None):
        value, macs = counted(lambda b=b: K["own_linear"](x, weight, kept, b, largest=50))
        torch.testing.assert_close(value, K["masked_linear"](x, weight, kept, b))
        assert macs == kept.expand(*x.shape[:-1], parts).sum() * 8 // parts * 6
    assert torch.autograd.gradcheck(lambda w, b: K["own_linear"](x, w, kept, b), (weight, bias))
    assert not K["own_linear"](x, weight, torch.zeros_like(kept), bias).any()
    assert K["own_linear"](x[:0], weight, kept[:0] if decisions[:1] == (5,) else kept, bias).shape == (0, *x.shape[1:-1], 8)


def test_own_convolutions():
    x, weight, bias = torch.randn(3, 3, 7, 6, dtype=D), torch.randn(4, 3, 3, 3, dtype=D), torch.randn(4, dtype=D)
    kept = torch.tensor([[True, False, True, False], [False, False, True, False], [False] * 4])[:, :, None, None]
    value, macs = counted(lambda: K["own_conv2d"](x, weight, kept, bias, padding=1))
    torch.testing.assert_close(value, K["masked_conv2d"](x, weight, kept, bias, padding=1))
    assert macs == (3 + 1) * (7 * 6) * (3 * 9)  # a convolution has at least one channel
    nothing = torch.zeros_like(kept[:1])
    assert not K["masked_conv2d"](x, weight, nothing, bias).any()
    line = (x[..., 0], weight[..., 0], kept[..., 0], bias)
    torch.testing.assert_close(K["own_conv1d"](*line, stride=2), K["masked_conv1d"](*line, stride=2))


def test_own_heads_and_head_attention():
    x, weight, bias = torch.randn(2, 5, 6, dtype=D), torch.randn(8, 6, dtype=D), torch.randn(8, dtype=D)
    kept = torch.tensor([[True, False, True, False], [False, False, True, False]])[:, :, None, None]
    value, macs = counted(lambda: K["own_heads"](x, weight, kept, heads=4, bias=bias))
    torch.testing.assert_close(value, K["masked_heads"](x, weight, kept, heads=4, bias=bias))
    assert macs == 3 * 2 * 6 * 5
    q, k, v = torch.randn(3, 2, 4, 5, 2, dtype=D).unbind(0)
    for causal in (False, True):
        value, _ = counted(lambda causal=causal: K["own_head_attention"](q, k, v, kept, causal=causal))
        torch.testing.assert_close(value, K["masked_head_attention"](q, k, v, kept, causal=causal))


@pytest.mark.parametrize("sizes, lengths", [((2, 3), (6, 9)), ((4, 4), (9, 7)), ((1, 1), (5, 8)), ((3, 2), (2, 1))])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("wide", [False, True])
def test_own_block_attention(sizes, lengths, causal, wide):
    torch.manual_seed(sum(lengths))
    t, s = lengths
    q, k, v = torch.randn(2, 4, t, 4, dtype=D), torch.randn(2, 2, s, 4, dtype=D), torch.randn(2, 2, s, 3, dtype=D)
    kept = torch.rand(2 if wide else 1, 4 if wide else 1, -(-t // sizes[0]), -(-s // sizes[1])) < 0.5
    kept[0, 0, 0] = False
    mask = K["expand_blocks"](kept, (-2, -1), sizes, lengths)
    value, macs = counted(lambda: K["own_block_attention"](q, k, v, kept, sizes, causal=causal, scale=0.3))
    torch.testing.assert_close(value, K["attention"](q, k, v, mask, causal=causal, scale=0.3))
    assert macs == mask.expand(2, 4, t, s).sum() * (4 + 3)
    inputs = [x.clone().requires_grad_() for x in (q, k, v)]
    assert torch.autograd.gradcheck(lambda q, k, v: K["own_block_attention"](q, k, v, kept, sizes, causal=causal), inputs)


def test_absent_pairs_are_not_seen():
    q, k, v = torch.randn(1, 1, 4, 2), torch.randn(1, 1, 4, 2), torch.randn(1, 1, 4, 2)
    kept = torch.tensor([[True, False], [True, True]])[None, None]
    k[0, 0, 3], v[0, 0, 2] = INF, NAN
    value = K["own_block_attention"](q, k, v, kept, (2, 2))
    assert value[0, 0, :2].isfinite().all() and value[0, 0, 2:].isnan().all()
    weight = torch.randn(8, 6)
    weight[3] = NAN
    mask = torch.ones(4, 8, dtype=torch.bool)
    mask[:, 3] = False
    assert K["own_linear"](torch.randn(4, 6), weight, mask).isfinite().all()


@pytest.mark.parametrize("sizes", [(1, 1), (3, 4), (7, 10)])
def test_a_weight_of_which_one_decision_keeps_blocks(sizes):
    x, weight, bias = torch.randn(4, 10, dtype=D), torch.randn(7, 10, dtype=D), torch.randn(7, dtype=D)
    kept = torch.rand(-(-7 // sizes[0]), -(-10 // sizes[1])) < 0.5
    own = K["expand_blocks"](kept, (-2, -1), sizes, (7, 10))
    value, macs = counted(lambda: K["block_weight_linear"](x, weight, kept, sizes, bias=bias))
    torch.testing.assert_close(value, F.linear(x, weight * own, bias))
    assert macs == 4 * own.sum()


def test_captured_graphs_compute_the_same():
    x, weight, kept = torch.randn(4, 6), torch.randn(8, 6), torch.rand(4, 8) < 0.4
    q, pairs = torch.randn(2, 2, 4, 4), torch.rand(2, 2, 2, 2) < 0.6

    def both(x, kept, q, pairs):
        return K["own_linear"](x, weight, kept), K["own_block_attention"](q, q, q, pairs, (2, 2))

    compiled = torch.compile(both, fullgraph=True)
    torch.testing.assert_close(compiled(x, kept, q, pairs), both(x, kept, q, pairs))
