"""Chunks that a spec can do without: calls go on, once it was said, until the chunk is there again."""

from __future__ import annotations

import os
import time
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from stored_models import stored

from chunkc.compiler.ir import Attrs, Graph, Node, rebuild
from chunkc.compiler.ops import infer, normalise
from chunkc.grammar.elaborate import loads

SPEC = """
model moe(d: int = 8) {
  input x: f32[B, T, d]
  input there: f32[4]
  chunk expert[4](h) { h |> linear(4 * d) |> gelu |> linear(d) }
  router gate { score = (x |> linear(4)) + (there - 1) * 1000  keep = top(2) }
  fuse y = weighted_sum(expert(x), by=gate)
  memory { budget = 70%  prefetch = 1 }
  output y
}
"""
WAYS = tuple(f"expert.{i}" for i in range(4))


def optional(budget: bool) -> tuple[Graph, Graph]:
    """The graph whose `there` is an input, and the one that asks for the chunks themselves."""
    graph = loads(SPEC)
    graph = graph if budget else replace(graph, memory=Attrs())
    (there,) = (node for node in graph.inputs if node.attrs["name"] == "there")

    def node(op: str, *operands: Node, **attrs: Any) -> Node:
        types = [one.tensor for one in operands]
        full = normalise(op, types, Attrs(attrs))
        return Node(op, operands, full, infer(op, types, full), there.span)

    present = node("present", chunks=WAYS)
    cast = node("cast", present, dtype="f32")
    asked = rebuild(graph, lambda one: cast if one is there else None)
    return graph, asked


@pytest.mark.parametrize("budget", [True, False], ids=["budget", "none"])
def test_calls_do_without_what_is_missing(budget: bool, tmp_path: Path) -> None:
    plain, asking = optional(budget)
    whole, made, _ = stored(plain, tmp_path, list(WAYS), asking=asking)
    x = torch.randn(5, 3, 8)
    file = tmp_path / "expert.1.safetensors"
    kept = file.read_bytes()

    def expected(*missing: int) -> torch.Tensor:
        there = torch.ones(4)
        there[list(missing)] = 0
        return whole(x, there)

    os.truncate(file, 100)
    with torch.no_grad():
        with pytest.warns(RuntimeWarning, match="CC1454.*expert.1.*CC1451"):
            assert torch.equal(made(x), expected(1))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert torch.equal(made(x), expected(1)), "it is said once"
        assert list(made.missing()) == ["expert.1"] and made.missing()["expert.1"][0].code == "CC1451"
        time.sleep(0.01)
        file.write_bytes(kept)
        assert torch.equal(made(x), expected()), "it is there again"
        assert not made.missing()


@torch.no_grad()
def test_what_is_pinned_may_be_missing(tmp_path: Path) -> None:
    """It is held again as soon as it is there."""
    plain, asking = optional(True)
    whole, made, _ = stored(plain, tmp_path, list(WAYS), asking=asking)
    x, there, file = torch.randn(5, 3, 8), torch.ones(4), tmp_path / "expert.1.safetensors"
    kept = file.read_bytes()
    made.pin("expert.1")
    made.unpin("expert.1")
    made._memory.pins.paths = {"expert.1"}  # pinned, and not loaded yet
    made._memory.residents.drop("expert.1")
    os.truncate(file, 100)
    there[1] = 0
    with pytest.warns(RuntimeWarning, match="CC1454.*expert.1"):
        assert torch.equal(made(x), whole(x, there))
    time.sleep(0.01)
    file.write_bytes(kept)
    assert torch.equal(made(x), whole(x, torch.ones(4)))
    assert list(made._memory.residents.pins.held) == ["expert.1"]
