"""Caches of selections: rows that came before are not computed again, and nothing else moves."""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from chunkc.backends.reference import run
from chunkc.backends.torch import compile, standalone
from chunkc.backends.torch.caching import Cache
from chunkc.backends.torch.counting import MacCounter
from chunkc.backends.torch.residing.replicas import lend
from chunkc.backends.torch.tensors import Loan
from chunkc.compiler.ir import Graph
from chunkc.grammar.elaborate import loads
from chunkc.passes import pipeline

TOKENS = """model tokens(d: int = 4) {
  input x: f32[B, T, d]
  chunk part[2](h) { h |> linear(d) }
  router gate {
    score = x |> linear(32) |> gelu |> linear(2)
    keep  = top(1)
    cache = exact(entries=12)
  }
  fuse y = weighted_sum(part(x), by=gate)
  output y
}
"""
LAYERS = """model layers(d: int = 4) {
  input x: f32[B, T, d]
  chunk layer[2](h) {
    chunk asks(h) { h |> linear(8) |> gelu |> mean(T) |> linear(3) }
    chunk part[3](h) { h |> linear(d) }
    router gate { score = asks(h)  keep = top(1)  cache = exact(entries=8) }
    fuse z = weighted_sum(part(h), by=gate)
    output z
  }
  y = layer[1](layer[0](x))
  output y
}
"""
NEURONS = """model neurons {
  input x: f32[B, 16]
  param w: f32[24, 16]
  mask live {
    score = importance(x, w, hidden=4)
    grain = neuron
    keep  = above(learned(0.5, from=x))
    train = straight_through
    cache = fingerprint(bits=32, entries=64)
  }
  output y = x |> linear(w, mask=live)
}
"""


def graph(text: str, training: bool = False) -> Graph:
    return loads(text, training=training)


def made(text: str) -> Any:
    """The module with caches, in eval."""
    return compile(*(pipeline.run(graph(text, mode), ["canonicalize", "cache-masks"]) for mode in (False, True))).eval()


def expected(module: Any, text: str, x: Tensor) -> Tensor:
    """What the graph without passes means with the module's present parameters and last decisions."""
    params = {name: value.double().numpy() for name, value in module.state_dict().items()}
    decisions = {path: np.asarray(kept) for path, kept in module.decisions().items()}
    return torch.from_numpy(run(graph(text), {"x": x.double().numpy()}, params, decisions=decisions).outputs["y"])


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def hits(module: Any, x: Tensor, path: str = "gate") -> tuple[int, int]:
    """Rows that the cache held in a call, of how many; the call's values are those of the reference."""
    module(x)
    return module.stats()[path].cached


def holds(module: Any, text: str, x: Tensor) -> bool:
    return torch.allclose(module(x).double(), expected(module, text, x), atol=1e-5)


@pytest.mark.parametrize("text", [TOKENS, LAYERS])
@torch.no_grad()
def test_a_second_call_finds_what_the_first_computed(text: str) -> None:
    module, x = made(text), draw(2, 3, 4)
    counts = []
    for _ in range(2):
        with MacCounter() as counter:
            assert holds(module, text, x)
        counts.append(counter.macs)
    found = [module.stats()[path].cached for path in module.caches()]
    assert all(hit == rows for hit, rows in found) and len(found) == (1 if text is TOKENS else 2)
    assert counts[1] < counts[0]


@torch.no_grad()
def test_rows_that_repeat_in_a_call_are_computed_once() -> None:
    module, x = made(TOKENS), draw(2, 3, 4)
    x[1] = x[0]
    assert hits(module, x) == (3, 6) and holds(module, TOKENS, x)
    assert hits(module, torch.cat([x, draw(1, 3, 4, seed=1)])) == (6, 9)
    assert module.caches()["gate"].used == 6


@torch.no_grad()
def test_the_log_shows_what_was_held_and_what_was_computed() -> None:
    module, x = made(TOKENS), draw(2, 3, 4)
    module.log_steps(x[:1])
    rows = {entry.kind: entry.rows for entry in module.log_steps(x).entries if entry.rows}
    assert (rows["probe"], rows["compute"], rows["remember"]) == ((3, 6), (3,), (3,))
    module(x[:1]), module(x)
    assert len(module.plan().regions) == len(module.regions()) == 2
    assert module.caches()["gate"].rate == 3 / 9


@torch.no_grad()
def test_the_least_recently_used_leave_first() -> None:
    module, x = made(TOKENS), draw(1, 16, 4)
    module(x[:, :12])
    module(x[:, :4])
    assert hits(module, x[:, 12:]) == (0, 4)
    assert hits(module, x[:, :4]) == (4, 4) and hits(module, x[:, 8:12]) == (4, 4) and hits(module, x[:, 4:8]) == (0, 4)
    stats = module.caches()["gate"]
    assert stats.used == stats.entries == 12 and stats.bytes == 12 * 2 * 4


@torch.no_grad()
def test_more_rows_than_entries() -> None:
    module, x = made(TOKENS), draw(4, 10, 4)
    assert holds(module, TOKENS, x) and module.caches()["gate"].used == 12
    assert holds(module, TOKENS, x)


