"""Exact ties, free-running: both backends decide alike, without being told."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cases import CASES, Case
from harness import inputs, module, run_reference, run_torch

EXACT = {
    "moe",
    "switch",
    "deepseek_moe",
    "topk_neurons",
    "hash_routing",
    "null_point",
    "nine_ways",
    "dynamic_sparsity_hierarchical",
    "x_lora",
}
"""Specs whose scores stay exact on small whole numbers: sums of products, and functions that keep their order."""


def assert_same_decisions(case: Case, made: object, given: dict[str, torch.Tensor]) -> None:
    with torch.no_grad():
        ran = run_torch(made, case, given)
    result = run_reference(case, given, ran.before, seed=ran.seed)
    assert set(result.decisions) <= set(ran.decisions)
    for path, free in result.decisions.items():
        value = ran.decisions[path]
        kept, known = value if isinstance(value, tuple) else (value, np.ones_like(value))
        assert np.array_equal(kept & known, free & known), path


@pytest.mark.parametrize("dtype", ["f32", "f64"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_everything_ties(case: Case, dtype: str) -> None:
    made = module(case, passes="all", dtype=dtype)
    with torch.no_grad():
        for value in made.parameters():
            value.zero_()
    assert_same_decisions(case, made, inputs(case, dtype=dtype))


@pytest.mark.parametrize("dtype", ["f32", "f64"])
@pytest.mark.parametrize("case", [case for case in CASES if case.spec in EXACT], ids=lambda case: case.name)
def test_many_tie(case: Case, dtype: str) -> None:
    made = module(case, passes="all", dtype=dtype)
    draw = np.random.default_rng(0)
    with torch.no_grad():
        for value in made.parameters():
            value.copy_(torch.tensor(draw.integers(-1, 2, tuple(value.shape)) / 2))
    given = inputs(case, dtype=dtype)
    whole = {name: value.round().clamp(-1, 1) if value.is_floating_point() else value for name, value in given.items()}
    assert_same_decisions(case, made, whole)
