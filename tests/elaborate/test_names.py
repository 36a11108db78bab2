"""Names: axes, parameter paths, scopes, sharing, and other files."""

from __future__ import annotations

from pathlib import Path

import pytest
from elaborated import graph_of, only, ops, parameters, shape_of, value_of

from chunkc.compiler.diagnostics import CompileError
from chunkc.grammar import elaborate

# ---- axes


@pytest.mark.parametrize(
    ("value", "type"),
    [
        ("x |> mean(T)", "f32[B, 8]"),
        ("x |> mean([B, T])", "f32[8]"),
        ("x |> mean(B, T)", "f32[8]"),
        ("x |> mean(d)", "f32[B, T]"),
        ("x |> mean", "f32[B, T]"),
        ("x |> mean(T, keepdims=true)", "f32[B, 1, 8]"),
        ("x |> mean(-2)", "f32[B, 8]"),
        ("x |> linear(4) |> mean(T)", "f32[B, 4]"),
        ("x |> transpose(T, d) |> mean(T)", "f32[B, 8]"),
        ("x |> transpose(1, 2) |> transpose(0, 1) |> mean(B)", "f32[8, T]"),
        ("x |> heads(2) |> mean(T)", "f32[B, 2, 4]"),
        ("x |> heads(2) |> merge_heads |> mean(T)", "f32[B, 8]"),
        ("x[.., 0..2, ..] |> mean(T)", "f32[B, 8]"),
        ("x[.., 0, ..] |> mean(B)", "f32[8]"),
        ("(x + 1) * x |> mean(T)", "f32[B, 8]"),
        ("v + x |> mean(T)", "f32[B, 8]"),
        ("concat([x, x], axis=T) |> mean(T)", "f32[B, 8]"),
        ("concat([x, x], axis=T)", "f32[B, 2 * T, 8]"),
        ("stack([v, v], axis=1) |> mean(B)", "f32[2, 8]"),
        ("unsqueeze(x, 1) |> mean(T)", "f32[B, 1, 8]"),
        ("x |> softmax(T) |> sum(T)", "f32[B, 8]"),
        ("x |> max(T)", "f32[B, 8]"),
        ("x |> argmax(T)", "i64[B, 8]"),
        ("one_hot(t, 5) |> sum(T)", "f32[B, 5]"),
        ("embedding(t, 9, 4) |> mean(T)", "f32[B, 4]"),
        ("x |> flatten", "f32[B, 8 * T]"),
        ("x |> split(2) |> concat |> mean(T)", "f32[B, 8]"),
        ("pairs(x, x) |> mean(-1)", "f32[B, T, T]"),
        ("where(x > 0, x, 0) |> norm(T)", "f32[B, 8]"),
        ("x |> permute(d, B, T)", "f32[8, B, T]"),
        ("x |> cast(f64) |> mean(T)", "f64[B, 8]"),
        ("x |> cumsum(T)", "f32[B, T, 8]"),
        ("x[-1]", "f32[T, 8]"),
    ],
)
def test_axes_go_by_name(value: str, type: str) -> None:
    if "v + x" in value:
        value = value.replace("v + x", "unsqueeze(v, 1) + x")
    assert shape_of(f"y = {value}") == type


def test_an_image_has_planes() -> None:
    image = "input image: f32[B, 3, 8, 8]"
    assert shape_of("y = image |> conv2d(4, 3) |> mean(H)", inputs=image) == "f32[B, 4, 6]"
    assert shape_of("y = image |> conv2d(4, 3, stride=2) |> relu |> mean(H, W)", inputs=image) == "f32[B, 4]"
    named = "input image: f32[B, 3, Y, X]"
    assert shape_of("y = image |> conv2d(4, 3, padding=1) |> max(Y)", inputs=named) == "f32[B, 4, X]"


