"""Arrays that run together: the same values as member by member, and member by member where that is what is wanted."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from chunkc.backends.torch import CompiledModule, compile, grouped, standalone
from chunkc.backends.torch.derived import keeps
from chunkc.compiler.ir import Graph
from chunkc.grammar.elaborate import loads
from chunkc.passes import pipeline

CASES = Path(__file__).parent.parent / "passes" / "group-chunks"
MOE = """model moe(d: int = 8) {
  input x: f32[B, T, d]
  input s: f32[B, T, 5]
  chunk expert[5](h) { h |> linear(16) |> gelu |> linear(d) }
  router gate {
    score = s
    keep  = above(0, of=score)
    weight = 1
  }
  fuse y = weighted_sum(expert(x), by=gate)
  output y
}
"""
GATED, NESTED = ((CASES / name).read_text(encoding="utf-8").split("# ---")[0] for name in ("gating.cc", "inside.cc"))


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def both(graph: Graph, dtype: torch.dtype = torch.float32) -> tuple[CompiledModule, CompiledModule]:
    """The module whose members run together, and the one whose members run by themselves."""
    together = pipeline.run(graph, ["group-chunks"])
    made = compile(together, graph, seed=1).to(dtype).eval(), compile(graph, seed=1).to(dtype).eval()
    assert "@grouped(" in made[0].source
    assert "@grouped(" not in made[1].source
    for one in made:
        for parameter in one.parameters():
            parameter.data += 0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(parameter.numel()))
    return made


@pytest.fixture(params=["products", "one kernel"])
def kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Members' products one after the other, or by the kernel of CUDA, which runs f32 on CPU too."""
    if request.param == "one kernel":
        monkeypatch.setattr(grouped, "fits_grouped", lambda x, weights: x.dtype == torch.float32)
    return str(request.param)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows there were, for each call that ran members together."""
    found: list[int] = []
    start = grouped.Members.__init__

    def counting(self: grouped.Members, array: nn.Module, tensors: object, counts: list[int], rows: Tensor) -> None:
        found.append(sum(counts))
        start(self, array, tensors, counts, rows)  # type: ignore[arg-type]

    monkeypatch.setattr(grouped.Members, "__init__", counting)
    return found


def test_one_kernel_stays_where_its_rows_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is made on the CPU by the way (`meta` stands for another device; there `grouped_mm` takes bf16 only)."""
    monkeypatch.setattr(grouped, "fits_grouped", lambda x, weights: True)
    bf16 = {"dtype": torch.bfloat16, "device": "meta"}
    tensors = {"w": [torch.empty(16, 8, **bf16)] * 3, "b": [torch.empty(16, **bf16)] * 3}  # type: ignore[arg-type]
    rows = torch.empty(6, dtype=torch.int64, device="meta")
    members = grouped.Members(nn.ModuleList().eval(), tensors, [1, 0, 5], rows)
    y = members.linear(torch.empty(6, 1, 8, **bf16), "w", "b")  # type: ignore[arg-type]
    assert (y.shape, y.device.type) == ((6, 1, 16), "meta")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu() -> None:
    module, plain = (one.cuda() for one in both(loads(MOE), torch.bfloat16))
    x, s = normal(2, 6, 8).bfloat16().cuda(), normal(2, 6, 5).bfloat16().cuda()
    with torch.no_grad():
        for _ in range(2):
            torch.testing.assert_close(module(x, s), plain(x, s))
    assert keeps(module) == (4 if torch.cuda.get_device_capability() >= (8, 0) else 0)


ROUTES = {
    "mixed": normal(2, 6, 5),
    "none": -torch.ones(2, 6, 5),
    "all to one": torch.nn.functional.one_hot(torch.full((2, 6), 3), 5) - 0.5,
    "all to all": torch.ones(2, 6, 5),
}


@pytest.mark.parametrize("route", ROUTES)
def test_any_route(route: str, kernel: str, calls: list[int]) -> None:
    module, plain = both(loads(MOE))
    x, s = normal(2, 6, 8), ROUTES[route]
    with torch.no_grad():
        for _ in range(2):
            torch.testing.assert_close(module(x, s), plain(x, s))
    assert calls == [int((s > 0).sum())] * 2
    assert module.stats()["gate"].rows == plain.stats()["gate"].rows


def test_norms_scales_names_and_outer_weights(kernel: str, calls: list[int]) -> None:
    module, plain = both(loads(GATED, d=8))
    with torch.no_grad():
        torch.testing.assert_close(module(normal(9, 8)), plain(normal(9, 8)))
    assert calls == [9]


