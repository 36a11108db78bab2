"""A spec as text on both backends: the torch module against the reference that replays its decisions."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from chunkc.backends.reference import run
from chunkc.backends.torch import CompiledModule, compile
from chunkc.compiler.ir import Graph
from chunkc.grammar.elaborate import loads


def graphs(text: str, **params: object) -> tuple[Graph, Graph]:
    """For eval and for training."""
    return loads(text, **params), loads(text, training=True, **params)


def module(text: str, dtype: torch.dtype = torch.float64, gain: float = 1.0, **params: object) -> CompiledModule:
    """In eval. `gain` multiplies all parameters, so that gates do not all say the same."""
    made = compile(*graphs(text, **params)).to(dtype).eval()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.mul_(gain)
    return made


def numbers(value: Any) -> Any:
    return tuple(map(numbers, value)) if isinstance(value, tuple) else value.detach().numpy()


def agree(made: CompiledModule, *inputs: torch.Tensor, tolerance: float = 1e-10) -> dict[str, Any]:
    """Asserts that all outputs, losses and next states are those of the reference; gives the outputs."""
    graph = made.train_graph if made.training else made.graph
    before = {name: value.detach().clone().numpy() for name, value in made.state_dict().items()}
    seed = made.seed
    outputs = made(*inputs, outputs=made.output_names)
    given = {name: value.numpy() for name, value in zip(made.input_names, inputs)}
    decisions = {path: numbers(value) for path, value in made.decisions().items()}
    result = run(graph, given, before, seed=seed, decisions=decisions)
    assert not [d for d in result.disagreements if d.relative > 1e-9]
    assert not result.unused
    for name, expected in result.outputs.items():
        np.testing.assert_allclose(numbers(outputs[name]), expected, rtol=0, atol=tolerance, err_msg=name)
    if made.training:
        losses = made.losses()
        for name, expected in result.losses.items():
            np.testing.assert_allclose(losses[name].item(), expected, rtol=0, atol=tolerance, err_msg=name)
    for path, expected in result.nexts.items():
        np.testing.assert_allclose(numbers(made.state_dict()[path]), expected, rtol=0, atol=tolerance, err_msg=path)
    return outputs


def agree_twice(text: str, *inputs: torch.Tensor, gain: float = 1.0, **params: object) -> CompiledModule:
    """`agree` in eval and in training; gives the module."""
    made = module(text, gain=gain, **params)
    agree(made, *inputs)
    agree(made.train(), *inputs)
    return made.eval()
