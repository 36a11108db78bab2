"""Values: compile-time arithmetic, lists, sizes, calls, outputs, chunks from elsewhere, the library, and every spec."""

from __future__ import annotations

from pathlib import Path

import pytest
from elaborated import graph_of, only, ops, parameters, shape_of, text_of, value_of

from chunkc.compiler.diagnostics import CompileError, Findings
from chunkc.compiler.equality import equal
from chunkc.compiler.ir import Graph
from chunkc.compiler.verify import verify
from chunkc.grammar import elaborate
from chunkc.grammar.print_core import print_graph

SPECS = Path(__file__).resolve().parents[2] / "specs"


def number(expression: str, **params: object) -> float:
    """What a compile-time expression comes to."""
    node = graph_of(f"y = v * 0 + ({expression})", **params).outputs[0][1]
    return float(node.operands[1].attrs["value"])


# ---- compile time


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("2 + 3 * 4", 14),
        ("(2 + 3) * 4", 20),
        ("7 - 2 - 1", 4),
        ("-3 + 1", -2),
        ("8 / 4", 2),
        ("d / 3", 8 / 3),
        ("7 mod 4", 3),
        ("-7 mod 4", 1),
        ("7.5 mod 2", 1.5),
        ("floor(7 / 2)", 3),
        ("ceil(7 / 2)", 4),
        ("floor(2.7)", 2),
        ("ceil(-2.5)", -2),
        ("sqrt(16)", 4),
        ("max(3, d)", 8),
        ("min(3, d)", 3),
        ("abs(-3)", 3),
        ("exp(0) + log(1)", 1),
        ("if d == 8 { 1 } else { 2 }", 1),
        ("if d != 8 or not true { 1 } else { 2 }", 2),
        ("if d > 4 and d <= 8 { 1 } else if d < 2 { 2 } else { 3 }", 1),
        ("count([1, 2, 3])", 3),
        ("size(v, 1)", 8),
        ("rank(x)", 3),
        ("shape(v)[1]", 8),
        ("[1, [2, 3]][1][0]", 2),
        ("[1, 2, 3][-1]", 3),
        ("count([1, 2, 3][1..])", 2),
        ("count([1, 2, 3][..-1])", 2),
        ("if training { 1 } else { 2 }", 2),
        ("1KiB", 1024),
        ("2e3", 2000),
    ],
)
def test_arithmetic_at_compile_time(expression: str, value: float) -> None:
    assert number(expression + ("" if "x" not in expression.replace("exp", "").replace("max", "") else " + 0 * rank(x)")) == value


def test_a_float_parameter_takes_a_whole_number_and_a_wrong_kind_is_told() -> None:
    text = text_of("y = v * a", params='d: int = 8, a: float = 2, on: bool = true, name: string = "n"')
    assert elaborate.loads(text, a=3).outputs
    for params, message in (
        ({"d": 1.5}, "the parameter `d` is of kind `int`, found the number `1.5`"),
        ({"on": 1}, "the parameter `on` is of kind `bool`, found the number `1`"),
        ({"a": "x"}, 'the parameter `a` is of kind `float`, found the string "x"'),
        ({"depth": 3}, "the model `m` has no parameter `depth`"),
    ):
        with pytest.raises(CompileError) as caught:
            elaborate.loads(text, **params)
        assert [item.message for item in caught.value.diagnostics] == [message]


@pytest.mark.parametrize(
    ("shape", "type"),
    [
        ("[B, 2 * T + 1]", "f32[B, 2 * T + 1]"),
        ("[B, T * T / T]", "f32[B, T]"),
        ("[floor(T / 2), 3]", "f32[floor(T / 2), 3]"),
        ("[(2 * T) / 2]", "f32[T]"),
        ("[T - T + 4]", "f32[4]"),
        ("[max(T, 2 * T)]", "f32[max(T, 2 * T)]"),
        ("[(T + 1) * (T - 1)]", "f32[T * T - 1]"),
        ("[4 * d mod 5]", "f32[2]"),
    ],
)
def test_arithmetic_of_sizes(shape: str, type: str) -> None:
    assert shape_of(f"y = ones({shape}) + 0 * mean_all(x)") == type


