"""What `factor-pairs` saves, counted; that its values stay is tested with all other passes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import chunkc
from chunkc.backends.reference import run
from chunkc.compiler.work import dense_macs, node_work
from chunkc.grammar.elaborate import loads
from chunkc.passes import pipeline

SIZES = {"B": 2, "T": 100, "S": 80}
PAIRS = """
model m(d: int = 3) {
  input a: f32[B, T, d]
  input b: f32[B, S, d]
  output y = pairs(a, b) |> linear(4)
}
"""


def test_the_first_layer_of_a_pair_network_is_no_longer_quadratic(specs: Path) -> None:
    d, hidden, levels = 16, 32, 3
    graph = chunkc.load(specs / "translation_attention.cc", d=d, h=2)
    after = pipeline.run(graph, ["factor-pairs"])
    samples, rows, columns = SIZES["B"], SIZES["T"], SIZES["S"]
    first = samples * rows * columns * 2 * d * hidden
    sides = samples * (rows + columns) * d * hidden
    assert dense_macs(graph, SIZES) - dense_macs(after, SIZES) == first - sides
    assert first > 80 * sides
    network = [work.macs for node, work in node_work(after, SIZES).items() if node.op == "linear" and node.tensor.rank == 4]
    assert sum(network) == sides + samples * rows * columns * hidden * levels


@pytest.mark.parametrize("training", [False, True])
def test_gradients_reach_the_one_weight(training: bool) -> None:
    """Both slices are of the parameter that stands in the state dict."""
    import torch

    from chunkc.backends.torch import compile as lower

    raw = [loads(PAIRS, training=mode) for mode in (False, True)]
    plain, made = lower(*raw, seed=1).double(), lower(*(pipeline.run(one, ["factor-pairs"]) for one in raw), seed=1).double()
    assert [*plain.state_dict()] == [*made.state_dict()]
    draw = np.random.default_rng(0)
    given = [torch.tensor(draw.standard_normal((2, length, 3))) for length in (5, 4)]
    for one in (plain, made):
        one.train(training)(*given).pow(2).sum().backward()
    for (name, first), second in zip(plain.named_parameters(), made.parameters()):
        torch.testing.assert_close(second.grad, first.grad, rtol=1e-10, atol=1e-10, msg=name)


def test_infinities_meet_the_columns_that_they_met() -> None:
    graph = loads(PAIRS)
    draw = np.random.default_rng(0)
    inputs = {"a": draw.standard_normal((2, 5, 3)), "b": draw.standard_normal((2, 4, 3))}
    inputs["a"][0, 1, 2] = np.inf
    inputs["b"][1, 0, 0] = np.nan
    params = {entry.path: draw.standard_normal(entry.type.shape) for entry in graph.parameters}
    first, second = (run(one, inputs, params).outputs["y"] for one in (graph, pipeline.run(graph, ["factor-pairs"])))
    np.testing.assert_allclose(second, first, rtol=1e-12)
