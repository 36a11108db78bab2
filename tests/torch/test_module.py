"""The module: what it computes and what it does not, its state dict, copies, modes and precision."""

from __future__ import annotations

import copy
import gc
import linecache
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from agreement import agree, module
from torch import Tensor, nn

import chunkc
from chunkc.backends.torch import CompiledModule
from chunkc.compiler.diagnostics import CompileError

SPECS = Path(chunkc.__file__).parent / "specs"


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def moe(dtype: torch.dtype = torch.float32, **params: object) -> CompiledModule:
    made = chunkc.compile(SPECS / "moe.cc", **{"d": 16, "experts": 4, **params})
    assert isinstance(made, CompiledModule)
    return made.to(dtype).eval()


def dense(made: CompiledModule, x: Tensor) -> Tensor:
    """The mixture by hand: all experts everywhere."""
    score = made.gate.linear_1(x)
    best = score.sort(dim=-1, descending=True, stable=True).indices[..., :2]
    weight = torch.zeros_like(score).scatter(-1, best, torch.softmax(score, -1).gather(-1, best))
    return sum(expert(x) * weight[..., i, None] for i, expert in enumerate(made.expert))


def counted(made: nn.Module, names: list[str]) -> dict[str, int]:
    """Rows that reach modules, filled in by the calls that follow."""
    seen = dict.fromkeys(names, 0)

    def hook(name: str, args: tuple[Tensor, ...]) -> None:
        seen[name] += args[0].reshape(-1, args[0].shape[-1]).shape[0]

    for name in names:
        made.get_submodule(name).register_forward_pre_hook(lambda _, args, name=name: hook(name, args))
    return seen


def test_equals_a_mixture_written_by_hand() -> None:
    made, x = moe(), normal(3, 7, 16)
    assert torch.allclose(made(x), dense(made, x), atol=1e-6)
    assert torch.allclose(made(x=x), made(x))


def test_what_is_not_kept_is_not_computed() -> None:
    made, x = moe(), normal(3, 7, 16)
    for training in (False, True):
        made.train(training)
        seen = counted(made, [f"expert.{i}" for i in range(4)])
        made(x)
        load = made.stats()["gate"].load
        assert sum(load) == 2 * 21
        assert tuple(seen.values()) == load == made.stats()["gate"].rows["gate:y"]


def test_early_exit_stops() -> None:
    made = chunkc.compile(SPECS / "early_exit.cc", d=8, layers=4, classes=3).eval()
    with torch.no_grad():
        for head in made.classify:
            head.linear_1.weight.mul_(6)
    seen = counted(made, [f"stage.{i}" for i in range(4)])
    made(normal(40, 8))
    load = made.stats()["exit"].load
    assert list(seen.values()) == [40 - sum(load[:i]) for i in range(4)] and seen["stage.3"] < 40
    assert made.stats()["exit"].rows["exit:y"] == tuple(seen.values())


def test_outputs_are_computed_when_asked_for() -> None:
    made = module("""
    model two(d: int = 4) {
      input x: f32[B, d]
      chunk a(h) { h |> linear(d) }
      chunk b(h) { h |> linear(d) }
      output y = a(x)
      output z = b(x)
    }
    """)
    seen = counted(made, ["a", "b"])
    x = normal(5, 4, dtype=torch.float64)
    made(x)
    assert seen == {"a": 5, "b": 0}
    assert torch.equal(made(x, outputs="z"), made.b(x))
    assert list(made(x, outputs=["z", "y"])) == ["z", "y"]
    with pytest.raises(KeyError, match="no output `w`"):
        made(x, outputs="w")


def test_losses_are_offered_in_training_only() -> None:
    made, x = moe(), normal(3, 7, 16)
    made(x)
    assert made.losses() == {}
    made.train()(x)
    assert set(made.losses()) == {"balance"}
    made.losses()["balance"].backward()
    assert made.gate.linear_1.weight.grad.abs().sum() > 0


def test_losses_of_a_loop_by_index_and_summed() -> None:
    made = chunkc.compile(SPECS / "active_layers.cc", d=8, layers=6).train()
    made(normal(4, 3, 8))
    losses = made.losses()
    assert set(losses) == {"work", *(f"work.{i}" for i in range(6))}
    assert torch.isclose(losses["work"], sum(losses[f"work.{i}"] for i in range(6)))


def test_state_dict_round_trip() -> None:
    made, other, x = moe(seed=1), moe(seed=2), normal(2, 3, 16)
    assert list(dict(made.named_parameters())) == list(made.state_dict())
    assert set(made.state_dict()) == {parameter.path for parameter in made.graph.parameters}
    assert not torch.equal(made(x), other(x))
    other.load_state_dict(made.state_dict())
    assert torch.equal(made(x), other(x))
    fresh = {name: value.clone() * 2 for name, value in made.state_dict().items()}
    other.load_state_dict(fresh, assign=True)
    made.load_state_dict(fresh)
    assert torch.equal(made(x), other(x))


def test_parameters_start_by_seed_and_path() -> None:
    before = torch.random.get_rng_state()
    small, large = moe(experts=2), moe(experts=4)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(small.expert[1].linear_1.weight, large.expert[1].linear_1.weight)
    assert not torch.equal(small.expert[0].linear_1.weight, small.expert[1].linear_1.weight)


