"""Stored chunks in elaboration: what a handle stands for becomes a body, and has to fit."""

from __future__ import annotations

import numpy as np
import pytest
from memory_store import MemoryStore

import chunkc
from chunkc.backends.reference import RunError, run
from chunkc.compiler.diagnostics import CompileError, Findings
from chunkc.compiler.equality import equal
from chunkc.compiler.ir import Graph
from chunkc.compiler.planning.uses import foreign_bytes
from chunkc.compiler.verify import verify
from chunkc.grammar import elaborate

EDGES = """
model edges(d: int = 64) {
  input x: f32[B, 3]
  output y = x |> linear(d)
}
"""
SPEC = """
model m(d: int = 4) {
  input x: f32[B, 3]
  chunk edges(x: f32[B, 3]) -> f32[B, d] = extern("models/edges@v1")
  output y = edges(x)
}
"""
LINEAR = {"y.linear_1.weight": "f32[4,3]", "y.linear_1.bias": "f32[4]"}


def load(text: str, store: MemoryStore | None, findings: Findings | None = None, training: bool = False) -> Graph:
    graph = elaborate.loads(text, resolver=store, findings=findings, training=training)
    verify(graph)
    return graph


def found(text: str, store: MemoryStore) -> list[tuple[str, str]]:
    findings = Findings()
    try:
        load(text, store, findings)
    except CompileError:
        pass
    return [(item.code, item.message) for item in findings.items]


def with_edges(tensors=LINEAR) -> MemoryStore:
    store = MemoryStore()
    store.add("models/edges@v1", "model", EDGES, tensors=tensors)
    return store


def test_a_stored_model_is_the_body():
    graph = load(SPEC, with_edges())
    assert [(p.path, p.kind) for p in graph.parameters] == [
        ("edges.y.linear_1.weight", "frozen"),
        ("edges.y.linear_1.bias", "frozen"),
    ]
    assert equal(elaborate.loads(chunkc.print(graph)), graph)
    x, w, b = np.ones((2, 3)), np.ones((4, 3)), np.arange(4.0)
    params = {"edges.y.linear_1.weight": w, "edges.y.linear_1.bias": b}
    np.testing.assert_array_equal(run(graph, {"x": x}, params).output, np.array([b + 3] * 2))


def test_trainable_weights_are_trained():
    text = SPEC.replace('"models/edges@v1"', '"models/edges@v1", trainable=true')
    assert {p.kind for p in load(text, with_edges()).parameters} == {"param"}


def test_without_a_store_all_is_as_it_is_written():
    graph = load(SPEC, None)
    assert graph.parameters == () and graph.nodes[-1].attrs["body"] is None


PARTS = """
model whole(d: int = 4) {
  input x: f32[B, 3]
  chunk layer[2](h) { h |> linear(d) }
  chunk encoder(h) { layer[0](h) }
  chunk small(h) { h |> linear(d) }
  output y = small(x)
}
"""


def test_a_part_is_a_chunk_of_the_text():
    store = MemoryStore()
    store.add("w#small", "model", PARTS, "small", {name.removeprefix("y."): kind for name, kind in LINEAR.items()})
    graph = load(SPEC.replace("models/edges@v1", "w#small"), store)
    assert [p.path for p in graph.parameters] == ["edges.linear_1.weight", "edges.linear_1.bias"]


def test_members_take_their_parts():
    store = MemoryStore()
    for i in range(2):
        store.add(f"w@v2#layer.{i}", "model", PARTS, f"layer.{i}", {n.removeprefix("y."): k for n, k in LINEAR.items()})
    text = """
model m(d: int = 4) {
  input x: f32[B, 3]
  chunk l[2](x: f32[B, 3]) -> f32[B, d] = extern("w@v2#layer")
  output y = sum(l(x))
}
"""
    graph = load(text, store)
    assert store.asked == ["w@v2#layer.0", "w@v2#layer.1"]
    assert [p.path for p in graph.parameters][:2] == ["l.0.linear_1.weight", "l.0.linear_1.bias"]
    store.add("w@v2#layer.1", "model", EDGES)
    assert [code for code, _ in found(text, store)] == ["CC1442"]


