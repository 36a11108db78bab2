"""The expression of each op: evaluated, traced by fx, compared with the reference; the fusions that skip what a mask drops."""

import ast
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hand import Builder

from chunkc.backends.reference import MEANING
from chunkc.backends.torch.expressions import EXPRESSIONS, LIKE, bare, fusion
from chunkc.backends.torch.kernels import KERNELS
from chunkc.compiler.dims import evaluate, symbol
from chunkc.compiler.ir import Attrs, Node, users
from chunkc.compiler.ops import OPS, infer, normalise
from chunkc.compiler.source import NOWHERE
from chunkc.compiler.types import TensorType

SIZES = {"B": 3, "T": 5, "S": 7}
B, T, S = symbol("B"), symbol("T"), symbol("S")


def F64(*shape):
    return TensorType("f64", shape)


def I64(*shape):
    return TensorType("i64", shape)


def Bool(*shape):
    return TensorType("bool", shape)


def dense(type, seed):
    """Random values of a type: positive where a logarithm may come, small where integers index."""
    shape = tuple(evaluate(size, SIZES) for size in type.shape)
    draw = np.random.default_rng([seed, *shape])
    if type.dtype == "bool":
        return draw.random(shape) < 0.6
    if type.dtype == "i64":
        return draw.integers(0, 3, shape)
    return draw.random(shape) * 0.9 + 0.05


X = F64(B, T, 4)
UNARY = ["relu", "gelu", "silu", "tanh", "sigmoid", "exp", "log", "sqrt", "abs", "sign", "neg", "stop_gradient"]
ARITHMETIC = ["add", "sub", "mul", "div", "mod", "pow", "maximum", "minimum", "eq", "ne", "lt", "le", "gt", "ge"]
QKV = (F64(B, 4, T, 4), F64(B, 2, S, 4), F64(B, 2, S, 6))
SQUARE = (F64(B, 4, T, 4), F64(B, 4, T, 4), F64(B, 4, T, 4))
SLOTS = ("q", "k", "v")

