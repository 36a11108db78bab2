"""Specs as modules whose chunks lie in files, beside the same modules with all in memory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

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
    """The same for a seed, whichever threads ask at once."""
    (given,) = graph.inputs
    sizes = {"B": 5, "T": 3}
    shape = [size if isinstance(size, int) else sizes[str(size)] for size in given.shape]
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def units(graph: Graph) -> list[str]:
    inside = (entry.path for entry in graph.parameters if entry.path.startswith(("block.", "expert.")))
    return sorted({".".join(path.split(".")[:2]) for path in inside})


def stored(
    graph: Graph, folder: Path, chunks: list[str] | None = None, *, asking: Graph | None = None, **options: Any
) -> tuple[Any, Any, Fixed]:
    """The module with all in memory, the same with these chunks in files and a budget (of the graph `asking`, if that is another
    one), and its versions."""
    whole = compile(graph).eval()
    versions = Fixed(parts(folder, whole.state_dict(), units(graph) if chunks is None else chunks, **options))
    made = compile(pipeline.run(asking or graph, ["schedule"]), versions=versions, seed=1).eval()
    rest = {name: value for name, value in whole.state_dict().items() if made.state_dict()[name].device.type != "meta"}
    made.load_state_dict(rest, strict=False)
    return whole, made, versions
