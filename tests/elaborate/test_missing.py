"""`on_missing`: selections that the reference obeys, and what it cannot be said of."""

from __future__ import annotations

import numpy as np
import pytest
from memory_store import MemoryStore

import chunkc
from chunkc.backends.reference import run
from chunkc.compiler.diagnostics import CompileError, Findings
from chunkc.compiler.equality import equal
from chunkc.compiler.ir import Graph
from chunkc.compiler.loading.signatures import present_paths
from chunkc.compiler.verify import verify
from chunkc.grammar import elaborate

SPEC = """
model m(d: int = 4) {
  input x: f32[B, d]
  chunk a(x: f32[B, d]) -> f32[B, d] = extern("onnx:a.onnx")
  chunk b(x) { x |> linear(d) } from "weights/b"
  chunk c[2](x) { x |> linear(d) } from "weights/c"
  router r { score = x |> linear(4)  keep = top(2) }
  memory { on_missing = skip }
  fuse y = weighted_sum([a(x), b(x), c[0](x), c[1](x)], by=r)
  output y
  output kept = r.kept |> cast(f32)
}
"""
NAMES = ("a", "b", "c.0", "c.1")


def store() -> MemoryStore:
    found = MemoryStore()
    found.add("onnx:a.onnx", "onnx")
    for handle in ("weights/b", "weights/c#0", "weights/c#1"):
        found.add(handle, "weights", tensors={"linear_1.weight": "f32[4,4]", "linear_1.bias": "f32[4]"})
    return found


def load(text: str) -> Graph:
    graph = elaborate.loads(text, resolver=store())
    verify(graph)
    assert equal(elaborate.loads(chunkc.print(graph)), graph)
    return graph


def values(graph: Graph, **options) -> dict[str, np.ndarray]:
    random = np.random.default_rng(3)
    params = {p.path: random.standard_normal(p.type.shape) for p in graph.parameters}
    x = random.standard_normal((16, 4))
    return run(graph, {"x": x}, params, foreign={"a": np.tanh}, **options).outputs


MISSING = [(), ("a",), ("c.1",), ("a", "b"), ("b", "c.0", "c.1")]


@pytest.mark.parametrize("passes", [(), None], ids=["O0", "O2"])
@pytest.mark.parametrize("missing", MISSING, ids="-".join)
def test_ways_of_missing_chunks_cannot_be_chosen(missing, passes):
    graph = chunkc.optimize(load(SPEC), passes, verify_each=True)
    kept = values(graph, missing=missing)["kept"]
    gone = [NAMES.index(name) for name in missing]
    assert not kept[:, gone].any()
    assert (kept.sum(axis=1) == min(2, 4 - len(gone))).all()
    if not missing:
        plain = elaborate.loads(SPEC.replace("memory { on_missing = skip }", ""), resolver=store())
        np.testing.assert_array_equal(values(plain)["y"], values(graph)["y"])


