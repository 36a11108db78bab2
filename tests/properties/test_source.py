"""Random models in the surface language: they load, format to themselves, read back equal, and run equal on both backends."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from both_backends import assert_agree, examples, for_all, show
from graphs import values
from hypothesis import strategies as st
from sources import sources

import chunkc
from chunkc.compiler.equality import difference
from chunkc.compiler.ir import Graph
from chunkc.passes import pipeline

MODES = pytest.mark.parametrize("training", [False, True], ids=["eval", "training"])


def load(text: str, training: bool) -> Graph:
    """The graph of a text."""
    show(text)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.cc"
        path.write_text(text)
        return chunkc.load(path, training=training)


@examples(quick=16, long=1500)
def test_formats_and_prints_to_itself(count: int) -> None:
    def holds(text: str, training: bool) -> None:
        graph = load(text, training)
        formatted = chunkc.format(text)
        assert chunkc.format(formatted) == formatted
        assert difference(graph, load(formatted, training)) is None
        assert difference(graph, load(chunkc.print(graph), training)) is None

    for_all(count, holds, text=sources(), training=st.booleans())


@MODES
@examples(quick=5, long=700)
def test_runs_equal(training: bool, count: int) -> None:
    """Without passes, or with all of them."""

    def holds(text: str, seed: int, optimized: bool) -> None:
        graph = load(text, training)
        compiled = pipeline.run(graph, pipeline.DEFAULT) if optimized else graph
        assert_agree(graph, *values(graph, seed), compiled=compiled)

    for_all(count, holds, text=sources(), seed=st.integers(0, 999), optimized=st.booleans())


def test_calls_of_an_array_and_of_one_of_its_chunks_are_told_apart() -> None:
    """Found here: `e[1](x)` had the call path of the second member of `e(x)`, and so its decisions and draws."""
    text = """model m(d: int = 4) {
  input x: f32[B, T, d]
  chunk e[2](h) {
    router g { score = h |> linear(2)  keep = top(1) }
    output y = weighted_sum([tanh(h), h |> linear(d)], by=g)
  }
  output y = mean(e(x)) + e[1](x) + e[0](tanh(x)) + mean(e(mean(x, T, keepdims=true)))
}
"""
    graph = load(text, training=False)
    ran = assert_agree(graph, *values(graph))
    assert ran is not None
    assert len(ran.decisions) == 6
