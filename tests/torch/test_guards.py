"""What `specialize` lays out is taken where the call's own decisions allow it, and nowhere else: whatever the routes are, outputs
are those of the graph as it was written."""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
from elaborated import graph_of
from hypothesis import given, settings
from hypothesis import strategies as st

import chunkc
from chunkc.backends.reference import run
from chunkc.backends.torch import compile as lower
from chunkc.backends.torch import standalone
from chunkc.compiler.ir import Graph
from chunkc.compiler.profile import Activity, KeptSet, Profile, fingerprint
from chunkc.passes import pipeline
from chunkc.passes.specialize import Specialize

DTYPES = {"f32": torch.float32, "f64": torch.float64}
TOLERANCE = {"f32": 2e-5, "f64": 1e-10}
WAYS = 4
KEEPS = ("top(1)", "top(2)", "top(4)", "above(0.3)", "above(0.999)", "above(-1.0)", "top_p(0.6)", "above(0.2) |> first(1)")
FUSES = (
    "fuse y = weighted_sum(expert(x), by=gate)",
    "fuse y = mean(expert(x), by=gate)",
    "fuse y = concat(expert(x), by=gate)",
    "fuse y = weighted_sum([expert[0](x), x * 2, relu(x) |> linear(d), expert[3](x)], by=gate)",
)


def mixture(keep: str = "top(1)", fuse: str = FUSES[0], score: str = "x |> linear(4)", **params: Any) -> Graph:
    return graph_of(
        f"""
        chunk expert[4](h) {{ h |> linear(2 * d) |> relu |> linear(d) }}
        router gate {{ score = {score}  keep = {keep} }}
        {fuse}
        """,
        **params,
    )


def saw(graph: Graph, kept: tuple[int, ...], *paths: tuple[int, ...], path: str = "gate") -> Profile:
    """A profile that saw these ways kept, and whole calls that kept these sets."""
    counts = tuple(500 if way in kept else 0 for way in range(WAYS))
    sets = tuple(KeptSet(one, 500, 5) for one in paths)
    return Profile(graph.name, fingerprint(graph), 10, (), {path: Activity(WAYS, 2000, counts, (0.5,) * WAYS, sets)})


def specialized(graph: Graph, profile: Profile, dtype: str = "f64") -> Any:
    return lower(pipeline.run(graph, [Specialize(profile)])).to(DTYPES[dtype]).eval()


def route(made: Any, *bias: float) -> None:
    """Adds to the scores of the ways, so that routes go where they should."""
    with torch.no_grad():
        made.gate.linear_1.bias.copy_(torch.tensor(bias))


def poison(made: Any, ways: tuple[int, ...]) -> None:
    """Infinities and NaN in all weights of some experts."""
    with torch.no_grad():
        for way in ways:
            for i, value in enumerate(made.expert[way].parameters()):
                value.fill_(float("nan") if i % 2 else float("inf"))


def check(made: Any, graph: Graph, x: torch.Tensor, dtype: str = "f64") -> None:
    """The module against the reference of the graph as it was written, replaying the module's decisions."""
    with torch.no_grad():
        y = made(x)
    decisions = {path: value.numpy() for path, value in made.decisions().items()}
    params = {name: value.double().numpy() for name, value in made.state_dict().items()}
    with np.errstate(all="ignore"):
        result = run(graph, {"x": x.double().numpy()}, params, decisions=decisions)
    expected = result.outputs["y"]
    scale = max(1.0, float(np.abs(expected).max(initial=0.0)))
    assert np.isfinite(expected).all(), "what is not kept is not seen"
    np.testing.assert_allclose(y.double().numpy(), expected, rtol=0, atol=TOLERANCE[dtype] * scale)


@pytest.mark.parametrize("dtype", ["f32", "f64"])
@pytest.mark.parametrize("cold", range(WAYS))
def test_all_to_one_cold_way(cold: int, dtype: str) -> None:
    graph = mixture()
    hot = tuple(way for way in range(WAYS) if way != cold)
    made = specialized(graph, saw(graph, hot), dtype)
    x = torch.randn(3, 5, 8, dtype=DTYPES[dtype])
    route(made, *(9.0 if way == cold else 0.0 for way in range(WAYS)))
    poison(made, hot)
    check(made, graph, x, dtype)
    (guard,) = made.guards().values()
    assert (guard.held, guard.asked) == (0, 1)


