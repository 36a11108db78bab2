"""Random graphs under a memory budget: the torch backend moves chunks as the plan says, and gives what the reference does."""

from __future__ import annotations

from dataclasses import replace

from both_backends import assert_agree, examples, for_all
from graphs import graphs, values
from hypothesis import strategies as st

from chunkc.compiler.diagnostics import CompileError
from chunkc.compiler.ir import Attrs, Graph
from chunkc.passes import pipeline


@examples(quick=6, long=100)
def test_random_graphs_run_under_a_budget(count: int) -> None:
    def holds(graph: Graph, seed: int, share: float, ahead: int, kind: str) -> None:
        whole = replace(graph, memory=Attrs(budget=("share", share), prefetch=(kind, ahead)))
        try:
            scheduled = pipeline.run(whole, ["schedule"])
        except CompileError:
            return
        made, params = values(graph, seed)
        assert_agree(graph, made, params, compiled=scheduled)

    for_all(
        count,
        holds,
        graph=graphs(training=False, smooth=True, steps=10),
        seed=st.integers(0, 99),
        share=st.sampled_from([0.6, 0.8, 1.0]),
        ahead=st.integers(0, 2),
        kind=st.sampled_from(["ahead", "speculative"]),
    )
