"""Whether a pass moves what a graph computes: both graphs in the reference, on the same random values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from .. import api
from ..compiler.bodies import body_order
from ..compiler.diagnostics import CompileError
from ..compiler.ir import Graph
from ..compiler.types import free_symbols
from .inputs import Array, random_inputs

if TYPE_CHECKING:
    from ..backends.reference import Result

TOLERANCE = 1e-6
"""Largest difference, relative to the largest value of an output (at least 1), that counts as rounding in f64."""


class CannotRun(Exception):
    """A graph has no body for a chunk, or no sizes that were tried suit it."""


def moved(before: Graph, after: Graph, *, seed: int = 0) -> str:
    """What differs in the outputs, losses and next states of two graphs, in words; "" where they are equal.

    Values are random, weights and states included; the second graph takes the decisions of the first: rounding flips none.
    Raises `CannotRun` where the first graph cannot be run.
    """
    params = _params(before, seed)
    inputs, first = _first(before, params, seed)
    try:
        second = api.reference(after, inputs, params, seed=seed, decisions=first.decisions)
    except ValueError as error:
        return f"it does not run any more: {error}"
    for kind in ("outputs", "losses", "nexts"):
        old, new = getattr(first, kind), getattr(second, kind)
        if list(old) != list(new):
            return f"{kind} are {', '.join(new) or 'none'} and were {', '.join(old) or 'none'}"
        for name in old:
            distance = _distance(np.asarray(old[name]), np.asarray(new[name]))
            if distance > TOLERANCE:
                return f"{kind.removesuffix('s') if kind != 'losses' else 'loss'} `{name}` moves by {distance:.3g}"
    return ""


def _params(graph: Graph, seed: int) -> dict[str, Array]:
    """Normal numbers for all parameters and states, for what they start as (ones, zeros) hides too much."""
    draw = np.random.default_rng(seed)
    found: dict[str, Array] = {}
    for entry in graph.parameters:
        shape = tuple(int(size) for size in entry.type.shape if isinstance(size, int))
        found[entry.path] = 0.7 * draw.standard_normal(shape) if entry.type.is_float else np.zeros(shape)
    return found


def _first(graph: Graph, params: Mapping[str, Array], seed: int) -> tuple[dict[str, Array], Result]:
    """The inputs and result of the first sizes that suit the graph."""
    why = "there are no sizes to try"
    if any(node.op == "apply" and node.attrs["body"] is None for one in (graph, *body_order(graph)) for node in one.nodes):
        raise CannotRun("a chunk is stored elsewhere")
    for sizes in _sizes(graph):
        try:
            inputs = random_inputs(graph, sizes, seed=seed)
            return inputs, api.reference(graph, inputs, params, seed=seed)
        except (ValueError, ArithmeticError, CompileError) as error:
            why = str(error)
    raise CannotRun(why)


def _sizes(graph: Graph) -> Iterator[dict[str, int]]:
    """Sizes for the run-time dimensions: unlike ones, that a mix-up of axes shows, then equal ones."""
    names = sorted(frozenset().union(*(free_symbols(node.type) for node in graph.inputs)))
    yield {name: 2 if name == "B" else 4 + 2 * i for i, name in enumerate(names)}
    yield dict.fromkeys(names, 8)
    yield dict.fromkeys(names, 16)


def _distance(old: Array, new: Array) -> float:
    """The largest difference, relative to the largest value; infinite where only one is finite or the shapes differ."""
    if old.shape != new.shape:
        return float("inf")
    old, new = old.astype(np.float64), new.astype(np.float64)
    finite = np.isfinite(old)
    if not np.array_equal(old[~finite], new[~finite], equal_nan=True):
        return float("inf")
    apart = np.abs(new[finite] - old[finite]).max(initial=0.0)
    return float(apart / max(1.0, np.abs(old[finite]).max(initial=0.0))) if np.isfinite(apart) else float("inf")
