"""The steps that torch ran are those that the simulator times: for the same decisions the two logs are equal, on every spec.

So it is under forced kernels, under a memory budget, with caches, and with guards that hold or do not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import harness
import pytest
import torch
from cases import CASES, Case
from harness import graph, inputs, module
from test_budgets import WITHOUT_CHUNKS, tightest
from test_caches import asking, decides
from test_specialize import ROUTED, as_it_was, nothing, recorded, turned
from toy_machine import ToyMachine

from chunkc.backends.torch import compile as lower
from chunkc.backends.torch.counting import MacCounter
from chunkc.compiler.ir import Graph
from chunkc.compiler.planning.stores import store_of
from chunkc.compiler.step_log import StepLog
from chunkc.passes import pipeline
from chunkc.passes.choose_kernels import ChooseKernels
from chunkc.passes.specialize import Specialize
from chunkc.simulator.simulate import simulate
from chunkc.simulator.walking import Decided, step_log, walk
from chunkc.simulator.workloads import Workload


def simulated(made: Any, case: Case, logged: StepLog, outputs: str | None = None) -> StepLog:
    """The log of a walk for the decisions of the last call; what caches held is read from its log."""
    decisions = {path: _numbers(value) for path, value in made.decisions().items()}
    falls = Decided([decisions], [_hits(made, logged, outputs)])
    return step_log(walk(made.plan(outputs), falls, case.dims))


def _numbers(value: Any) -> Any:
    return tuple(one.numpy() for one in value) if isinstance(value, tuple) else value.numpy()


def _hits(made: Any, logged: StepLog, outputs: str | None) -> dict[str, int]:
    plan = made.plan(outputs)
    labels = {step.id: step.label for block in (plan.block, *plan.blocks.values()) for step in block.steps}
    return {entry.path + labels[entry.step]: entry.rows[0] for entry in logged if entry.kind == "probe"}


def agree(made: Any, case: Case, seeds: tuple[int, ...] = (0,), outputs: str | None = None) -> StepLog:
    """Asserts that the logs of some calls, one after the other, are equal; gives the last one."""
    for seed in seeds:
        with torch.no_grad():
            logged = made.log_steps(**inputs(case, seed=seed), outputs=outputs)
        assert simulated(made, case, logged.entries, outputs) == logged.entries
    return logged.entries  # type: ignore[no-any-return]


def like(after: Graph, case: Case) -> Any:
    """The module of a graph with the parameters of the plain one."""
    made = lower(after).double().eval()
    made.load_state_dict(module(case).state_dict())
    return made


FEW = ("moe", "active_layers", "dynamic_sparsity")


def some(cases: Iterable[Case]) -> list[Any]:
    """The cases, all but a few of them for the slow tests."""
    return [pytest.param(one, marks=() if one.name in FEW else pytest.mark.slow, id=one.name) for one in cases]


DECIDE = [case for case in CASES if decides(graph(case))]


@pytest.mark.parametrize("passes", [pytest.param("none", marks=pytest.mark.slow), "all"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_of_every_spec(case: Case, passes: str) -> None:
    made = module(case, passes=passes)
    agree(made, case)
    for name in made.output_names[1:]:
        agree(made, case, outputs=name)


@pytest.mark.parametrize("kernel", ["dense", "gather", "grouped", "padded"])
@pytest.mark.parametrize("case", some(DECIDE))
def test_under_forced_kernels(case: Case, kernel: str) -> None:
    before = ["group-chunks"] if kernel == "grouped" else []
    harness.PASSES[kernel] = (*before, ChooseKernels(force=kernel))  # type: ignore[assignment]
    agree(module(case, passes=kernel), case)


@pytest.mark.parametrize("case", some(CASES))
def test_within_a_budget(case: Case) -> None:
    if not case.spec.startswith(WITHOUT_CHUNKS):
        entries = agree(like(tightest(graph(case)), case), case, (0, 1))
        assert any(entry.kind == "acquire" for entry in entries)


@pytest.mark.parametrize("case", some(DECIDE))
def test_with_caches(case: Case) -> None:
    agree(like(pipeline.run(asking(graph(case)), ["O2"]), case), case, (0, 1, 0))


def _marked(case: Case) -> Iterator[Graph]:
    seen = recorded(case, harness.state(module(case)))
    for change in (as_it_was, turned, nothing):
        guess = replace(seen, selections={path: change(one) for path, one in seen.selections.items()})
        yield pipeline.run(graph(case), [Specialize(guess, decisions=1, share=0.0)])


@pytest.mark.parametrize("case", some(ROUTED))
def test_with_guards(case: Case) -> None:
    for marked in _marked(case):
        agree(like(marked, case), case, (1, 2))


@torch.no_grad()
@pytest.mark.parametrize("case", some(CASES))
def test_the_store_loads_what_it_loads_in_torch(case: Case) -> None:
    if case.spec.startswith(WITHOUT_CHUNKS):
        return
    after = tightest(graph(case))
    made, calls = like(after, case), []
    for seed in (0, 1, 2):
        made(**inputs(case, seed=seed))
        calls.append({path: _numbers(value) for path, value in made.decisions().items()})
    workload = Workload(case.dims, "f32", len(calls), Decided(calls))
    found = simulate(made.plan(), ToyMachine(), workload, store=store_of(after)).loads
    seen = made.residency()
    assert found is not None and seen.loads > 0
    mean = [count / len(calls) for count in (seen.loads, seen.bytes, seen.evictions, seen.hits, seen.ahead)]
    assert [found.loads, found.bytes, found.evictions, found.hits, found.ahead] == pytest.approx(mean)
    assert found.peak == seen.peak


@torch.no_grad()
@pytest.mark.parametrize("kernel", ["none", "all", "gather", "dense"])
@pytest.mark.parametrize("case", some(CASES))
def test_multiply_adds_are_those_that_torch_runs(case: Case, kernel: str) -> None:
    """Of blocks at an edge, and of what attends to packed rows one behind the other, to a hundredth."""
    if kernel not in ("none", "all"):
        harness.PASSES[kernel] = (ChooseKernels(force=kernel),)  # type: ignore[assignment]
    made, given = module(case, passes=kernel), inputs(case)
    with MacCounter() as counter:
        made(**given)
    decisions = {path: _numbers(value) for path, value in made.decisions().items()}
    workload = Workload(case.dims, "f32", 1, Decided([decisions], [made.held()]))
    found = simulate(made.plan(), ToyMachine(), workload)
    assert found.macs == pytest.approx(counter.macs, rel=0.01)
    if kernel == "dense":
        assert found.macs == counter.macs
