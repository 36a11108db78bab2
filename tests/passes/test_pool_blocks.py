"""What `pool-blocks` saves, counted, and that edge blocks average as before; elsewhere all passes are held to the reference."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import chunkc
from chunkc.backends.reference import run
from chunkc.compiler.ir import Graph
from chunkc.compiler.work import dense_macs
from chunkc.grammar.elaborate import loads
from chunkc.passes import pipeline

SIZES = {"B": 2, "T": 64, "S": 96}
NETWORK = """
model m(d: int = 3, block: int = 4) {
  input a: f32[B, T, d]
  input b: f32[B, S, d]
  mask grain {
    score = (pairs(a, b) |> linear(6) |> linear(1) |> squeeze) + (a |> linear(5) |> mean(-1) |> unsqueeze(-1))
    keep  = top(50%)
    grain = block(block, 2)
  }
  output y = attention(a |> heads(1), b |> heads(1), b |> heads(1), mask=grain)
  output score = grain.score
}
"""


def test_the_last_layer_of_a_pair_network_runs_on_blocks(specs: Path) -> None:
    d, hidden, levels, block = 16, 32, 3, 8
    graph = chunkc.load(specs / "translation_attention_block.cc", d=d, h=2, block=block)
    after = pipeline.run(graph, ["pool-blocks"])
    pairs = SIZES["B"] * SIZES["T"] * SIZES["S"]
    assert dense_macs(graph, SIZES) - dense_macs(after, SIZES) == (pairs - pairs // block**2) * hidden * levels
    both = pipeline.run(graph, ["factor-pairs", "pool-blocks"])
    assert (
        dense_macs(after, SIZES) - dense_macs(both, SIZES)
        == (pairs * 2 - (pairs // SIZES["S"] + pairs // SIZES["T"])) * d * hidden
    )


def outputs(graph: Graph, sizes: dict[str, int]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    draw = np.random.default_rng(0)
    inputs = {"a": draw.standard_normal((2, sizes["T"], 3)), "b": draw.standard_normal((2, sizes["S"], 3))}
    params = {entry.path: draw.standard_normal(entry.type.shape) for entry in graph.parameters}
    return inputs, params


@pytest.mark.parametrize("sizes", [{"T": 8, "S": 6}, {"T": 7, "S": 5}, {"T": 1, "S": 1}, {"T": 4, "S": 9}], ids=str)
def test_blocks_at_the_edge_are_means_of_what_they_have(sizes: dict[str, int]) -> None:
    graph = loads(NETWORK)
    after = pipeline.run(graph, ["pool-blocks"])
    assert dense_macs(after, {"B": 2, "T": 64, "S": 64}) < dense_macs(graph, {"B": 2, "T": 64, "S": 64}) / 2
    inputs, params = outputs(graph, sizes)
    first, second = (run(one, inputs, params) for one in (graph, after))
    for name, value in first.outputs.items():
        np.testing.assert_allclose(second.outputs[name], value, rtol=1e-10, atol=1e-12, err_msg=name)
