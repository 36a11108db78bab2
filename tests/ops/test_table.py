"""Every row of the op table is complete, and its parts agree with each other and with the reference."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from hand import tensor
from op_examples import EXAMPLES, FOREIGN, IMAGE, SIZES, X

from chunkc.backends.reference import run
from chunkc.compiler.dims import evaluate
from chunkc.compiler.fields import MEMORY, RESULTS, RULES, SELECTION
from chunkc.compiler.ir import Attrs
from chunkc.compiler.ops import OPS, ShapeError, implicit, infer, normalise
from chunkc.compiler.selection import FIELDS
from chunkc.grammar.elaborate import fields, keep, memory

KINDS = {"value", "values", "param", "int", "float", "bool", "string", "strings", "dtype"}
KINDS |= {"size", "sizes", "axis", "axes", "order", "pair"}


@pytest.mark.parametrize("name", OPS)
def test_every_row_is_complete(name):
    op = OPS[name]
    assert op.name == name
    assert len(op.doc) > 8 and op.doc.endswith(".")
    assert len({arg.name for arg in op.args}) == len(op.args)
    assert {arg.kind for arg in op.args} <= KINDS
    assert any(example.op == name for example in EXAMPLES)
    if op.implicit:
        assert any(arg.kind == "param" for arg in op.args)


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_an_example_has_its_type(example):
    assert infer(example.op, example.operands, example.attrs) == example.result
    assert normalise(example.op, example.operands, example.attrs) == example.attrs
    cost = OPS[example.op].cost(example.operands, example.attrs, example.result)
    assert evaluate(cost.macs, SIZES) >= 0 and evaluate(cost.bytes, SIZES) > 0


@pytest.mark.parametrize("example", [e for e in EXAMPLES if e.operands], ids=str)
def test_the_type_is_the_shape_that_the_reference_gives(example):
    result = run(example.graph(), example.values(), {}, foreign=FOREIGN).outputs["y"]
    assert result.shape == tuple(evaluate(size, SIZES) for size in example.result.shape)
    assert result.dtype.kind == example.result.dtype[0]


@pytest.mark.parametrize("example", [e for e in EXAMPLES if OPS[e.op].zero_preserving], ids=str)
def test_zero_gives_zero_where_the_row_says_so(example):
    joins = any(arg.kind == "values" for arg in OPS[example.op].args) or example.op == "pairs"
    given = {name: np.zeros_like(x) if name == "x0" or joins else x for name, x in example.values().items()}
    assert not run(example.graph(), given, {}).outputs["y"].any()


def made(op: str, *types, **written):
    return [(one.name, one.shape, one.init[0]) for one in implicit(op, types, Attrs(written))]


def test_implicit_parameters_are_those_of_pytorch():
    assert made("linear", X, n=5) == [("weight", (5, 6), "uniform"), ("bias", (5,), "uniform")]
    assert made("linear", X, n=5, bias=False) == [("weight", (5, 6), "uniform")]
    assert made("linear", X, tensor("f32", 5, 6), weight=False) == [("bias", (5,), "uniform")]
    assert made("conv2d", IMAGE, channels=8, kernel=3, groups=2, bias=False) == [("weight", (8, 2, 3, 3), "uniform")]
    assert made("conv1d", tensor("f32", "B", 4, "T"), channels=8, kernel=3)[1] == ("bias", (8,), "uniform")
    assert made("embedding", tensor("i64", "B"), n=9, d=5) == [("weight", (9, 5), "normal")]
    assert made("layer_norm", X) == [("weight", (6,), "constant"), ("bias", (6,), "constant")]
    assert made("rms_norm", X) == [("weight", (6,), "constant")]
    assert made("group_norm", IMAGE, groups=2)[0] == ("weight", (4,), "constant")
    assert made("softmax", X) == []
    assert implicit("linear", (X,), Attrs(n=5))[0].init == ("uniform", pytest.approx(6**-0.5))


def test_attributes_take_their_core_form():
    pool = normalise("max_pool2d", (IMAGE,), Attrs(kernel=2))
    assert pool == {"kernel": (2, 2), "stride": (2, 2), "padding": (0, 0)}
    assert normalise("mean", (X,), Attrs(axes=(2, 0)))["axes"] == (-3, -1)
    assert normalise("unsqueeze", (X,), Attrs(axis=0))["axis"] == -4
    assert normalise("batch_norm", (IMAGE,), Attrs())["axis"] == -3
    assert normalise("linear", (X,), Attrs(n=4, slots=("x", "weight"))) == {"slots": ("x", "weight")}


WRONG = [
    ("linear", (X, tensor("f32", 5, 7)), {}, "`linear` needs a weight [out, 6] for [B, T, 6], not [5, 7]"),
    ("add", (X, tensor("f32", "T", 5)), {}, "`add` cannot bring [B, T, 6] and [T, 5] together"),
    ("add", (X, tensor("f32", "S", 6)), {}, "`add` cannot bring [B, T, 6] and [S, 6] together"),
    ("add", (X, tensor("i64", 6)), {}, "`add` needs one type on all sides, not f32[B, T, 6] and i64[6]"),
    ("heads", (X,), {"n": 4}, "4 heads do not divide the last size of [B, T, 6]"),
    ("mean", (X,), {"axes": (3,)}, "`mean` has no axis 3: f32[B, T, 6] has 3"),
    ("matmul", (X, X), {}, "`matmul` needs [..., n, 6] times [..., 6, m], not [B, T, 6] times [B, T, 6]"),
    ("reshape", (X,), {"shape": (6, -1, 5)}, "`reshape` cannot tell what -1 is in [6, -1, 5] for [B, T, 6]"),
    ("concat", (X, tensor("f32", "B", 6)), {}, "equal but for one axis, not [B, T, 6] and [B, 6]"),
    ("einsum", (X,), {"equation": "bt->b"}, "`bt` names the axes of [B, T, 6], which has 3"),
    ("slice", (X,), {"start": 2, "stop": 9}, "`slice` from 2 to 9 leaves the axis of 6 in [B, T, 6]"),
    ("index", (X,), {"index": 6}, "index 6 is outside the axis of 6 in [B, T, 6]"),
    ("conv2d", (tensor("f32", "B", 4, 2, 2), tensor("f32", 8, 4, 3, 3)), {}, "does not fit in [B, 4, 2, 2]"),
    ("and", (X, X), {}, "`and` needs true or false, not f32[B, T, 6]"),
    ("sum", (tensor("bool", "B"),), {}, "`sum` needs numbers, not bool[B]"),
]


@pytest.mark.parametrize("op, types, written, message", WRONG, ids=[case[0] for case in WRONG])
def test_a_clash_names_both_sides(op, types, written, message):
    slots = {"slots": OPS[op].slots[: len(types)]} if OPS[op].slots else {}
    with pytest.raises(ShapeError) as caught:
        infer(op, types, normalise(op, types, Attrs({**written, **slots})))
    assert message in str(caught.value)


def test_operands_are_those_of_the_slots():
    with pytest.raises(ShapeError):
        infer("linear", (X,), Attrs(slots=("x",)))
    with pytest.raises(ShapeError):
        infer("add", (X,), Attrs())
    with pytest.raises(ShapeError):
        infer("rope", (X, X), Attrs(slots=("position", "x"), base=1e4))


def test_the_fields_are_those_that_elaboration_takes():
    assert {field.name for field in SELECTION} == set(fields.WORDS)
    assert {field.name for field in RULES} == set(keep.KINDS)
    assert {field.name for field in RESULTS} == set(FIELDS)
    assert {field.name for field in MEMORY} == set(memory.FIELDS)


def test_the_page_is_up_to_date(root):
    spec = importlib.util.spec_from_file_location("make_ops", root / "docs" / "make_ops.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.page() == module.PAGE.read_text(encoding="utf-8"), "run `make docs`"