CASES = [
    *((op, (X,), {}) for op in UNARY),
    *((op, operands, {}) for op in ARITHMETIC for operands in ((X, X), (X, F64(T, 1)), (F64(1, 4), X))),
    ("maximum", (X, 0.25), {}),
    ("minimum", (0.25, X), {}),
    ("pow", (X, -2.0), {}),
    ("sub", (1.0, X), {}),
    ("mod", (I64(B), I64(B)), {"shift": 1}),
    *((op, (Bool(B, 4), Bool(4)), {}) for op in ("and", "or")),
    ("not", (Bool(B),), {}),
    ("cast", (X,), {"dtype": "i64"}),
    ("cast", (Bool(B),), {"dtype": "f32"}),
    ("cast", (I64(B),), {"dtype": "f64"}),
    ("where", (Bool(B, 1, 1), X, X), {}),
    ("where", (Bool(B, 1, 1), X, 0.0), {}),
    ("where", (Bool(B, 1, 1), 1.0, 0.0), {}),
    ("masked", (X, Bool(T, 1)), {"slots": ("x", "kept")}),
    ("masked", (X, Bool(B, T, 4), F64(B, T, 4)), {"slots": ("x", "kept", "gate"), "gate": True}),
    ("masked", (I64(B, T), Bool(T)), {"slots": ("x", "kept")}),
    ("masked", (Bool(B, T), Bool(T)), {"slots": ("x", "kept")}),
    ("linear", (X, F64(6, 4), F64(6)), {"slots": ("x", "weight", "bias")}),
    ("linear", (X, F64(6, 4)), {"slots": ("x", "weight")}),
    ("matmul", (X, F64(4, 6)), {}),
    ("matmul", (F64(B, 2, T, 4), F64(B, 1, 4, S)), {}),
    ("einsum", (X, F64(B, S, 4)), {"equation": "btd,bsd->bts"}),
    ("embedding", (I64(B, T), F64(9, 4)), {"slots": ("ids", "weight")}),
    ("conv1d", (F64(B, 4, S), F64(6, 2, 3), F64(6)), {"slots": ("x", "weight", "bias"), "padding": 1, "groups": 2}),
    ("conv2d", (F64(B, 4, 8, 9), F64(6, 4, 3, 2)), {"slots": ("x", "weight"), "stride": (2, 1), "dilation": 2}),
    ("max_pool1d", (F64(B, 4, S),), {"kernel": 3, "padding": 1}),
    ("max_pool2d", (F64(B, 4, 8, 9),), {"kernel": (3, 2), "stride": 2, "padding": 1}),
    ("avg_pool1d", (F64(B, 4, S),), {"kernel": 2, "stride": 1}),
    ("avg_pool2d", (F64(B, 4, 8, 9),), {"kernel": 3, "padding": 1}),
    ("attention", QKV, {"slots": SLOTS}),
    ("attention", SQUARE, {"slots": SLOTS, "scale": 0.3}),
    ("attention", QKV, {"slots": SLOTS, "causal": True}),
    ("attention", SQUARE, {"slots": SLOTS, "causal": True}),
    ("attention", (*QKV, Bool(B, 1, T, S)), {"slots": (*SLOTS, "mask"), "causal": True, "after": True}),
    ("attention", (*QKV, Bool(4, T, S)), {"slots": (*SLOTS, "mask")}),
    ("attention", (*QKV, I64(B, T), I64(S)), {"slots": (*SLOTS, "q_position", "k_position"), "causal": True}),
    ("attention_logits", QKV[:2], {}),
    ("rope", (F64(B, 2, T, 4),), {"slots": ("x",)}),
    ("rope", (F64(B, 2, T, 4), I64(B, T)), {"slots": ("x", "position"), "base": 500.0}),
    ("layer_norm", (X, F64(4), F64(4)), {"slots": ("x", "weight", "bias")}),
    ("layer_norm", (X,), {"slots": ("x",), "eps": 0.1}),
    ("rms_norm", (X, F64(4)), {"slots": ("x", "weight")}),
    ("l2_norm", (X,), {}),
    ("group_norm", (F64(B, 4, 5, 5), F64(4), F64(4)), {"slots": ("x", "weight", "bias"), "groups": 2}),
    *(("batch_norm", (x, *[F64(4)] * 4), {"eps": 0.01}) for x in (F64(B, 4, 5, 5), F64(B, 4))),
    ("batch_norm", (X, *[F64(4)] * 4), {"axis": -1}),
    *((op, (X,), {"axis": axis}) for op in ("softmax", "cumsum", "flip", "argmax") for axis in (-1, -2)),
    *((op, (X,), {"axes": (-3, -1)}) for op in ("mean", "sum", "max", "min", "norm")),
    *((op, (X,), {"axes": (-2,), "keepdims": True}) for op in ("mean", "sum", "max", "min", "norm")),
    *(("any", (Bool(B, T, 4),), {"axes": axes}) for axes in ((-1,), (-3, -2))),
    ("reshape", (X,), {"shape": (T, 4, B)}),
    ("reshape", (F64(1, 1),), {"shape": ()}),
    ("transpose", (X,), {"a": -3, "b": -1}),
    ("permute", (X,), {"order": (-1, -3, -2)}),
    *(("concat", (X, X, X), {"axis": axis}) for axis in (-1, -2)),
    *(("stack", (X, X), {"axis": axis}) for axis in (-1, -4)),
    ("slice", (X,), {"axis": -2, "start": 1, "stop": T}),
    ("slice", (X,), {"axis": -1, "start": 0, "stop": 3, "step": 2}),
    ("slice", (X,), {"axis": -3, "start": 0, "stop": B - 1}),
    *(("index", (X,), {"axis": axis, "index": -1}) for axis in (-1, -2, -3)),
    ("gather", (X, I64(B, 2, 4)), {"axis": -2}),
    *(("take", (X, index), {"axis": axis}) for index in (I64(2), I64(2, 2)) for axis in (-1, -2)),
    ("one_hot", (I64(B, T),), {"n": 3}),
    ("hash", (I64(B, T),), {"n": 8, "seed": 3}),
    ("unsqueeze", (X,), {"axis": -2}),
    ("squeeze", (F64(B, 1, 4),), {"axis": -2}),
    ("broadcast", (F64(T, 1),), {"shape": (B, T, 4)}),
    ("repeat", (X,), {"n": 3, "axis": -2}),
    ("heads", (X,), {"n": 2}),
    ("merge_heads", (F64(B, 2, T, 4),), {}),
    ("pairs", (F64(B, T, 2), F64(B, S, 3)), {}),
    *((op, (), {"shape": (B, 4), "dtype": dtype}) for op in ("ones", "zeros") for dtype in ("f32", "i64", "bool")),
    ("range", (), {"n": T}),
    ("pool_blocks", (F64(B, T, S),), {"axes": (-2, -1), "sizes": (2, 3)}),
    ("any_blocks", (Bool(B, T, S),), {"axes": (-2, -1), "sizes": (2, 3)}),
    ("expand_blocks", (F64(B, 3, 3),), {"axes": (-2, -1), "sizes": (2, 3), "shape": (5, 7)}),
    ("uniform", (X,), {"path": "noise"}),
    *(("kl", (X, X), {"axis": axis}) for axis in (-1, -2)),
    ("bce", (X, X), {}),
]


