"""Straight-through: values that are exactly 0 or 1, and the gradients of the surrogates."""

import torch

from chunkc.backends.torch.kernels import KERNELS as K

D = torch.float64
INF, NAN = float("inf"), float("nan")


def test_a_gate_is_kept_in_value_and_its_surrogate_in_gradient():
    v = torch.randn(4, 6, dtype=D, requires_grad=True)
    t = torch.tensor(0.2, dtype=D, requires_grad=True)
    kept = K["above"](v, t)
    gate = K["straight_through"](kept, K["surrogate_above"](v, t))
    assert torch.equal(gate, kept.double())
    gate.sum().backward()
    s = torch.sigmoid(v - t).detach()
    assert torch.allclose(v.grad, s * (1 - s)) and torch.allclose(t.grad, -(s * (1 - s)).sum())


def test_top_compares_with_the_lowest_kept_of_its_group():
    v = torch.randn(3, 4, 5, dtype=D, requires_grad=True)
    for over in ((-1,), (-2, -1), (-3,)):
        v.grad = None
        kept = K["top"](v, 2, over)
        axes = tuple(over)
        lowest = torch.where(kept, v.detach(), INF).amin(axes, keepdim=True)
        surrogate = K["surrogate_top"](v, kept, over)
        assert torch.allclose(surrogate, torch.sigmoid(v - lowest))
        surrogate.sum().backward()
        s = surrogate.detach()
        assert torch.allclose(v.grad, s * (1 - s))


def test_awkward_scores_have_finite_gradients():
    v = torch.tensor([[NAN, -INF, INF, 0.0, 1.0], [NAN] * 5, [-INF] * 5, [INF] * 5], dtype=D, requires_grad=True)
    for kept in (K["top"](v, 2), K["top"](v, 5), torch.zeros(4, 5, dtype=torch.bool)):
        gate = K["straight_through"](kept, K["surrogate_top"](v, kept) * K["surrogate_above"](v, 0.5))
        assert torch.equal(gate, kept.double())
        (gradient,) = torch.autograd.grad(gate.sum(), v)
        assert gradient.isfinite().all()


def test_levels_weigh_what_each_level_keeps():
    level = torch.randn(3, 5, 3, dtype=D, requires_grad=True)
    kept = [torch.rand(3, 5) < 0.5 for _ in range(3)]
    expected = sum(torch.softmax(level, -1)[..., i] * kept[i] for i in range(3))
    assert torch.allclose(K["surrogate_levels"](level, *kept), expected)
    level.data[0, 0, 1] = NAN
    gate = K["straight_through"](K["keep_level"](level, *kept), K["surrogate_levels"](level, *kept))
    assert torch.equal(gate, K["keep_level"](level, *kept).double())


def test_masked_passes_x_through_kept_and_gives_the_gate_x():
    x = torch.randn(4, 5, dtype=D, requires_grad=True)
    kept = torch.rand(4, 5) < 0.5
    gate = kept.double().requires_grad_()
    value = K["masked"](x, kept, gate)
    assert torch.equal(value, torch.where(kept, x, 0.0)) and torch.equal(K["masked"](x, kept), value)
    weight = torch.randn(4, 5, dtype=D)
    (value * weight).sum().backward()
    assert torch.allclose(x.grad, kept * weight) and torch.allclose(gate.grad, x * weight)


def test_a_dropped_infinity_does_not_show():
    x = torch.tensor([INF, NAN, 1.0])
    kept = torch.tensor([False, False, True])
    gate = kept.float().requires_grad_()
    value = K["masked"](x, kept, gate)
    assert value.tolist() == [0.0, 0.0, 1.0]
    value.sum().backward()
    assert gate.grad.isfinite().all()
