"""Kernels under `torch.export` with free sizes: one program for all of them."""

import pytest
import torch

from chunkc.backends.torch.kernels import KERNELS as K


def attention_inputs(b, t):
    torch.manual_seed(b * t)
    q, k, v = torch.randn(3, b, 4, t, 8).unbind(0)
    blocks = -(-t // 4)
    return q, k[:, :2].contiguous(), v[:, :2].contiguous(), torch.rand(b, 1, blocks, blocks) < 0.5


def block(q, k, v, kept):
    return K["block_attention"](q, k, v, kept, (4, 4), causal=True)


def spread(q, k, v, kept):
    return K["attention"](q, k, v, K["expand_blocks"](kept, (-2, -1), (4, 4), (q.shape[-2], k.shape[-2])), causal=True)


def plain(q, k, v, kept):
    return K["causal_attention"](q, k, v) + K["rope"](q)


def linear_inputs(b, t):
    torch.manual_seed(b * t)
    return torch.randn(b, 8), torch.randn(12, 8), torch.rand(b, 12) < 0.3, torch.rand(b, 3, 2) < 0.3


def masked(x, weight, kept, blocks):
    return K["masked_linear"](x, weight, kept) + K["block_linear"](x, weight, blocks, (4, 4))


def shared(x, weight, kept, blocks):
    some = K["top"](x, K["share"](0.3, x, (-2,)), (-2,))
    return K["pool_blocks"](x, (-2, -1), (3, 3)), some, K["uniform"](x, 3, 5), K["surrogate_top"](x, some, (-2,))


class Call(torch.nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *values):
        return self.function(*values)


CASES = [
    (spread, attention_inputs),
    (plain, attention_inputs),
    (block, attention_inputs),
    (masked, linear_inputs),
    (shared, linear_inputs),
]


@pytest.mark.parametrize("function, inputs", CASES, ids=[function.__name__ for function, _ in CASES])
def test_exports_once_for_all_sizes(function, inputs):
    auto = torch.export.Dim.AUTO
    if inputs is attention_inputs:
        shapes = ({0: auto, 2: auto}, {0: auto, 2: auto}, {0: auto, 2: auto}, {0: auto, 2: auto, 3: auto})
    else:
        shapes = ({0: auto}, None, {0: auto}, {0: auto})
    program = torch.export.export(Call(function), inputs(7, 24), dynamic_shapes=(shapes,)).module()
    for size in ((7, 24), (5, 48), (12, 12)):
        torch.testing.assert_close(program(*inputs(*size)), function(*inputs(*size)))
