"""Models larger than their budget: the same outputs, never more resident than allowed, and the steps of the plan in its order."""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from chunkc.backends.torch import compile, standalone
from chunkc.compiler.ir import Attrs, Graph
from chunkc.compiler.loading.residents import NotResident, Residents
from chunkc.compiler.plan import RESIDENCY, regions_of
from chunkc.grammar.elaborate import load, loads
from chunkc.passes import pipeline

SPECS = Path(__file__).resolve().parents[2] / "specs"
PARTS = {name: str(SPECS / "parts" / f"{name}.cc") for name in ("edges", "texture", "shapes")}


def active_layers() -> Graph:
    return load(SPECS / "active_layers.cc", params={"d": 8, "layers": 6})


def composition(budget: int = 40_000) -> Graph:
    graph = load(SPECS / "composition.cc", params={"d": 16}, bind=PARTS)
    return replace(graph, memory=graph.memory.but(budget=("bytes", budget)))


def moe(share: float = 0.4, **more: Any) -> Graph:
    graph = load(SPECS / "moe.cc", params={"d": 8})
    return replace(graph, memory=Attrs(budget=("share", share), **more))


def inputs(graph: Graph, seed: int = 0) -> list[torch.Tensor]:
    torch.manual_seed(seed)
    (given,) = graph.inputs
    sizes = {"B": 5, "T": 3}
    return [torch.randn(*(size if isinstance(size, int) else sizes[str(size)] for size in given.shape))]


def both(graph: Graph) -> tuple[Any, Any]:
    """The module with everything resident, and the one under its budget, with the same weights."""
    whole, budgeted = compile(graph).eval(), compile(pipeline.run(graph, ["schedule"])).eval()
    assert list(whole.state_dict()) == list(budgeted.state_dict())
    return whole, budgeted


def room(module: Any) -> int:
    return int(module._memory.residents.room)


MODELS = [active_layers, composition, moe]


@pytest.mark.parametrize("model", MODELS)
def test_the_same_outputs_within_the_budget(model: Any) -> None:
    graph = model()
    whole, budgeted = both(graph)
    assert sum(budgeted._memory.residents.sizes.values()) > room(budgeted), "the model must be larger than its budget"
    before = {name: (id(value), value.clone()) for name, value in budgeted.state_dict(keep_vars=True).items()}
    for seed in range(4):
        given = inputs(graph, seed)
        with torch.no_grad():
            assert torch.equal(budgeted(*given), whole(*given))
        assert budgeted.decisions().keys() == whole.decisions().keys()
        assert budgeted.stats().keys() == whole.stats().keys()
        assert 0 < budgeted.residency().peak <= room(budgeted)
    assert whole.residency() is None
    for name, value in budgeted.state_dict(keep_vars=True).items():
        assert id(value) == before[name][0] and torch.equal(value, before[name][1])


@pytest.mark.parametrize("model", MODELS)
def test_the_steps_that_ran_are_those_of_the_plan(model: Any) -> None:
    graph = model()
    _, budgeted = both(graph)
    budgeted(*inputs(graph))
    planned = [(step.kind, step.label) for step in budgeted.plan().block.steps if step.kind in RESIDENCY]
    assert [(kind, path) for kind, path, _ in budgeted.residency().log] == planned
    said = [(entry.word, entry.path) for entry in budgeted.graph.schedule if entry.word != "run"]
    assert planned == said
    assert len(regions_of(budgeted.plan().block, budgeted.plan().blocks)) == len(budgeted.plan().regions) > 1


def test_what_is_left_out_is_not_loaded() -> None:
    graph = active_layers()
    whole, budgeted = both(graph)
    given = inputs(graph)
    kept = {f"live.{i}": torch.full((5, 1), i in (1, 4)) for i in range(6)}
    with whole.replay(kept), budgeted.replay(kept), torch.no_grad():
        assert torch.equal(whole(*given), budgeted(*given))
    assert (budgeted.residency().loads, budgeted.residency().evictions) == (2, 1)
    none = {f"live.{i}": torch.zeros(5, 1, dtype=torch.bool) for i in range(6)}
    with budgeted.replay(none):
        assert torch.equal(budgeted(*given), given[0])
    assert budgeted.residency().loads == 2