def make(op, operands, attrs):
    """The node of a case, with inputs `x0`, `x1` … or constants as operands."""
    nodes = []
    for place, operand in enumerate(operands):
        kind, extra = ("const", {"value": operand}) if isinstance(operand, float) else ("input", {"name": f"x{place}"})
        nodes.append(Node(kind, (), Attrs(extra), F64() if kind == "const" else operand, NOWHERE))
    types = tuple(node.tensor for node in nodes)
    attrs = {name: value for name, value in attrs.items() if name not in ("shift", "gate")}
    core = normalise(op, types, Attrs(attrs))
    if "slots" in attrs:
        core = core.but(slots=attrs["slots"])
    return Node(op, tuple(nodes), core, infer(op, types, core), NOWHERE)


def compiled(text, names):
    """A function of the names, traced by fx with kernels as leaves."""
    scope = {"torch": torch, "F": F, "math": math, **KERNELS}
    exec(f"def f({', '.join([*names, LIKE, 'ctx', *SIZES])}):\n    return {text}\n", scope)
    return scope["f"]


def spelled(size):
    return str(size) if isinstance(size, int) else f"({size})"


def drawing():
    return SimpleNamespace(uniform=lambda x, path: torch.from_numpy(MEANING["uniform"](x.detach().numpy(), path=path)))


def values_of(case):
    op, operands, attrs = case
    arrays = [dense(type, place) for place, type in enumerate(operands) if not isinstance(type, float)]
    if attrs.get("shift"):
        arrays = [array + attrs["shift"] for array in arrays]
    if attrs.get("gate"):
        arrays[2] = arrays[1].astype(float)
    return arrays


def expected_of(node, arrays):
    given = iter(arrays)
    operands = [np.asarray(n.attrs["value"]) if n.op == "const" else next(given) for n in node.operands]
    attrs = {name: resolved(value) for name, value in node.attrs.items() if name not in ("slots", "momentum")}
    if "slots" in node.attrs and node.op not in ("linear", "embedding"):
        return MEANING[node.op](**dict(zip(node.attrs["slots"], operands)), **attrs)
    return MEANING[node.op](*operands, **attrs)


def resolved(value):
    if isinstance(value, tuple):
        return tuple(resolved(part) for part in value)
    return evaluate(value, SIZES) if hasattr(value, "evaluate") else value


def test_every_op_has_an_expression_and_every_expression_a_case():
    assert set(EXPRESSIONS) == {name for name, op in OPS.items() if not op.outside} == {op for op, _, _ in CASES}


@pytest.mark.parametrize("case", CASES, ids=[f"{i}-{op}" for i, (op, _, _) in enumerate(CASES)])
def test_expression_means_what_the_reference_does(case):
    node = make(*case)
    texts = [repr(n.attrs["value"]) if n.op == "const" else n.attrs["name"] for n in node.operands]
    texts = [f"({text})" if text.startswith("-") else text for text in texts]
    text = EXPRESSIONS[node.op](node, tuple(texts), spelled)
    assert ast.dump(ast.parse(text, mode="eval")) == ast.dump(ast.parse(bare(text), mode="eval"))
    assert isinstance(ast.parse(f"{text}.z", mode="eval").body.value, type(ast.parse(text, mode="eval").body)), "no atom"
    names = [n.attrs["name"] for n in node.operands if n.op == "input"]
    arrays = values_of(case)
    tensors = [torch.from_numpy(np.array(array)) for array in arrays]
    got = compiled(text, names)(*tensors, torch.zeros(1, dtype=torch.float64), drawing(), **SIZES)
    expected = expected_of(node, arrays)
    assert got.shape == expected.shape
    assert str(got.dtype).removeprefix("torch.") == str(expected.dtype)
    torch.testing.assert_close(got, torch.from_numpy(np.array(expected)))


@pytest.mark.parametrize("case", [case for case in CASES if case[0] != "uniform"], ids=lambda case: case[0])
def test_expression_traces(case):
    node = make(*case)
    texts = tuple(f"({n.attrs['value']!r})" if n.op == "const" else n.attrs["name"] for n in node.operands)
    names = [n.attrs["name"] for n in node.operands if n.op == "input"]
    function = compiled(EXPRESSIONS[node.op](node, texts, spelled), names)
    tracer = torch.fx.Tracer(autowrap_functions=tuple(KERNELS.values()))
    wrapped = {name: value for name, value in function.__globals__.items() if name in KERNELS}
    try:
        graph = tracer.trace(function)
        module = torch.fx.GraphModule({}, graph)
    finally:
        function.__globals__.update(wrapped)
    tensors = [torch.from_numpy(np.array(array)) for array in values_of(case)]
    like = torch.zeros(1, dtype=torch.float64)
    expected = function(*tensors, like, None, *SIZES.values())
    assert torch.equal(module(*tensors, like, None, *SIZES.values()), expected)