@pytest.mark.parametrize(
    ("value", "type"),
    [
        ("x |> split(2)[1]", None),
        ("split(x, 2)[1]", "f32[B, T, 4]"),
        ("split(x, [3, 5])[0]", "f32[B, T, 3]"),
        ("split(x, [3, 5])[1]", "f32[B, T, 5]"),
        ("unstack(x)[0]", "f32[B, T]"),
        ("unstack(x |> linear(3)) |> stack", "f32[B, T, 3]"),
        ("stack(unstack(x), axis=0)", "f32[8, B, T]"),
        ("x[0]", "f32[T, 8]"),
        ("x[.., 0]", "f32[B, 8]"),
        ("x[.., .., 2..4]", "f32[B, T, 2]"),
        ("x[1.., 0..2]", "f32[B - 1, 2, 8]"),
        ("max(x, 0)", "f32[T, 8]"),
        ("max(x, 0.0)", "f32[B, T, 8]"),
        ("max(x, mean(x, 0))", "f32[B, T, 8]"),
        ("1 - x", "f32[B, T, 8]"),
        ("x > 0.5", "bool[B, T, 8]"),
        ("not (x > 0)", "bool[B, T, 8]"),
        ("x == x and x < 2", "bool[B, T, 8]"),
        ("cast(x > 0, dtype(x))", "f32[B, T, 8]"),
        ('einsum("bti,bsi->bts", x, x)', "f32[B, T, T]"),
        ("x @ transpose(x, 1, 2)", "f32[B, T, T]"),
        ("mean([x, x + 1])", "f32[B, T, 8]"),
    ],
)
def test_lists_slices_and_operators(value: str, type: str | None) -> None:
    if type is None:
        with pytest.raises(CompileError):
            graph_of(f"y = {value}")
    else:
        assert shape_of(f"y = {value}") == type


def test_pipes_and_fields_of_a_call() -> None:
    before = "model two {\n input x\n output a = x |> relu\n output b = x |> linear(3)\n}"
    graph = graph_of("r = two(v)\noutput y = r.b\noutput z = r |> linear(2)\noutput w = two(v).a", before=before)
    assert [str(node.type) for _, node in graph.outputs] == ["f32[B, 3]", "f32[B, 2]", "f32[B, 8]"]


def test_arguments_by_name_and_by_position_and_what_is_not_given() -> None:
    before = """model part(n: int = 3, scale: float = 1) {
      input x
      input gate
      y = if given(gate) { x * gate } else { x }
      output z = y * scale |> linear(n)
    }"""
    for call in ("part(v, n=2)", "part(n=2, x=v)", "v |> part(gate=v, n=2)", "part(v, v, 2)", "part(v, v, 2, 0.5)"):
        assert shape_of(f"y = {call}", before=before) == "f32[B, 2]"


def test_several_outputs_in_their_order() -> None:
    graph = graph_of("a = v |> linear(2)\noutput b = a + 1\noutput a\noutput c = b * 2")
    assert [name for name, _ in graph.outputs] == ["b", "a", "c"]


def test_a_chunk_of_several_outputs_is_a_record() -> None:
    graph = graph_of("chunk e[2](h) {\noutput a = h |> linear(3)\noutput b = relu(h)\n}\nr = e[1](v)\ny = r.a + mean_all(r.b)")
    assert str(only(graph, "apply").type) == "record(a=f32[B, 3], b=f32[B, 8])"
    bundle = graph_of("chunk e[2](h) {\noutput a = h |> linear(3)\noutput b = relu(h)\n}\nr = e(v)\ny = r[0].a + r[1].a")
    assert str(only(bundle, "apply").type) == "bundle[2](record(a=f32[B, 3], b=f32[B, 8]))"


def test_a_bundle_in_a_for() -> None:
    value = value_of("chunk e[3](h) { h * 2 }\ntotal = v * 0\nfor stream in e(v) {\ntotal = total + stream\n}\ny = total - 6 * v")
    assert (value == 0).all()


# ---- chunks from elsewhere


EXTERNS = """model m(d: int = 8) {
  input x: f32[B, d]
  chunk a(h: f32[B, d]) -> f32[B, 4] = extern("store/a@stable#part") requires "onnx>=1.0", "numpy"
  chunk b[2](h: f32[B, d]) -> f32[B, 4] = extern("store/b@v1", trainable=true)
  chunk c(h) { h |> linear(4) } from "store/c@v2"
  output y = a(x) + mean(b(x)) + c(x)
}
"""


def test_externs_are_declared() -> None:
    graph = elaborate.loads(EXTERNS)
    verify(graph)
    a, b, c = graph.chunks
    assert (a.extern, a.requires, a.trainable, a.members) == ("store/a@stable#part", ("onnx>=1.0", "numpy"), False, ("",))
    assert (b.extern, b.trainable, b.members) == ("store/b@v1", True, ("0", "1"))
    assert (c.extern, c.source) == ("", "store/c@v2")
    assert [node.attrs["body"] is None for node in graph.nodes if node.op == "apply"] == [True, True, False]
    assert equal(elaborate.loads(print_graph(graph)), graph)


def bound(tmp_path: Path, written: str, **bind: str) -> Graph:
    (tmp_path / "m.cc").write_text(EXTERNS)
    (tmp_path / "part.cc").write_text(written)
    return elaborate.load(tmp_path / "m.cc", bind={name: str(tmp_path / path) for name, path in bind.items()})


