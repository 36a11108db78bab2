"""What equality of graphs looks at, and what it does not."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hand import Builder

from chunkc.compiler.equality import difference, equal, key
from chunkc.compiler.ir import Graph, Node, Parameter
from chunkc.compiler.source import Source, Span
from chunkc.compiler.types import TensorType
from chunkc.compiler.verify import VerifyError, problems, verify


def built(value: float = 1.0, *, name: str = "y", shared: bool = True) -> Graph:
    b = Builder()
    x = b.input("x", "f32", "B", 4)
    first = b.op("mul", x, b.const(value), type=x.type)
    second = first if shared else b.op("mul", x, b.nodes[1], type=x.type)
    return b.graph(**{name: b.op("add", first, second, type=x.type)})


@pytest.mark.parametrize(("a", "b"), [(0.0, -0.0), (1.0, 1), (1, True), (math.nan, -math.nan), (0.1, 0.1 + 2**-56)])
def test_numbers_compare_by_their_bits(a: float, b: float) -> None:
    assert key(a) == key(a) and key(a) != key(b)
    assert equal(built(a), built(a)) and not equal(built(a), built(b))


def test_spans_names_and_unread_nodes_do_not_count() -> None:
    graph = built()
    span = Span(Source("a.cc", "text"), 0, 2)
    moved = {node: replace(node, span=span, name="h") for node in graph.nodes[:1]}

    def change(node: Node) -> Node:
        return replace(node, operands=tuple(moved[operand] for operand in node.operands), span=span, name="h")

    for node in graph.nodes[1:]:
        moved[node] = change(node)
    unread = Builder().const(7.0)
    again = replace(graph, nodes=(*moved.values(), unread), outputs=(("y", moved[graph.outputs[0][1]]),), span=span)
    assert difference(graph, again) is None


def test_paths_tables_and_sharing_count() -> None:
    graph = built()
    entry = Parameter("w", TensorType("f32", (2,)), ("uniform", 0.5))
    assert "output" in (difference(graph, built(name="z")) or "")
    assert "shared" in (difference(graph, built(shared=False)) or "")
    assert "parameters" in (difference(graph, replace(graph, parameters=(entry,))) or "")
    assert "training" in (difference(graph, replace(graph, training=True)) or "")


def test_a_long_chain_needs_no_recursion() -> None:
    def chain() -> Graph:
        b = Builder()
        x = b.input("x", "f32", "B")
        for _ in range(5000):
            x = b.op("neg", x, type=x.type)
        return b.graph(y=x)

    assert equal(chain(), chain())
    assert not problems(chain())


def test_the_verifier_names_what_is_wrong() -> None:
    b = Builder()
    x = b.input("x", "f32", "B", 4)
    y = b.op("softmax", x, type=x.type, axis=1)
    b.nodes.remove(x)
    with pytest.raises(VerifyError) as caught:
        verify(b.graph(y=y))
    text = str(caught.value)
    assert "not above it" in text and "axis" in text


def test_a_call_with_a_loss_counts_though_nothing_reads_it() -> None:
    def calling(loss: bool) -> Graph:
        inner, outer = Builder(), Builder()
        h = inner.input("h", "f32", "B")
        total = inner.op("sum", h, type=TensorType("f32", ()), axes=(-1,), keepdims=False)
        body = inner.graph(h, losses={"l": total} if loss else {})
        x = outer.input("x", "f32", "B")
        outer.apply("e", body, x)
        return outer.graph(x)

    empty = Builder()
    plain = empty.graph(empty.input("x", "f32", "B"))
    assert equal(calling(False), plain)
    assert "call" in (difference(calling(True), plain) or "")