def test_masked_products_are_one_kernel():
    b = Builder()
    x, w, bias = b.input("x", "f32", "B", 4), b.input("w", "f32", 6, 4), b.input("b", "f32", 6)
    kept = b.input("kept", "bool", "B", 6)
    product = b.op("linear", x, w, bias, slots=("x", "weight", "bias"), type=TensorType("f32", (B, 6)))
    masked = b.op("masked", product, kept, slots=("x", "kept"), type=product.type)
    graph = b.graph(masked)
    found = fusion(masked, users(graph))
    assert found.reads == (x, w, bias, kept) and found.skips == (product,)
    assert found.write(("x", "w", "b", "kept")) == "masked_linear(x, w, kept, bias=b)"
    assert fusion(masked, users(graph), frozenset({product})) is None
    assert fusion(product, users(graph)) is None
    b.op("relu", product)
    assert fusion(masked, users(b.graph(masked))) is None


def test_masked_convolution_is_one_kernel():
    b = Builder()
    x, w, kept = b.input("x", "f32", "B", 3, 8, 8), b.input("w", "f32", 6, 3, 3, 3), b.input("kept", "bool", "B", 6, 1, 1)
    attrs = {"stride": (2, 2), "padding": (1, 1), "dilation": (1, 1), "groups": 1, "slots": ("x", "weight")}
    product = b.op("conv2d", x, w, type=TensorType("f32", (B, 6, 4, 4)), **attrs)
    masked = b.op("masked", product, kept, slots=("x", "kept"), type=product.type)
    found = fusion(masked, users(b.graph(masked)))
    assert found.write(("x", "w", "kept")) == "masked_conv2d(x, w, kept, stride=2, padding=1)"


def test_attention_under_blocks_is_one_kernel():
    b = Builder()
    q, k, v = (b.input(name, "f32", "B", 4, size, 8) for name, size in (("q", "T"), ("k", "S"), ("v", "S")))
    kept = b.input("kept", "bool", "B", 1, 3, 4)
    mask = b.op("expand_blocks", kept, axes=(-2, -1), sizes=(32, 32), shape=(T, S), type=TensorType("bool", (B, 1, T, S)))
    attrs = {"slots": ("q", "k", "v", "mask"), "causal": False, "after": False, "scale": None}
    node = b.op("attention", q, k, v, mask, type=q.type, **attrs)
    found = fusion(node, users(b.graph(node)))
    assert found.reads == (q, k, v, kept)
    assert found.write(("q", "k", "v", "kept")) == "block_attention(q, k, v, kept, (32, 32))"


def test_a_weight_in_blocks_is_one_kernel():
    b = Builder()
    x, w = b.input("x", "f32", "B", "T", 64), b.input("w", "f32", 96, 64)
    kept = b.input("kept", "bool", "B", 3, 2)
    wide = b.op("broadcast", w, shape=(B, 96, 64), type=TensorType("f32", (B, 96, 64)))
    spread = b.op("expand_blocks", kept, axes=(-2, -1), sizes=(32, 32), shape=(96, 64), type=TensorType("bool", (B, 96, 64)))
    masked = b.op("masked", wide, spread, slots=("x", "kept"), type=wide.type)
    node = b.op("einsum", x, masked, equation="abi,aoi->abo", type=TensorType("f32", (B, T, 96)))
    found = fusion(node, users(b.graph(node)))
    assert found.write(("x", "w", "kept")) == "block_linear(x, w, kept, (32, 32))"
    assert set(found.skips) == {wide, spread, masked}


def test_masked_heads_are_one_kernel():
    b = Builder()
    x, w, kept = b.input("x", "f32", "B", "T", 6), b.input("w", "f32", 8, 6), b.input("kept", "bool", "B", 4, 1, 1)
    product = b.op("linear", x, w, slots=("x", "weight"), type=TensorType("f32", (B, T, 8)))
    heads = b.op("heads", product, n=4, type=TensorType("f32", (B, 4, T, 2)))
    masked = b.op("masked", heads, kept, slots=("x", "kept"), type=heads.type)
    assert fusion(masked, users(b.graph(masked))).write(("x", "w", "kept")) == "masked_heads(x, w, kept, heads=4)"
    q, k, v = (b.input(name, "f32", "B", 4, "T", 8) for name in "qkv")
    attrs = {"slots": ("q", "k", "v"), "causal": True, "after": False, "scale": None}
    attention = b.op("attention", q, k, v, type=q.type, **attrs)
    masked = b.op("masked", attention, kept, slots=("x", "kept"), type=q.type)
    found = fusion(masked, users(b.graph(masked)))
    assert found.write(("q", "k", "v", "kept")) == "masked_head_attention(q, k, v, kept, causal=True)"
