"""What may be gathered: bodies run on gathered positions give the rows that they give on all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hand import Builder, tensor
from hypothesis import given
from hypothesis import strategies as st
from op_examples import EXAMPLES, FOREIGN, OPS, Example, values

from chunkc.backends.reference import run
from chunkc.compiler.dims import symbol
from chunkc.compiler.ir import Attrs, Graph, Node, rebuild
from chunkc.compiler.mixing import has_effects, row_prefix, value_rows
from chunkc.compiler.ops import ShapeError, infer, normalise
from chunkc.compiler.selection import Rule
from chunkc.compiler.types import BundleType, SelectionType, TensorType, Type

B, T = symbol("B"), symbol("T")
POSITIONS = [e for e in EXAMPLES if e.positions]


def inputs_of(graph: Graph) -> dict[str, np.ndarray]:
    return {node.attrs["name"]: values(node.tensor, seed) for seed, node in enumerate(graph.inputs)}


def check_gathered(graph: Graph, rows: tuple[int | None, ...], prefix: int, given: dict[str, np.ndarray] | None = None) -> None:
    """Runs a body on all positions, and on some of them laid out as [R, 1, …]; compares the rows."""
    full = given or inputs_of(graph)
    sizes = next(full[n.attrs["name"]].shape[:prefix] for n, row in zip(graph.inputs, rows) if row is not None)
    chosen = np.unravel_index(np.random.default_rng(1).permutation(int(np.prod(sizes)))[:5], sizes)

    def gathered(x: np.ndarray) -> np.ndarray:
        picked = x[chosen]
        return picked.reshape(len(picked), *[1] * (prefix - 1), *x.shape[prefix:])

    some = {n.attrs["name"]: x if row is None else gathered(x) for n, row, x in zip(graph.inputs, rows, full.values())}
    params = {node.attrs["path"]: values(node.tensor, 9) for node in graph.nodes if node.op == "param"}
    whole = run(graph, full, params, foreign=FOREIGN).outputs
    part = run(resized(graph, rows, prefix), some, params, foreign=FOREIGN).outputs
    for name, value in whole.items():
        np.testing.assert_allclose(part[name], gathered(value), rtol=1e-12, atol=1e-12)


def resized(graph: Graph, rows: tuple[int | None, ...], prefix: int) -> Graph:
    """The graph with gathered axes of a fixed size declared as any size: an input is checked against its type."""
    free = dict(zip(graph.inputs, rows))

    def change(node: Node) -> Node | None:
        if free.get(node) is None:
            return None
        names = (symbol(f"G{axis}") if isinstance(size, int) else size for axis, size in enumerate(node.shape[:prefix]))
        return replace(node, type=node.tensor.with_shape(*names, *node.shape[prefix:]))

    return rebuild(graph, change)


@pytest.mark.parametrize("example", POSITIONS, ids=str)
def test_rules_say_what_they_should(example: Example):
    rows, expected = example.positions
    assert row_prefix(example.graph(), rows) == expected
    assert OPS[example.op].rows(rows, example.operands, example.attrs, example.result) == expected


@pytest.mark.parametrize("example", [e for e in POSITIONS if e.op != "uniform"], ids=str)
def test_every_op_gives_the_same_rows_when_gathered(example: Example):
    rows, expected = example.positions
    for prefix in range(1, expected + 1):
        check_gathered(example.graph(), rows, prefix)


@pytest.mark.parametrize("example", [e for e in POSITIONS if e.op != "uniform"], ids=str)
def test_positions_that_are_independent_do_not_move_each_other(example: Example):
    rows, expected = example.positions
    if not expected:
        return
    one = example.values()
    other = {
        n: x if r is None else np.concatenate([x[:1], values(t, 50 + i)[1:]])
        for i, (n, x, r, t) in enumerate(zipped(example, one))
    }
    a, b = (run(example.graph(), given, {}, foreign=FOREIGN).outputs["y"] for given in (one, other))
    np.testing.assert_array_equal(a[0], b[0])


def zipped(example: Example, given: dict[str, np.ndarray]):
    return [(n, x, r, t) for (n, x), r, t in zip(given.items(), example.positions[0], example.operands)]


# ---- sizes


class Typed(Builder):
    """Nodes with the types that the op table infers."""

    def call(self, name: str, *operands: Node, **written) -> Node:
        types = [operand.tensor for operand in operands]
        slots = {"slots": OPS[name].slots[: len(types)]} if OPS[name].slots else {}
        attrs = normalise(name, types, Attrs({**written, **slots}))
        return self.add(name, operands, infer(name, types, attrs), **attrs)

    def use(self, node: Node, type: Type) -> Node:
        """The last node, with a type that the builder does not know."""
        assert self.nodes[-1] is node
        self.nodes[-1] = replace(node, type=type)
        return self.nodes[-1]

    def choose(self, score: Node, *rules: Rule, path: str = "gate") -> Node:
        select = self.select(path, rules, slots={"score": score, "weight": score})
        return self.use(select, SelectionType(TensorType("bool", score.shape), score.tensor))

    def mix(self, kind: str, by: Node, *streams: Node) -> Node:
        type = streams[0].type
        return self.use(self.fuse(kind, *streams, by=by), type.element if isinstance(type, BundleType) else type)


def body(build) -> Graph:
    b = Typed()
    x = b.input("x", "f32", "B", "T", 4)
    return b.graph(build(b, x))


SIZED = {
    "a table of positions": (lambda b, x: b.call("add", x, b.call("take", b.param("p", 9, 4), b.call("range", n=T), axis=0)), 1),
    "ones of the inputs' sizes": (lambda b, x: b.call("add", x, b.call("ones", shape=(B, T, 4))), 2),
    "ones along one axis": (lambda b, x: b.call("add", x, b.call("ones", shape=(T, 4))), 1),
    "ones of another order": (lambda b, x: b.call("ones", shape=(T, B, 4)), 0),
    "a token for each sample": (
        lambda b, x: b.call("concat", b.call("broadcast", b.param("p", 4), shape=(B, 1, 4)), x, axis=1),
        1,
    ),
    "a parameter spread": (lambda b, x: b.call("mul", x, b.call("broadcast", b.param("p", 4), shape=(B, T, 4))), 2),
    "sizes kept by a reshape": (lambda b, x: b.call("reshape", x, shape=(B, T, 2, 2)), 2),
    "axes joined": (lambda b, x: b.call("reshape", x, shape=(B, T * 4)), 1),
    "a slice along positions": (lambda b, x: b.call("slice", x, start=0, stop=-1, axis=1), 1),
    "only parameters": (lambda b, x: b.param("p", 4), 0),
    "only the sizes": (lambda b, x: b.call("zeros", shape=(B, T, 4)), 2),
    "a mean of positions": (lambda b, x: b.call("sub", x, b.call("mean", x, axes=1, keepdims=True)), 1),
}


@pytest.mark.parametrize("name", SIZED)
def test_sizes_of_gathered_axes(name: str):
    build, expected = SIZED[name]
    graph = body(build)
    assert row_prefix(graph, (2,)) == expected
    for prefix in range(1, expected + 1):
        check_gathered(graph, (2,), prefix)


def test_a_dimension_that_also_stands_elsewhere_is_not_gathered():
    b = Typed()
    x, pairs = b.input("x", "f32", "B", "T", 4), b.input("pairs", "f32", "T", "T")
    graph = b.graph(b.call("add", x, b.call("sum", pairs, axes=(0, 1))))
    assert row_prefix(graph, (2, None)) == 1


def test_inputs_with_different_positions_have_the_common_ones():
    b = Typed()
    x, y = b.input("x", "f32", "B", "T", 4), b.input("y", "f32", "B", "S", 4)
    graph = b.graph(b.call("add", x, b.call("mean", y, axes=1, keepdims=True)))
    assert row_prefix(graph, (2, 2)) == 1
    check_gathered(graph, (2, 2), 1)


# ---- structural words


def routed(rule: Rule) -> Graph:
    def build(b: Typed, x: Node) -> Node:
        gate = b.choose(b.call("slice", x, start=0, stop=2), rule)
        return b.mix("sum", gate, b.call("exp", x), b.call("neg", x))

    return body(build)


def test_a_router_inside_decides_row_by_row_or_over_what_it_ranks():
    alone = routed(Rule("top", (-1,), 1))
    assert row_prefix(alone, (2,)) == 2
    check_gathered(alone, (2,), 2)
    assert row_prefix(routed(Rule("top", (-2, -1), 1)), (2,)) == 1
    check_gathered(routed(Rule("top", (-2, -1), 1)), (2,), 1)
    assert row_prefix(routed(Rule("first", (-3, -1), 1)), (2,)) == 0
    assert row_prefix(routed(Rule("above", (-1,), limit=0.4, of="score")), (2,)) == 2


def test_results_of_a_selection():
    def field(name: str, type: TensorType):
        return body(lambda b, x: b.field(b.choose(x, Rule("top", (-1,), 1)), name, type))

    assert row_prefix(field("kept", tensor("bool", "B", "T", 4)), (2,)) == 2
    assert row_prefix(field("load", tensor("f32", 4)), (2,)) == 0


def test_calls_are_as_their_bodies():
    inner = body(lambda b, x: b.call("softmax", x, axis=1))
    known = body(lambda b, x: b.call("exp", b.use(b.apply("inner", inner, x), x.type)))
    assert row_prefix(known, (2,)) == 1
    unbound = body(lambda b, x: b.use(b.apply("inner", None, x), x.type))
    assert row_prefix(unbound, (2,)) == 0


def test_losses_count_in_training_only():
    graph = body(lambda b, x: b.call("exp", x))
    lossy = replace(graph, losses=(("l", graph.nodes[-1]),))
    assert row_prefix(lossy, (2,)) == 2
    assert row_prefix(replace(lossy, training=True), (2,)) == 0
    assert has_effects(replace(lossy, training=True))


def test_rows_of_every_value():
    graph = body(lambda b, x: b.call("add", b.call("mean", x, axes=1, keepdims=True), b.param("p", 4)))
    assert list(value_rows(graph, (2,)).values()) == [2, 1, None, 1]


def test_bundles_have_the_positions_of_their_streams():
    inner = body(lambda b, x: b.call("exp", x))
    b = Typed()
    x = b.input("x", "f32", "B", "T", 4)
    bundle = b.use(b.apply("inner", inner, x, members=("0", "1")), BundleType(2, x.type))
    gate = b.choose(b.call("slice", x, start=0, stop=2), Rule("top", (-1,), 1))
    graph = b.graph(b.mix("sum", gate, bundle))
    assert row_prefix(graph, (2,)) == 2
    check_gathered(graph, (2,), 2)


# ---- random bodies

UNARY = ("exp", "tanh", "neg", "softmax", "l2_norm", "cumsum", "flip", "mean", "sum", "stop_gradient", "max", "norm")
BINARY = ("add", "mul", "maximum", "sub", "matmul", "concat", "pairs")


@st.composite
def random_bodies(draw) -> Graph:
    b = Typed()
    pool = [b.input("x", "f32", "B", "T", 4), b.input("y", "f32", "B", "T", 2), b.param("p", 4), b.param("q", 4, 4)]
    pool.append(b.call("ones", shape=draw(st.sampled_from([(B, T, 4), (T, 4), (B, 1, 4), (1, 4), (4,)]))))
    for _ in range(draw(st.integers(1, 7))):
        try:
            node = random_op(b, draw, pool)
        except ShapeError:
            continue
        if node.shape and len(node.shape) < 5:
            pool.append(node)
    return b.graph(pool[-1])


def random_op(b: Typed, draw, pool: list[Node]) -> Node:
    x, y = draw(st.sampled_from(pool)), draw(st.sampled_from(pool))
    kind = draw(st.sampled_from(("unary", "binary", "linear", "move", "shape", "route")))
    axis = draw(st.integers(-len(x.shape), -1))
    if kind == "unary":
        name = draw(st.sampled_from(UNARY))
        args = {arg.name for arg in OPS[name].args}
        keep = {"keepdims": draw(st.booleans())} if "keepdims" in args else {}
        return b.call(name, x, **keep, **({"axes": axis} if "axes" in args else {"axis": axis} if "axis" in args else {}))
    if kind == "binary":
        return b.call(draw(st.sampled_from(BINARY)), x, y)
    if kind == "linear":
        return b.call("linear", x, y)
    if kind == "move":
        other = draw(st.integers(-len(x.shape), -1))
        return draw(
            st.sampled_from([lambda: b.call("transpose", x, a=axis, b=other), lambda: b.call("unsqueeze", x, axis=axis)])
        )()
    if kind == "shape":
        shape = draw(st.sampled_from([(B, T, 4), (B, T, 2, 2), (B, 4 * T), (T, 4), (B, T, 1, 4)]))
        return b.call(draw(st.sampled_from(("reshape", "broadcast"))), x, shape=shape)
    if len(x.shape) < 2 or x.shape[-1] != 2 or x.shape[:-1] != y.shape[: len(x.shape) - 1]:
        raise ShapeError("no score")
    path = f"gate{len(b.nodes)}"
    gate = b.choose(x, Rule("top", draw(st.sampled_from([(-1,), (-2, -1)])), 1), path=path)
    return b.mix("sum", gate, y, b.call("neg", y))


@given(random_bodies())
def test_random_bodies_give_the_same_rows_when_gathered(graph: Graph):
    for prefix in range(1, row_prefix(graph, (2, 2)) + 1):
        check_gathered(graph, (2, 2), prefix)


def test_random_bodies_are_worth_running():
    found = {0: 0, 1: 0, 2: 0}

    @given(random_bodies())
    def collect(graph: Graph) -> None:
        found[row_prefix(graph, (2, 2))] += 1

    collect()
    assert min(found.values()) >= 3, found
