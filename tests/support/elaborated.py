"""Short specs elaborated for tests, and what is asked of their graphs."""

from __future__ import annotations

from typing import Any

import numpy as np

from chunkc.backends.reference import run
from chunkc.compiler.equality import equal
from chunkc.compiler.ir import Graph, Node
from chunkc.compiler.verify import verify
from chunkc.grammar import elaborate
from chunkc.grammar.print_core import print_graph

INPUTS = ("input x: f32[B, T, d]", "input v: f32[B, d]", "input t: i64[B, T]")


def text_of(body: str, *, inputs: str | None = None, params: str = "d: int = 8", before: str = "") -> str:
    """A model around statements: with those of the inputs x, v, t that they name, and `output y` unless they have one."""
    lines = [line.strip() for line in body.strip().splitlines()]
    words = set("".join(c if c.isalnum() or c == "_" else " " for c in body).split())
    given = [inputs] if inputs is not None else [line for line in INPUTS if line.split()[1].rstrip(":") in words]
    depth, outputs = 0, 0
    for line in lines:
        outputs += depth == 0 and line.startswith("output ")
        depth += line.count("{") - line.count("}")
    ends = [] if outputs else ["output y"]
    return "\n".join([before, f"model m({params}) {{", *(given or [INPUTS[0]]), *lines, *ends, "}"])


def graph_of(body: str, *, training: bool = False, inputs: str | None = None, before: str = "", **params: Any) -> Graph:
    """The graph of statements in a model; verified, and equal to what its printed form reads back as."""
    graph = elaborate.loads(text_of(body, inputs=inputs, before=before), training=training, **params)
    verify(graph)
    assert equal(elaborate.loads(print_graph(graph)), graph)
    return graph


def parameters(graph: Graph, kind: str = "") -> dict[str, str]:
    """Path and type of the parameters, or of those of a kind."""
    return {p.path: str(p.type) for p in graph.parameters if kind in ("", p.kind)}


def only(graph: Graph, op: str) -> Node:
    """The one node of an op."""
    (node,) = [node for node in graph.nodes if node.op == op]
    return node


def ops(graph: Graph) -> list[str]:
    """The ops of a graph in order, without its inputs and parameters."""
    return [node.op for node in graph.nodes if node.op not in ("input", "param", "const")]


def shape_of(body: str, **more: Any) -> str:
    """The type of the first output of statements."""
    return str(graph_of(body, **more).outputs[0][1].type)


def value_of(body: str, **more: Any) -> Any:
    """The first output of statements by the reference, for x[b, t, i] = 100 b + 10 t + i, B=2, T=3, and weights that are 1."""
    graph = graph_of(body, **more)
    b, t, i = np.meshgrid(np.arange(2), np.arange(3), np.arange(8), indexing="ij")
    known = {"x": (100.0 * b + 10 * t + i), "v": (100.0 * b + i)[:, 0], "t": (10 * b + t)[..., 0]}
    inputs = {node.attrs["name"]: known[node.attrs["name"]] for node in graph.nodes if node.op == "input"}
    ones = {p.path: np.full(p.type.shape, p.init[1] if p.init[0] == "constant" else 1.0) for p in graph.parameters}
    return run(graph, inputs, ones).outputs[graph.outputs[0][0]]
