"""Random graphs run equal on both backends: the torch module's decisions replayed in the reference give its values.

The graph that is compiled went through the passes, or not; the reference always has it as it was made.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from graphs import graphs, values
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chunkc.backends.reference import run
from chunkc.backends.torch import compile as lower
from chunkc.compiler.ir import Graph
from chunkc.passes import pipeline

few = settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example])
TOLERANCE = {"rtol": 1e-7, "atol": 1e-7}


def numbers(value: Any) -> Any:
    """A tensor, or a tuple of them, as the reference reads it."""
    if isinstance(value, tuple):
        return tuple(map(numbers, value))
    array = value.detach().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def agree(graph: Graph, compiled: Graph) -> None:
    """One call of the module of `compiled` against the dense meaning of `graph`."""
    inputs, params = values(graph)
    module = lower(compiled, compiled, seed=0).to(torch.float64)
    module.load_state_dict({path: torch.tensor(value) for path, value in params.items()})
    module.train(graph.training)
    seed, names = module.seed, [name for name, _ in graph.outputs]
    given = [torch.tensor(inputs[str(node.attrs["name"])]) for node in graph.inputs]
    outputs = module(*given, outputs=names)
    decisions = {path: numbers(kept) for path, kept in module.decisions().items()}
    expected = run(graph, inputs, params, decisions=decisions, seed=seed)
    for name in names:
        np.testing.assert_allclose(numbers(outputs[name]), expected.outputs[name], err_msg=name, **TOLERANCE)
    losses = {name: float(value) for name, value in module.losses().items()} if graph.training else {}
    for name, value in expected.losses.items():
        np.testing.assert_allclose(losses[name], value, err_msg=f"loss {name}", **TOLERANCE)
    for path, value in expected.nexts.items():
        np.testing.assert_allclose(numbers(module.state_dict()[path]), value, err_msg=f"next {path}", **TOLERANCE)
    assert max((found.relative for found in expected.disagreements), default=0.0) < 1e-9


@pytest.mark.parametrize("training", [False, True], ids=["eval", "training"])
@few
@given(data=st.data())
def test_backends_agree(training: bool, data: st.DataObject) -> None:
    graph = data.draw(graphs(training=training, smooth=True, steps=10))
    agree(graph, pipeline.run(graph, pipeline.DEFAULT) if data.draw(st.booleans()) else graph)