def test_over_names_the_dimensions_ranked_together() -> None:
    for over, axes in (("[B, T]", (-3, -2)), ("T", (-2,)), ("-1", (-1,))):
        graph = graph_of(f"router g {{ score = x |> linear(4)  keep = top(25%, over={over}) }}\ny = g.weight")
        assert only(graph, "select").attrs["rules"][0].over == axes


# ---- parameter paths


def test_a_parameter_is_called_by_its_chunk_member_statement_and_op() -> None:
    graph = graph_of(
        """
        chunk layer[2](h) {
          chunk expert[3](h) {
            wide = h |> linear(16) |> gelu
            output y = wide |> linear(4) |> linear(8, bias=false)
          }
          router gate { score = h |> linear(3)  keep = top(1) }
          output y = h + weighted_sum(expert(h), by=gate)
        }
        y = x |> layer[0] |> layer[1]
        """
    )
    found = parameters(graph)
    assert found["layer.1.expert.2.wide.linear_1.weight"] == "f32[16, 8]"
    assert found["layer.0.expert.0.y.linear_1.weight"] == "f32[4, 16]"
    assert found["layer.0.expert.0.y.linear_2.weight"] == "f32[8, 4]"
    assert "layer.0.expert.0.y.linear_2.bias" not in found
    assert found["layer.1.gate.linear_1.bias"] == "f32[3]"
    assert len(found) == 2 * (3 * 5 + 2)


def test_a_chunk_of_one_expression_has_no_statement_in_its_paths() -> None:
    found = parameters(graph_of("chunk expert[2](h) { h |> linear(4) |> linear(8) }\ny = mean(expert(x))"))
    assert list(found)[:2] == ["expert.0.linear_1.weight", "expert.0.linear_1.bias"]
    assert found["expert.1.linear_2.weight"] == "f32[8, 4]"


def test_named_members_and_arrays_of_two_dimensions() -> None:
    graph = graph_of("chunk way[left, right](h) { h |> linear(2) }\ny = mean(way(x))")
    assert set(parameters(graph)) == {f"way.{m}.linear_1.{p}" for m in ("left", "right") for p in ("weight", "bias")}
    graph = graph_of("chunk e[2, 3](h) { h |> linear(8, bias=false) }\ny = mean(e[1](x)) + e[0][2](x) + e[0, 1](x)")
    assert set(parameters(graph)) == {f"e.{i}.{j}.linear_1.weight" for i in range(2) for j in range(3) if i + j}
    assert [node.attrs["members"] for node in graph.nodes if node.op == "apply"] == [("1.0", "1.1", "1.2"), ("0.2",), ("0.1",)]


def test_for_indices_stand_behind_the_statement() -> None:
    graph = graph_of('h = v\nfor i in 0..2 {\n for name in ["a", "b"] {\n h = h |> linear(8, bias=false)\n }\n }\ny = h')
    assert list(parameters(graph)) == [f"h.{i}.{name}.linear_1.weight" for i in range(2) for name in "ab"]


def test_a_model_called_twice_has_weights_twice_and_a_chunk_called_twice_shares() -> None:
    block = "model block(n: int = 4) {\n input x\n output y = x |> linear(n) |> linear(8)\n}"
    graph = graph_of("a = block(v)\ny = a |> block |> block(n=2)", before=block)
    found = parameters(graph)
    assert found["a.block_1.y.linear_1.weight"] == "f32[4, 8]"
    assert found["y.block_1.y.linear_1.weight"] == "f32[4, 8]" and found["y.block_2.y.linear_1.weight"] == "f32[2, 8]"
    shared = graph_of("chunk c(h) { h |> linear(8) }\ny = v |> c |> c")
    assert list(parameters(shared)) == ["c.linear_1.weight", "c.linear_1.bias"]
    assert [node.attrs["call"] for node in shared.nodes if node.op == "apply"] == ["c", "c@2"]


