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


ORDERS = [*((name,) for name in pipeline.PASSES), ("O2",)]
EXACT = [names for names in ORDERS if pipeline.exact(names)]
ROUNDING = [names for names in ORDERS if not pipeline.exact(names)]


@pytest.mark.parametrize("names", EXACT, ids="+".join)
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


@pytest.mark.parametrize("names", ROUNDING, ids="+".join)
@many
@given(graph=graphs(smooth=True))
def test_outputs_move_by_rounding_only(names: tuple[str, ...], graph: Graph) -> None:
    """Under the same decisions; graphs that blow rounding up say nothing of passes that take sums in another order."""
    inputs, params = values(graph)
    before = run(graph, inputs, params, seed=3)
    nudged = {name: value * (1 + 1e-13) if value.dtype.kind == "f" else value for name, value in inputs.items()}
    moved = run(graph, nudged, params, seed=3, decisions=before.decisions)
    after = run(pipeline.run(graph, names), inputs, params, seed=3, decisions=before.decisions)
    assert set(after.decisions) <= set(before.decisions)
    if moved.disagreements:
        return
    assert not [one for one in after.disagreements if one.relative > 1e-9]
    for kind in ("outputs", "losses", "nexts"):
        first, second = getattr(before, kind), getattr(after, kind)
        assert list(first) == list(second)
        for key, value in first.items():
            if apart(getattr(moved, kind)[key], value) < 1e-11:
                assert apart(second[key], value) < 1e-9, f"{kind} {key}"


def apart(a: np.ndarray, b: np.ndarray) -> float:
    """The largest difference, relative to the largest value (at least 1); infinite where only one is finite."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    finite = np.isfinite(b)
    if a.shape != b.shape or not np.array_equal(finite, np.isfinite(a)):
        return float("inf")
    return float(np.abs(a[finite] - b[finite]).max(initial=0.0) / max(1.0, np.abs(b[finite]).max(initial=0.0)))
