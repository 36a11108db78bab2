"""A selection that stands for several: what is recorded and replayed under each path is as if there were several."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from chunkc.backends.reference import RunError, run
from chunkc.backends.torch import compile as lower
from chunkc.backends.torch import standalone
from chunkc.compiler.ir import Graph, Node, rebuild
from chunkc.compiler.verify import VerifyError, verify
from chunkc.grammar.elaborate import loads
from chunkc.passes import pipeline

LAYERS = """
model layers(d: int = 6, layers: int = 3) {
  input x: f32[B, d]
  param look: f32[d, d]
  param w: f32[d, d]
  h = x
  for i in 0..layers {
    mask live[i] {
      score = x |> linear(look, bias=false)
      grain = neuron
      keep  = top(50%) |> above(0.0)
      train = straight_through
    }
    loss work = density(live[i]) + mean_all(cast(live[i].first, f32))
    h = h |> linear(w, mask=live[i]) |> gelu
  }
  output h
}
"""

EXITS = """
model exits(d: int = 4) {
  input x: f32[B, d]
  chunk stage[3](h) { h |> linear(d) |> gelu }
  h = x
  for i in 0..3 {
    h = stage[i](h)
    sure[i] = h |> softmax |> max
    answer[i] = h
  }
  for j in 0..2 {
    router exit[j] {
      score    = stack(sure)
      weight   = 1
      keep     = above(0.3, of=score) |> first(1)
      fallback = last when none
    }
    part[j] = weighted_sum(answer, by=exit[j])
  }
  output y = part[0] + part[1]
}
"""


def graphs(source: str) -> tuple[Graph, Graph, Graph, Graph]:
    """As written and shared, in eval; and in training."""
    plain = [loads(source, training=mode) for mode in (False, True)]
    shared = [pipeline.run(one, ["share-masks"]) for one in plain]
    assert all(sum(node.op == "select" for node in one.nodes) == 1 for one in shared)
    return plain[0], shared[0], plain[1], shared[1]


def modules(source: str) -> tuple[Any, Any]:
    plain, shared, plain_train, shared_train = graphs(source)
    made = lower(plain, plain_train).double().eval(), lower(shared, shared_train).double().eval()
    with torch.no_grad():
        for value in made[0].parameters():
            value *= 3
    made[1].load_state_dict(made[0].state_dict())
    return made


@pytest.mark.parametrize("source", [LAYERS, EXITS], ids=["layers", "exits"])
@pytest.mark.parametrize("training", [False, True], ids=["eval", "training"])
def test_every_path_is_recorded(source: str, training: bool) -> None:
    plain, shared = modules(source)
    x = torch.randn(5, len(plain.state_dict()["w"]) if "w" in plain.state_dict() else 4, dtype=torch.float64)
    values = [one.train(training)(x) for one in (plain, shared)]
    torch.testing.assert_close(*values)
    assert set(plain.stats()) == set(shared.stats()) and set(plain.decisions()) == set(shared.decisions())
    for path, stats in shared.stats().items():
        assert torch.equal(stats.kept, plain.stats()[path].kept)
        assert [name.partition(":")[0] for name in stats.rows] == [path] * len(stats.rows)
    assert len({tuple(stats.rows.values()) for stats in shared.stats().values()}) == 1
    assert list(shared.losses()) == list(plain.losses())
    with shared.replay(plain.decisions()):
        torch.testing.assert_close(shared(x), values[0])


@pytest.mark.parametrize("source", [LAYERS, EXITS], ids=["layers", "exits"])
def test_each_use_gives_its_gradient(source: str) -> None:
    """What reached the score through each of several selections reaches it through the one."""
    plain, shared = modules(source)
    x = torch.randn(5, 6 if source is LAYERS else 4, dtype=torch.float64)
    for made in (plain, shared):
        total = (made.train()(x) ** 2).sum() + sum(made.losses().values())
        total.backward()
    for (name, one), other in zip(plain.named_parameters(), shared.parameters()):
        torch.testing.assert_close(other.grad, one.grad, msg=name)
    assert source is EXITS or shared.look.grad.abs().max() > 0


@pytest.mark.parametrize("source", [LAYERS, EXITS], ids=["layers", "exits"])
def test_different_decisions_are_not_replayed(source: str) -> None:
    _, shared = modules(source)
    x = torch.randn(5, 6 if source is LAYERS else 4, dtype=torch.float64)
    shared(x)
    decisions = shared.decisions()
    first, second, *_ = [path for path in decisions if not path.endswith(":first")]
    other = ~decisions[first]
    for wrong in ({**decisions, second: other}, {first: other}):
        with shared.replay(wrong), pytest.raises(ValueError, match=f"{first} and {second}.*one selection after `share-masks`"):
            shared(x)
    with shared.replay({first: decisions[first], second: (other, torch.zeros_like(other))}):
        shared(x)
    assert torch.equal(shared.decisions()[second], decisions[first])


@pytest.mark.parametrize("source", [LAYERS, EXITS], ids=["layers", "exits"])
def test_the_reference_records_and_replays_alike(source: str) -> None:
    plain, shared, *_ = graphs(source)
    x = np.random.default_rng(0).standard_normal((5, 6 if source is LAYERS else 4))
    params = {key: value.numpy() for key, value in modules(source)[0].state_dict().items()}
    before, after = (run(one, {"x": x}, params) for one in (plain, shared))
    assert list(before.stats) == list(after.stats)
    assert all(np.array_equal(before.decisions[path], kept) for path, kept in after.decisions.items())
    first, second, *_ = before.decisions
    other = ~before.decisions[first]
    assert not run(shared, {"x": x}, params, decisions=before.decisions).unused
    for wrong in ({**before.decisions, second: other}, {first: other}):
        with pytest.raises(RunError, match=f"`{first}` and `{second}`.*one selection after `share-masks`"):
            run(shared, {"x": x}, params, decisions=wrong)
    replayed = run(shared, {"x": x}, params, decisions={**dict.fromkeys(before.decisions, other)})
    assert all(np.array_equal(kept, other) for kept in replayed.decisions.values())


def test_exported_compiled_and_alone_it_is_the_same() -> None:
    plain, shared = modules(LAYERS)
    x = torch.randn(5, 6, dtype=torch.float64)
    expected = plain(x)
    torch.testing.assert_close(torch.export.export(shared, (x,)).module()(x), expected)
    torch.testing.assert_close(torch.compile(shared, backend="eager", fullgraph=True)(x), expected)
    namespace: dict[str, Any] = {}
    exec(standalone(*(graphs(LAYERS)[i] for i in (1, 3))), namespace)
    alone = namespace[type(shared).__name__]().double().eval()
    alone.load_state_dict(plain.state_dict())
    torch.testing.assert_close(alone(x), expected)


@pytest.mark.parametrize("wrong", [(), ("live.0",), ("live.1", "live.1"), "live.1", ("a b",)], ids=str)
def test_other_paths_are_paths(wrong: Any) -> None:
    def change(node: Node) -> Node | None:
        return replace(node, attrs=node.attrs.but(also=wrong)) if node.op == "select" else None

    with pytest.raises(VerifyError):
        verify(rebuild(graphs(LAYERS)[1], change))
