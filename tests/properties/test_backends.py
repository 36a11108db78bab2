"""Random graphs run equal on both backends, on ordinary ground and on odd.

The torch backend computes what is kept, the reference everything: `both_backends.py` says what equal means between them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from both_backends import assert_agree, call, distance, examples, for_all, module
from graphs import graphs, values
from hypothesis import assume, note
from hypothesis import strategies as st
from orders import shuffled
from variants import RULES, fits, own_params, whole, with_rules

from chunkc.backends.reference import run
from chunkc.compiler.ir import Graph, Node
from chunkc.passes import pipeline

SEEDS = st.integers(0, 999)
MODES = pytest.mark.parametrize("training", [False, True], ids=["eval", "training"])


@MODES
@examples(quick=16, long=1000)
def test_equal(training: bool, count: int) -> None:
    def holds(graph: Graph, seed: int) -> None:
        assume(assert_agree(graph, *values(graph, seed)) is not None)

    for_all(count, holds, graph=graphs(training=training, smooth=True), seed=SEEDS)


@MODES
@examples(quick=8, long=500)
def test_equal_after_passes(training: bool, count: int) -> None:
    """In the order of -O2 or any other, whatever the rules keep, at any size. The reference has the graph as it was made."""

    def holds(graph: Graph, seed: int, order: int, rules: str, sizes: dict[str, int]) -> None:
        assume(fits(graph, sizes))
        made = with_rules(graph, RULES[rules]) if rules else graph
        names = shuffled(order) if order else ("O2",)
        note(" ".join(names))
        assert_agree(made, *values(made, seed, sizes), compiled=pipeline.run(made, names))

    orders, rules = st.integers(0, 199), st.sampled_from(["", "", *RULES])
    sizes = st.fixed_dictionaries({"B": st.integers(1, 3), "T": st.integers(1, 4)})
    given = graphs(training=training, smooth=True)
    for_all(count, holds, graph=given, seed=SEEDS, order=orders, rules=rules, sizes=sizes)


@MODES
@examples(quick=8, long=500)
def test_equal_whatever_the_kernel(training: bool, count: int) -> None:
    """Forced wherever it can be, whatever the rules keep, none and all included."""

    def holds(graph: Graph, seed: int, kernel: str, rules: str, sizes: dict[str, int]) -> None:
        assume(fits(graph, sizes))
        made = with_rules(graph, RULES[rules]) if rules else graph
        compiled = pipeline.run(made, ["group-chunks", f"choose-kernels(force={kernel})"])
        assert_agree(made, *values(made, seed, sizes), compiled=compiled)

    kernels = st.sampled_from(["gather", "gather", "dense", "union", "blocks", "grouped"])
    rules = st.sampled_from(["", "", *RULES])
    sizes = st.fixed_dictionaries({"B": st.integers(1, 3), "T": st.integers(1, 4)})
    given = graphs(training=training, smooth=True)
    for_all(count, holds, graph=given, seed=SEEDS, kernel=kernels, rules=rules, sizes=sizes)


@MODES
@examples(quick=6, long=300)
def test_equal_in_f32(training: bool, count: int) -> None:
    def holds(graph: Graph, seed: int) -> None:
        assert_agree(graph, *values(graph, seed), dtype="f32")

    for_all(count, holds, graph=graphs(training=training, smooth=True), seed=SEEDS)


@pytest.mark.parametrize("sizes", [{"B": 1, "T": 1}, {"B": 1, "T": 5}, {"B": 5, "T": 1}, {"B": 2, "T": 7}], ids=str)
@examples(quick=4, long=250)
def test_equal_at_any_size(sizes: dict[str, int], count: int) -> None:
    def holds(graph: Graph, seed: int) -> None:
        assume(fits(graph, sizes))
        assert_agree(graph, *values(graph, seed, sizes))

    for_all(count, holds, graph=graphs(smooth=True), seed=SEEDS)


@pytest.mark.parametrize("name", list(RULES))
@examples(quick=6, long=250)
def test_equal_where_all_is_kept_or_nothing(name: str, count: int) -> None:
    def holds(graph: Graph, seed: int) -> None:
        assert_agree(with_rules(graph, RULES[name]), *values(graph, seed))

    for_all(count, holds, graph=graphs(smooth=True), seed=SEEDS)


@examples(quick=4, long=800)
def test_the_same_values_decide_the_same(count: int) -> None:
    """Ties, free-running: on whole numbers both decide alike wherever what decides is equal to the bit."""

    def holds(graph: Graph, seed: int) -> None:
        selects = [node for node in graph.nodes if node.op == "select"]
        assume(selects)
        told = replace(graph, outputs=(*graph.outputs, *(pair for node in selects for pair in read_by(node))))
        inputs, params = (whole(given, seed) for given in values(told, seed))
        ran = call(module(told, params), told, inputs)
        result = run(told, inputs, params, seed=ran.seed)
        for node in selects:
            path = str(node.attrs["path"])
            if path in result.decisions and all(same(ran.outputs[name], result.outputs[name]) for name, _ in read_by(node)):
                np.testing.assert_array_equal(ran.decisions[path], result.decisions[path], err_msg=path)

    for_all(count, holds, graph=graphs(smooth=True), seed=SEEDS)


def read_by(select: Node) -> list[tuple[str, Node]]:
    """All that a selection reads, named to be outputs."""
    return [(f"{select.attrs['path']}.{slot}", operand) for slot, operand in zip(select.attrs["slots"], select.operands)]


def same(a: np.ndarray, b: np.ndarray) -> bool:
    return bool(np.array_equal(a, b, equal_nan=a.dtype.kind == "f"))


@pytest.mark.parametrize("poison", [np.inf, np.nan])
@examples(quick=6, long=300)
def test_nothing_of_an_absent_stream_is_seen(poison: float, count: int) -> None:
    """A way that keeps no position may hold anything: its parameters become infinite or NaN, and no output moves."""

    def holds(graph: Graph, seed: int) -> None:
        inputs, params = values(graph, seed)
        clean = run(graph, inputs, params)
        dropped = []
        for fuse, ways in own_params(graph, list(params)).items():
            kept = clean.decisions.get(str(fuse.operands[-1].attrs["path"]), np.ones(len(ways), bool))
            dropped += [path for way, paths in enumerate(ways) for path in paths if not kept[..., way].any()]
        assume(dropped)
        poisoned: dict[str, Any] = {**params, **{path: np.full_like(params[path], poison) for path in dropped}}
        ran = assert_agree(graph, inputs, poisoned)
        for name, expected in clean.outputs.items() if ran is not None else ():
            assert distance(ran.outputs[name], expected, name) < 1e-9

    for_all(count, holds, graph=graphs(training=False, smooth=True, steps=20), seed=SEEDS)
