"""Properties of random graphs: they verify, print and read back equal, and passes keep what they compute."""

from __future__ import annotations

import numpy as np
import pytest
from graphs import graphs, values
from hypothesis import HealthCheck, given, settings

from chunkc.backends.reference import run
from chunkc.compiler.diagnostics import Findings
from chunkc.compiler.equality import difference
from chunkc.compiler.ir import Graph
from chunkc.compiler.source import Source
from chunkc.compiler.verify import verify
from chunkc.grammar.parse import parse
from chunkc.grammar.print_core import print_graph
from chunkc.grammar.read_core import read_core
from chunkc.grammar.tree import Core
from chunkc.passes import pipeline

many = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example])


def reread(graph: Graph) -> Graph:
    findings = Findings()
    (core,) = parse(Source("printed.cc", print_graph(graph)), findings).items
    assert isinstance(core, Core), findings.items
    return read_core(core, findings)


@many
@given(graphs())
def test_print_reads_back_equal(graph: Graph) -> None:
    verify(graph)
    again = reread(graph)
    assert difference(graph, again) is None
    assert print_graph(again) == print_graph(graph)


@pytest.mark.parametrize("name", list(pipeline.PASSES))
@many
@given(graph=graphs())
def test_pass_reaches_its_end_and_keeps_the_table(name: str, graph: Graph) -> None:
    once = pipeline.run(graph, [name])
    assert once.parameters == graph.parameters
    assert [node.attrs for node in once.inputs] == [node.attrs for node in graph.inputs]
    assert difference(once, pipeline.run(once, [name])) is None


@pytest.mark.parametrize("names", [*((name,) for name in pipeline.PASSES), pipeline.DEFAULT], ids="+".join)
@many
@given(graph=graphs())
def test_outputs_do_not_move(names: tuple[str, ...], graph: Graph) -> None:
    """To the bit: laws hold bit by bit, and the reference computes each op alike wherever it stands."""
    inputs, params = values(graph)
    before, after = (run(one, inputs, params, seed=3) for one in (graph, pipeline.run(graph, names)))
    for kind in ("outputs", "losses", "nexts"):
        first, second = getattr(before, kind), getattr(after, kind)
        assert list(first) == list(second)
        for key, value in first.items():
            np.testing.assert_array_equal(second[key], value, err_msg=f"{kind} {key}")
    for path, kept in after.decisions.items():
        np.testing.assert_array_equal(before.decisions[path], kept, err_msg=path)
