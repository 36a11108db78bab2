"""Fuses, chunks, bundles, frames, losses and states: what stands around the ops."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hand import ANY, Builder, normal, size, tensor
from oracle import check

from chunkc.backends.reference import RunError, run
from chunkc.compiler.dims import floor_divide
from chunkc.compiler.ir import Attrs, Graph, Node
from chunkc.compiler.selection import Rule
from chunkc.compiler.source import NOWHERE
from chunkc.compiler.types import BundleType, RecordType

TOP2 = (Rule("top", amount=2),)
X, Y, Z = normal(3, 4), normal(3, 4, seed=1), normal(3, 4, seed=2)
SCORE = np.array([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7], [0.2, 0.6, 0.2]])
KEPT = np.array([[1, 1, 0], [0, 1, 1], [1, 1, 0]], bool)


def fused(kind, streams, score=SCORE, rules=TOP2):
    b = Builder()
    nodes = [b.input(f"x{i}", "f64", *stream.shape) for i, stream in enumerate(streams)]
    inputs = {f"x{i}": stream for i, stream in enumerate(streams)}
    if score is None:
        return run(b.graph(b.fuse(kind, *nodes)), inputs, {}).output
    gate = b.input("score", "f64", *score.shape)
    by = b.select("gate", rules, slots={"score": gate, "weight": gate})
    return run(b.graph(b.fuse(kind, *nodes, by=by)), {**inputs, "score": score}, {}).output


def expected_terms():
    return [np.where(KEPT[:, i, None], stream * SCORE[:, i, None], 0.0) for i, stream in enumerate((X, Y, Z))]


def test_fuses_by_a_selection():
    terms = expected_terms()
    check(fused("sum", [X, Y, Z]), sum(terms))
    check(fused("mean", [X, Y, Z]), sum(terms) / 2)
    check(fused("concat", [X, Y, Z]), np.concatenate(terms, -1))
    check(fused("stack", [X, Y, Z]), np.stack(terms, -2))


def test_fuses_of_everything():
    check(fused("sum", [X, Y, Z], None), X + Y + Z)
    check(fused("mean", [X, Y, Z], None), (X + Y + Z) / 3)
    check(fused("concat", [X, Y], None), np.concatenate([X, Y], -1))
    check(fused("stack", [X, Y], None), np.stack([X, Y], -2))


@pytest.mark.parametrize("kind", ["sum", "mean", "concat", "stack"])
def test_nothing_kept_gives_zero(kind):
    y = fused(kind, [X * np.inf, Y * np.nan, Z], rules=(Rule("above", limit=2.0),))
    assert (y == 0).all()


@pytest.mark.parametrize("kind", ["sum", "mean", "concat", "stack"])
@pytest.mark.parametrize("poison", [np.inf, np.nan])
def test_an_absent_stream_cannot_reach_the_result(kind, poison):
    bad = [np.where(KEPT[:, i, None], stream, poison) for i, stream in enumerate((X, Y, Z))]
    check(fused(kind, bad), fused(kind, [X, Y, Z]))


def test_decisions_are_a_prefix_of_the_streams():
    """One decision a position over [B, T, …]; and a single one for everything."""
    streams, score = [normal(2, 3, 4, 5, seed=i) for i in range(3)], normal(2, 3, 3)
    kept = score >= np.sort(score, -1)[..., 1:2]
    terms = [np.where(kept[..., i, None, None], s * score[..., i, None, None], 0.0) for i, s in enumerate(streams)]
    check(fused("sum", streams, score), sum(terms))
    check(fused("stack", streams, score), np.stack(terms, -2))
    check(fused("sum", streams, SCORE[0]), streams[0] * 0.5 + streams[1] * 0.3)


def linear_body(b: Builder, n: int = 4) -> Graph:
    """chunk(h) { h |> linear(4) }, its weight its own."""
    body = Builder()
    h = body.input("h", "f64", "N", n)
    return body.graph(body.op("linear", h, body.param("linear_1.weight", 4, n), slots=("x", "weight")))


def test_an_array_of_chunks_gives_a_bundle():
    b = Builder()
    x, gate = b.input("x", "f64", "B", 4), b.input("score", "f64", "B", 3)
    experts = b.apply("expert", linear_body(b), x, members=("0", "1", "2"))
    by = b.select("gate", TOP2, slots={"score": gate, "weight": gate})
    graph = b.graph(b.fuse("sum", experts, by=by), bundle=experts)
    params = {f"expert.{i}.linear_1.weight": normal(4, 4, seed=i) for i in range(3)}
    result = run(graph, {"x": X, "score": SCORE}, params)
    streams = [X @ w.T for w in params.values()]
    check(result.output, sum(np.where(KEPT[:, i, None], s * SCORE[:, i, None], 0.0) for i, s in enumerate(streams)))
    for actual, stream in zip(result.outputs["bundle"], streams):
        check(actual, stream)


def test_a_bundle_stands_beside_other_streams():
    b = Builder()
    x = b.input("x", "f64", "B", 4)
    double = Builder()
    h = double.input("h", "f64", "B", 4)
    body = double.graph(double.op("add", h, h))
    streams = (x, b.apply("twice", body, x, members=("a", "b")))
    check(run(b.graph(b.fuse("concat", *streams)), {"x": X}, {}).output, np.concatenate([X, 2 * X, 2 * X], -1))


def test_zips():
    b = Builder()
    x, y = b.input("x", "f64", "B", 4), b.input("y", "f64", "B", 4)
    one = b.apply("a", linear_body(b), x, y, members=("p", "q"), zipped=True)
    two = b.apply("b", linear_body(b), one, members=("p", "q"), zipped=True)
    params = {f"{chunk}.{m}.linear_1.weight": normal(4, 4, seed=ord(m)) for chunk in "ab" for m in "pq"}
    bundle = run(b.graph(two), {"x": X, "y": Y}, params).output
    for actual, value, m in zip(bundle, (X, Y), "pq"):
        check(actual, value @ params[f"a.{m}.linear_1.weight"].T @ params[f"b.{m}.linear_1.weight"].T)


def test_a_zip_shares_what_is_left_over():
    """Called `among` a selection, each member has its own value, and all have the same decisions."""
    body = Builder()
    h, kept = body.input("h", "f64", "B", 4), body.input("kept", "bool", "B")
    mask = body.op("unsqueeze", kept, axis=-1)
    graph = body.graph(body.op("masked", h, mask, slots=("x", "kept")))
    b = Builder()
    x, y, told = b.input("x", "f64", "B", 4), b.input("y", "f64", "B", 4), b.input("told", "bool", "B")
    zipped = b.apply("f", graph, x, y, told, members=("0", "1"), zipped=True)
    kept = np.array([True, False, True])
    for actual, value in zip(run(b.graph(zipped), {"x": X, "y": Y, "told": kept}, {}).output, (X, Y)):
        check(actual, np.where(kept[:, None], value, 0))


def test_a_body_may_be_handed_sizes_whose_symbols_it_never_sees():
    body = Builder()
    half = body.input("half", "f32", "B", floor_divide(size("H"), 2))
    b = Builder()
    x = b.input("x", "f64", "B", "H")
    y = b.apply("", body.graph(body.op("neg", half)), b.op("slice", x, axis=-1, start=0, stop=2, step=1), call="")
    check(run(b.graph(y), {"x": X}, {}).output, -X[:, :2])


def test_several_outputs_are_a_record():
    body = Builder()
    h = body.input("h", "f64", "B", 4)
    both = body.graph(double=body.op("add", h, h), square=body.op("mul", h, h))
    b = Builder()
    x = b.input("x", "f64", "B", 4)
    record = b.apply("both", both, x)
    bundle = b.apply("each", both, x, members=("u", "v"))
    squares = b.field(bundle, "square", BundleType(2, ANY))
    one = b.field(b.field(bundle, "v", RecordType(())), "double")
    graph = b.graph(b.field(record, "double"), b.fuse("sum", squares), one)
    assert [np.allclose(a, e) for a, e in zip(run(graph, {"x": X}, {}).outputs.values(), (2 * X, 2 * X * X, 2 * X))] == [True] * 3


def test_several_arguments_and_their_own_sizes():
    """A body binds its own names of sizes at each call."""
    body = Builder()
    a, c = body.input("a", "f64", "B", "T"), body.input("c", "f64", "T")
    ones = body.op("ones", shape=tensor("f32", "T").shape, dtype="f64")
    graph = body.graph(body.op("add", body.op("add", a, c), ones))
    b = Builder()
    x, y = b.input("x", "f64", "B", 4), b.input("y", "f64", 4, "B")
    total = b.op("sum", b.apply("f", graph, y, b.op("index", y, axis=-2, index=0), call="f_2"), axes=(-2, -1), keepdims=False)
    first = b.apply("f", graph, x, b.op("index", x, axis=-2, index=0))
    result = run(b.graph(first, total), {"x": X, "y": X.T}, {}).outputs
    check(result["y"], X + X[0] + 1)
    check(result["y1"], (X.T + X.T[0] + 1).sum())


def nested() -> Graph:
    """A router in a chunk in an array; the inner chunk reads a parameter two frames out, and its caller's next to it."""
    inner = Builder()
    h = inner.input("h", "f64", "B", 4)
    scaled = inner.op("mul", inner.op("mul", h, inner.param("scale", 4)), inner.param("shared", up=1))
    noise = inner.op("uniform", h, path="noise")
    loss = inner.op("sum", scaled, axes=(-2, -1), keepdims=False)
    inner_graph = inner.graph(inner.op("add", inner.op("mul", scaled, inner.param("outer", up=2)), noise), losses={"work": loss})

    outer = Builder()
    h = outer.input("h", "f64", "B", 4)
    score = outer.op("linear", h, outer.param("gate.weight", 2, 4), slots=("x", "weight"))
    by = outer.select("gate", (Rule("top", amount=1),), slots={"score": score})
    ways = outer.apply("inner", inner_graph, h, members=("a", "b"), call="inner_1")
    outer_graph = outer.graph(outer.fuse("sum", ways, by=by))

    b = Builder()
    x = b.input("x", "f64", "B", 4)
    for _ in range(2):
        b.param("outer")
    y = b.apply("block", outer_graph, x, members=("0", "1"))
    again = b.apply("block", outer_graph, x, members=("0", "1"), call="block_2")
    return b.graph(b.fuse("sum", y, again))


