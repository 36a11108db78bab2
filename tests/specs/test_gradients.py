"""Gradients: what skips passes gradcheck with its decisions replayed; training agrees with the reference's finite differences.

In training, gates that are trained straight through move in the reference as their surrogates do (`surrogate.py`).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from cases import CASES, Case
from harness import inputs, module, names, numbers, run_reference, state
from surrogate import moving_gates

STEP = 1e-7
"""Small enough that no maximum of a pool changes hands within a step."""


def trained(made: Any) -> dict[str, torch.Tensor]:
    return {name: value for name, value in made.named_parameters() if value.requires_grad}


def floats(given: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: value for name, value in given.items() if value.is_floating_point()}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_gradcheck_of_what_skips(case: Case) -> None:
    made, given = module(case, passes="all"), inputs(case)
    with torch.no_grad():
        made(*given.values(), outputs=names(case))
    decisions = made.decisions()
    params = trained(made)
    free = {**floats(given), **{f"param {name}": value for name, value in params.items()}}
    sizes = [value.numel() for value in free.values()]

    def call(flat: torch.Tensor) -> tuple[torch.Tensor, ...]:
        values = {name: part.view_as(free[name]) for name, part in zip(free, flat.split(sizes))}
        arguments = tuple(values.get(name, value) for name, value in given.items())
        weights = {name: values[f"param {name}"] for name in params}
        with made.replay(decisions):
            outputs = torch.func.functional_call(made, weights, arguments, {"outputs": names(case)})
        return tuple(output for output in outputs.values() if output.is_floating_point())

    # All inputs and parameters as one vector: gradcheck runs the model anew for each tensor that it is given.
    flat = torch.cat([value.detach().flatten() for value in free.values()]).requires_grad_()
    assert torch.autograd.gradcheck(call, flat, eps=1e-6, atol=1e-6, rtol=1e-5, fast_mode=True)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_training_gradient_is_that_of_the_surrogates(case: Case) -> None:
    made, given = module(case, passes="all").train(), inputs(case)
    base, seed = state(made), made.seed
    free = {**floats(given), **trained(made)}
    for value in free.values():
        value.requires_grad_()
    outputs = made(*given.values(), outputs=names(case))
    decisions = {path: tuple(map(numbers, d)) if isinstance(d, tuple) else numbers(d) for path, d in made.decisions().items()}
    draw = np.random.default_rng(7)
    towards = {name: draw.standard_normal(value.shape) for name, value in outputs.items() if value.is_floating_point()}
    losses = made.losses()
    scalar = sum((outputs[name] * torch.tensor(by)).sum() for name, by in towards.items()) + sum(losses.values())
    direction = {name: draw.standard_normal(tuple(value.shape)) for name, value in free.items()}
    gradients = torch.autograd.grad(scalar, list(free.values()), allow_unused=True)
    along = sum(float((g.detach().numpy() * d).sum()) for g, d in zip(gradients, direction.values()) if g is not None)

    def value(step: float) -> float:
        surrogates.start()
        moved = {name: torch.tensor(numbers(x) + step * direction.get(name, np.zeros(()))) for name, x in given.items()}
        arrays = {name: x if not torch.is_floating_point(given[name]) else moved[name] for name, x in given.items()}
        params = {name: x + step * direction[name] if name in direction else x for name, x in base.items()}
        result = run_reference(case, arrays, params, training=True, decisions=decisions, seed=seed)
        total = sum((result.outputs[name] * by).sum() for name, by in towards.items())
        return float(total + sum(result.losses[name] for name in losses))

    with moving_gates() as surrogates:
        value(0.0)
        expected = (value(STEP) - value(-STEP)) / (2 * STEP)
    assert math.isclose(along, expected, rel_tol=1e-5, abs_tol=1e-6 * max(1.0, size(gradients)))


def size(gradients: Any) -> float:
    return max(float(g.abs().max()) for g in gradients if g is not None and g.numel())
