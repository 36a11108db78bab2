"""The meaning of each op, against PyTorch or an independent formula."""

from __future__ import annotations

import hashlib
import inspect
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hand import Builder, normal, size, tensor
from oracle import check, evaluate

from chunkc.backends.reference import MEANING, run
from chunkc.compiler.dims import symbol
from chunkc.compiler.ops import OPS

T = torch.from_numpy


X, Y = normal(3, 4), normal(3, 4, seed=1)
EDGES = np.array([0.0, -1.5, 2.0, 800.0, -800.0, np.inf, np.nan])

UNARY = {
    "relu": F.relu,
    "gelu": F.gelu,
    "silu": F.silu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "exp": torch.exp,
    "log": torch.log,
    "sqrt": torch.sqrt,
    "abs": torch.abs,
    "neg": torch.neg,
    "stop_gradient": lambda x: x,
}


@pytest.mark.parametrize("op", UNARY)
def test_unary(op):
    for x in (X, EDGES, np.array(0.7)):
        check(evaluate(op, x), UNARY[op](T(x)))


def test_sign_and_not():
    check(evaluate("sign", np.array([-2.0, 0.0, 3.0])), np.array([-1.0, 0.0, 1.0]))
    check(evaluate("not", np.array([True, False])), np.array([False, True]))


BINARY = {
    "add": torch.add,
    "sub": torch.sub,
    "mul": torch.mul,
    "div": torch.div,
    "mod": torch.remainder,
    "pow": torch.pow,
    "maximum": torch.maximum,
    "minimum": torch.minimum,
    "eq": torch.eq,
    "ne": torch.ne,
    "lt": torch.lt,
    "le": torch.le,
    "gt": torch.gt,
    "ge": torch.ge,
}


@pytest.mark.parametrize("op", BINARY)
def test_binary_with_broadcasting(op):
    for a, b in ((X, Y), (X[:, None], Y), (X, np.array(2.0)), (np.array([1.0, np.nan, 0.0]), np.array([np.nan, 2.0, 0.0]))):
        check(evaluate(op, a, b), BINARY[op](T(a), T(b)))
    if op != "div":
        a, b = np.array([-7, 7, 5]), np.array([3, 2, 5])
        check(evaluate(op, a, b), BINARY[op](T(a), T(b)))


def test_logic_and_where():
    a, b = np.array([True, True, False]), np.array([True, False, False])
    check(evaluate("and", a, b), a & b)
    check(evaluate("or", a, b), a | b)
    check(evaluate("where", a, np.array([1.0, 2.0, np.nan]), np.array([np.nan, np.inf, 3.0])), np.array([1.0, 2.0, 3.0]))


def test_cast():
    check(evaluate("cast", np.array([-1.7, 1.7]), dtype="i32"), np.array([-1, 1]))
    check(evaluate("cast", np.array([0.1, 0.0]), dtype="bf16"), np.array([0.1, 0.0]))
    check(evaluate("cast", np.array([2, 0]), dtype="bool"), np.array([True, False]))
    check(evaluate("cast", np.array([True, False]), dtype="f32"), np.array([1.0, 0.0]))


def test_linear():
    x, w, bias = normal(2, 3, 5), normal(4, 5), normal(4)
    check(evaluate("linear", x, w, bias, slots=("x", "weight", "bias")), F.linear(T(x), T(w), T(bias)))
    check(evaluate("linear", x, w, slots=("x", "weight")), F.linear(T(x), T(w)))
    check(evaluate("linear", x[0, 0], w, slots=("x", "weight")), F.linear(T(x[0, 0]), T(w)))


def test_products():
    a, b = normal(2, 3, 4), normal(4, 5)
    check(evaluate("matmul", a, b), T(a) @ T(b))
    check(evaluate("einsum", a, b, equation="...i,io->...o"), T(a) @ T(b))
    check(evaluate("einsum", a, equation="bij->bji"), a.transpose(0, 2, 1))
    ids = np.array([[3, 0], [1, 1]])
    check(evaluate("embedding", ids, b, slots=("ids", "weight")), F.embedding(T(ids), T(b)))


