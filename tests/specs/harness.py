"""Both backends on one case: graphs, inputs, parameters, a run of each, and what "equal" means between them.

Routing is discrete and floats are not, so equal has three parts: the torch backend's decisions are admissible (right, up to
rounding at the boundary), the reference replaying them gives the same values, and the decisions are not vacuous.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import torch
from cases import Case

import chunkc
from chunkc.backends.reference import Result, run
from chunkc.compiler.bodies import map_bodies
from chunkc.compiler.dims import evaluate
from chunkc.compiler.ir import Graph, Node, rebuild

PASSES: dict[str, tuple[str, ...] | None] = {"none": (), "all": None}
DTYPES = {"f32": torch.float32, "f64": torch.float64}
TOLERANCE = {"f32": 2e-5, "f64": 1e-10}
"""Of a value, relative to the largest in its tensor (at least 1)."""
BOUNDARY = {"f32": 1e-4, "f64": 1e-11}
"""How far from its boundary, relative to the values it was taken on, a decision may be and still differ."""


@cache
def _graph(path: str, bind: tuple[tuple[str, str], ...], params: tuple[tuple[str, Any], ...], training: bool) -> Graph:
    return chunkc.load(path, training=training, bind=dict(bind), **dict(params))


def graph(case: Case, *, training: bool = False, passes: str = "none") -> Graph:
    """The graph of a case after the named set of passes."""
    raw = _graph(str(case.path), tuple(case.bind.items()), tuple(case.params.items()), training)
    chosen = PASSES[passes]
    return raw if chosen == () else chunkc.optimize(whole_keys(raw), chosen)


def whole_keys(raw: Graph) -> Graph:
    """The graph with exact caches in the place of approximate ones, by which decisions differ because the spec says so."""

    def whole(node: Node) -> Node | None:
        asked = node.attrs.get("cache", ())
        return replace(node, attrs=node.attrs.but(cache=("exact", asked[-1]))) if asked else None

    return map_bodies(raw, lambda body: rebuild(body, whole))


def module(case: Case, *, passes: str = "none", dtype: str = "f64", seed: int = 0) -> Any:
    """The torch module of a case, in eval, its gates sharpened as the case asks."""
    from chunkc.backends.torch import compile as lower

    made = lower(graph(case, passes=passes), graph(case, training=True, passes=passes), seed=seed)
    made = made.to(DTYPES[dtype]).eval()
    with torch.no_grad():
        for name, value in made.named_parameters():
            for prefix, gain in case.gain.items():
                if name.startswith(prefix):
                    value *= gain
    return made


def inputs(case: Case, *, dtype: str = "f64", seed: int = 0) -> dict[str, torch.Tensor]:
    """Normal numbers, and integers below the case's bounds; the f32 values are the f64 ones, rounded."""
    draw = np.random.default_rng([seed, 1])
    made = {}
    for node in graph(case).inputs:
        shape = tuple(evaluate(size, case.dims) for size in node.shape)
        name = node.attrs["name"]
        if node.tensor.is_float:
            made[name] = torch.tensor(draw.standard_normal(shape) * case.stream).to(DTYPES[dtype])
        else:
            made[name] = torch.tensor(draw.integers(0, case.below[name], shape))
    return made


def numbers(value: Any) -> np.ndarray:
    """A tensor as the reference reads it."""
    array = value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def state(made: Any) -> dict[str, np.ndarray]:
    return {name: numbers(value).copy() for name, value in made.state_dict().items()}


@dataclass(frozen=True)
class Ran:
    """One call of a torch module, all outputs asked for."""

    outputs: dict[str, np.ndarray]
    losses: dict[str, float]
    decisions: dict[str, Any]
    before: dict[str, np.ndarray]
    after: dict[str, np.ndarray]
    seed: int


def names(case: Case) -> list[str]:
    return [name for name, _ in graph(case).outputs]