def test_bind_puts_a_written_chunk_in_an_externs_place(tmp_path: Path) -> None:
    graph = bound(
        tmp_path, "model part(d: int = 2) {\n input z: f32[B, d]\n output y = z |> linear(4)\n}\n", a="part.cc", b="part.cc"
    )
    found = parameters(graph)
    assert found["a.y.linear_1.weight"] == "f32[4, 8]" and found["b.1.y.linear_1.weight"] == "f32[4, 8]"


@pytest.mark.parametrize(
    ("written", "name", "code", "message"),
    [
        (" input z: f32[B, 8]\n output y = z |> linear(4)\n", "aa", "CC0508", "there is no extern chunk `aa`"),
        (" input z: f32[B, 8]\n output y = z |> linear(4)\n", "c", "CC0508", "there is no extern chunk `c`"),
        (
            " input z: f32[B, 8]\n input w: f32[B, 8]\n output y = z\n",
            "a",
            "CC0508",
            "`part`, bound to `a`, takes 2 inputs, and the chunk 1",
        ),
        (" input z: f32[B, 8]\n output y = z\n", "a", "CC0305", "`a` is declared to give `f32[B, 4]`, and gives `f32[B, 8]`"),
        (
            " input z: f32[B, 9]\n output y = z\n",
            "a",
            "CC0305",
            "`z` of `part` is declared `f32[B, 9]`, found `f32[B, 8]`: a size is 8, not 9",
        ),
    ],
)
def test_a_binding_that_does_not_fit(tmp_path: Path, written: str, name: str, code: str, message: str) -> None:
    with pytest.raises(CompileError) as caught:
        bound(tmp_path, f"model part {{\n{written}}}\n", **{name: "part.cc"})
    assert [(item.code, item.message) for item in caught.value.diagnostics] == [(code, message)]


def test_memory_is_checked_and_carried() -> None:
    graph = graph_of("memory { budget = 25%  evict = lru  prefetch = speculative(2) }\ny = v")
    assert graph.memory == {"budget": ("share", 0.25), "evict": "lru", "prefetch": ("speculative", 2)}
    assert graph_of("memory { budget = 256MiB  prefetch = 1 }\ny = v").memory["budget"] == ("bytes", 256 << 20)


# ---- the library


@pytest.mark.parametrize(
    ("call", "type"),
    [
        ("gated(v, relu(v))", "f32[B, 8]"),
        ("gated_convex(v, relu(v))", "f32[B, 8]"),
        ("learned([v, v + 1])", "f32[B, 8]"),
        ("ones([2], bool)", "bool[2]"),
        ("ones(2, 3)", "f32[2, 3]"),
        ("ones(shape(v))", "f32[B, 8]"),
        ("x |> reshape(B, T, 2, 4)", "f32[B, T, 2, 4]"),
        ("null_point([v, v + 1], heads=2)", "f32[B, 8]"),
        ("self_pool(x)", "f32[B, 8]"),
        ("cross_pool(v, x)", "f32[B, 8]"),
        ("cross_pool(x, x)", "f32[B, T, 8]"),
        ("mean_all(x)", "f32[]"),
        ("importance(v, ones([4, 8]))", "f32[B, 4]"),
    ],
)
def test_models_of_the_library(call: str, type: str) -> None:
    assert shape_of(f"y = {call}") == type


def test_nodes_of_the_library_come_from_the_call() -> None:
    graph = graph_of("y = gated(v, v)")
    assert {node.span.source.path for node in graph.nodes} == {"<text>"}
    assert {node.span.text for node in graph.nodes if node.op == "linear"} == {"gated(v, v)"}


def test_no_file_of_its_own_may_hide_what_the_library_reads() -> None:
    before = "model mean_all {\n input x\n output y = x\n}"
    graph = graph_of("router g { score = v |> linear(3) }\nloss a = density(g)\ny = g.weight", before=before, training=True)
    assert str(graph.losses[0][1].type) == "f32[]"


# ---- every spec


@pytest.mark.parametrize("training", [False, True], ids=["eval", "training"])
@pytest.mark.parametrize("path", [p for p in sorted(SPECS.glob("*.cc")) if p.stem != "std"], ids=lambda p: p.stem)
def test_a_spec_verifies_and_reads_back_equal(path: Path, training: bool) -> None:
    findings = Findings()
    graph = elaborate.load(path, training=training, findings=findings)
    assert {item.code for item in findings.items} <= ({"CC0802"} if path.stem == "translation_attention" else set())
    verify(graph)
    assert equal(elaborate.loads(print_graph(graph)), graph)
    assert ops(graph), "something is computed"


def test_eval_and_training_have_the_same_parameters() -> None:
    for path in SPECS.glob("*.cc"):
        if path.stem != "std":
            first, second = (elaborate.load(path, training=training) for training in (False, True))
            assert first.parameters == second.parameters and first.chunks == second.chunks
