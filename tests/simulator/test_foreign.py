"""Chunks that something else runs, simulated: their loads are timed, and the report says that what they compute is not."""

from memory_store import MemoryStore

import chunkc
from chunkc.cli.simulated import together
from chunkc.grammar import elaborate

TEXT = """
model m(d: int = 4) {
  input x: f32[B, 3]
  chunk edges(x: f32[B, 3]) -> f32[B, d] = extern("onnx:edges.onnx")
  chunk shapes(x: f32[B, 3]) -> f32[B, d] = extern("onnx:edges.onnx")
  router gate { score = x |> linear(2)  keep = top(1) }
  fuse y = weighted_sum([edges(x), shapes(x)], by=gate)
  memory { budget = 1100KiB }
  output y
}
"""


def test_loads_are_timed_and_what_is_not_known_is_said():
    store = MemoryStore()
    store.add("onnx:edges.onnx", "onnx")
    graph = chunkc.optimize(elaborate.loads(TEXT, resolver=store))
    report = chunkc.simulate(graph, "cpu-generic", dims={"B": 64}, inputs=2)
    assert report.unknown == ("edges", "shapes") and report.as_json()["unknown"] == ["edges", "shapes"]
    assert report.loads is not None and report.loads.loads >= 1.5  # one holds the room at a time
    alone = 80e-6 + (1 << 20) / 3.5e9
    assert report.loads.stalled == report.loads.loading and abs(report.loads.loading / report.loads.loads / alone - 1) < 1e-6
    assert report.bound["load"] > 0.5 * report.seconds
    assert together(report, [])["not known"] == "what edges, shapes compute"