def nested_params():
    params = {"outer": np.array(2.0)}
    for i in "01":
        params |= {f"block.{i}.shared": np.array(3.0 + int(i)), f"block.{i}.gate.weight": normal(2, 4, seed=int(i))}
        params |= {f"block.{i}.inner.{m}.scale": normal(4, seed=ord(m) + int(i)) for m in "ab"}
    return params


def test_nested_frames():
    params = nested_params()
    result = run(nested(), {"x": X}, params)
    total = np.zeros_like(X)
    for call in ("block", "block_2"):
        for i in "01":
            kept = result.decisions[f"{call}.{i}.gate"]
            score = X @ params[f"block.{i}.gate.weight"].T
            assert (kept == (score == score.max(-1, keepdims=True))).all()
            for way, m in enumerate("ab"):
                scaled = X * params[f"block.{i}.inner.{m}.scale"] * params[f"block.{i}.shared"]
                stream = scaled * 2.0 + result.draws[f"{call}.{i}.inner_1.{m}.noise"]
                total += np.where(kept[:, way, None], stream, 0.0)
                assert result.losses[f"{call}.{i}.inner_1.{m}.work"] == pytest.approx(scaled.sum())
    check(result.output, total)
    assert len(result.decisions) == len(result.stats) == 4 and len(result.draws) == 8