def test_rungs_hold_one_after_the_other() -> None:
    """An early exit whose stages do not fit together."""
    graph = load(SPECS / "early_exit.cc", params={"d": 8, "layers": 3, "classes": 3})
    graph = replace(graph, memory=Attrs(budget=("share", 0.4)))
    whole, budgeted = both(graph)
    for seed in range(3):
        (given,) = inputs(graph, seed)
        for sure in (None, 0, 2):
            kept = torch.zeros(5, 3, dtype=torch.bool)
            kept[:, sure or 0] = True
            forced = {} if sure is None else {"exit": kept}
            with whole.replay(forced), budgeted.replay(forced), torch.no_grad():
                assert torch.equal(whole(given), budgeted(given))
    assert budgeted.residency().peak <= room(budgeted) < sum(budgeted._memory.residents.sizes.values())
    before, kept = budgeted.residency().loads, torch.tensor([[True, False, False]]).expand(5, 3)
    with budgeted.replay({"exit": kept}):
        budgeted(given)
    assert budgeted.residency().loads <= before + 2, "nothing is left to the second stage, so it is not loaded"


def test_nothing_kept_gives_zeros() -> None:
    graph = moe()
    whole, budgeted = both(graph)
    given = inputs(graph)
    none = {"gate": torch.zeros(5, 3, 8, dtype=torch.bool)}
    with budgeted.replay(none), whole.replay(none):
        assert torch.equal(budgeted(*given), whole(*given))
    assert budgeted.residency().loads == 0


def test_all_to_one_loads_one() -> None:
    graph = moe()
    _, budgeted = both(graph)
    one = torch.zeros(5, 3, 8, dtype=torch.bool)
    one[..., 5] = True
    with budgeted.replay({"gate": one}):
        budgeted(*inputs(graph))
        budgeted(*inputs(graph))
    assert (budgeted.residency().loads, budgeted.residency().hits) == (1, 1)


def test_prefetched_is_not_waited_for() -> None:
    graph = moe(prefetch=("ahead", 1))
    whole, budgeted = both(graph)
    everything = {"gate": torch.ones(5, 3, 8, dtype=torch.bool)}
    with budgeted.replay(everything), whole.replay(everything), torch.no_grad():
        assert torch.equal(budgeted(*inputs(graph)), whole(*inputs(graph)))
    traffic = budgeted.residency()
    assert traffic.loads == 8 and traffic.ahead == 7 and traffic.peak <= room(budgeted)


def test_a_look_ahead_goes_past_what_is_not_kept() -> None:
    """Of ways 1, 4 and 6 the second and third are on their way while the one before runs, though ways lie between."""
    graph = moe(prefetch=("ahead", 1))
    whole, budgeted = both(graph)
    kept = torch.zeros(5, 3, 8, dtype=torch.bool)
    kept[..., [1, 4, 6]] = True
    with budgeted.replay({"gate": kept}), whole.replay({"gate": kept}), torch.no_grad():
        assert torch.equal(budgeted(*inputs(graph)), whole(*inputs(graph)))
    traffic = budgeted.residency()
    assert (traffic.loads, traffic.ahead) == (3, 3) and traffic.peak <= room(budgeted)


@pytest.mark.parametrize("policy", ["lru", "lfu", "cost", "belady"])
def test_policies_keep_the_budget(policy: str) -> None:
    graph = moe(evict=policy, prefetch=("ahead", 2))
    whole, budgeted = both(graph)
    for seed in range(6):
        given = [part[:1, :1] for part in inputs(graph, seed)]
        with torch.no_grad():
            assert torch.equal(budgeted(*given), whole(*given))
        assert budgeted.residency().peak <= room(budgeted)


