"""The loop that runs passes: by name or by hand, verified after each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import pytest
from hand import Builder

from chunkc.compiler.bodies import map_bodies
from chunkc.compiler.diagnostics import CompileError
from chunkc.compiler.ir import Graph, bodies
from chunkc.compiler.verify import VerifyError
from chunkc.passes import pipeline
from chunkc.passes.manager import PassError, flat


def graph() -> Graph:
    b = Builder()
    x = b.input("x", "f32", "B", 4)
    return b.graph(b.op("neg", b.op("neg", x, type=x.type), type=x.type))


@dataclass(frozen=True, slots=True)
class Rename:
    """A pass of one's own. The law: a graph's name is not read."""

    name: ClassVar[str] = "rename"
    to: str = "renamed"

    def apply(self, graph: Graph) -> Graph:
        return replace(graph, name=self.to)


def test_passes_run_in_order_by_name_or_as_they_are() -> None:
    seen: list[tuple[str, int]] = []
    passes = ["canonicalize", Rename("other")]
    result = pipeline.run(graph(), passes, on_pass=lambda step: seen.append((step.name, len(step.after.nodes))))
    assert seen == [("canonicalize", 1), ("rename", 1)]
    assert result.name == "other"


def test_an_unknown_name_is_told_before_anything_runs() -> None:
    ran: list[str] = []
    with pytest.raises(CompileError, match="no pass `canonicalise`") as caught:
        pipeline.run(graph(), ["eliminate-dead", "canonicalise"], on_pass=lambda step: ran.append(step.name))
    assert "`canonicalize`" in caught.value.diagnostics[0].hint
    assert not ran


def test_a_pass_that_breaks_the_graph_is_told() -> None:
    @dataclass(frozen=True, slots=True)
    class Break:
        name: ClassVar[str] = "break"

        def apply(self, graph: Graph) -> Graph:
            return replace(graph, nodes=graph.nodes[1:])

    for each in (False, True):
        with pytest.raises(PassError, match="`break` breaks the graph.*\n.*not above it") as caught:
            pipeline.run(graph(), [Break(), Rename()], verify_each=each)
        assert isinstance(caught.value.__cause__, VerifyError)


def test_pipelines_name_passes() -> None:
    assert pipeline.PIPELINES["O0"] == ()
    for level in pipeline.PIPELINES:
        assert {one.name for one in flat(pipeline.resolve([level]))} <= set(pipeline.PASSES)


def test_mapping_bodies_keeps_what_is_shared() -> None:
    inner = Builder()
    inner_graph = inner.graph(inner.input("h", "f32", "B", 4))
    outer = Builder()
    x = outer.input("x", "f32", "B", 4)
    y = outer.apply("e", inner_graph, outer.apply("e", inner_graph, x))
    mapped = map_bodies(outer.graph(y), lambda one: replace(one, name=one.name + "!"))
    assert [body.name for body in bodies(mapped)] == ["hand!"]
    assert mapped.name == "hand!"
    assert len({id(node.attrs["body"]) for node in mapped.nodes if node.op == "apply"}) == 1