@torch.no_grad()
def test_rows_are_told_apart_by_their_bits() -> None:
    module, x = made(TOKENS), torch.zeros(1, 1, 4)
    assert hits(module, x) == (0, 1) and hits(module, -x) == (0, 1) and hits(module, x) == (1, 1)
    x[0, 0, 0] = float("nan")
    assert hits(module, x) == (0, 1) and hits(module, x) == (1, 1)
    x[0, 0, 0] = 1e-45
    assert hits(module, x) == (0, 1)


@torch.no_grad()
def test_other_sizes_have_rows_of_their_own() -> None:
    module = made(LAYERS)
    for size in (3, 2, 3, 5, 4, 6):
        assert holds(module, LAYERS, draw(3, size, 4, seed=size))
    assert all(stats.used <= stats.entries == 8 for stats in module.caches().values())


def changed(module: Any) -> None:
    """Adds to every parameter as some optimizers do: past the version counters."""
    for parameter in module.parameters():
        parameter.data.add_(0.5)


def in_place(module: Any) -> None:
    with torch.no_grad():
        module.gate.linear_1.weight.mul_(2)


def loaded(module: Any) -> None:
    module.load_state_dict({name: value + 1 for name, value in module.state_dict().items()}, assign=True)


def trained(module: Any) -> None:
    module.train()
    optimizer = torch.optim.AdamW(module.parameters(), lr=0.1, fused=True)
    with torch.enable_grad():
        module(draw(2, 3, 4)).square().sum().backward()
    optimizer.step()
    module.eval()


def stepped_in_eval(module: Any) -> None:
    optimizer = torch.optim.AdamW(module.parameters(), lr=0.1, fused=True)
    with torch.enable_grad():
        module(draw(2, 3, 4)).square().sum().backward()
    optimizer.step()


def refreshed(module: Any) -> None:
    changed(module)
    module.refresh()


@pytest.mark.parametrize("change", [in_place, loaded, trained, stepped_in_eval, refreshed])
@torch.no_grad()
def test_other_parameters_empty_it(change: Any) -> None:
    module, x = made(TOKENS), draw(2, 3, 4)
    module(x)
    change(module)
    assert hits(module, x) == (0, 6) and holds(module, TOKENS, x)
    assert hits(module, x) == (6, 6)


@torch.no_grad()
def test_other_dtypes_and_copies_have_none_of_it() -> None:
    module, x = made(TOKENS), draw(2, 3, 4)
    module(x)
    twin = copy.deepcopy(module)
    assert hits(twin, x) == (0, 6) and hits(module, x) == (6, 6)
    assert hits(module.double(), x.double()) == (0, 6) and holds(module, TOKENS, x.double())
    assert hits(module.bfloat16(), x.bfloat16()) == (0, 6) and hits(module, x.bfloat16()) == (6, 6)


def test_it_is_no_part_of_calls_that_want_gradients() -> None:
    module, x = made(TOKENS), draw(2, 3, 4)
    for _ in range(2):
        module.zero_grad()
        module(x).sum().backward()
        assert module.gate.linear_1.weight.grad.abs().sum() > 0
        assert module.stats()["gate"].cached == (0, 6)
    module.requires_grad_(False)
    assert hits(module, x) == (0, 6) and hits(module, x) == (6, 6)
    x.requires_grad_()
    module(x).sum().backward()
    assert x.grad is not None and module.stats()["gate"].cached == (0, 6)


def test_training_has_no_cache() -> None:
    module = made(TOKENS).train()
    with torch.no_grad():
        module(draw(2, 3, 4))
    assert module.caches() == {} and module.stats()["gate"].cached is None
    assert [entry.kind for entry in module.log_steps(draw(2, 3, 4)).entries if entry.kind == "probe"] == []


def test_inference_mode_and_no_grad_share_it() -> None:
    module, x = made(TOKENS), draw(1, 4, 4)
    with torch.inference_mode():
        assert hits(module, x[:, :2]) == (0, 2)
    with torch.no_grad():
        assert hits(module, x) == (2, 4)
    with torch.inference_mode():
        assert hits(module, x) == (4, 4)
    with torch.no_grad():
        assert holds(module, TOKENS, x)


@torch.no_grad()
def test_what_a_call_gives_is_its_own() -> None:
    text = TOKENS.replace("output y\n", "output y\n  output score = gate.score\n")
    module, x = made(text), draw(2, 3, 4)
    first = module(x, outputs="score")
    before = first.clone()
    first.zero_()
    module(x, outputs="score").zero_()
    assert torch.equal(module(x, outputs="score"), before)


@torch.no_grad()
def test_replay_takes_the_given_decisions() -> None:
    module, x = made(TOKENS), draw(2, 3, 4)
    module(x)
    turned = {path: ~kept for path, kept in module.decisions().items()}
    with module.replay(turned):
        value = module(x)
        assert module.stats()["gate"].cached == (6, 6)
    assert torch.equal(module.decisions()["gate"], turned["gate"])
    assert torch.allclose(value.double(), expected(module, TOKENS, x), atol=1e-5)


