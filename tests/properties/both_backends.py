"""Both backends on one random graph, and what "equal" means between them.

Routing is discrete and floats are not, so equal has parts: the torch backend's decisions are right up to rounding at the
boundary, and the reference replaying them gives the same values, losses and next states. A graph that blows rounding up (the
l2-norm of what cancels, say) is known by the reference itself: a relative change of `NUDGE` in what goes in moves what comes
out too far.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, currently_in_test_context, given, note, settings
from hypothesis.strategies import SearchStrategy

from chunkc.backends.reference import Result, run
from chunkc.backends.torch import compile as lower
from chunkc.compiler.ir import Graph
from chunkc.grammar.print_core import print_graph

Arrays = Mapping[str, np.ndarray]

DTYPES = {"f32": torch.float32, "f64": torch.float64}
TOLERANCE = {"f32": 1e-4, "f64": 1e-9}
"""Of a value, relative to the largest in its tensor (at least 1)."""
BOUNDARY = {"f32": 1e-3, "f64": 1e-8}
"""How far from its boundary, relative to the values it was taken on, a decision may be and still differ."""
NUDGE = {"f32": 1e-6, "f64": 1e-12}
"""The relative change of inputs and parameters that stands for rounding."""


def examples(quick: int, long: int) -> Any:
    """A test of a property takes `count`: a few random examples, or many among the slow tests."""
    slow = pytest.param(long, id="long", marks=pytest.mark.slow)
    return pytest.mark.parametrize("count", [pytest.param(quick, id="quick"), slow])


def for_all(count: int, holds: Callable[..., None], **strategies: SearchStrategy[Any]) -> None:
    """Whether a property holds for so many random examples; the least that is found not to is shown."""
    checks = [HealthCheck.too_slow, HealthCheck.large_base_example, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    settings(max_examples=count, deadline=None, suppress_health_check=checks)(given(**strategies)(holds))()


def show(text: str) -> None:
    """Tells with a failing example what it was."""
    if currently_in_test_context():
        note(text)


@dataclass(frozen=True)
class Ran:
    """What one call of a torch module gave and left."""

    outputs: dict[str, np.ndarray]
    losses: dict[str, np.ndarray]
    decisions: dict[str, Any]
    states: dict[str, np.ndarray]
    seed: int


def numbers(value: Any) -> np.ndarray:
    """A tensor as the reference reads it."""
    array = value.detach().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def tensors(values: Arrays, dtype: str) -> dict[str, torch.Tensor]:
    """Arrays as torch reads them."""
    made = {name: torch.tensor(value) for name, value in values.items()}
    return {name: value.to(DTYPES[dtype]) if value.is_floating_point() else value for name, value in made.items()}


def module(graph: Graph, params: Arrays, dtype: str = "f64", seed: int = 0) -> Any:
    """The torch module of a graph, in the graph's mode, with these parameters."""
    made = lower(graph, seed=seed).to(DTYPES[dtype]).train(graph.training)
    made.load_state_dict(tensors(params, dtype))
    return made


def call(made: Any, graph: Graph, inputs: Arrays, dtype: str = "f64") -> Ran:
    """One call with all outputs asked for. The graph as text is shown where a property does not hold."""
    show(print_graph(graph))
    seed = made.seed
    given = tensors(inputs, dtype)
    # In eval as it is run: without gradients, what is derived and grouped is.
    with torch.set_grad_enabled(graph.training):
        values = made(**given, outputs=[name for name, _ in graph.outputs])
    losses = made.losses() if graph.training else {}
    return Ran(
        {name: numbers(value) for name, value in values.items()},
        {name: numbers(value) for name, value in losses.items()},
        {path: tuple(map(numbers, d)) if isinstance(d, tuple) else numbers(d) for path, d in made.decisions().items()},
        {name: numbers(value).copy() for name, value in made.state_dict().items()},
        seed,
    )


def rounded(values: Arrays, dtype: str) -> dict[str, np.ndarray]:
    """The values as they are in this dtype."""
    return {name: numbers(value) for name, value in tensors(values, dtype).items()}


