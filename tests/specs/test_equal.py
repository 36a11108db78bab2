"""Every spec, in both precisions, with and without passes, in eval and in training: torch equals the reference."""

from __future__ import annotations

import pytest
import torch
from cases import CASES, Case
from harness import assert_equal, assert_not_vacuous, inputs, module, replayed, run_torch

ROUNDS = 3


@pytest.mark.parametrize("passes", ["none", "all"])
@pytest.mark.parametrize("dtype", ["f32", "f64"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_torch_equals_reference(case: Case, dtype: str, passes: str) -> None:
    made = module(case, passes=passes, dtype=dtype)
    runs = []
    for seed in range(ROUNDS):
        given = inputs(case, dtype=dtype, seed=seed)
        made.refresh()  # where the spec asks for a fingerprint, decisions of inputs that were alike are taken again
        with torch.no_grad():
            runs.append(run_torch(made, case, given))
        assert_equal(runs[-1], replayed(case, given, runs[-1]), dtype)
    assert_not_vacuous(case, runs)


@pytest.mark.parametrize("passes", ["none", "all"])
@pytest.mark.parametrize("dtype", ["f32", "f64"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_training_equals_reference(case: Case, dtype: str, passes: str) -> None:
    made = module(case, passes=passes, dtype=dtype).train()
    for seed in range(2):
        given = inputs(case, dtype=dtype, seed=seed)
        ran = run_torch(made, case, given)
        assert_equal(ran, replayed(case, given, ran, training=True), dtype)
