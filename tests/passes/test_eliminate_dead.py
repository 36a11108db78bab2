"""What `eliminate-dead` takes out is not missed: neither by results, nor by those who ask what was decided."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from chunkc.backends.reference import run
from chunkc.backends.torch import compile as lower
from chunkc.compiler.ir import Graph
from chunkc.grammar.elaborate import loads
from chunkc.passes import pipeline

SOURCE = """
model known(d: int = 4) {
  input x: f32[B, T, d]
  chunk expert[3](h: f32[N, M, d]) {
    mask whole { score = abs(h)  grain = neuron  keep = top(100%) }
    mask least { score = h  weight = sigmoid  grain = neuron  keep = above(2.0, of=weight) }
    inner = where(whole.kept, linear(h, d), h)
    output y = where(least.kept, h, inner)
  }
  router gate { score = x |> linear(3)  keep = first(2) |> top(1) }
  mask all { score = x |> linear(d)  grain = neuron  keep = top(d) }
  router both { score = x |> linear(2)  keep = top(2) }
  y = weighted_sum(expert(x), by=gate)
  output z = where(all.kept, weighted_sum([y, gelu(y)], by=both), x)
  output weight = both.weight + mean(cast(all.first, f32), keepdims=true)
}
"""


def graphs(training: bool = False) -> tuple[Graph, Graph]:
    plain = loads(SOURCE, training=training)
    return plain, pipeline.run(plain, ["eliminate-dead"])


def test_what_is_known_is_not_computed() -> None:
    _, after = graphs()
    scores = {node.attrs["path"]: node.operands[0].op for node in after.nodes if node.op == "select"}
    assert scores == {"gate": "linear", "both": "linear", "all": "zeros"}


@pytest.mark.parametrize("training", [False, True], ids=["eval", "training"])
def test_what_is_known_is_recorded(training: bool) -> None:
    plain, after = graphs(training)
    made = [lower(one).double().train(training) for one in (plain, after)]
    made[1].load_state_dict(made[0].state_dict())
    x = torch.randn(3, 5, 4, dtype=torch.float64)
    values = [one(x, outputs=["z", "weight"]) for one in made]
    for name, value in values[0].items():
        torch.testing.assert_close(values[1][name], value)
    never = {"expert.2.whole", "expert.2.least"}  # the way that never comes first is not called
    found, expected = (one.decisions() for one in reversed(made))
    assert set(found) == set(expected) - never
    for path, decision in found.items():
        torch.testing.assert_close(decision, expected[path])
    params = {name: value.detach().numpy() for name, value in made[0].state_dict().items()}
    replayed = run(plain, {"x": x.numpy()}, params, decisions=found)
    assert not replayed.unused and not replayed.disagreements
    np.testing.assert_allclose(replayed.output, values[1]["z"].detach().numpy(), atol=1e-12)
    again = run(after, {"x": x.numpy()}, params, decisions=found)
    assert set(again.decisions) == set(found) and not again.unused