VARIANTS = {
    "cache": SPEC.replace("keep = top(2)", "keep = top(2)  cache = exact(entries=64)"),
    "budget": SPEC.replace("on_missing = skip", "on_missing = skip  budget = 2MiB  prefetch = 1  ram = 2GiB"),
    "fallback": SPEC.replace("keep = top(2)", "keep = above(0.3)  fallback = all when coverage < 0.7"),
    "two": SPEC.replace("  output y\n", "  fuse z = weighted_sum([c[0](x), a(x), x, b(x)], by=r)\n  output y\n  output z\n"),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_no_pass_makes_a_missing_chunk_be_kept(variant):
    graph = load(VARIANTS[variant])
    done = elaborate.loads(chunkc.print(chunkc.optimize(graph, verify_each=True)))
    for missing in MISSING:
        before, after = values(graph, missing=missing), values(done, missing=missing)
        for name, value in before.items():
            np.testing.assert_allclose(after[name], value, rtol=1e-12, atol=1e-12)


def test_what_is_kept_within_another_is_asked_for_too():
    text = SPEC.replace(
        "router r { score = x |> linear(4)",
        "router g { score = x |> linear(2)  keep = top(1) }\n  router r { score = x |> linear(4)  within = g",
    )
    kept = values(load(text), missing=("c.0",))["kept"]
    assert not kept[:, 2].any() and not (kept[:, :2].any(axis=1) & kept[:, 2:].any(axis=1)).any()


def test_one_way_may_need_several_chunks():
    text = SPEC.replace("[a(x), b(x), c[0](x), c[1](x)]", "[a(b(x)), x, c[0](x) + a(x), c[1](x)]")
    for missing, gone in ((("b",), [0]), (("a",), [0, 2]), (("c.1",), [3])):
        kept = values(load(text), missing=missing)["kept"]
        assert not kept[:, gone].any() and (kept.sum(axis=1) == 2).all()


def test_a_bundle_loses_its_members():
    text = """
model m {
  input x: f32[B, 4]
  chunk c[2](x) { x |> linear(4) } from extern("weights/c", on_missing=skip)
  router r { score = x |> linear(2) }
  output y = weighted_sum(c(x), by=r)
  output kept = r.kept |> cast(f32)
}
"""
    assert values(load(text), missing=("c.1",))["kept"].sum(axis=0).tolist() == [16, 0]


ZERO = """
model m {
  input x: f32[B, 4]
  chunk a(x: f32[B, 4]) -> f32[B, 4] = extern("onnx:a.onnx", on_missing=zero)
  chunk c[2](x) { x |> linear(4) } from extern("weights/c", on_missing=zero)
  output y = a(x) + sum(c(x))
  output only = a(x)
}
"""


@pytest.mark.parametrize("passes", [(), None], ids=["O0", "O2"])
def test_zeros_stand_for_missing_chunks(passes):
    graph = chunkc.optimize(load(ZERO), passes, verify_each=True)
    whole = values(graph)
    for names in (("a",), ("c.0",), ("a", "c.0", "c.1")):
        some = values(graph, missing=names)
        assert ("a" in names) == (not some["only"].any())
        assert some["y"].any() == (len(names) < 3)
        rest = [name for name in ("a", "c.0", "c.1") if name not in names]
        others = values(graph, missing=rest)["y"]
        np.testing.assert_allclose(some["y"] + others, whole["y"], rtol=1e-12, atol=1e-12)


def codes(text: str) -> list[str]:
    with pytest.raises(CompileError) as caught:
        load(text)
    return [item.code for item in caught.value.diagnostics]


def test_what_cannot_be_skipped_is_told():
    assert codes(SPEC.replace("  output y\n", "  output y\n  output also = b(x)\n")) == ["CC1448"]
    assert codes(SPEC.replace("score = x |>", "score = b(x) |>")) == ["CC1448"]
    assert codes(SPEC.replace("on_missing = skip", "on_missing = skipp")) == ["CC0301"]
    assert codes(ZERO.replace("f32[B, 4] = extern", "i64[B, 4] = extern").replace("a(x) + ", "")) == ["CC1448"]


def test_what_is_bound_is_never_missing(tmp_path):
    (tmp_path / "a.cc").write_text("model a {\n  input x: f32[B, 4]\n  output y = x |> relu\n}\n")
    (tmp_path / "m.cc").write_text(SPEC)
    graph = elaborate.load(tmp_path / "m.cc", bind={"a": str(tmp_path / "a.cc")}, resolver=store())
    (present,) = [node for node in graph.nodes if node.op == "present"]
    assert present.attrs["chunks"] == ("b", "c.0", "c.1")


def told(text: str, known: MemoryStore) -> tuple[Graph, list[str]]:
    findings = Findings()
    graph = elaborate.loads(text, resolver=known, findings=findings)
    verify(graph)
    return graph, [item.code for item in findings.items]


@pytest.mark.parametrize("missing", [("onnx:a.onnx",), ("weights/b", "weights/c#1"), ("onnx:a.onnx", "weights/b")], ids="-".join)
def test_what_is_missing_when_it_is_compiled_is_told_and_done_without(missing):
    known = store()
    for handle in missing:
        del known.known[handle]
    graph, codes = told(SPEC, known)
    assert codes == ["CC1444"] * len(missing)
    names = dict(zip(("onnx:a.onnx", "weights/b", "weights/c#0", "weights/c#1"), NAMES))
    gone = [names[handle] for handle in missing]
    kept = values(graph, missing=gone)["kept"]
    assert not kept[:, [NAMES.index(name) for name in gone]].any() and kept.any()
    assert ("a" in present_paths(graph)) == ("a" not in gone)


def test_a_chunk_that_is_nowhere_gives_zeros():
    arrays = ZERO.splitlines()[4]
    zeros, codes = told(ZERO.replace(arrays, "").replace(" + sum(c(x))", ""), MemoryStore())
    assert codes == ["CC1444"] and not values(zeros)["y"].any()


def test_without_on_missing_it_is_an_error():
    known = store()
    del known.known["weights/b"]
    with pytest.raises(CompileError, match="CC1423"):
        told(SPEC.replace("memory { on_missing = skip }", ""), known)


@pytest.mark.parametrize("path", ["^a", 'a\\"', "a b"])
def test_paths_that_lead_nowhere_are_told(path):
    text = f'core x {{\n  %p = op present {{chunks = ["{path}"]}} : bool[1]\n  output "y" = %p\n}}\n'
    with pytest.raises(CompileError, match="CC0606"):
        elaborate.loads(text)
