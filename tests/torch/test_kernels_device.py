"""Nothing is made on the CPU by the way: kernels and compiled specs run on fake tensors of another device."""

from pathlib import Path

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.func import functional_call
from torch.fx.experimental.symbolic_shapes import ShapeEnv

import chunkc
from chunkc.backends.torch.kernels import KERNELS as K

F32, BOOL, I64 = torch.float32, torch.bool, torch.int64
X, KEPT = ((6, 8), F32), ((6, 8), BOOL)
Q, MASK = ((2, 4, 8, 8), F32), ((2, 1, 8, 8), BOOL)
WEIGHT, BLOCKS = ((12, 8), F32), ((2, 1, 2, 2), BOOL)

CALLS = {
    "top": (lambda x, kept: K["top"](x, 2, among=kept), X, KEPT),
    "top_share": (lambda x, kept: K["top"](x, K["share"](0.3, x, (-2,), kept), (-2,), kept), X, KEPT),
    "first": (lambda x, kept: K["first"](x, 2, (-2,), kept), X, KEPT),
    "top_p": (lambda x: K["top_p"](x, 0.5), X),
    "levels": (lambda x, kept: K["keep_level"](x.unsqueeze(-1).expand(-1, -1, 2), kept, kept), X, KEPT),
    "fallbacks": (lambda x, kept: K["fallback_last"](K["fallback_all"](kept, x, 0.5)), X, KEPT),
    "renormalise": (lambda x, kept: K["renormalise"](x, kept) + K["surrogate_top"](x, kept), X, KEPT),
    "uniform": (lambda x: K["uniform"](x, 3, 5), X),
    "hash": (lambda ids: K["hash_mod"](ids, 8), ((6,), I64)),
    "one_hot": (lambda ids: K["one_hot"](ids, 8), ((6,), I64)),
    "blocks": (lambda x: K["expand_blocks"](K["pool_blocks"](x, (-2, -1), (4, 3)), (-2, -1), (4, 3), (6, 8)), X),
    "divergences": (lambda x, y: K["kl"](x, y).sum() + K["bce"](x, y), X, X),
    "causal": (lambda q, k, v: K["attention"](q, k, v, causal=True) + K["causal_attention"](q, k, v), Q, Q, Q),
    "masked": (lambda q, k, v, m: K["attention"](q, k, v, m, m.float(), causal=True), Q, Q, Q, MASK),
    "after": (lambda q, k, v, m: K["attention"](q, k, v, m, after=True), Q, Q, Q, MASK),
    "block_attention": (lambda q, k, v, m: K["block_attention"](q, k, v, m, (4, 4), causal=True), Q, Q, Q, BLOCKS),
    "rope": (lambda q: K["rope"](q), Q),
    "masked_linear": (lambda x, w, kept: K["masked_linear"](x, w, kept), X, WEIGHT, ((6, 12), BOOL)),
    "masked_heads": (lambda x, w, kept: K["masked_heads"](x, w, kept, 4), ((2, 6, 8), F32), WEIGHT, ((2, 4, 1, 1), BOOL)),
    "packed_linear": (lambda x, w, kept: K["packed_linear"](x, K["packed_rows"](kept, w), 12), X, WEIGHT, ((12,), BOOL)),
    "block_linear": (lambda x, w, kept: K["block_linear"](x, w, kept, (4, 4)), X, WEIGHT, ((6, 3, 2), BOOL)),
}


@pytest.mark.parametrize("name", CALLS)
def test_kernels_stay_where_their_inputs_are(name):
    call, *inputs = CALLS[name]
    with FakeTensorMode(shape_env=ShapeEnv()):
        result = call(*(torch.empty(shape, dtype=dtype, device="meta") for shape, dtype in inputs))
    assert result.device.type == "meta"


SPECS = {
    "moe": ({"d": 8}, [((2, 5, 8), F32)]),
    "switch": ({"d": 8}, [((2, 5, 8), F32)]),
    "dynamic_sparsity": ({"d": 8}, [((2, 8), F32)]),
    "null_point": ({"d": 8, "h": 2}, [((2, 8), F32)]),
    "translation_attention": ({"d": 8, "h": 2}, [((2, 9, 8), F32), ((2, 5, 8), F32)]),
    "translation_attention_block": ({"d": 8, "h": 2, "block": 4}, [((2, 9, 8), F32), ((2, 5, 8), F32)]),
    "gpt": ({"vocabulary": 9, "context": 8, "layers": 1, "h": 2, "d": 8}, [((2, 5), I64)]),
}


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("spec", SPECS)
def test_compiled_specs_stay_where_their_inputs_are(spec, training):
    params, inputs = SPECS[spec]
    model = chunkc.compile(str(Path(__file__).parents[2] / "specs" / f"{spec}.cc"), **params).train(training)
    with FakeTensorMode(shape_env=ShapeEnv()):
        state = {**dict(model.named_parameters()), **dict(model.named_buffers())}
        moved = {name: torch.empty(value.shape, dtype=value.dtype, device="meta") for name, value in state.items()}
        given = tuple(torch.empty(shape, dtype=dtype, device="meta") for shape, dtype in inputs)
        assert functional_call(model, moved, given).device.type == "meta"
