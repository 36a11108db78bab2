"""Rules as data: each of them holds bit by bit, found by trying values on both sides; and how rules are read and applied."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hand import Builder

from chunkc.backends.reference import run
from chunkc.compiler.ir import Attrs, Graph, Node
from chunkc.compiler.ops import ShapeError, infer, normalise
from chunkc.compiler.types import TensorType
from chunkc.compiler.verify import verify
from chunkc.passes import laws_number, laws_shape
from chunkc.passes.rewrite import Site
from chunkc.passes.rules import Call, Rule, rule, rules

RULES = [law for laws in (laws_number.LAWS, laws_shape.LAWS) for of in laws.by_op.values() for law in of if isinstance(law, Rule)]
SHAPES: list[tuple[int, ...]] = [(2, 4), (1, 2, 4), (8, 1), (2, 2, 4)]
TRIED = {"s": [(2, 4), (8,), (3, 2, 4)], "i": [-1, -2, -3], "j": [-1, -2]}
"""What is tried for the names of attributes: shapes and axes. What does not fit an op is left out."""
SPECIAL = [0.0, -0.0, 1.0, -1.5, float("inf"), float("-inf"), float("nan"), 3.0]


def names(side: Call | str) -> tuple[list[str], list[str]]:
    """The names of values, and those of attributes, in a side."""
    if isinstance(side, str):
        return [side], []
    values = [name for part in side.operands for name in names(part)[0]]
    attrs = [value for _, value in side.attrs if isinstance(value, str)]
    return list(dict.fromkeys(values)), list(dict.fromkeys(attrs + [a for part in side.operands for a in names(part)[1]]))


def build(side: Call | str, values: dict[str, Node], attrs: dict[str, object], free: dict[str, object]) -> Node:
    """A side as a node; attributes that it does not mention are taken from `free` where the op needs them."""
    if isinstance(side, str):
        return values[side]
    operands = [build(part, values, attrs, free) for part in side.operands]
    given = {key: attrs[value] if isinstance(value, str) else value for key, value in side.attrs}
    types = [operand.tensor for operand in operands]
    wanted = {**{key: value for key, value in free.items() if key in NEEDED.get(side.op, ())}, **given}
    full = normalise(side.op, types, Attrs(wanted))
    return Node(side.op, tuple(operands), full, infer(side.op, types, full), HERE.span)


HERE = Builder().op("const", value=0.0, type=TensorType("f32", ()))
NEEDED = {
    "reshape": ("shape",),
    "broadcast": ("shape",),
    "slice": ("start", "stop"),
    "index": ("index",),
    "heads": ("n",),
    "unsqueeze": ("axis",),
    "squeeze": ("axis",),
}
FREE: list[dict[str, object]] = [
    {"shape": shape, "start": 0, "stop": 4, "index": 0, "n": 2, "axis": axis}
    for shape, axis in product([(2, 4), (8,), (2, 1, 4), (3, 2, 4)], [-1, -2])
]


def examples(one: Rule) -> Iterator[tuple[Graph, Graph]]:
    """Graphs of both sides for all dtypes, shapes and attributes that fit."""
    values, attrs = names(one.left)
    for dtype, shape, free in product(("f32", "i64", "bool"), SHAPES, FREE):
        for bound in product(*(TRIED[name] for name in attrs)):
            b = Builder()
            inputs = {name: b.input(name, dtype if name != "c" else "bool", *shape) for name in values}
            given = dict(zip(attrs, bound))
            try:
                left = build(one.left, inputs, given, free)
            except ShapeError:
                continue
            right = one(Site(left), left)
            if right is not None:
                yield whole(b, left), whole(b, right)


def whole(b: Builder, root: Node) -> Graph:
    """The graph of a value that is not placed yet."""
    order = list(b.nodes)

    def place(node: Node) -> None:
        for operand in node.operands:
            place(operand)
        if node not in order:
            order.append(node)

    place(root)
    return replace(b.graph(order[0]), nodes=tuple(order), outputs=(("y", root),))


def draw(node: Node, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    kind, shape = node.tensor, tuple(int(size) for size in node.shape)  # type: ignore[call-overload]
    if kind.is_float:
        return random.choice(SPECIAL, shape)
    return random.integers(0, 2, shape).astype(bool) if kind.dtype == "bool" else random.integers(-3, 4, shape)


@pytest.mark.parametrize("one", RULES, ids=lambda one: one.text)
def test_both_sides_have_the_same_bits(one: Rule) -> None:
    tried = 0
    for left, right in examples(one):
        verify(left)
        verify(right)
        inputs = {str(node.attrs["name"]): draw(node, seed=tried) for node in left.inputs}
        first, second = (np.asarray(run(graph, inputs, {}).outputs["y"]) for graph in (left, right))
        assert first.shape == second.shape and first.dtype == second.dtype
        np.testing.assert_array_equal(second, first)
        if first.dtype.kind == "f":
            np.testing.assert_array_equal(np.signbit(second[~np.isnan(second)]), np.signbit(first[~np.isnan(first)]))
        tried += 1
        if tried == 20:
            break
    assert tried, "no graph was found to try the rule on"


def test_every_rule_makes_its_node_smaller_or_as_small() -> None:
    """Or they would not come to rest."""

    def size(side: Call | str) -> int:
        return 1 + sum(map(size, side.operands)) if isinstance(side, Call) else 0

    for one in RULES:
        assert size(one.right) <= size(one.left), one.text


# ---- reading and applying


def test_a_name_that_stands_twice_is_one_value() -> None:
    b = Builder()
    x, y = b.input("x", "bool", 4), b.input("y", "bool", 4)
    laws = rules("and(x, x) = x")
    assert laws.simplify(b.op("and", x, x, type=x.type)) is x
    both = b.op("and", x, y, type=x.type)
    assert laws.simplify(both) is both


def test_attributes_are_bound_alike_on_both_sides() -> None:
    b = Builder()
    x = b.input("x", "f32", 4, 4)
    laws = rules("flip(flip(x, axis=i), axis=i) = x", "flip(x, axis=-2) = flip(x, axis=-1)")
    inner = b.op("flip", x, type=x.type, axis=-1)
    assert laws.simplify(b.op("flip", inner, type=x.type, axis=-1)) is x
    assert laws.simplify(b.op("flip", x, type=x.type, axis=-2)).attrs["axis"] == -1


def test_the_type_stays() -> None:
    b = Builder()
    x = b.input("x", "f32", 4, 2)
    node = b.op("reshape", x, type=TensorType("f32", (8,)), shape=(8,))
    assert rules("reshape(x) = x").simplify(node) is node


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("neg(neg(x)) = y", "has no `y`"),
        ("x = neg(x)", "is no op"),
        ("nag(x) = x", "no op `nag`"),
        ("neg(x) = x x", "goes on behind"),
        ("neg(x)", "where `=` should be"),
        ("neg(x = x", "where"),
        ("neg(x, = x", "where"),
        ("neg(x) = ", "`its end` where a name should be"),
        ("neg(x) = x;", "has no meaning"),
        ("neg(x) = flip(x, axis=i)", "has no `i`"),
    ],
)
def test_what_is_no_rule_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        rule(text)
