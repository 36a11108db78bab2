"""Ranges of values, against what the reference computes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from graphs import graphs, values
from hypothesis import given

from chunkc.backends.reference import run
from chunkc.compiler.ir import Graph
from chunkc.compiler.types import TensorType
from chunkc.passes.ranges import ALL, range_of


@given(graph=graphs(training=False))
def test_values_lie_in_their_range(graph: Graph) -> None:
    bounded = [node for node in graph.nodes if isinstance(node.type, TensorType) and range_of(node) != ALL]
    shown = replace(graph, outputs=tuple((f"v{i}", node) for i, node in enumerate(bounded)))
    for (_, node), value in zip(shown.outputs, run(shown, *values(graph)).outputs.values()):
        found, numbers = range_of(node), np.asarray(value, float)
        finite = numbers[np.isfinite(numbers)]
        slack = 0.0 if found.exact else 1e-9 * max(1.0, float(np.abs(finite).max(initial=0.0)))
        assert not (numbers < found.low - slack).any() and not (numbers > found.high + slack).any(), (node, found)