@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_cold_ways_are_not_touched_where_none_is_kept(dtype: str) -> None:
    graph = mixture("top(2)")
    made = specialized(graph, saw(graph, (0, 2)), dtype)
    route(made, 9.0, -9.0, 9.0, -9.0)
    poison(made, (1, 3))
    called: list[int] = []
    for way, expert in enumerate(made.expert):
        expert.register_forward_hook(lambda *_, way=way: called.append(way))
    check(made, graph, torch.randn(3, 5, 8, dtype=DTYPES[dtype]), dtype)
    assert called == [0, 2]
    assert [(one.held, one.asked) for one in made.guards().values()] == [(1, 1)]


@pytest.mark.parametrize("fuse", FUSES)
def test_one_token_on_a_cold_way_is_enough_for_the_full_computation(fuse: str) -> None:
    graph = mixture("top(1)", fuse, score="x |> slice(axis=-1, start=0, stop=4)")
    made = specialized(graph, saw(graph, (1, 2), (1,)))
    x = torch.randn(2, 6, 8, dtype=torch.float64).abs()
    x[..., 1] += 9
    check(made, graph, x)
    x[1, 3, 3] += 99
    check(made, graph, x)
    held = {name.split()[1]: one for name, one in made.guards().items()}
    assert (held["without"].held, held["without"].asked) in ((0, 1), (1, 2))
    if "is" in held:
        assert (held["is"].held, held["is"].asked) == (1, 2)


@pytest.mark.parametrize("keep", ["above(2.0)", "above(-1.0)"], ids=["none kept", "all kept"])
@pytest.mark.parametrize("fuse", [FUSES[0], *(pytest.param(fuse, marks=pytest.mark.slow) for fuse in FUSES[1:])])
def test_none_and_all(fuse: str, keep: str) -> None:
    graph = mixture(keep, fuse)
    for kept, paths in (((0,), ()), ((), ()), ((0, 1, 2, 3), ((0, 1, 2, 3),)), ((1, 3), ((1,), (1, 3)))):
        made = specialized(graph, saw(graph, kept, *paths))
        check(made, graph, torch.randn(2, 3, 8, dtype=torch.float64))


@given(data=st.data())
@settings(max_examples=7)
def test_any_profile_and_any_routes(data: Any) -> None:
    """Zero wrong outputs: keeps, fuses, profiles and routes are drawn independently of each other."""
    keep, fuse = data.draw(st.sampled_from(KEEPS)), data.draw(st.sampled_from(FUSES))
    graph = mixture(keep, fuse)
    ways = st.lists(st.integers(0, WAYS - 1), unique=True, max_size=WAYS).map(lambda one: tuple(sorted(one)))
    profile = saw(graph, data.draw(ways), *dict.fromkeys(data.draw(st.lists(ways, max_size=3))))
    dtype = data.draw(st.sampled_from(sorted(DTYPES)))
    made = specialized(graph, profile, dtype)
    for _ in range(3):
        route(made, *data.draw(st.tuples(*[st.sampled_from([-20.0, -1.0, 0.0, 1.0, 20.0])] * WAYS)))
        generator = torch.Generator().manual_seed(data.draw(st.integers(0, 2**32)))
        sizes = data.draw(st.sampled_from([(1, 1), (2, 3), (1, 7), (0, 3), (2, 0)]))
        check(made, graph, torch.randn(*sizes, 8, generator=generator, dtype=DTYPES[dtype]), dtype)


# ---- where there is more than one decision


NESTED = """
    chunk expert[4](h) {
      chunk own[4](g) { g |> linear(d) }
      router low { score = h |> linear(4)  keep = top(1) }
      fuse z = weighted_sum(own(h), by=low)
      output z
    }
    router gate { score = x |> linear(4)  keep = top(1) }
    fuse y = weighted_sum(expert(x), by=gate)
"""


