"""Derived values: kept for an eval period, dropped with it, never part of what a module saves or copies."""

from __future__ import annotations

import copy
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import Tensor

from chunkc.backends.reference import run
from chunkc.backends.torch import CompiledModule, compile, standalone
from chunkc.backends.torch.counting import MacCounter
from chunkc.backends.torch.derived import keeps
from chunkc.compiler.ir import Graph
from chunkc.grammar.elaborate import loads
from chunkc.passes import pipeline

MODEL = """model tied(d: int = 4) {
  input x: f32[B, d]
  param w: f32[d, d]
  param table: f32[d, d]
  mask live {
    score = abs(w)
    grain = weight
    keep  = top(50%)
  }
  chunk head[2](h) {
    param v: f32[d, d]
    output out = linear(h, matmul(l2_norm(v), table))
  }
  fuse y = sum(head(linear(x, w, mask=live)))
  output y
}
"""
X = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))


def graph() -> Graph:
    return loads(MODEL)


def made() -> CompiledModule:
    hoisted = pipeline.run(graph(), ["canonicalize", "hoist"])
    return compile(hoisted, graph(), seed=1).eval()


def expected(module: CompiledModule, x: Tensor = X) -> Tensor:
    """What the unoptimised graph means with the module's present parameters."""
    params = {name: value.double().numpy() for name, value in module.state_dict().items()}
    result = run(graph(), {"x": x.double().numpy()}, params)
    return torch.from_numpy(np.asarray(result.outputs["y"]))


def holds(module: CompiledModule) -> bool:
    with torch.no_grad():
        return torch.allclose(module(X.to(next(module.parameters()).dtype)).double(), expected(module), atol=1e-5)


def test_computed_once_per_eval_period() -> None:
    module = made()
    with torch.no_grad(), MacCounter() as counter:
        module(X)
        first = counter.macs
        module(X)
    assert keeps(module) == 3
    assert counter.macs - first == first - 2 * 4**3, "the two products of weights are not made again"
    assert holds(module)


@pytest.mark.parametrize("period", [lambda m: m.train().eval(), lambda m: m.refresh()], ids=["train", "refresh"])
def test_dies_with_the_eval_period(period: Callable[[CompiledModule], object]) -> None:
    """An average of weights written through `.data` bumps no version counter: the toggle, or `refresh()`, is what tells."""
    module = made()
    assert holds(module)
    for parameter in module.parameters():
        parameter.data.mul_(0.5).add_(0.25)
    period(module)
    assert keeps(module) == 0
    assert holds(module)


def test_eval_twice_keeps() -> None:
    module = made()
    assert holds(module)
    assert keeps(module.eval()) == 3


def test_fused_optimizer() -> None:
    """With a toggle, and without one: a call that wants gradients drops what is kept."""
    module = made()
    step = torch.optim.AdamW(module.parameters(), lr=0.1, fused=True)
    for training in (True, False, False):
        assert holds(module)
        module.train(training)
        module(X).square().sum().backward()
        step.step()
        module.eval()
        assert holds(module)


def test_gradients_in_eval() -> None:
    module, plain = made(), compile(graph(), seed=1).eval()
    assert holds(module)
    for one in (module, plain):
        one(X).square().sum().backward()
    for (name, mine), theirs in zip(module.named_parameters(), plain.parameters()):
        assert mine.grad is not None
        torch.testing.assert_close(mine.grad, theirs.grad, msg=name)


@pytest.mark.parametrize("assign", [False, True])
def test_load_state_dict(assign: bool) -> None:
    module = made()
    assert holds(module)
    module.load_state_dict({name: torch.randn_like(value) for name, value in module.state_dict().items()}, assign=assign)
    assert keeps(module) == 0
    assert holds(module)


def test_part_of_a_module_loaded_or_written() -> None:
    module = made()
    assert holds(module)
    head = module.get_submodule("head.1")
    head.load_state_dict({"v": torch.randn(4, 4)}, assign=True)
    assert holds(module)
    with torch.no_grad():
        module.get_parameter("table").mul_(2)
    assert holds(module)


def test_moved() -> None:
    module = made()
    assert holds(module)
    module.to(torch.float64)
    assert keeps(module) == 0
    assert module(X.double()).dtype == torch.float64
    assert holds(module)


def test_other_parameters_for_one_call() -> None:
    module = made()
    assert holds(module)
    other = {name: torch.randn_like(value) for name, value in module.named_parameters()}
    twin = made()
    twin.load_state_dict(other)
    with torch.no_grad():
        torch.testing.assert_close(torch.func.functional_call(module, other, (X,)), twin(X))
    assert holds(module)


def test_per_instance_and_in_no_copy() -> None:
    module, before = made(), set(made().state_dict())
    assert holds(module)
    twin = copy.deepcopy(module)
    assert keeps(twin) == 0
    assert keeps(module) == 3
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.data.normal_()
    assert holds(twin)
    assert holds(module)
    assert set(module.state_dict()) == before == {name for name, _ in module.named_parameters()}
    assert not dict(module.named_buffers()).keys() - {"_seed"}
    fresh = made()
    assert all(set(vars(part)) == set(vars(fresh.get_submodule(name))) for name, part in module.named_modules() if name)


def test_decisions_are_recorded_and_replayed() -> None:
    module = made()
    for _ in range(2):
        assert holds(module)
        assert module.stats()["live"].load == tuple(module.decisions()["live"].sum(0).tolist())
    forced = {"live": ~module.decisions()["live"]}
    params = {name: value.double().numpy() for name, value in module.state_dict().items()}
    replayed = run(graph(), {"x": X.double().numpy()}, params, decisions={"live": forced["live"].numpy()})
    with torch.no_grad(), module.replay(forced):
        np.testing.assert_allclose(module(X).numpy(), replayed.outputs["y"], atol=1e-5)
    assert holds(module)