def test_policies_differ_where_they_should() -> None:
    for policy, gone in (("lru", "a"), ("lfu", "c"), ("cost", "b"), ("belady", "d")):
        store = Residents({"a": 3, "b": 2, "c": 3, "d": 3, "e": 1}, 11, ("a", "b", "c", "d", "e"), policy=policy)
        with store.call() as call:
            for path in ("a", "a", "b", "b", "c", "d", "d"):
                call.acquire(path)
                call.release(path)
            call.place = 4
            call.acquire("e")
        assert set("abcd") - set(store.resident) == {gone}, policy


def test_training_and_a_pure_region_have_everything() -> None:
    graph = active_layers()
    budgeted = compile(
        pipeline.run(graph, ["schedule"]), load(SPECS / "active_layers.cc", params={"d": 8, "layers": 6}, training=True)
    )
    given = inputs(graph)
    budgeted.train()(*given).sum().backward()
    assert budgeted.residency().loads == 0
    budgeted.eval()
    program = torch.export.export(budgeted, tuple(given), strict=False).module()
    torch.testing.assert_close(program(*given), budgeted(*given))
    text = standalone(pipeline.run(graph, ["schedule"]))
    assert "acquire" not in text and "branch" not in text


def test_a_region_that_reads_what_is_away_is_refused() -> None:
    """The host loop looks, so a wrong plan cannot pass for a right one."""
    _, budgeted = both(active_layers())
    store = budgeted._memory.residents
    with store.call() as call, pytest.raises(NotResident, match="block.2"):
        call.acquire("block.0")
        call.check(("live.2.linear_1", "block.0.linear_1", "block.2.linear_1"))
    assert not store.held
    tight = Residents({"a": 3, "b": 3}, 4)
    with tight.call() as call, pytest.raises(NotResident, match="does not fit beside a"):
        call.acquire("a")
        call.acquire("b")


def test_threads_and_copies() -> None:
    graph = moe()
    whole, budgeted = both(graph)
    given = [inputs(graph, seed) for seed in range(4)]

    def run(seed: int) -> torch.Tensor:
        with torch.no_grad():
            found: torch.Tensor = budgeted(*given[seed])
            return found

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(run, [0, 1, 2, 3] * 4))
    with torch.no_grad():
        assert all(torch.equal(value, whole(*given[i % 4])) for i, value in enumerate(found))
    assert budgeted.residency().peak <= room(budgeted)
    twin = copy.deepcopy(budgeted)
    assert twin.residency().loads == 0
    assert torch.equal(twin(*given[0]), budgeted(*given[0]))


def test_outputs_that_need_no_chunk_load_none() -> None:
    _, budgeted = both(composition())
    given = inputs(composition())
    budgeted(*given, outputs="activation")
    assert budgeted.residency().loads == 0
    both_of_them = budgeted(*given, outputs=["y", "activation"])
    assert torch.equal(both_of_them["y"], budgeted(*given)) and budgeted.residency().loads > 0


def test_a_way_that_decides_itself_runs_on_no_rows_too() -> None:
    """What it decides is recorded under the same paths, whatever was kept."""
    graph = loads("""
model m(d: int = 4) {
  input x: f32[B, d]
  chunk part[2](h) {
    router inner { score = h |> linear(2)  keep = top(1) }
    fuse y = weighted_sum([h |> linear(d), h |> linear(d) |> relu], by=inner)
    output y
  }
  router gate { score = x |> linear(2)  keep = top(1) }
  fuse y = weighted_sum(part(x), by=gate)
  memory { budget = 70% }
  output y
}
""")
    whole, budgeted = both(graph)
    given = torch.randn(6, 4)
    for kept in (torch.tensor([[True, False]]).expand(6, 2), torch.zeros(6, 2, dtype=torch.bool)):
        with whole.replay({"gate": kept}), budgeted.replay({"gate": kept}):
            assert torch.equal(whole(given), budgeted(given))
        assert whole.decisions().keys() == budgeted.decisions().keys()