def run_torch(made: Any, case: Case, given: Mapping[str, torch.Tensor]) -> Ran:
    """Call a module once. `before` is its state dict as it was, which is what the call read."""
    before = state(made)
    seed = made.seed
    # In eval as it is run: without gradients, what is derived and grouped is.
    with torch.set_grad_enabled(made.training):
        outputs = made(*given.values(), outputs=names(case))
    losses = {name: float(value.detach()) for name, value in made.losses().items()} if made.training else {}
    decisions = {path: _replayable(value) for path, value in made.decisions().items()}
    values = {name: numbers(value) for name, value in outputs.items()}
    return Ran(values, losses, decisions, before, state(made), seed)


def _replayable(value: Any) -> Any:
    return tuple(map(numbers, value)) if isinstance(value, tuple) else numbers(value)


def run_reference(
    case: Case,
    given: Mapping[str, torch.Tensor],
    params: Mapping[str, np.ndarray],
    *,
    training: bool = False,
    decisions: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> Result:
    """The dense meaning, without passes: what every compiled form is measured by."""
    arrays = {name: numbers(value) for name, value in given.items()}
    return run(graph(case, training=training), arrays, params, seed=seed, decisions=decisions)


def replayed(case: Case, given: Mapping[str, torch.Tensor], ran: Ran, *, training: bool = False) -> Result:
    """The reference with the decisions of a torch run."""
    return run_reference(case, given, ran.before, training=training, decisions=ran.decisions, seed=ran.seed)


def assert_equal(ran: Ran, result: Result, dtype: str) -> None:
    """Parts (a) and (b): the decisions are admissible, and under them all values agree."""
    wrong = [d for d in result.disagreements if d.relative > BOUNDARY[dtype]]
    assert not wrong, f"decisions that rounding does not explain: {wrong[:5]}"
    decided = sum(kept.size for kept in result.decisions.values())
    assert len(result.disagreements) <= decided / 100, "too many decisions lie within rounding of their boundary"
    assert not result.unused, f"decisions that the reference never took: {result.unused}"
    missing = {path for path in result.decisions if path not in ran.decisions}
    assert not missing, f"decisions that torch did not record: {missing}"
    for name, expected in result.outputs.items():
        close(ran.outputs[name], expected, dtype, name)
    for name, value in ran.losses.items():
        close(np.asarray(value), np.asarray(result.losses[name]), dtype, f"loss {name}")
    for path, expected in result.nexts.items():
        close(ran.after[path], expected, dtype, f"state {path}")


def close(actual: np.ndarray, expected: np.ndarray, dtype: str, what: str) -> None:
    """Equal up to rounding, relative to the largest value of the tensor."""
    assert actual.shape == expected.shape, f"{what}: shape {actual.shape}, not {expected.shape}"
    assert np.array_equal(np.isfinite(actual), np.isfinite(expected)), f"{what}: not finite at the same places"
    finite = np.isfinite(expected)
    scale = max(1.0, np.abs(expected[finite]).max(initial=0.0))
    worst = np.abs(actual[finite] - expected[finite]).max(initial=0.0) / scale
    assert worst <= TOLERANCE[dtype], f"{what}: off by {worst:.3g}"


def assert_not_vacuous(case: Case, runs: Sequence[Ran]) -> None:
    """Part (c): each selection keeps something and drops something, and each way is kept once."""
    for path in sorted({path for ran in runs for path in ran.decisions if not path.endswith(":first")}):
        if path in case.always:
            continue
        kept, dropped = 0, 0
        for ran in runs:
            value = ran.decisions[path]
            decided, known = value if isinstance(value, tuple) else (value, np.ones_like(value))
            known = np.broadcast_to(known, decided.shape)
            kept += int((decided & known).sum())
            dropped += int((~decided & known).sum())
        assert kept, f"`{path}` never keeps anything"
        assert dropped, f"`{path}` never drops anything"
