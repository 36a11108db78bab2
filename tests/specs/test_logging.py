"""The log of steps as torch writes it: the same values, the plan's own steps in its order, with the rows that really ran."""

from __future__ import annotations

import pytest
import torch
from cases import CASES, Case
from harness import graph, inputs, module

from chunkc.backends.torch import compile as lower

NEVER = {"acquire", "prefetch", "release", "evict", "each", "compute", "branch"}
"""Kinds of steps that may have had nothing to do."""


@pytest.mark.parametrize("passes", [pytest.param("none", marks=pytest.mark.slow), "all"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_log(case: Case, passes: str) -> None:
    made, given = module(case, passes=passes), inputs(case)
    with torch.no_grad():
        logged, value = made.log_steps(**given), made(**given)
    assert torch.equal(logged.value, value)
    steps = {step.id: step for step in made.plan().block.steps}
    outer = [entry for entry in logged.entries if not entry.path and entry.step in steps]
    order = [entry.step for entry in outer]
    ids = [step.id for step in made.plan().block.steps]
    ran = set(order)
    assert order == [i for i in ids if i in ran]
    assert {steps[i].kind for i in ids if i not in ran} <= NEVER
    assert all(entry.kind == steps[entry.step].kind for entry in outer)
    assert len(logged.seconds) == len(logged.entries) and all(seconds >= 0 for seconds in logged.seconds)
    _check_rows(made, logged.entries, steps)


def _check_rows(made: torch.nn.Module, entries: tuple, steps: dict) -> None:
    """The rows of each dispatch are those that the call recorded."""
    stats = made.stats()
    for entry in entries:
        step = steps.get(entry.step)
        if entry.path or step is None or entry.kind != "dispatch" or not step.ways:
            continue
        recorded = {rows for name, rows in stats[step.label].rows.items()}
        assert entry.rows in recorded


@pytest.mark.parametrize("case", [case for case in CASES if case.name in ("moe", "active_layers")], ids=lambda case: case.name)
def test_training_is_logged(case: Case) -> None:
    made = lower(graph(case), graph(case, training=True)).double().train()
    logged = made.log_steps(**inputs(case))
    losses = [step.id for step in made.plan().block.steps if step.kind == "record"]
    assert [entry.step for entry in logged.entries if entry.kind == "record"] == losses and losses
    logged.value.sum().backward()
    assert any(parameter.grad is not None for parameter in made.parameters())