@pytest.mark.parametrize(
    "stride, padding, dilation, groups", [((1, 1), (0, 0), (1, 1), 1), ((2, 1), (1, 2), (1, 2), 2), ((1, 2), (2, 1), (2, 1), 4)]
)
def test_convolution(stride, padding, dilation, groups):
    x, w, bias = normal(2, 4, 9, 8), normal(8, 4 // groups, 3, 2), normal(8)
    attrs = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    check(evaluate("conv2d", x, w, bias, slots=("x", "weight", "bias"), **attrs), F.conv2d(T(x), T(w), T(bias), **attrs))
    first = {name: value[:1] if isinstance(value, tuple) else value for name, value in attrs.items()}
    x, w = x[..., 0], w[..., 0]
    check(evaluate("conv1d", x, w, slots=("x", "weight"), **first), F.conv1d(T(x), T(w), **first))


@pytest.mark.parametrize("kernel, stride, padding", [((2, 2), (2, 2), (0, 0)), ((3, 2), (2, 1), (1, 1))])
def test_pooling(kernel, stride, padding):
    x = normal(2, 3, 7, 6) - 5  # negative: padding with zeros would win
    attrs = {"kernel": kernel, "stride": stride, "padding": padding}
    check(evaluate("max_pool2d", x, **attrs), F.max_pool2d(T(x), kernel, stride, padding))
    check(evaluate("avg_pool2d", x, **attrs), F.avg_pool2d(T(x), kernel, stride, padding))
    first = {name: value[:1] for name, value in attrs.items()}
    check(evaluate("max_pool1d", x[0], **first), F.max_pool1d(T(x[0]), kernel[0], stride[0], padding[0]))
    check(evaluate("avg_pool1d", x[0], **first), F.avg_pool1d(T(x[0]), kernel[0], stride[0], padding[0]))


def test_norms():
    x, w, bias = normal(2, 3, 6), normal(6), normal(6, seed=1)
    expected = F.layer_norm(T(x), (6,), T(w), T(bias), 1e-3)
    check(evaluate("layer_norm", x, w, bias, slots=("x", "weight", "bias"), eps=1e-3), expected)
    check(evaluate("layer_norm", x, bias, slots=("x", "bias"), eps=1e-5), F.layer_norm(T(x), (6,), None, T(bias)))
    check(evaluate("rms_norm", x, w, slots=("x", "weight"), eps=1e-6), F.rms_norm(T(x), (6,), T(w), 1e-6))
    check(evaluate("l2_norm", x, eps=1e-12), F.normalize(T(x), dim=-1))
    check(evaluate("l2_norm", np.zeros((1, 2)), eps=1e-12), np.zeros((1, 2)))


def test_norms_of_channels():
    for shape in ((2, 6, 4, 5), (2, 6, 4), (2, 6)):
        x, w, bias = normal(*shape), normal(6), normal(6, seed=1)
        expected = F.group_norm(T(x), 3, T(w), T(bias), 1e-5)
        check(evaluate("group_norm", x, w, bias, slots=("x", "weight", "bias"), groups=3, eps=1e-5), expected)
        mean, var = normal(6, seed=2), np.abs(normal(6, seed=3))
        expected = F.batch_norm(T(x), T(mean), T(var), T(w), T(bias), eps=1e-5)
        check(evaluate("batch_norm", x, mean, var, w, bias, axis=1 - len(shape), eps=1e-5), expected)


@pytest.mark.parametrize("axis", [-1, -2])
def test_along_an_axis(axis):
    check(evaluate("softmax", X, axis=axis), T(X).softmax(axis))
    check(evaluate("softmax", X * 1e4, axis=axis), T(X * 1e4).softmax(axis))
    check(evaluate("cumsum", X, axis=axis), T(X).cumsum(axis))
    check(evaluate("flip", X, axis=axis), T(X).flip(axis))
    check(
        evaluate("argmax", np.array([[1.0, 3.0, 3.0], [2.0, 3.0, 1.0]]), axis=axis), np.array([1, 1] if axis == -1 else [1, 0, 0])
    )


@pytest.mark.parametrize("axes", [(-1,), (-2,), (-3, -1)])
@pytest.mark.parametrize("keepdims", [False, True])
def test_reductions(axes, keepdims):
    x = normal(2, 3, 4)
    attrs = {"axes": axes, "keepdims": keepdims}
    check(evaluate("mean", x, **attrs), T(x).mean(axes, keepdims))
    check(evaluate("sum", x, **attrs), T(x).sum(axes, keepdims))
    check(evaluate("max", x, **attrs), T(x).amax(axes, keepdims))
    check(evaluate("min", x, **attrs), T(x).amin(axes, keepdims))
    check(evaluate("norm", x, **attrs), torch.linalg.vector_norm(T(x), dim=axes, keepdim=keepdims))
    check(evaluate("any", x > 1, **attrs), (x > 1).any(axes, keepdims=keepdims))


def test_reduction_to_a_scalar():
    assert evaluate("sum", np.array([1, 2, 3]), axes=(-1,), keepdims=False) == 6


def test_shapes():
    x = normal(2, 3, 4)
    check(evaluate("transpose", x, a=-3, b=-1), x.transpose(2, 1, 0))
    check(evaluate("permute", x, order=(-1, -3, -2)), x.transpose(2, 0, 1))
    check(evaluate("reshape", x, shape=(6, 4)), x.reshape(6, 4))
    check(evaluate("concat", x, x, axis=-2), np.concatenate([x, x], 1))
    check(evaluate("stack", x, x, axis=-1), np.stack([x, x], 3))
    check(evaluate("slice", x, axis=-2, start=1, stop=3, step=1), x[:, 1:3])
    check(evaluate("slice", x, axis=-1, start=0, stop=4, step=2), x[..., ::2])
    check(evaluate("index", x, axis=-2, index=2), x[:, 2])
    check(evaluate("unsqueeze", x, axis=-4), x[None])
    check(evaluate("unsqueeze", x, axis=-1), x[..., None])
    check(evaluate("squeeze", x[:, :1], axis=-2), x[:, 0])
    check(evaluate("broadcast", x[:, :1], shape=(2, 3, 4)), np.broadcast_to(x[:, :1], (2, 3, 4)))
    check(evaluate("repeat", x, n=3, axis=-2), T(x).repeat_interleave(3, 1))


def test_picking():
    x, ids = normal(2, 5), np.array([[0, 4, 4], [1, 0, 2]])
    check(evaluate("gather", x, ids, axis=-1), T(x).gather(1, T(ids)))
    check(evaluate("take", x, ids, axis=-1), x[:, ids])
    check(evaluate("take", x, np.array([1, 0]), axis=-2), x[[1, 0]])
    check(evaluate("one_hot", ids, n=5), F.one_hot(T(ids), 5).double())


def test_heads_and_pairs():
    x = normal(2, 3, 8)
    split = evaluate("heads", x, n=4)
    check(split, x.reshape(2, 3, 4, 2).transpose(0, 2, 1, 3))
    check(evaluate("merge_heads", split), x)
    a, b = normal(2, 3, 4), normal(2, 5, 1)
    pairs = evaluate("pairs", a, b)
    assert pairs.shape == (2, 3, 5, 5)
    check(pairs[1, 2, 4], np.concatenate([a[1, 2], b[1, 4]]))


def test_sizes_come_from_inputs():
    b = Builder()
    x = b.input("x", "f32", "B", "T", 4)
    rows = symbol("B") * symbol("T")
    flat = b.op("reshape", x, shape=(rows, 4))
    ones = b.op("ones", shape=(rows, 2), dtype="i64")
    zeros = b.op("zeros", shape=(size("T"),), dtype="bool")
    count = b.op("range", n=symbol("T") + 1)
    last = b.op("slice", x, axis=-2, start=symbol("T") - 1, stop=size("T"), step=1)
    value = normal(2, 3, 4)
    result = run(b.graph(flat, ones, zeros, count, last), {"x": value}, {}).outputs
    check(result["y"], value.reshape(6, 4))
    check(result["y1"], np.ones((6, 2), np.int64))
    check(result["y2"], np.zeros(3, np.bool_))
    check(result["y3"], np.arange(4))
    check(result["y4"], value[:, 2:])


def test_blocks_may_be_smaller_at_the_edge():
    x = normal(2, 5, 7)
    attrs = {"axes": (-2, -1), "sizes": (2, 3)}
    pooled = evaluate("pool_blocks", x, **attrs)
    some = evaluate("any_blocks", x > 1.5, **attrs)
    assert pooled.shape == some.shape == (2, 3, 3)
    for i in range(3):
        for j in range(3):
            block = x[:, 2 * i : 2 * i + 2, 3 * j : 3 * j + 3]
            np.testing.assert_allclose(pooled[:, i, j], block.mean((1, 2)))
            assert (some[:, i, j] == (block > 1.5).any((1, 2))).all()
    spread = evaluate("expand_blocks", pooled, **attrs, shape=(5, 7))
    assert spread.shape == x.shape
    for i, j in np.ndindex(5, 7):
        check(spread[:, i, j], pooled[:, i // 2, j // 3])


def test_masked_selects():
    x = np.array([[1.0, np.inf, np.nan], [-2.0, 3.0, -np.inf]])
    kept = np.array([[True, False, False], [True, True, False]])
    check(evaluate("masked", x, kept, slots=("x", "kept")), np.array([[1.0, 0.0, 0.0], [-2.0, 3.0, 0.0]]))
    gate = kept.astype(float)
    check(evaluate("masked", x, kept, gate, slots=("x", "kept", "gate")), np.array([[1.0, 0.0, 0.0], [-2.0, 3.0, 0.0]]))
    check(evaluate("masked", x, kept[:, :1], slots=("x", "kept")), x)


def mixed(x: int, seed: int) -> int:
    """splitmix64 in plain integers."""
    word = 2**64
    h = (x * 0x9E3779B97F4A7C15 + seed * 0xBF58476D1CE4E5B9) % word
    h = (h ^ (h >> 30)) * 0xBF58476D1CE4E5B9 % word
    h = (h ^ (h >> 27)) * 0x94D049BB133111EB % word
    return h ^ (h >> 31)


def test_hash():
    x = np.array([0, 1, -1, 2**62, 12345])
    expected = np.array([(mixed(int(i), 7) >> 1) % 10 for i in x])
    check(evaluate("hash", x, n=10, seed=7), expected)


def test_uniform():
    b = Builder()
    graph = b.graph(b.op("uniform", b.input("x", "f32", "B", 3), path="noise"))
    x = np.zeros((2, 3))
    key = int.from_bytes(hashlib.sha256(b"noise").digest()[:8], "little")
    for seed in (0, 5, 2**63 + 11):
        result = run(graph, {"x": x}, {}, seed=seed)
        expected = [((mixed(i, (seed ^ key) % 2**64) >> 41) + 0.5) / 2**23 for i in range(6)]
        check(result.outputs["y"], np.reshape(expected, (2, 3)))
        assert (result.draws["noise"] == result.outputs["y"]).all()
    many = run(graph, {"x": np.zeros((1000, 3))}, {}).outputs["y"]
    assert abs(many.mean() - 0.5) < 0.02 and many.min() > 0 and many.max() < 1


def test_losses_of_distributions():
    p = np.array([[0.2, 0.8, 0.0], [0.5, 0.25, 0.25]])
    q = np.array([[0.3, 0.7, 0.0], [0.1, 0.4, 0.5]])
    expected = [sum(a * math.log(a / c) for a, c in zip(*rows) if a) for rows in zip(p, q)]
    check(evaluate("kl", p, q, axis=-1), np.array(expected))
    t = np.array([[1.0, 0.0, 0.0], [0.5, 1.0, 0.0]])
    edge = np.array([[0.0, 1.0, 0.5], [0.3, 1.0, 0.0]])
    check(evaluate("bce", edge, t), F.binary_cross_entropy(T(edge), T(t), reduction="none"))


def test_every_op_of_the_table_has_a_meaning():
    assert set(OPS) == set(MEANING)


@pytest.mark.parametrize("name", OPS)
def test_a_meaning_takes_what_its_row_says(name):
    """Attributes by keyword, operands by position or by their slot's name."""
    parameters = {} if isinstance(MEANING[name], np.ufunc) else inspect.signature(MEANING[name]).parameters
    keywords = {p.name for p in parameters.values() if p.kind is p.KEYWORD_ONLY}
    operands = ("value", "values", "param")
    attributes = {arg.name for arg in OPS[name].args if arg.kind not in operands and arg.form != "surface"}
    assert attributes - keywords == set()
    assert keywords - attributes <= ({"seed"} if name == "uniform" else set())
    assert set(OPS[name].slots) <= set(parameters)


def test_a_scalar_type_is_enough():
    assert tensor("f32").rank == 0
    assert evaluate("add", np.array(1.0), np.array(2.0)).shape == ()