def test_rows_with_positions_inside(kernel: str, calls: list[int]) -> None:
    """One decision for a sample: a row of the array is all of its positions."""
    text = MOE.replace("f32[B, T, 5]", "f32[B, 5]")
    module, plain = both(loads(text))
    with torch.no_grad():
        torch.testing.assert_close(module(normal(4, 6, 8), normal(4, 5)), plain(normal(4, 6, 8), normal(4, 5)))
    assert len(calls) == 1


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_precision(dtype: torch.dtype) -> None:
    module, plain = both(loads(MOE), dtype)
    x, s = normal(2, 6, 8).to(dtype), normal(2, 6, 5).to(dtype)
    with torch.no_grad():
        torch.testing.assert_close(module(x, s), plain(x, s))


def test_members_alone_in_training_and_where_gradients_are_wanted(calls: list[int]) -> None:
    module, plain = both(loads(MOE))
    x, s = normal(2, 6, 8), normal(2, 6, 5)
    for training in (False, True):
        for one in (module, plain):
            one.train(training).zero_grad()
            one(x, s).square().sum().backward()
        for (name, mine), theirs in zip(module.named_parameters(), plain.parameters()):
            assert mine.grad is not None
            torch.testing.assert_close(mine.grad, theirs.grad, msg=name)
    assert not calls


def test_stacked_weights_die_with_the_eval_period(kernel: str) -> None:
    module, plain = both(loads(MOE))
    x, s = normal(2, 6, 8), normal(2, 6, 5)
    step = torch.optim.AdamW(module.parameters(), lr=0.1, fused=True)
    for training in (True, False):
        with torch.no_grad():
            module(x, s)
        assert (keeps(module) > 0) == (kernel == "one kernel")
        module.train(training)(x, s).square().sum().backward()
        step.step()
        plain.load_state_dict(module.eval().state_dict())
        with torch.no_grad():
            torch.testing.assert_close(module(x, s), plain(x, s))


def test_members_that_are_not_as_they_were_made(calls: list[int]) -> None:
    """Hooks run, parametrisations count, and a module in a member's place is what is called."""
    x, s, seen = normal(2, 6, 8), normal(2, 6, 5), []
    changes = {
        "hook": lambda m: m.get_submodule("expert.2.linear_1").register_forward_hook(lambda *_: seen.append(1)),
        "parametrised": lambda m: nn.utils.parametrizations.spectral_norm(m.get_submodule("expert.2.linear_1")),
        "replaced": lambda m: m.get_submodule("expert").register_module("2", nn.Linear(8, 8)),
        "inner replaced": lambda m: m.get_submodule("expert.2").register_module("linear_2", nn.Sequential(nn.Linear(16, 8))),
    }
    for change in changes.values():
        module, plain = both(loads(MOE))
        for one in (module, plain):
            torch.manual_seed(0)
            change(one.eval())
            one.eval()
        with torch.no_grad():
            torch.testing.assert_close(module(x, s), plain(x, s))
    assert len(seen) == 2
    assert not calls


def test_captured_whole() -> None:
    module, plain = both(loads(MOE))
    x, s = normal(2, 6, 8), normal(2, 6, 5)
    program = torch.export.export(module, (x, s))
    torch.testing.assert_close(program.module()(x, s), plain(x, s))
    region = module.region()
    with torch.no_grad():
        torch.testing.assert_close(region(torch.tensor(0), x, s)[0], plain(x, s))


@pytest.mark.slow
def test_compiled_whole() -> None:
    module, plain = both(loads(MOE))
    x, s = normal(2, 6, 8), normal(2, 6, 5)
    with torch.no_grad():
        torch.testing.assert_close(torch.compile(module, fullgraph=True)(x, s), plain(x, s))


def test_replay_and_other_parameters(calls: list[int]) -> None:
    module, plain = both(loads(MOE))
    x, s = normal(2, 6, 8), normal(2, 6, 5)
    with torch.no_grad():
        plain(x, -s)
        with module.replay(plain.decisions()):
            torch.testing.assert_close(module(x, s), plain(x, -s))
        other = {name: torch.randn_like(value) for name, value in module.named_parameters()}
        plain.load_state_dict(other)
        torch.testing.assert_close(torch.func.functional_call(module, other, (x, s)), plain(x, s))
    assert len(calls) == 2


def test_inside_a_chunk_and_standalone() -> None:
    graph = loads(NESTED)
    module, plain = both(graph)
    x = normal(9, 4)
    with torch.no_grad():
        torch.testing.assert_close(module(x), plain(x))
    names: dict[str, object] = {}
    text = standalone(pipeline.run(graph, ["group-chunks"]), graph)
    assert "@grouped" not in text
    exec(text, names)
    alone = names["Nested"]()  # type: ignore[operator]
    alone.load_state_dict(plain.state_dict())
    torch.testing.assert_close(alone.eval()(x), plain(x))
