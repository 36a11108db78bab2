"""Every spec with a cache asked for by each of its selections: called twice, it decides and computes what the spec means."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from cases import CASES, Case
from harness import assert_equal, close, graph, inputs, module, run_reference, run_torch, state

from chunkc.backends.torch import compile as lower
from chunkc.compiler.bodies import body_order, map_bodies
from chunkc.compiler.ir import Graph, Node, rebuild
from chunkc.passes import pipeline


def asking(raw: Graph) -> Graph:
    """The graph with an exact cache at every selection."""

    def ask(node: Node) -> Node | None:
        return replace(node, attrs=node.attrs.but(cache=("exact", 64))) if node.op == "select" else None

    return map_bodies(raw, lambda body: rebuild(body, ask))


def parts(made: Graph) -> int:
    return sum(node.attrs.get("word") == "cached" for one in (made, *body_order(made)) for node in one.nodes)


def test_it_fires_on_many() -> None:
    fired = [case.name for case in CASES if parts(pipeline.run(asking(graph(case)), ["cache-masks"]))]
    assert len(fired) >= 14, fired


def decides(made: Graph) -> bool:
    return any(node.op == "select" for one in (made, *body_order(made)) for node in one.nodes)


@pytest.mark.parametrize("passes", [("cache-masks",), ("O2",)], ids="".join)
@pytest.mark.parametrize("case", [case for case in CASES if decides(graph(case))], ids=lambda case: case.name)
def test_called_twice(case: Case, passes: tuple[str, ...]) -> None:
    after = pipeline.run(asking(graph(case)), passes)
    made: Any = lower(after, graph(case, training=True)).double().eval()
    made.load_state_dict({name: torch.tensor(value) for name, value in state(module(case)).items()})
    for seed in (0, 1, 0):
        given = inputs(case, seed=seed)
        with torch.no_grad():
            ran = run_torch(made, case, given)
        result = run_reference(case, given, ran.before, decisions=ran.decisions, seed=ran.seed)
        assert_equal(ran, result, "f64")
    if parts(after):
        assert sum(one.hits for one in made.caches().values()) > 0


@torch.no_grad()
def test_the_spec_with_fingerprints_replays() -> None:
    """By a fingerprint a row may decide as another did; the values are those of its decisions, and equal rows hit."""
    case = next(case for case in CASES if case.name == "dynamic_sparsity")
    raw = graph(case)
    assert [node.attrs["cache"][0] for node in raw.nodes if node.op == "select"] == ["fingerprint"]
    made: Any = lower(pipeline.run(raw, ["O2"]), graph(case, training=True)).double().eval()
    made.load_state_dict({name: torch.tensor(value) for name, value in state(module(case)).items()})
    for seed in (0, 1, 0):
        given = inputs(case, seed=seed)
        ran = run_torch(made, case, given)
        result = run_reference(case, given, ran.before, decisions=ran.decisions, seed=ran.seed)
        for name, value in result.outputs.items():
            close(ran.outputs[name], np.asarray(value), "f64", name)
    assert made.stats()["live"].cached == (6, 6)
