"""`fuse-routes` on small models: the values, the rows that are gathered once, and what is absent stays unseen."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from chunkc.backends.reference import run
from chunkc.backends.torch import compile as lower
from chunkc.compiler.ir import Graph
from chunkc.compiler.planning import lower as plan_of
from chunkc.grammar.elaborate import loads
from chunkc.passes import pipeline

SIZES = {"B": 3, "T": 5}
ROUTE = """
  router live {
    score  = x |> linear(1)
    weight = sigmoid
    keep   = above(0.5)
  }
"""
GATE = """
  router gate {
    score = x |> linear(3)
    keep  = top(1)
  }
"""

TEXTS = {
    "together": """
  chunk block[3](h) { h |> layer_norm |> linear(d) }
  h = x
  for i in 0..3 { fuse h = residual(h, block[i](h), by=live) }
  output y = h
""",
    "drawing": """
  chunk block[2](h) { h |> linear(d) |> dropout(0.5) }
  h = x
  for i in 0..2 { fuse h = residual(h, block[i](h), by=live) }
  output y = h
""",
    "inward": """
  chunk block(h) { h |> linear(d) |> gelu }
  output y = weighted_sum([block(x)], by=live) |> linear(2 * d, bias=false) |> relu |> linear(d)
""",
    "experts": """
  chunk first[3](h) { h |> linear(2 * d) |> gelu }
  chunk second[3](h) { h |> linear(d) }
  h = weighted_sum(first(x), by=gate)
  output y = weighted_sum(second(h |> relu), by=gate)
""",
    "experts with residuals": """
  chunk first[3](h) { h |> linear(d) }
  chunk second[3](h) { h |> layer_norm |> linear(d) }
  h = x + weighted_sum(first(x), by=gate)
  output y = h + weighted_sum(second(h |> layer_norm), by=gate)
  output h
""",
}


def graph(name: str, training: bool = False) -> Graph:
    route = GATE if "expert" in name else ROUTE
    return loads(f"model m(d: int = 4) {{\n  input x: f32[B, T, d]\n{route}{TEXTS[name]}}}\n", training=training)


def fused(one: Graph) -> Graph:
    return pipeline.run(one, ["fuse-routes"])


def values(one: Graph, seed: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    draw = np.random.default_rng(seed)
    inputs = {"x": draw.standard_normal((SIZES["B"], SIZES["T"], 4))}
    return inputs, {entry.path: draw.standard_normal(entry.type.shape) for entry in one.parameters}


@pytest.mark.parametrize("training", [False, True], ids=["eval", "training"])
@pytest.mark.parametrize("name", TEXTS)
def test_values_and_gradients_stay(name: str, training: bool) -> None:
    """Against the reference of the graph as it was written, decisions replayed; gradients against the module of it."""
    modes = [graph(name, mode) for mode in (False, True)]
    assert len(routed(fused(modes[training]))) <= len(routed(modes[training]))
    made, plain = lower(*map(fused, modes), seed=1).double(), lower(*modes, seed=1).double()
    kept = []
    for seed in range(3):
        inputs, params = values(modes[training], seed)
        given = torch.tensor(inputs["x"])
        for one in (made, plain):
            one.load_state_dict({path: torch.tensor(value) for path, value in params.items()})
            one.train(training).zero_grad()
        drawn = made.seed
        assert plain.seed == drawn
        outputs = made(given, outputs=made.output_names)
        decisions = {path: value.numpy() for path, value in made.decisions().items()}
        result = run(modes[training], inputs, params, seed=drawn, decisions=decisions)
        assert not result.disagreements
        assert not result.unused
        assert set(result.decisions) == set(decisions)
        for key, value in result.outputs.items():
            np.testing.assert_allclose(outputs[key].detach().numpy(), value, rtol=1e-9, atol=1e-9, err_msg=key)
        for one in (made, plain):
            one(given).pow(2).sum().backward() if one is plain else outputs["y"].pow(2).sum().backward()
        for (key, first), second in zip(plain.named_parameters(), made.parameters()):
            torch.testing.assert_close(second.grad, first.grad, rtol=1e-9, atol=1e-9, msg=key)
        kept.append(next(iter(decisions.values())).mean())
    assert 0 < np.mean(kept) < 1


def routed(one: Graph) -> list[str]:
    """The fuses of a plan that run on kept positions."""
    return [step.label for step in plan_of(one).block.steps if step.kind == "combine" and step.rows]


@pytest.mark.parametrize(("name", "before", "after"), [("together", 3, 1), ("experts", 2, 1), ("experts with residuals", 2, 1)])
def test_rows_are_dispatched_and_combined_once(name: str, before: int, after: int) -> None:
    assert len(routed(graph(name))) == before
    assert len(routed(fused(graph(name)))) == after


def test_what_follows_one_way_runs_on_kept_rows() -> None:
    """Of the two products behind the route the first has no bias, and moves."""
    from chunkc.compiler.work import dense_macs

    block = plan_of(fused(graph("inward"))).block
    inside = [way.apply.attrs["body"] for step in block.steps if step.kind == "each" and step.rows for way in step.ways]
    assert [dense_macs(body, SIZES) for body in inside] == [3 * 5 * 4 * (4 + 8)]


@pytest.mark.parametrize("name", TEXTS)
def test_an_infinity_in_what_is_dropped_is_not_seen(name: str) -> None:
    """Where nothing is kept a row of infinities passes by; where it is kept the result is what it was."""
    one = graph(name)
    inputs, params = values(one, 0)
    before = run(one, inputs, params, seed=1)
    ways = next(iter(before.decisions.values()))
    poisoned = dict(params)
    for path in params:
        if path.startswith(("first.0", "second.0")):
            poisoned[path] = np.full_like(params[path], np.inf)
    rows = ~ways[..., 0] if "expert" in name else np.ones(ways.shape[:-1], np.bool_)
    assert rows.any()
    plain, after = (run(g, inputs, poisoned, seed=1, decisions=before.decisions) for g in (one, fused(one)))
    for key, value in plain.outputs.items():
        assert np.isfinite(value[rows]).all()
        np.testing.assert_allclose(after.outputs[key], value, rtol=1e-9, atol=1e-9, err_msg=key)
    made = lower(fused(one)).double().eval()
    made.load_state_dict({path: torch.tensor(value) for path, value in poisoned.items()})
    with torch.no_grad():
        found = made(torch.tensor(inputs["x"]), outputs=made.output_names)
    for key, value in found.items():
        assert torch.isfinite(value).numpy()[rows].all(), key


SHARED = """
model m(d: int = 4) {
  input x: f32[B, T, d]
  chunk block[2](h) { h |> layer_norm |> linear(d) }
  s = x |> linear(1)
  h = x
  for i in 0..2 {
    router live[i] {
      score  = s
      weight = sigmoid
      keep   = above(0.5)
    }
    fuse h = residual(h, block[i](h), by=live[i])
  }
  output h
}
"""


def test_layers_whose_masks_are_shared_share_their_route() -> None:
    """The one selection is recorded under both paths."""
    one = loads(SHARED)
    after = pipeline.run(one, ["share-masks", "fuse-routes"])
    assert (len(routed(one)), len(routed(after))) == (2, 1)
    inputs, params = values(one, 0)
    before = run(one, inputs, params)
    found = run(after, inputs, params, decisions=before.decisions)
    assert set(found.decisions) == set(before.decisions) == {"live.0", "live.1"}
    np.testing.assert_allclose(found.outputs["h"], before.outputs["h"], rtol=1e-9, atol=1e-9)