def test_threads() -> None:
    module = made()
    result = expected(module)
    with ThreadPoolExecutor(8) as pool, torch.no_grad():

        def call(i: int) -> bool:
            if i % 7 == 0:
                module.refresh()
            with torch.no_grad():
                return torch.allclose(module(X).double(), result, atol=1e-5)

        assert all(pool.map(call, range(200)))


def test_modes_of_calls() -> None:
    """A value made in inference mode serves outside of it; under autocast it is another one."""
    module = made()
    with torch.inference_mode():
        module(X)
    x = X.clone().requires_grad_()
    for parameter in module.parameters():
        parameter.requires_grad_(False)
    module(x).sum().backward()
    assert x.grad is not None
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        module(X)
    assert holds(module)


def test_results_may_be_written() -> None:
    text = "model m() {\n  input x: f32[B]\n  param w: f32[4]\n  output y = tanh(w)\n}\n"
    module = compile(pipeline.run(loads(text), ["hoist"])).eval()
    with torch.no_grad():
        module(X[:, 0]).zero_()
        torch.testing.assert_close(module(X[:, 0]), torch.tanh(module.get_parameter("w")))


def test_captured_whole() -> None:
    """In export a derived value is computed from the parameters that the program has."""
    module = made()
    assert holds(module)
    program = torch.export.export(module, (X,))
    changed = {name: torch.randn_like(value) for name, value in module.state_dict().items()}
    module.load_state_dict(changed)
    again = program.module()
    again.load_state_dict(changed, strict=False)
    torch.testing.assert_close(again(X), module(X))


@pytest.mark.slow
def test_compiled_whole() -> None:
    module = made()
    assert holds(module)
    whole = torch.compile(module, fullgraph=True)
    with torch.no_grad():
        torch.testing.assert_close(whole(X), module(X))


def test_standalone_computes_inline() -> None:
    hoisted = pipeline.run(graph(), ["canonicalize", "hoist"])
    text = standalone(hoisted, graph())
    assert "@derived" not in text
    names: dict[str, object] = {}
    exec(text, names)
    module = made()
    alone = names["Tied"]().eval()  # type: ignore[operator]
    alone.load_state_dict(module.state_dict())
    torch.testing.assert_close(alone(X), module(X))


STATIC = {
    "neuron": """model m(d: int = 8) {
  input x: f32[B, d]
  param w: f32[12, d]
  param v: f32[12, d]
  param b: f32[12]
  mask live {
    score = mean(abs(w), -1)
    grain = neuron
    keep  = top(25%)
  }
  output y = linear(x, w, bias=b, mask=live) + linear(x, v, mask=live)
}
""",
    "none kept": """model m(d: int = 8) {
  input x: f32[B, d]
  param w: f32[12, d]
  mask live {
    score = mean(abs(w), -1)
    grain = neuron
    keep  = above(99, of=score)
  }
  output y = linear(x, w, mask=live)
}
""",
    "channel": """model m(c: int = 6) {
  input x: f32[B, 3, H, W]
  param w: f32[c, 3, 3, 3]
  mask live {
    score = w |> abs |> mean(-1) |> mean(-1) |> mean(-1)
    grain = channel
    keep  = top(2)
  }
  output y = conv2d(x, w, padding=1, mask=live)
}
""",
    "member": """model m(d: int = 8) {
  input x: f32[B, d]
  chunk part[2](h) {
    param w: f32[d, d]
    mask live {
      score = mean(abs(w), -1)
      grain = neuron
      keep  = top(3)
    }
    output out = linear(h, w, mask=live)
  }
  fuse y = sum(part(x))
  output y
}
""",
}


@pytest.mark.parametrize("case", STATIC)
def test_static_mask_of_whole_rows_is_a_smaller_weight(case: str) -> None:
    """The rows kept are taken out once; what is multiplied is them, in every call; replay has its own."""
    graph = loads(STATIC[case])
    module, plain = compile(pipeline.run(graph, ["O2"]), graph, seed=1).eval(), compile(graph, seed=1).eval()
    x = torch.randn((2, 3, 5, 5) if case == "channel" else (2, 8), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(module(x), plain(x))
        count = keeps(module)
        with MacCounter() as mine:
            torch.testing.assert_close(module(x), plain(x))
        assert keeps(module) == count
        with MacCounter() as theirs:
            plain(x)
        assert mine.macs == 2 * theirs.macs
        assert module.decisions().keys() == plain.decisions().keys()
        forced = {path: ~kept for path, kept in module.decisions().items()}
        with module.replay(forced), plain.replay(forced):
            torch.testing.assert_close(module(x), plain(x))
        torch.testing.assert_close(module(x), plain(x))
        x[...] = float("inf")
        torch.testing.assert_close(module(x), plain(x), equal_nan=True)
    torch.testing.assert_close(torch.export.export(module, (x,)).module()(x), plain(x), equal_nan=True)


def test_a_small_weight_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = loads(STATIC["neuron"])
    module = compile(pipeline.run(graph, ["hoist"]), graph).eval()
    x = torch.randn(2, 8)
    with torch.no_grad():
        module(x)
        made: list[int] = []
        real = module.namespace.packed_rows
        monkeypatch.setattr(module.namespace, "packed_rows", lambda *given, **more: (made.append(1), real(*given, **more))[1])
        module(x)
        assert not made
        module.train().eval()(x)
        assert len(made) == 2