def test_ways_that_decide_leave_their_decisions() -> None:
    """A cold way with a router of its own is called all the same; guards inside hold for each member by itself."""
    graph = graph_of(NESTED)
    quiet = Activity(4, 500, (500, 0, 0, 0), (0.5,) * 4)
    selections = {"gate": quiet, **{f"expert.{way}.low": quiet for way in range(4)}}
    profile = Profile(graph.name, fingerprint(graph), 10, (), selections)
    made, plain = specialized(graph, profile), lower(graph).double().eval()
    plain.load_state_dict(made.state_dict())
    x = torch.randn(3, 5, 8, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(made(x), plain(x))
        assert list(made.stats()) == list(plain.stats()) and list(made.decisions()) == list(plain.decisions())
        for expert in (*made.expert, *plain.expert):
            expert.low.linear_1.bias.copy_(torch.tensor([9.0, 0, 0, 0]))
        torch.testing.assert_close(made(x), plain(x))
    assert [name.partition(":")[0] for name in made.guards()] == [f"expert.{way}.low" for way in range(4)]
    assert all(name.endswith("without 1_2_3") for name in made.guards())
    assert all(one.held in (1, 2) and one.asked == 2 for one in made.guards().values())


def test_one_decision_for_a_sample() -> None:
    """A gate over layers decides for each sample: with one sample a path needs no rows taken out."""
    graph = graph_of(
        """
        chunk block[4](h) { h |> linear(d) |> relu }
        router gate { score = x |> mean(T) |> linear(4)  keep = top(2) }
        fuse y = weighted_sum(block(x), by=gate)
        """
    )
    made = specialized(graph, saw(graph, (0, 1, 2), (0, 2)))
    route(made, 9.0, 0.0, 8.0, 0.0)
    poison_blocks = [made.block[1], made.block[3]]
    with torch.no_grad():
        for block in poison_blocks:
            block.linear_1.weight.fill_(float("nan"))
    check(made, graph, torch.randn(1, 6, 8, dtype=torch.float64))
    check(made, graph, torch.randn(4, 6, 8, dtype=torch.float64))
    assert [one.held for one in made.guards().values()] == [2]
    route(made, 9.0, 0.0, 0.0, 8.0)
    with torch.no_grad():
        for block in poison_blocks:
            block.linear_1.weight.fill_(1.0)
    check(made, graph, torch.randn(4, 6, 8, dtype=torch.float64))


# ---- the rest of what a module does


def test_stats_keys_and_parameters_are_those_without_a_profile() -> None:
    graph = mixture("top(2)")
    made, plain = specialized(graph, saw(graph, (0, 2), (0, 2))), lower(graph).double().eval()
    plain.load_state_dict(made.state_dict())
    assert list(made.state_dict()) == list(plain.state_dict())
    x = torch.randn(2, 3, 8, dtype=torch.float64)
    for bias in ((9.0, 0.0, 9.0, 0.0), (0.0, 9.0, 0.0, 9.0)):
        for one in (made, plain):
            route(one, *bias)
            one(x)
        ours, theirs = made.stats()["gate"], plain.stats()["gate"]
        assert (ours.load, ours.rows) == (theirs.load, theirs.rows)
    assert [entry.rows for entry in made.log_steps(x).entries if entry.kind == "branch"] == [(0,)]


def test_replay_asks_the_decision_that_is_replayed() -> None:
    graph = mixture()
    made = specialized(graph, saw(graph, (0, 2)))
    x = torch.randn(2, 3, 8, dtype=torch.float64)
    cold = torch.zeros(2, 3, 4, dtype=torch.bool)
    cold[..., 3] = True
    route(made, 9.0, 0.0, 0.0, 0.0)
    with made.replay({"gate": cold}):
        check(made, graph, x)
    assert next(iter(made.guards().values())).held == 0


def test_compile_and_export_run_the_full_computation() -> None:
    graph = mixture()
    made = specialized(graph, saw(graph, (0, 2), (0,)), "f32")
    x = torch.randn(2, 3, 8)
    expected = made(x)
    before = made.guards()
    assert torch.allclose(torch.compile(made, backend="eager", fullgraph=True)(x), expected, atol=1e-6)
    program = torch.export.export(made, (x,))
    assert torch.allclose(program.module()(x), expected, atol=1e-6)
    assert made.guards() == before
    assert len(made.regions()) > 1 and made.region() is not None


def test_the_standalone_module_has_no_guards() -> None:
    graph = mixture()
    marked = pipeline.run(graph, [Specialize(saw(graph, (0, 2), (0,)))])
    text = standalone(marked, graph)
    assert "branch" not in text and text == standalone(graph, graph)


def test_copies_count_for_themselves() -> None:
    graph = mixture()
    made = specialized(graph, saw(graph, (0, 2)))
    x = torch.randn(2, 3, 8, dtype=torch.float64)
    made(x)
    twin = copy.deepcopy(made)
    assert twin.guards() == {}
    twin(x)
    twin(x)
    assert [one.asked for one in (*made.guards().values(), *twin.guards().values())] == [1, 2]


def test_training_is_as_without_a_profile() -> None:
    graph, training = mixture(), mixture(training=True)
    made = lower(*(pipeline.run(one, [Specialize(saw(graph, (0, 2), (0,)))]) for one in (graph, training)))
    plain = lower(graph, training)
    x = torch.randn(2, 3, 8)
    for one in (made, plain):
        one.train()(x).sum().backward()
    for (name, a), (_, b) in zip(made.named_parameters(), plain.named_parameters()):
        assert (a.grad is None) == (b.grad is None) and (a.grad is None or torch.equal(a.grad, b.grad)), name
    assert made.guards() == {}


def test_a_recorded_profile_end_to_end(tmp_path: Any) -> None:
    """Record, write, read, specialise: the guard holds on what was recorded, and what was not recorded is right too."""
    graph = mixture("top(2)")
    module = lower(graph).double().eval()
    route(module, 9.0, -9.0, 9.0, -9.0)
    x = torch.randn(4, 40, 8, dtype=torch.float64)
    chunkc.profile(module, [x, x]).write(tmp_path / "p.json")
    made = lower(pipeline.run(graph, [f"specialize(profile='{tmp_path / 'p.json'}')"])).double().eval()
    made.load_state_dict(module.state_dict())
    check(made, graph, x)
    assert [one.held for one in made.guards().values()] == [1]
    route(made, -9.0, 9.0, 0.0, 9.0)
    check(made, graph, x)
    assert [one.held for name, one in made.guards().items() if " is " in name] == [1]


def test_stacked_products_need_no_guard_for_cold_ways() -> None:
    graph = mixture("top(2)")
    one = Specialize(saw(graph, (0, 2), (0, 2)))
    together = lower(pipeline.run(graph, ["group-chunks", one])).double().eval()
    apart = lower(pipeline.run(graph, ["group-chunks", one, "choose-kernels(force=gather)"])).double().eval()
    route(together, 0.0, 9.0, 0.0, 9.0)
    apart.load_state_dict(together.state_dict())
    x = torch.randn(2, 3, 8, dtype=torch.float64)
    for made in (together, apart):
        check(made, graph, x)
        route(made, 9.0, -9.0, 9.0, -9.0)
        check(made, graph, x)
    assert [(name.split()[1], one.held) for name, one in together.guards().items()] == [("is", 1)]
    assert [(name.split()[1], one.held) for name, one in apart.guards().items()] == [("is", 1), ("without", 0)]


def test_guards_are_counted_under_threads() -> None:
    graph = mixture()
    made = specialized(graph, saw(graph, (0, 2)))
    plain = lower(graph).double().eval()
    plain.load_state_dict(made.state_dict())
    batches = torch.randn(24, 1, 3, 8, dtype=torch.float64)
    with ThreadPoolExecutor(6) as pool:
        ours = list(pool.map(made, batches))
    for batch, y in zip(batches, ours):
        torch.testing.assert_close(y, plain(batch))
    (guard,) = made.guards().values()
    assert guard.asked == 24