def test_copies_stand_alone() -> None:
    made, x = moe(), normal(2, 3, 16)
    y = made(x)
    twin = copy.deepcopy(made)
    with torch.no_grad():
        for expert in twin.expert:
            expert.linear_1.weight.mul_(3)
    assert torch.equal(made(x), y) and not torch.equal(twin(x), y)
    assert torch.allclose(twin(x), dense(twin, x), atol=1e-6)
    assert torch.equal(twin.region()(torch.tensor(0), x)[0], twin(x))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_other_precisions(dtype: torch.dtype) -> None:
    x = normal(2, 9, 16)
    exact = moe()(x)
    made = moe(dtype)
    y = made(x.to(dtype))
    assert y.dtype == dtype
    assert torch.allclose(y.float(), exact, atol=0.05)
    made.train()(x.to(dtype)).sum().backward()
    assert made.expert[0].linear_1.weight.grad.dtype == dtype


def test_frozen_and_buffers() -> None:
    made = module("""
    model kinds(d: int = 4) {
      input x: f32[B, d]
      param fixed: f32[d] = 2 frozen
      state seen: f32[d] = 0
      next seen = seen + mean(x, B)
      output y = x * fixed + seen
    }
    """)
    x = normal(6, 4, dtype=torch.float64)
    assert not made.fixed.requires_grad and "seen" in dict(made.named_buffers())
    agree(made, x)
    agree(made, x)
    assert torch.allclose(made.seen, 2 * x.mean(0))


def test_backward_through_a_state_that_is_written() -> None:
    made = module("""
    model counted(d: int = 4) {
      input x: f32[B, d]
      state scale: f32[d] = 1
      next scale = scale * 2
      output y = (x |> linear(d)) * scale
    }
    """).train()
    made(normal(3, 4, dtype=torch.float64)).sum().backward()
    assert torch.equal(made.scale, torch.full((4,), 2.0, dtype=torch.float64))


def test_several_threads() -> None:
    made = moe()
    inputs = [normal(2, 5, 16, seed=i) for i in range(16)]
    with torch.no_grad(), ThreadPoolExecutor(4) as pool:
        found = list(pool.map(made, inputs))
        assert all(torch.equal(y, made(x)) for x, y in zip(inputs, found))


def test_replayed_decisions_are_taken() -> None:
    made, x = moe(torch.float64), normal(2, 3, 16, dtype=torch.float64)
    free = made(x)
    decisions = made.decisions()
    turned = {"gate": decisions["gate"].flip(-1)}
    with made.replay(decisions):
        assert torch.allclose(made(x), free)
    with made.replay(turned):
        assert not torch.allclose(made(x), free)
        assert torch.equal(made.decisions()["gate"], turned["gate"])
    assert torch.equal(made(x), free)


def test_a_wrong_call_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="takes the inputs x"):
        moe()(normal(2, 3, 16), normal(2, 3, 16))


def test_plan_and_step_log() -> None:
    made = moe()
    log = made.log_steps(normal(2, 3, 16)).entries
    outer = [entry for entry in log if not entry.path]
    assert [entry.kind for entry in outer] == ["compute", "select", "dispatch", "each", "combine"]
    assert [sum(entry.rows) for entry in outer] == [0, 0, 12, 12, 12]
    assert len(outer) == len(log), "experts that run together are one step"
    assert len(made.plan().regions) == 1
    assert isinstance(made.region(), torch.fx.GraphModule)


def test_an_unbound_chunk_is_a_diagnostic() -> None:
    graph = chunkc.load(SPECS / "composition.cc")
    from chunkc.backends.torch import compile

    with pytest.raises(CompileError, match="CC0711"):
        compile(graph)


def test_nothing_and_no_rows() -> None:
    made = moe()
    assert made(normal(0, 5, 16)).shape == (0, 5, 16)
    early = chunkc.compile(SPECS / "early_exit.cc", d=8, layers=3, classes=3).eval()
    assert early(normal(0, 8)).shape == (0, 3)


def test_infinity_in_a_dropped_stream_does_not_show() -> None:
    made, x = moe(), normal(2, 5, 16)
    made(x)
    made.train()
    load = made.stats()["gate"].kept
    with torch.no_grad():
        made.expert[0].linear_2.bias.fill_(float("inf"))
    y = made(x)
    touched = load[..., 0]
    assert y[touched].isinf().all() and y[~touched].isfinite().all()


def test_a_chunk_may_be_called_what_emitted_text_uses() -> None:
    text = "model m { input x: f32[B, 4]\n chunk f(h) { h |> relu }\n chunk context(h) { h |> gelu }\n output y = context(f(x)) }"
    made, x = module(text).eval(), torch.randn(3, 4)
    assert torch.equal(made(x), torch.nn.functional.gelu(x.relu()))


def test_compiling_leaves_nothing_in_the_tables_of_torch_fx() -> None:
    """What is registered there stays, and each trace of the process goes through it."""
    registered = torch.fx._symbolic_trace._wrapped_fns_to_patch
    moe()
    before = len(registered)
    moe(experts=3).train()(normal(2, 5, 16))
    assert len(registered) == before
    again = torch.fx.symbolic_trace(chunkc.compile(SPECS / "moe.cc", passes=(), d=16).eval().region())
    assert any(getattr(node.target, "__name__", "") == "combine" for node in again.graph.nodes), "what we call stays a call"


def test_texts_of_modules_that_went_are_kept_nowhere() -> None:
    def made() -> int:
        moe()
        gc.collect()
        return len(linecache.cache)

    before = made()
    assert made() == made() == before