@torch.no_grad()
def test_threads_share_it() -> None:
    module, draws = made(TOKENS), [draw(2, 3, 4, seed=seed) for seed in range(6)]
    plain = compile(graph(TOKENS)).eval()
    plain.load_state_dict(module.state_dict())

    def work(seed: int) -> bool:
        x = draws[seed % len(draws)]
        with torch.no_grad():
            return torch.allclose(module(x), plain(x), atol=1e-6)

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(120)))
    stats = module.caches()["gate"]
    assert stats.rows == 120 * 6 and stats.used <= 12


def test_what_is_computed_while_it_is_emptied_is_not_held() -> None:
    cache, cpu = Cache(4), torch.device("cpu")
    found, places = cache.look(("s",), [b"a", b"b", b"a"], (), cpu)
    assert places is not None and places.tolist() == [0, 1] and found.hits == 1
    cache.clear()
    cache.keep(found, [torch.zeros(2, 3)])
    assert cache.stats().used == 0
    again, _ = cache.look(("s",), [b"a"], (), cpu)
    cache.keep(again, [torch.ones(1, 3)])
    assert cache.stats().used == 1
    cache.look(("s",), [b"a"], [torch.ones(2)], cpu)
    assert cache.stats().used == 0
    cache.keep(again, [torch.ones(1, 3)])
    assert cache.stats().used == 0


@torch.no_grad()
def test_functional_calls_with_other_parameters() -> None:
    module, x = made(TOKENS), draw(2, 3, 4)
    value = module(x)
    others = {name: parameter + 0.5 for name, parameter in module.named_parameters()}
    changed_value = torch.func.functional_call(module, others, (x,))
    plain = compile(graph(TOKENS)).eval()
    plain.load_state_dict(others)
    torch.testing.assert_close(changed_value, plain(x))
    torch.testing.assert_close(module(x), value)


@torch.no_grad()
def test_compiled_exported_and_standalone_have_none() -> None:
    module, x = made(TOKENS), draw(2, 3, 4)
    value = module(x)
    module.refresh()
    fast = torch.compile(module, fullgraph=True, backend="eager")
    torch.testing.assert_close(fast(x), value)
    exported = torch.export.export(module, (x,))
    torch.testing.assert_close(exported.module()(x), value)
    names: dict[str, Any] = {}
    exec(standalone(pipeline.run(graph(TOKENS), ["cache-masks"])), names)
    alone = names["Tokens"]().eval()
    alone.load_state_dict(module.state_dict())
    torch.testing.assert_close(alone(x), value)
    assert module.caches()["gate"].used == 0
    assert "probe" not in module.region().code and len(module.regions()) == 2


# ---- fingerprints


@torch.no_grad()
def test_what_is_nearly_alike_has_one_fingerprint() -> None:
    module, x = made(NEURONS), draw(32, 16)
    assert hits(module, x, "live") == (0, 32) and holds(module, NEURONS, x)
    near = x * 3 + 1e-6 * draw(32, 16, seed=1)
    found, rows = hits(module, near, "live")
    assert found >= 0.9 * rows
    assert torch.allclose(module(near).double(), expected(module, NEURONS, near), atol=1e-4)
    assert hits(module, draw(32, 16, seed=2), "live")[0] <= 1


@torch.no_grad()
def test_decisions_by_fingerprint_mostly_agree() -> None:
    """With inputs that scatter around few centres, as real ones do; how often, is what the bits buy."""
    module, plain = made(NEURONS), compile(graph(NEURONS)).eval()
    plain.load_state_dict(module.state_dict())
    centres = draw(8, 16)
    alike, found = [], 0
    for seed in range(8):
        x = centres + 0.01 * draw(8, 16, seed=seed + 1)
        module(x)
        plain(x)
        found += module.stats()["live"].cached[0]
        alike.append((module.decisions()["live"] == plain.decisions()["live"]).float().mean())
    assert found >= 32 and torch.stack(alike).mean() > 0.9


@torch.no_grad()
def test_rows_that_are_not_finite_have_no_fingerprint() -> None:
    module, x = made(NEURONS), draw(4, 16)
    x[1, 3] = float("inf")
    x[2, 3] = float("nan")
    module(x)
    assert hits(module, x, "live") == (2, 4) and module.caches()["live"].used == 2


def test_rows_stand_while_a_loan_does():
    """Weights that come and go are other tensors each time; what was made of them is held while the numbers are the same."""
    cache, rows = Cache(4), torch.arange(3.0)[:, None]

    def look(*loans: Loan) -> int:
        sources = [lend(torch.ones(2), loan) for loan in loans]
        found, places = cache.look((), [b"a", b"b", b"c"], sources, rows.device)
        if places is None or len(places):
            cache.keep(found, [rows if places is None else rows.index_select(0, places)])
        return found.hits

    assert look(Loan("a", 0), Loan("a", 64)) == 0
    assert look(Loan("a", 0), Loan("a", 64)) == 3
    assert look(Loan("b", 0), Loan("a", 64)) == 0, "another version"
    assert look(Loan("b", 0), Loan("a", 64)) == 3
