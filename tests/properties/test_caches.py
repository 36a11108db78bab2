"""Random graphs with a cache asked for by every selection: call after call, they compute what the graph means."""

from __future__ import annotations

from dataclasses import replace

import torch
from both_backends import assert_admissible, assert_values, call, examples, for_all, module, numbers, rounded, steady
from graphs import graphs, values
from hypothesis import assume
from hypothesis import strategies as st

from chunkc.backends.reference import run
from chunkc.compiler.bodies import body_order, map_bodies
from chunkc.compiler.ir import Graph, Node, rebuild
from chunkc.passes import pipeline


def asking(graph: Graph, entries: int) -> Graph:
    """The graph with an exact cache at every selection."""

    def ask(node: Node) -> Node | None:
        return replace(node, attrs=node.attrs.but(cache=("exact", entries))) if node.op == "select" else None

    return map_bodies(graph, lambda body: rebuild(body, ask))


def has_parts(graph: Graph) -> bool:
    return any(node.attrs.get("word") == "cached" for one in (graph, *body_order(graph)) for node in one.nodes)


@examples(quick=5, long=500)
def test_equal_call_after_call(count: int) -> None:
    fired = []

    def holds(graph: Graph, seed: int, entries: int, passes: str) -> None:
        after = pipeline.run(asking(graph, entries), [passes])
        assume(has_parts(after))
        fired.append(passes)
        inputs, params = values(graph, seed)
        made = module(after, params)
        for given in (inputs, values(graph, seed + 1)[0], inputs):
            given = rounded(given, "f64")
            before = {name: numbers(value).copy() for name, value in made.state_dict().items()}
            with torch.no_grad():
                ran = call(made, graph, given)
            result = run(graph, given, before, seed=ran.seed, decisions=ran.decisions)
            assume(steady(graph, given, before, ran, result, "f64"))
            assert_admissible(ran, result, "f64")
            assert_values(ran, result, "f64")

    passes = st.sampled_from(["cache-masks", "O2"])
    given = graphs(training=False, smooth=True)
    for_all(count, holds, graph=given, seed=st.integers(0, 999), entries=st.integers(1, 12), passes=passes)
    assert fired