def test_naming_one_thing_twice_shares_it() -> None:
    graph = graph_of("param w: f32[8, 8]\na = v |> linear(w)\ny = a |> linear(w)")
    assert parameters(graph) == {"w": "f32[8, 8]"}
    assert len([node for node in graph.nodes if node.op == "param"]) == 1
    chunks = graph_of("param w: f32[8, 8]\nchunk e[2](h) { h |> linear(w) }\ny = mean(e(v))")
    assert parameters(chunks) == {"w": "f32[8, 8]"}
    (body,) = [node.attrs["body"] for node in chunks.nodes if node.op == "apply"]
    assert [node.attrs["up"] for node in body.nodes if node.op == "param"] == [1]


def test_what_nothing_reads_is_a_parameter_all_the_same() -> None:
    graph = graph_of("param spare: f32[3]\nz = v |> linear(2)\ny = v")
    assert set(parameters(graph)) == {"spare", "z.linear_1.weight", "z.linear_1.bias"}
    assert ops(graph) == []


def test_two_parameters_at_one_path_are_an_error() -> None:
    with pytest.raises(CompileError) as caught:
        graph_of("param a: f32[8]\nif true {\nparam a: f32[8]\nb = a\n}\ny = v * a")
    assert [item.code for item in caught.value.diagnostics] == ["CC0202"]


# ---- scopes


def test_an_op_a_field_and_a_value_may_have_one_name() -> None:
    assert shape_of("linear = v\nrelu = linear |> relu\ny = relu |> linear(3)") == "f32[B, 3]"
    assert shape_of("score = v\nrouter weight { score = score  keep = top(2) }\ny = weight.weight") == "f32[B, 8]"


def test_a_chunk_wins_over_an_op() -> None:
    assert shape_of("chunk relu(h) { h |> linear(3) }\ny = v |> relu") == "f32[B, 3]"


def test_a_for_carries_what_it_rebinds() -> None:
    assert (value_of("h = v\nfor i in 0..3 {\nh = h + i\nk = h\n}\ny = h - v") == 3).all()


def test_a_for_in_a_for_and_an_if_in_it_carry() -> None:
    body = "h = 0\nfor i in 0..3 {\nfor j in 0..i {\nif j == 1 {\nh = h + 10\n} else {\nh = h + 1\n}\n}\n}\ny = v * 0 + h"
    assert (value_of(body) == 12).all()


def test_an_if_gives_new_names_and_its_other_branch_is_not_looked_at() -> None:
    assert shape_of("if d > 4 {\nwide = v |> linear(3)\n} else {\nwide = nothing(v)\n}\ny = wide") == "f32[B, 3]"
    assert shape_of("if d < 4 {\nn = 1\n} else if d < 9 {\nn = 2\n} else {\nn = 3\n}\ny = v |> linear(n)") == "f32[B, 2]"


def test_a_for_collects_lists() -> None:
    graph = graph_of("for i in 0..3 {\nh[i] = v * i\n}\ny = stack(h, axis=1)")
    assert str(graph.outputs[0][1].type) == "f32[B, 3, 8]"
    nested = value_of("for i in 0..2 {\nfor j in 0..2 {\nh[2 * i + j] = v * 0 + 2 * i + j\n}\n}\ny = h[3] + h[-1] + count(h)")
    assert (nested == 10).all()


def test_routers_of_a_for_are_a_list() -> None:
    body = "for i in 0..2 {\nrouter live[i] { score = v |> linear(1)  keep = above(0.5) }\n}\ny = live[1].weight + live[0].weight"
    graph = graph_of(body)
    assert {node.attrs["path"] for node in graph.nodes if node.op == "select"} == {"live.0", "live.1"}
    assert set(parameters(graph)) == {f"live.{i}.linear_1.{p}" for i in range(2) for p in ("weight", "bias")}


