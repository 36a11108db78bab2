"""Gradients of random graphs: with decisions replayed they are those of the values, in what skips and in training.

In training, gates that are trained straight through move in the reference as their surrogates do (`tests/specs/surrogate.py`).
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from both_backends import call, examples, for_all, module, numbers, tensors
from graphs import graphs, values
from hypothesis import assume
from hypothesis import strategies as st

from chunkc.backends.reference import run
from chunkc.compiler.bodies import body_order
from chunkc.compiler.ir import Graph

SEEDS = st.integers(0, 999)
STEP = 1e-6
KINKED = frozenset({"relu", "abs", "max", "min", "maximum", "minimum", "max_pool1d", "where", "l2_norm", "sign", "bce", "kl"})
"""Ops whose slope jumps, where a finite difference may look across the jump, or is unbounded."""


def smooth(graph: Graph) -> bool:
    """Whether a graph has a slope everywhere, decisions held, that a small step tells."""
    ops = {node.op for one in (graph, *body_order(graph)) for node in one.nodes}
    return not ops & (KINKED | {"stop_gradient", "exp"})


@examples(quick=4, long=200)
def test_gradcheck_of_what_skips(count: int) -> None:
    def holds(graph: Graph, seed: int) -> None:
        assume(smooth(graph))
        inputs, params = values(graph, seed)
        made = module(graph, params)
        given = tensors(inputs, "f64")
        decisions = call(made, graph, inputs).decisions
        trained = {name: value.detach().clone() for name, value in made.named_parameters()}
        floats = {name: value for name, value in given.items() if value.is_floating_point()}
        names = [name for name, _ in graph.outputs]

        def outputs(*free: torch.Tensor) -> tuple[torch.Tensor, ...]:
            moved = dict(zip([*(f"in {name}" for name in floats), *trained], free))
            arguments = {name: moved.get(f"in {name}", value) for name, value in given.items()}
            weights = {name: moved[name] for name in trained}
            with made.replay(decisions):
                found = torch.func.functional_call(made, weights, (), {**arguments, "outputs": names})
            return tuple(value for value in found.values() if value.requires_grad)

        free = [value.clone().requires_grad_() for value in (*floats.values(), *trained.values())]
        assume(outputs(*free))
        assert torch.autograd.gradcheck(outputs, free, eps=STEP, atol=1e-5, rtol=1e-4, fast_mode=True)

    for_all(count, holds, graph=graphs(training=False, smooth=True, steps=8), seed=SEEDS)


def surrogates() -> ModuleType:
    """The reference with gates that move."""
    path = Path(__file__).parents[1] / "specs" / "surrogate.py"
    spec = importlib.util.spec_from_file_location("surrogate_of_specs", path)
    assert spec is not None and spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = found
    spec.loader.exec_module(found)
    return found


@examples(quick=4, long=200)
def test_training_gradient_is_that_of_the_surrogates(count: int) -> None:
    moving = surrogates()

    def holds(graph: Graph, seed: int) -> None:
        assume(smooth(graph))
        inputs, params = values(graph, seed)
        made = module(graph, params)
        given = tensors(inputs, "f64")
        free = {**{n: v for n, v in given.items() if v.is_floating_point()}, **dict(made.named_parameters())}
        for value in free.values():
            value.requires_grad_()
        outputs = made(**given, outputs=[name for name, _ in graph.outputs])
        losses = made.losses()
        decisions = {p: tuple(map(numbers, d)) if isinstance(d, tuple) else numbers(d) for p, d in made.decisions().items()}
        draw = np.random.default_rng(seed)
        towards = {name: draw.standard_normal(value.shape) for name, value in outputs.items() if value.requires_grad}
        terms = [(outputs[name] * torch.tensor(by)).sum() for name, by in towards.items()]
        terms += [value for value in losses.values() if value.requires_grad]
        assume(terms)
        way = {name: draw.standard_normal(tuple(value.shape)) for name, value in free.items()}
        slopes = torch.autograd.grad(sum(terms), list(free.values()), allow_unused=True)
        along = sum(float((slope.numpy() * way[name]).sum()) for name, slope in zip(free, slopes) if slope is not None)

        def value(step: float) -> float:
            gates.start()
            arrays = {name: numbers(x) + step * way.get(name, np.zeros(())) if name in free else x for name, x in inputs.items()}
            weights = {name: x + step * way[name] if name in way else x for name, x in params.items()}
            result = run(graph, arrays, weights, seed=0, decisions=decisions)
            total: Any = sum((result.outputs[name] * by).sum() for name, by in towards.items())
            return float(total + sum(result.losses[name] for name, loss in losses.items() if loss.requires_grad))

        with moving.moving_gates() as gates:
            value(0.0)
            expected = (value(STEP) - value(-STEP)) / (2 * STEP)
        size = max((float(slope.abs().max()) for slope in slopes if slope is not None and slope.numel()), default=0.0)
        assert abs(along - expected) <= 1e-4 * max(1.0, size, abs(expected)), f"{along} along, and {expected} expected"

    for_all(count, holds, graph=graphs(training=True, smooth=True, steps=8), seed=SEEDS)
