"""Bodies in bodies: what is gathered twice keeps its decisions, draws and captured values, and its dense meaning."""

from __future__ import annotations

import pytest
import torch
from agreement import agree, agree_twice, module

HIERARCHICAL = """
model two_levels(d: int = 6) {
  input x: f32[B, T, d]
  chunk group[3](h) {
    chunk expert[4](v) { v |> linear(d) |> tanh }
    router inner { score = h |> linear(4)  keep = top(2) }
    output y = h + weighted_sum(expert(h), by=inner)
  }
  router outer { score = x |> linear(3)  keep = top(1) }
  fuse y = weighted_sum(group(x), by=outer)
  output y
}
"""


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_router_inside_a_routed_chunk() -> None:
    made = agree_twice(HIERARCHICAL, normal(3, 5, 6), gain=3.0)
    agree(made, normal(3, 5, 6))
    kept, known = made.decisions()["group.0.inner"]
    outer = made.decisions()["outer"]
    assert kept.shape == (3, 5, 4) and torch.equal(known.any(-1), outer[..., 0])
    stats = made.stats()["group.1.inner"]
    assert stats.known == int(outer[..., 1].sum()) and sum(stats.load) == 2 * stats.known


def test_only_kept_positions_reach_the_inner_experts() -> None:
    made = module(HIERARCHICAL, gain=3.0)
    seen: dict[str, int] = {}
    for name, layer in made.named_modules():
        if name.endswith("linear_1") and ".expert." in name:
            layer.register_forward_hook(lambda _, args, out, name=name: seen.__setitem__(name, args[0].shape[0]))
    made(normal(3, 5, 6))
    for group in range(3):
        kept, known = made.decisions()[f"group.{group}.inner"]
        counts = (kept & known).flatten(0, 1).sum(0).tolist()
        assert [seen[f"group.{group}.expert.{i}.linear_1"] for i in range(4)] == counts


def test_draws_keep_their_dense_positions() -> None:
    text = """
    model noisy(d: int = 4) {
      input x: f32[B, T, d]
      chunk expert[3](h) {
        chunk part[2](v) { v |> linear(d) |> dropout(0.5) }
        router inner { score = h |> linear(2)  keep = top(1) }
        output y = weighted_sum(part(h), by=inner) |> dropout(0.3)
      }
      router outer { score = x |> linear(3)  keep = top(2) }
      fuse y = weighted_sum(expert(x), by=outer)
      output y
    }
    """
    made = module(text, gain=2.0).train()
    made.seed = 11
    first = agree(made, normal(2, 7, 4))["y"]
    assert made.seed == 12
    second = agree(made, normal(2, 7, 4))["y"]
    assert not torch.equal(first, second)
    made.seed = 11
    assert torch.equal(made(normal(2, 7, 4)), first)


def test_captured_parameters_states_and_chunks() -> None:
    text = """
    model captured(d: int = 5) {
      input x: f32[B, d]
      param table: f32[d, d]
      state bias: f32[3] = 0.5
      chunk shared(h) { h |> linear(d) |> relu }
      chunk outer[3](h) {
        param scale: f32[d] = 2
        chunk inner[2](v) { shared(v |> linear(table)) * scale }
        router near { score = h |> linear(2)  keep = top(1) }
        output y = weighted_sum(inner(h), by=near) + shared(h)
      }
      router far { score = (x |> linear(3)) + bias  keep = top(2) }
      next bias = bias + 0.1 * mean(far.load) - 0.1 * far.load
      fuse y = weighted_sum(outer(x), by=far)
      output y
    }
    """
    made = agree_twice(text, normal(9, 5), gain=2.0)
    assert "shared.linear_1.weight" in made.state_dict() and "outer.2.scale" in made.state_dict()
    assert not torch.equal(made.bias, torch.full((3,), 1.0, dtype=torch.float64))


def test_arrays_of_arrays_named_members_and_zips() -> None:
    text = """
    model arrays(d: int = 4) {
      input x: f32[B, d]
      chunk first[2, 3](h) { h |> linear(d) }
      chunk second[red, green, blue](h) { h |> linear(d) |> tanh }
      chunk third[red, green, blue](h) { h |> linear(d) }
      router six { score = x |> linear(6)  keep = top(2) }
      router three { score = x |> linear(3)  keep = top(1) }
      a = weighted_sum(first(x), by=six)
      b = weighted_sum(third(second(x)), by=three)
      output y = a + b + second.red(x)
    }
    """
    made = agree_twice(text, normal(8, 4), gain=2.0)
    assert "first.1.2.linear_1.weight" in made.state_dict()
    assert made.third["green"].linear_1.weight.shape == (4, 4)


@pytest.mark.parametrize("name", ["train", "half", "forward", "type", "keys", "compute", "stats", "T_destination"])
def test_members_may_have_any_name(name: str) -> None:
    text = f"""
    model clash(d: int = 4) {{
      input x: f32[B, d]
      param weight: f32[d, d]
      chunk {name}[3](h) {{ h |> linear(d) }}
      router gate {{ score = x |> linear(weight) |> linear(3)  keep = top(1) }}
      fuse y = weighted_sum({name}(x), by=gate)
      output y
    }}
    """
    made = agree_twice(text, normal(6, 4), gain=2.0)
    assert f"{name}.2.linear_1.weight" in made.state_dict()
    made.load_state_dict(made.state_dict())
    assert torch.equal(made.half()(normal(6, 4).half()), made(normal(6, 4).half()))


def test_one_decision_for_the_whole_batch() -> None:
    text = """
    model once(d: int = 4) {
      input x: f32[B, T, d]
      chunk expert[3](h) { h |> linear(d) |> relu }
      router gate { score = x |> mean(B, T) |> linear(3)  keep = top(1) }
      fuse y = weighted_sum(expert(x), by=gate)
      output y
    }
    """
    made = agree_twice(text, normal(3, 5, 4), gain=2.0)
    seen = []
    for expert in made.expert:
        expert.register_forward_pre_hook(lambda _, args: seen.append(args[0].shape[0]))
    agree(made, normal(3, 5, 4))
    assert sorted(seen) == [0, 0, 3]


def test_records_and_lists_of_streams() -> None:
    text = """
    model several(d: int = 4) {
      input x: f32[B, T, d]
      chunk pair[2](h) {
        output wide = h |> linear(2 * d)
        output narrow = h |> linear(d)
      }
      chunk alone(h) { h |> linear(d) |> relu }
      router pick { score = x |> linear(3)  keep = above(0.3) }
      r = pair[1](x)
      fuse y = weighted_sum([r.narrow, alone(x) |> tanh, x * 2], by=pick)
      output y
      output wide = r.wide
    }
    """
    made = agree_twice(text, normal(2, 6, 4), gain=2.0)
    assert set(made(normal(2, 6, 4), outputs=["wide"])) == {"wide"}