def test_a_chunk_sees_sizes_params_states_and_chunks() -> None:
    graph = graph_of(
        """
        n = 2 * d
        param scale: f32[d] = 1
        state seen: f32[d] = 0
        chunk inner(h) { h |> linear(n) |> linear(d) }
        chunk outer(h) { inner(h) * scale + seen }
        y = outer(v)
        """
    )
    assert set(parameters(graph)) == {"scale", "seen", *(f"inner.linear_{i}.{p}" for i in (1, 2) for p in ("weight", "bias"))}


def test_dimensions_of_a_signature_bind_anew_at_each_call() -> None:
    body = "chunk e(h: f32[B, N, d]) -> f32[B, d] { h |> mean(N) }\na = e(x)\nb = e(unsqueeze(v, 1))\ny = a + b"
    graph = graph_of(body)
    assert len({id(node.attrs["body"]) for node in graph.nodes if node.op == "apply"}) == 2
    assert shape_of(body) == "f32[B, 8]"


def test_a_body_is_made_once_for_each_way_of_calling() -> None:
    graph = graph_of("chunk e[4](h) { h |> linear(8) }\na = mean(e(x)) + mean(e(x + 1))\ny = a + e[2](x)")
    assert len({id(node.attrs["body"]) for node in graph.nodes if node.op == "apply"}) == 1


# ---- files


def test_use_brings_in_models_and_chunks(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "base.cc").write_text("model half {\n input x\n output y = x * 0.5\n}\n")
    (tmp_path / "parts" / "blocks.cc").write_text(
        'use "base.cc"\nchunk shared(h) { h |> linear(8) }\n'
        "model block(n: int = 4) {\n input x\n output y = x |> linear(n) |> half\n}\n"
    )
    (tmp_path / "m.cc").write_text(
        'use "parts/blocks.cc"\nmodel m {\n input x: f32[B, 8]\n output y = x |> shared |> shared |> block(n=2)\n}\n'
    )
    graph = elaborate.load(tmp_path / "m.cc")
    assert str(graph.outputs[0][1].type) == "f32[B, 2]"
    assert set(parameters(graph)) == {
        f"{path}.{p}" for path in ("shared.linear_1", "y.block_1.y.linear_1") for p in ("weight", "bias")
    }


def test_a_file_does_not_pass_on_what_it_uses(tmp_path: Path) -> None:
    (tmp_path / "a.cc").write_text("model one {\n input x\n output x\n}\n")
    (tmp_path / "b.cc").write_text('use "a.cc"\nmodel two {\n input x\n output y = one(x)\n}\n')
    (tmp_path / "m.cc").write_text('use "b.cc"\nmodel m {\n input x: f32[B, 8]\n output y = x |> two |> one\n}\n')
    with pytest.raises(CompileError) as caught:
        elaborate.load(tmp_path / "m.cc")
    assert [(item.code, item.span.text) for item in caught.value.diagnostics] == [("CC0201", "one")]


def test_a_file_used_on_two_ways_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "a.cc").write_text("model one {\n input x\n output x\n}\n")
    for name in "bc":
        (tmp_path / f"{name}.cc").write_text(f'use "a.cc"\nmodel {name}2 {{\n input x\n output y = one(x)\n}}\n')
    (tmp_path / "m.cc").write_text('use "b.cc"\nuse "c.cc"\nmodel m {\n input x: f32[B, 8]\n output y = x |> b2 |> c2\n}\n')
    assert ops(elaborate.load(tmp_path / "m.cc")) == []


def test_a_model_of_a_file_by_name(tmp_path: Path) -> None:
    path = tmp_path / "m.cc"
    path.write_text("model first {\n input x: f32[B, 2]\n output x\n}\nmodel last {\n input x: f32[B, 3]\n output x\n}\n")
    assert elaborate.load(path).name == "last" and elaborate.load(path, model="first").name == "first"
    with pytest.raises(CompileError) as caught:
        elaborate.load(path, model="frist")
    (item,) = caught.value.diagnostics
    assert (item.code, item.hint) == ("CC0208", "did you mean `first`?")
