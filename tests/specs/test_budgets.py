"""Every spec under a memory budget: the values that it has with everything resident, in the least of some budgets."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from cases import CASES, Case
from harness import graph, inputs, module

from chunkc.backends.torch import compile as lower
from chunkc.compiler.diagnostics import CompileError
from chunkc.compiler.ir import Attrs, Graph
from chunkc.passes import pipeline

WITHOUT_CHUNKS = ("dynamic_sparsity", "topk_neurons", "translation_attention", "self_pool", "cross_pool", "resnet18")


def tightest(whole: Graph) -> Graph:
    """The graph under the smallest of these shares of its parameters in which all of its calls fit."""
    for share in (0.3, 0.4, 0.6, 0.8):
        try:
            return pipeline.run(replace(whole, memory=Attrs(budget=("share", share), prefetch=("speculative", 2))), ["O2"])
        except CompileError as error:
            assert {one.code for one in error.diagnostics} == {"CC0716"}
    return pipeline.run(replace(whole, memory=Attrs(budget=("share", 1.0), prefetch=("ahead", 1))), ["O2"])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_same_within_a_budget(case: Case) -> None:
    scheduled = tightest(graph(case))
    whole = module(case)
    if case.spec.startswith(WITHOUT_CHUNKS):
        assert not scheduled.schedule
        return
    budgeted = lower(scheduled).double().eval()
    budgeted.load_state_dict(whole.state_dict())
    names = [name for name, _ in scheduled.outputs]
    for seed in range(2):
        given = inputs(case, seed=seed)
        with torch.no_grad():
            found, expected = budgeted(**given, outputs=names), whole(**given, outputs=names)
            assert budgeted.decisions().keys() == whole.decisions().keys()
            alone = {name: budgeted(**given, outputs=name) for name in names}
        for name in names:
            torch.testing.assert_close(alone[name], expected[name], rtol=1e-9, atol=1e-9, equal_nan=True)
            torch.testing.assert_close(found[name], expected[name], rtol=1e-9, atol=1e-9, equal_nan=True)
    traffic = budgeted.residency()
    assert traffic.loads > 0 and traffic.peak <= budgeted._memory.residents.room
