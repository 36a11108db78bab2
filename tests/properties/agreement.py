"""Both backends on one random graph, and what "equal" means between them.

Routing is discrete and floats are not, so equal has parts: the torch backend's decisions are right up to rounding at the boundary,
and the reference replaying them gives the same values, losses and next states. A graph that blows rounding up (the l2-norm of what
cancels, say) is known by the reference itself: a relative change of `NUDGE` in what goes in moves what comes out too far.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from chunkc.backends.reference import Result, run
from chunkc.backends.torch import compile as lower
from chunkc.compiler.ir import Graph

Arrays = Mapping[str, np.ndarray]

DTYPES = {"f32": torch.float32, "f64": torch.float64}
TOLERANCE = {"f32": 1e-4, "f64": 1e-9}
"""Of a value, relative to the largest in its tensor (at least 1)."""
BOUNDARY = {"f32": 1e-3, "f64": 1e-8}
"""How far from its boundary, relative to the values it was taken on, a decision may be and still differ."""
NUDGE = {"f32": 1e-6, "f64": 1e-12}
"""The relative change of inputs and parameters that stands for rounding."""


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
    """One call with all outputs asked for."""
    seed = made.seed
    given = tensors(inputs, dtype)
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


def assert_agree(graph: Graph, inputs: Arrays, params: Arrays, *, dtype: str = "f64", compiled: Graph | None = None) -> Ran | None:
    """Runs both and compares; None for a graph that blows rounding up, of which nothing can be said.

    `compiled` is what torch runs where that is not the graph itself (a pass was there).
    """
    inputs, params = rounded(inputs, dtype), rounded(params, dtype)
    ran = call(module(compiled or graph, params, dtype), graph, inputs, dtype)
    result = run(graph, inputs, params, seed=ran.seed, decisions=known(ran, compiled, graph))
    if not steady(graph, inputs, params, ran, result, dtype):
        return None
    assert_admissible(ran, result, dtype)
    assert_values(ran, result, dtype)
    return ran


def known(ran: Ran, compiled: Graph | None, graph: Graph) -> dict[str, Any]:
    """The decisions to replay."""
    return ran.decisions


def assert_admissible(ran: Ran, result: Result, dtype: str) -> None:
    """Torch decided as the reference would at the same values, or so near a boundary that rounding explains it."""
    wrong = [d for d in result.disagreements if d.relative > BOUNDARY[dtype]]
    assert not wrong, f"decisions that rounding does not explain: {wrong[:5]}"
    assert not result.unused, f"decisions that the reference never took: {result.unused}"
    missing = {path for path in result.decisions if path not in ran.decisions}
    assert not missing, f"decisions that torch did not record: {missing}"


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
    """Whether outputs barely move with what goes in, all decisions held."""
    draw = np.random.default_rng(5)

    def nudged(values: Arrays) -> dict[str, np.ndarray]:
        return {n: v * (1 + NUDGE[dtype] * draw.standard_normal(v.shape)) if v.dtype.kind == "f" else v for n, v in values.items()}

    moved = run(graph, nudged(inputs), nudged(params), seed=ran.seed, decisions=dict(result.decisions))
    both = [(moved.outputs, result.outputs), (moved.losses, result.losses), (moved.nexts, result.nexts)]
    return all(distance(np.asarray(a[n]), np.asarray(b[n])) <= 1e2 * NUDGE[dtype] for a, b in both for n in b)
