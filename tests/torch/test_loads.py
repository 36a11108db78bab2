"""Weights that lie in files: the same bits as in memory, within the budget, whatever happens to the files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from stored import Fixed, parts

from chunkc.backends.torch import compile
from chunkc.compiler.ir import Attrs, Graph
from chunkc.grammar.elaborate import load
from chunkc.passes import pipeline

SPECS = Path(__file__).resolve().parents[2] / "specs"


def active_layers() -> Graph:
    return load(SPECS / "active_layers.cc", params={"d": 8, "layers": 6})


def moe() -> Graph:
    graph = load(SPECS / "moe.cc", params={"d": 8})
    return replace(graph, memory=Attrs(budget=("share", 0.4), prefetch=("ahead", 1)))


def inputs(graph: Graph, seed: int = 0) -> torch.Tensor:
    torch.manual_seed(seed)
    (given,) = graph.inputs
    sizes = {"B": 5, "T": 3}
    return torch.randn(*(size if isinstance(size, int) else sizes[str(size)] for size in given.shape))


def units(graph: Graph) -> list[str]:
    inside = (entry.path for entry in graph.parameters if entry.path.startswith(("block.", "expert.")))
    return sorted({".".join(path.split(".")[:2]) for path in inside})


def stored(graph: Graph, folder: Path, chunks: list[str] | None = None, **options: Any) -> tuple[Any, Any, Fixed]:
    """The module with all in memory, the same with these chunks in files and a budget, and its versions."""
    whole = compile(graph).eval()
    versions = Fixed(parts(folder, whole.state_dict(), units(graph) if chunks is None else chunks, **options))
    made = compile(pipeline.run(graph, ["schedule"]), versions=versions, seed=1).eval()
    rest = {name: value for name, value in whole.state_dict().items() if made.state_dict()[name].device.type != "meta"}
    made.load_state_dict(rest, strict=False)
    return whole, made, versions


@pytest.mark.parametrize("model", [active_layers, moe])
@pytest.mark.parametrize("chunks", [None, [""]], ids=["parts", "whole"])
def test_the_same_bits_as_in_memory(model: Any, chunks: Any, tmp_path: Path) -> None:
    graph = model()
    whole, made, _ = stored(graph, tmp_path, chunks)
    away = [name for name, value in made.state_dict().items() if value.device.type == "meta"]
    assert away
    with torch.no_grad():
        for seed in range(4):
            given = inputs(graph, seed)
            assert torch.equal(made(given), whole(given))
    assert [name for name, value in made.state_dict().items() if value.device.type == "meta"] == away
    traffic = made.residency()
    assert traffic.loads > 0 and traffic.evictions > 0 and 0 < traffic.peak <= traffic.room
    assert traffic.hits + traffic.misses > 0 and traffic.now <= traffic.room
    assert list(made.state_dict()) == list(whole.state_dict())


def test_without_a_budget_all_is_there_from_the_first_call(tmp_path: Path) -> None:
    graph = replace(active_layers(), memory=Attrs())
    whole, made, _ = stored(graph, tmp_path)
    with torch.no_grad():
        assert torch.equal(made(inputs(graph)), whole(inputs(graph)))
        assert torch.equal(made(inputs(graph, 1)), whole(inputs(graph, 1)))
    assert made.residency().loads == 6


def test_what_is_not_aligned_is_read(tmp_path: Path) -> None:
    graph = active_layers()
    whole, made, _ = stored(graph, tmp_path, aligned=8)
    with torch.no_grad():
        assert torch.equal(made(inputs(graph)), whole(inputs(graph)))