def test_what_is_wrong_in_the_text_is_told_there_and_here():
    store = MemoryStore()
    store.add("models/edges@v1", "model", EDGES.replace("linear(d)", "linaer(d)"))
    findings = Findings()
    with pytest.raises(CompileError):
        load(SPEC, store, findings)
    (item,) = findings.items
    assert item.code == "CC0201" and item.span.source.path == "models/edges@v1.cc" and item.span.text == "linaer"
    assert [label.span.text for label in item.labels[1:]] == ['"models/edges@v1"']
    store.add("models/edges@v1", "model", 'use "other.cc"\n' + EDGES)
    assert found(SPEC, store) == [("CC0207", "a stored text uses no other file")]
    store.add("models/edges@v1", "model", EDGES, part="head")
    assert [code for code, _ in found(SPEC, store)] == ["CC1441"]


def test_a_text_that_holds_itself_is_told():
    store = MemoryStore()
    store.add("models/edges@v1", "model", SPEC.replace("model m", "model edges"))
    assert [code for code, _ in found(SPEC, store)] == ["CC1441"]


def test_a_stored_text_has_no_budget_here():
    store = MemoryStore()
    text = EDGES.replace("  output", "  memory { budget = 25%  on_missing = zero }\n  output")
    store.add("models/edges@v1", "model", text, tensors=LINEAR)
    assert load(SPEC, store).memory == {}
    graph = load(SPEC.replace("  output", "  memory { budget = 1MiB }\n  output"), store)
    assert graph.memory == {"budget": ("bytes", 1 << 20)} and not any(node.op == "select" for node in graph.nodes)
    store.add("models/edges@v1", "model", EDGES + "# " + "long " * (1 << 20))
    assert [code for code, _ in found(SPEC, store)] == ["CC1441"]


def test_a_handle_that_is_not_there_is_told_once_at_its_place():
    text = SPEC.replace("edges(x)\n}", "edges(x) + edges(x)\n}")
    findings = Findings()
    with pytest.raises(CompileError):
        load(text, MemoryStore(), findings)
    (item,) = findings.items
    assert item.code == "CC1423" and item.span.text == "models/edges@v1"


def test_handles_of_all_chunks_are_told_at_once():
    more = 'chunk b(x) { x |> linear(d) } from "w/b"\n  chunk c[2](x) { x |> linear(d) } from "w/c"\n  output y = b(x) + '
    messages = [message for _, message in found(SPEC.replace("output y = ", more), MemoryStore())]
    assert messages == [f"there is no `{name}`" for name in ("models/edges@v1", "w/b", "w/c#0", "w/c#1")]


def test_weights_alone_are_no_body():
    store = MemoryStore()
    store.add("models/edges@v1", "weights", tensors=LINEAR)
    ((code, message),) = found(SPEC, store)
    assert code == "CC1440" and "nothing says what `edges` computes" in message


def test_all_that_does_not_fit_is_told_at_once():
    store = with_edges({"y.linear_1.weight": "bf16[4,3]", "old": "f32[1]", "head": "f32[2]"})
    assert found(SPEC, store) == [
        ("CC1414", "the tensor `y.linear_1.weight` of `models/edges@v1` does not fit"),
        ("CC1414", "`models/edges@v1` has no tensor `y.linear_1.bias`"),
    ]
    more = with_edges({**LINEAR, "old": "f32[1]"})
    assert found(SPEC, more) == [("CC1445", "`models/edges@v1` has what `edges` does not read: `old`")]


WRITTEN = """
model m(d: int = 4) {
  input x: f32[B, 3]
  chunk edges(x) { x |> linear(d) } from "weights/edges"
  output y = edges(x)
}
"""


def test_a_written_chunk_takes_stored_weights():
    store = MemoryStore()
    store.add("weights/edges", "weights", tensors={"linear_1.weight": "f32[4,3]", "linear_1.bias": "f32[5]"})
    ((code, message),) = found(WRITTEN, store)
    assert code == "CC1414" and message == "the tensor `linear_1.bias` of `weights/edges` does not fit"
    store.add("weights/edges", "weights", tensors={"linear_1.weight": "f32[4,3]", "linear_1.bias": "f32[4]"})
    graph = load(WRITTEN, store)
    assert {p.kind for p in graph.parameters} == {"frozen"} and graph.chunks[0].source == "weights/edges"
    trained = load(WRITTEN.replace('from "weights/edges"', 'from extern("weights/edges", trainable=true)'), store)
    assert {p.kind for p in trained.parameters} == {"param"}
    store.add("weights/edges", "onnx")
    assert [code for code, _ in found(WRITTEN, store)] == ["CC1440"]


