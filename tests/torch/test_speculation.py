"""`prefetch = speculative(n)`: guesses change what is loaded when, never a result; they learn from decisions and from scores."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from chunkc.backends.torch import compile
from chunkc.compiler.ir import Attrs, Graph
from chunkc.grammar.elaborate import load
from chunkc.passes import pipeline

SPECS = Path(__file__).resolve().parents[2] / "specs"
LAYERS = 8


def active_layers(guesses: int, share: float = 0.45) -> Graph:
    graph = load(SPECS / "active_layers.cc", params={"d": 8, "layers": LAYERS})
    return replace(graph, memory=Attrs(budget=("share", share), prefetch=("speculative", guesses)))


def inputs(seed: int) -> torch.Tensor:
    return torch.randn(3, 4, 8, generator=torch.Generator().manual_seed(seed))


def alternating(module: Any, call: int) -> Any:
    """Odd and even layers in turn."""
    return module.replay({f"live.{i}": torch.full((3, 1), i % 2 == call % 2) for i in range(LAYERS)})


@torch.no_grad()
def test_a_pattern_is_loaded_ahead() -> None:
    whole, found = compile(active_layers(0)).eval(), {}
    for guesses in (0, 2):
        module = compile(pipeline.run(active_layers(guesses), ["schedule"])).eval()
        module.load_state_dict(whole.state_dict())
        for call in range(60):
            with alternating(module, call), alternating(whole, call):
                assert torch.equal(module(inputs(call)), whole(inputs(call)))
        found[guesses] = module.residency()
    assert found[0].ahead == 0 and found[2].misses < 0.6 * found[0].misses
    assert found[2].peak <= found[2].room and found[2].bytes <= 1.3 * found[0].bytes


@torch.no_grad()
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_scores_tell_how_near_a_chunk_came(dtype: torch.dtype) -> None:
    module = compile(pipeline.run(active_layers(1), ["schedule"])).to(dtype).eval()
    for seed in range(6):
        with alternating(module, seed):
            module(inputs(seed).to(dtype))
    forecast = module._memory.residents.forecast
    assert set(forecast.lines) == {f"block.{i}" for i in range(LAYERS)}
    assert any(0 < forecast.last[f"block.{i}"] <= 0.5 for i in range(0, LAYERS, 2)), "not kept, but near"
    assert all(forecast.last[f"block.{i}"] == 1 for i in range(1, LAYERS, 2))


def test_it_is_no_part_of_an_export() -> None:
    module = compile(pipeline.run(active_layers(2), ["schedule"])).eval()
    given = inputs(0)
    program = torch.export.export(module, (given,), strict=False).module()
    torch.testing.assert_close(program(given), module(given))