def assert_agree(
    graph: Graph, inputs: Arrays, params: Arrays, *, dtype: str = "f64", compiled: Graph | None = None
) -> Ran | None:
    """Runs both and compares; None for a graph that blows rounding up, of which nothing can be said.

    `compiled` is what torch runs where that is not the graph itself: what passes made of it.
    """
    inputs, params = rounded(inputs, dtype), rounded(params, dtype)
    ran = call(module(compiled or graph, params, dtype), graph, inputs, dtype)
    result = run(graph, inputs, params, seed=ran.seed, decisions=ran.decisions)
    if not steady(graph, inputs, params, ran, result, dtype):
        return None
    assert_admissible(ran, result, dtype)
    assert_values(ran, result, dtype)
    return ran


def assert_admissible(ran: Ran, result: Result, dtype: str) -> None:
    """Torch decided as the reference would at the same values, or so near a boundary that rounding explains it."""
    wrong = blamed(result, dtype)
    assert not wrong, f"decisions that rounding does not explain: {sorted(wrong)[:5]}"
    assert not result.unused, f"decisions that the reference never took: {result.unused}"


def assert_values(ran: Ran, result: Result, dtype: str) -> None:
    """Outputs, losses and next states agree."""
    assert set(ran.losses) == set(result.losses) or not ran.losses, "other losses"
    for what, actual, expected in pairs(ran, result):
        assert distance(actual, expected, what) <= TOLERANCE[dtype], f"{what}: off by {distance(actual, expected, what):.3g}"


def pairs(ran: Ran, result: Result) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """What is compared."""
    found = [(f"output {name}", ran.outputs[name], value) for name, value in result.outputs.items()]
    found += [(f"loss {name}", value, np.asarray(result.losses[name])) for name, value in ran.losses.items()]
    return found + [(f"state {path}", ran.states[path], value) for path, value in result.nexts.items()]


def distance(actual: np.ndarray, expected: np.ndarray, what: str = "value") -> float:
    """The largest difference relative to the largest value (at least 1); infinite where finite meets infinite or NaN."""
    assert actual.shape == expected.shape, f"{what}: shape {actual.shape}, not {expected.shape}"
    assert actual.dtype == expected.dtype, f"{what}: {actual.dtype}, not {expected.dtype}"
    if expected.dtype.kind != "f":
        return 0.0 if np.array_equal(actual, expected) else float("inf")
    finite = np.isfinite(expected)
    same = np.array_equal(finite, np.isfinite(actual)) and np.array_equal(actual[~finite], expected[~finite], equal_nan=True)
    if not same:
        return float("inf")
    scale = max(1.0, np.abs(expected[finite]).max(initial=0.0))
    return float(np.abs(actual[finite] - expected[finite]).max(initial=0.0) / scale)


def steady(graph: Graph, inputs: Arrays, params: Arrays, ran: Ran, result: Result, dtype: str) -> bool:
    """Whether outputs, and what a replayed decision is blamed for, barely move with what goes in."""
    return all(_held(graph, inputs, params, ran, result, dtype, seed) for seed in range(3))


def _held(graph: Graph, inputs: Arrays, params: Arrays, ran: Ran, result: Result, dtype: str, seed: int) -> bool:
    draw = np.random.default_rng(seed)

    def nudged(values: Arrays) -> dict[str, np.ndarray]:
        noise = {name: 1 + NUDGE[dtype] * draw.standard_normal(value.shape) for name, value in values.items()}
        return {name: value * noise[name] if value.dtype.kind == "f" else value for name, value in values.items()}

    moved = run(graph, nudged(inputs), nudged(params), seed=ran.seed, decisions=ran.decisions)
    both = [(moved.outputs, result.outputs), (moved.losses, result.losses), (moved.nexts, result.nexts)]
    alike = all(distance(np.asarray(a[n]), np.asarray(b[n])) <= 1e2 * NUDGE[dtype] for a, b in both for n in b)
    return alike and blamed(moved, dtype) == blamed(result, dtype)


def blamed(result: Result, dtype: str) -> set[tuple[str, tuple[int, ...]]]:
    """The replayed decisions that rounding does not explain."""
    return {(one.path, one.index) for one in result.disagreements if one.relative > BOUNDARY[dtype]}