def test_draws_of_different_calls_differ_and_replay():
    params = nested_params()
    result = run(nested(), {"x": X}, params, seed=3)
    draws = list(result.draws.values())
    assert all((a != b).any() for i, a in enumerate(draws) for b in draws[:i])
    again = run(nested(), {"x": X}, params, seed=4, draws=result.draws, decisions=result.decisions)
    check(again.output, result.output)
    assert not again.disagreements and not again.unused
    assert (run(nested(), {"x": X}, params, seed=4).output != result.output).any()


def test_an_outlined_body_lives_in_its_callers_frame():
    body = Builder()
    h = body.input("h", "f64", "B", 4)
    by = body.select("live.3", (Rule("above", limit=0.0),), slots={"score": h})
    y = body.op("masked", body.op("mul", h, body.param("scale")), body.field(by, "kept"), slots=("x", "kept"))
    b = Builder()
    x = b.input("x", "f64", "B", 4)
    result = run(b.graph(b.apply("", body.graph(y), x, call="")), {"x": X}, {"scale": np.array(2.0)})
    check(result.output, np.where(X > 0, 2 * X, 0))
    assert list(result.decisions) == ["live.3"]


def test_losses_add_up_over_a_for():
    b = Builder()
    x = b.input("x", "f64")
    losses = {"work.0": x, "work.1": b.op("add", x, x), "grid.0.1": x, "grid.1.0": x, "sparsity": x}
    result = run(b.graph(x, losses=losses), {"x": np.array(1.5)}, {})
    expected = {"work.0": 1.5, "work.1": 3.0, "grid.0.1": 1.5, "grid.1.0": 1.5, "sparsity": 1.5, "work": 4.5, "grid": 3.0}
    assert result.losses == expected


