"""`factor-pairs`, `pool-blocks` and `fuse-routes` on random graphs and models of what they look at, against the reference."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from pair_graphs import pair_graph

from chunkc.backends.reference import run
from chunkc.compiler.dims import evaluate
from chunkc.compiler.equality import difference
from chunkc.compiler.ir import Graph
from chunkc.compiler.verify import verify
from chunkc.compiler.work import dense_macs
from chunkc.grammar.elaborate import loads
from chunkc.passes import pipeline

ALGEBRA = (("factor-pairs",), ("pool-blocks",), ("pool-blocks", "factor-pairs", "pool-blocks"))
SIZES = ({"B": 2, "T": 5, "S": 4}, {"B": 1, "T": 1, "S": 3})
LARGE = {"B": 4, "T": 64, "S": 64}
COUNTS = [pytest.param(300, id="quick"), pytest.param(4000, id="long", marks=pytest.mark.slow)]


def same(graph: Graph, after: Graph, sizes: dict[str, int], what: str) -> None:
    """Outputs agree up to rounding, under the decisions of the graph as it was."""
    draw = np.random.default_rng(0)
    inputs = {str(x.attrs["name"]): draw.standard_normal([evaluate(size, sizes) for size in x.shape]) for x in graph.inputs}
    params = {entry.path: 0.7 * draw.standard_normal(entry.type.shape) for entry in graph.parameters}
    before = run(graph, inputs, params, seed=1)
    found = run(after, inputs, params, seed=1, decisions=before.decisions)
    assert set(found.decisions) == set(before.decisions), what
    for name, value in before.outputs.items():
        np.testing.assert_allclose(found.outputs[name], value, rtol=1e-8, atol=1e-9, err_msg=f"{what}: {name}")


@pytest.mark.parametrize("count", COUNTS)
def test_pairs_and_blocks(count: int) -> None:
    """The values stay, there is no more to multiply, and a second run finds nothing."""
    fired = dict.fromkeys(ALGEBRA, 0)
    for seed in range(count):
        draw = Random(seed)
        graph = pipeline.run(pair_graph(draw, draw.randint(3, 16)), ["eliminate-dead"])
        verify(graph)
        for names in ALGEBRA:
            after = pipeline.run(graph, names)
            if difference(graph, after) is None:
                continue
            fired[names] += 1
            assert dense_macs(after, LARGE) <= dense_macs(graph, LARGE), (seed, names)
            assert len(names) > 1 or difference(after, pipeline.run(after, names)) is None, (seed, names)
            for sizes in SIZES:
                same(graph, after, sizes, f"{seed} {names}")
    assert min(fired.values()) >= count // 60, fired


def routed_model(draw: Random) -> str:
    """A few layers by one router that keeps at most one way, with or without residuals, and things done between."""
    ways = draw.choice((1, 1, 2, 3))
    keep = ("above(0.4)", "above(0.1) |> first(1)") if ways == 1 else ("top(1)", "first(1)", "above(0.2) |> top(1)")
    weight = draw.choice(("sigmoid", "softmax", "relu"))
    sample = "mean(T) |> " if draw.random() < 0.3 else ""
    lines = [f"router g {{\n score = x |> {sample}linear({ways})\n weight = {weight}\n keep = {draw.choice(keep)}\n}}"]
    values = ["x"]
    for i in range(draw.randint(1, 4)):
        body = draw.choice(("linear(d)", "layer_norm |> linear(d) |> gelu", "linear(d) |> dropout(0.3)", "tanh"))
        lines.append(f"chunk c{i}[{ways}](h) {{ h |> {body} }}")
        x = draw.choice(values[-2:])
        given = draw.choice((x, x, f"({x} |> relu)", f"({x} |> layer_norm)", f"({x} |> linear(d))", f"(0.5 * {x})", f"({x} + x)"))
        given = f"(({x} |> mean(T, keepdims=true)) + x)" if draw.random() < 0.1 else given
        residual = f"{x} + " if draw.random() < 0.6 else ""
        lines.append(f"v{i} = {residual}weighted_sum(c{i}({given}), by=g)")
        values.append(f"v{i}")
        if draw.random() < 0.3:
            lines.append(f"w{i} = v{i} |> {draw.choice(('linear(d, bias=false)', 'relu', 'linear(d)', 'abs'))}")
            values.append(f"w{i}")
    outputs = [f"output y = {values[-1]}", *(f"output {name}" for name in values[1:-1] if draw.random() < 0.15)]
    return "model m(d: int = 4) {\ninput x: f32[B, T, d]\n" + "\n".join([*lines, *outputs]) + "\n}\n"


@pytest.mark.parametrize("training", [False, True], ids=["eval", "training"])
@pytest.mark.parametrize("count", [pytest.param(25, id="quick"), pytest.param(600, id="long", marks=pytest.mark.slow)])
def test_routes(count: int, training: bool) -> None:
    fired = 0
    for seed in range(count):
        graph = loads(routed_model(Random(seed)), training=training)
        for names in (("fuse-routes",), ("O2",)):
            after = pipeline.run(graph, names)
            same(graph, after, {"B": 2, "T": 3}, f"{seed} {names}")
        after = pipeline.run(graph, ["fuse-routes"])
        if difference(graph, after) is not None:
            fired += 1
            assert difference(after, pipeline.run(after, ["fuse-routes"])) is None, seed
    assert fired >= count // 4