def test_a_graph_that_is_read_back_is_held_to_the_store():
    text = chunkc.print(load(SPEC, with_edges()))
    assert found(text, with_edges()) == []
    ((code, message),) = found(text, with_edges({**LINEAR, "y.linear_1.bias": "f32[5]"}))
    assert code == "CC1414" and "`y.linear_1.bias`" in message
    assert [code for code, _ in found(text, MemoryStore())] == ["CC1423"]


# ---- what something else runs

ONNX = SPEC.replace('"models/edges@v1"', '"onnx:edges.onnx"').replace(
    ")\n  output", ') requires "onnxruntime>=1.20" isolated\n  output'
)


def with_onnx() -> MemoryStore:
    store = MemoryStore()
    store.add("onnx:edges.onnx", "onnx")
    return store


def test_what_something_else_runs_is_one_node():
    graph = load(ONNX, with_onnx())
    (body,) = [node.attrs["body"] for node in graph.nodes if node.op == "apply"]
    (node,) = [node for node in body.nodes if node.op == "foreign"]
    assert str(node.type) == "f32[B, 4]"
    assert node.attrs["bytes"] == 1 << 20 and node.attrs["requires"] == ("onnxruntime>=1.20",) and node.attrs["isolated"]
    assert foreign_bytes(graph) == {"edges": 1 << 20}
    text = chunkc.print(graph)
    assert "isolated=true" in text and equal(elaborate.loads(text), graph)
    assert equal(elaborate.loads(chunkc.format(text)), graph)


def test_the_reference_asks_what_it_computes():
    graph = load(ONNX, with_onnx())
    x = np.arange(6.0).reshape(2, 3)
    given = run(graph, {"x": x}, {}, foreign={"edges": lambda x: np.repeat(x[:, :1], 4, axis=1)}).output
    np.testing.assert_array_equal(given, [[0] * 4, [3] * 4])
    with pytest.raises(RunError, match="foreign="):
        run(graph, {"x": x}, {})
    with pytest.raises(RunError, match="shape"):
        run(graph, {"x": x}, {}, foreign={"edges": lambda x: x})


def test_it_goes_through_every_pass():
    graph = load(ONNX, with_onnx())
    for level in ("O1", "O2"):
        done = chunkc.optimize(graph, level, verify_each=True)
        assert foreign_bytes(done) == {"edges": 1 << 20}


def test_a_budget_smaller_than_it_is_found_at_compile_time():
    text = ONNX.replace("  output", "  memory { budget = 64KiB }\n  output")
    with pytest.raises(CompileError) as caught:
        chunkc.optimize(load(text, with_onnx()))
    assert [item.code for item in caught.value.diagnostics] == ["CC0716"]


def test_a_result_of_unknown_size_and_an_array_are_told():
    text = ONNX.replace("-> f32[B, d]", "-> f32[B, N, d]")
    assert [code for code, _ in found(text, with_onnx())] == ["CC1443"]
    store = with_onnx()
    for i in range(2):
        store.add(f"w#{i}", "onnx")
    array = (
        ONNX.replace("edges(x: f32[B, 3])", "edges[2](x: f32[B, 3])")
        .replace("onnx:edges.onnx", "w")
        .replace("= edges(x)", "= sum(edges(x))")
    )
    assert [code for code, _ in found(array, store)] == ["CC1442"]
    inside = """
model m(d: int = 4) {
  input x: f32[B, 4]
  chunk block[2](x) {
    chunk edges(x: f32[B, 4]) -> f32[B, d] = extern("onnx:edges.onnx")
    output y = edges(x)
  }
  output y = sum(block(x))
}
"""
    assert [code for code, _ in found(inside, with_onnx())] == ["CC1442"]


def test_torch_needs_to_know_where_it_lies():
    with pytest.raises(CompileError, match="CC0711.*edges"):
        chunkc.compile(load(ONNX, with_onnx()))


def test_a_spec_cannot_call_it():
    call = 'foreign(x, kind="py", handle="py:os:system", bytes=0, shape=[B, 3])'
    text = f"model m {{\n  input x: f32[B, 3]\n  output y = {call}\n}}"
    assert [code for code, _ in found(text, MemoryStore())] == ["CC0201"]


def test_requirements_are_read_at_compile_time():
    text = ONNX.replace('"onnxruntime>=1.20"', '"onnxruntime>=>1", "numpy", "a b"')
    assert [code for code, _ in found(text, with_onnx())] == ["CC1447", "CC1447"]
    assert chunkc.format(ONNX).count("isolated") == 1