def test_next_states():
    b = Builder()
    x = b.input("x", "f64", "B", 4)
    bias = b.param("bias", 4, op="state")
    graph = b.graph(b.op("add", x, bias), nexts=((bias, b.op("add", bias, b.op("mean", x, axes=(-2,), keepdims=False))),))
    result = run(graph, {"x": X}, {"bias": Y[0]})
    check(result.output, X + Y[0])
    check(result.nexts["bias"], Y[0] + X.mean(0))


def test_only_what_is_asked_for_is_computed():
    b = Builder()
    x = b.input("x", "f64", "B", 4)
    broken = b.op("reshape", x, shape=(7, 7))
    graph = b.graph(x, broken)
    check(run(graph, {"x": X}, {}, outputs=["y"]).output, X)
    with pytest.raises(ValueError, match="reshape"):
        run(graph, {"x": X}, {})


def test_deep_graphs_need_no_recursion():
    b = Builder()
    x = b.input("x", "f64", "B", 4)
    y = x
    for _ in range(5000):
        y = b.op("relu", y)
    check(run(b.graph(y), {"x": X}, {}).output, np.maximum(X, 0))


def graph_of_a_parameter() -> Graph:
    b = Builder()
    x = b.input("x", "f64", "B", 4)
    return b.graph(b.op("add", x, b.param("w", 4)))


@pytest.mark.parametrize(
    "inputs, params, message",
    [
        ({}, {"w": X[0]}, "takes the inputs x; got none"),
        ({"x": X, "z": X}, {"w": X[0]}, "takes the inputs x; got x, z"),
        ({"x": X}, {}, "no parameter `w`"),
        ({"x": X}, {"w": X}, r"`w` must be f32\[4\], got shape \[3, 4\]"),
        ({"x": X[0]}, {"w": X[0]}, r"`x` must be f64\[B, 4\], got shape \[4\]"),
        ({"x": X.T}, {"w": X[0]}, r"`x` must be f64\[B, 4\], which is \[4, 4\] here; got shape \[4, 3\]"),
    ],
)
def test_what_does_not_fit_is_refused(inputs, params, message):
    with pytest.raises(RunError, match=message):
        run(graph_of_a_parameter(), inputs, params)


def test_sizes_that_contradict_each_other_are_refused():
    b = Builder()
    graph = b.graph(b.op("add", b.input("x", "f64", "B"), b.input("y", "f64", "B")))
    with pytest.raises(RunError, match="`y` has B = 2, but B = 3 in an earlier input"):
        run(graph, {"x": np.zeros(3), "y": np.zeros(2)}, {})


def test_an_unbound_extern_is_refused():
    b = Builder()
    graph = b.graph(b.apply("edges", None, b.input("x", "f64", "B", 4)))
    with pytest.raises(RunError, match="`edges` is stored elsewhere") as error:
        run(graph, {"x": X}, {})
    assert "in `apply` at" in error.value.__notes__[0]


def test_an_input_may_be_a_selection_or_a_bundle():
    """An outlined body may be handed what its caller has not fused yet."""
    body = Builder()
    b = Builder()
    x, score = b.input("x", "f64", "B", 4), b.input("score", "f64", "B", 2)
    twice = Builder()
    h = twice.input("h", "f64", "B", 4)
    ways = b.apply("way", twice.graph(twice.op("add", h, h)), x, members=("0", "1"))
    by = b.select("gate", (Rule("top", amount=1),), slots={"score": score})
    kept = tensor("bool", "B", 2)
    bundle = body.input("ways", "", type=BundleType(2, tensor("f64", "B", 4)))
    selection = Node("input", (), Attrs(name="by"), type(by.type)(kept, tensor("f64", "B", 2)), NOWHERE)
    body.nodes.append(selection)
    y = b.apply("", body.graph(body.fuse("sum", bundle, by=selection)), ways, by, call="")
    check(run(b.graph(y), {"x": X, "score": SCORE[:, :2]}, {}).output, 2 * X)


def test_values_go_after_their_last_use():
    b = Builder()
    y = b.input("x", "f64", 1 << 16)
    for _ in range(100):
        y = b.op("relu", y)
    graph, value = b.graph(y), np.zeros(1 << 16)
    run(graph, {"x": value}, {})
    tracemalloc.start()
    run(graph, {"x": value}, {})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10 * value.nbytes
