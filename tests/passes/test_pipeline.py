"""The loop that runs passes: by name or by hand, verified after each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import pytest
from hand import Builder

from chunkc.compiler.bodies import map_bodies
from chunkc.compiler.diagnostics import CompileError
from chunkc.compiler.ir import Graph, bodies
from chunkc.compiler.verify import VerifyError
from chunkc.grammar.elaborate import loads
from chunkc.grammar.print_core import print_graph
from chunkc.passes import pipeline
from chunkc.passes.manager import Fixpoint, PassError, flat


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
    assert {one.name for one in flat(pipeline.resolve(["O2"]))} == set(pipeline.PASSES)


@pytest.mark.parametrize("name", pipeline.PASSES)
def test_golden_files_show_where_a_pass_fires_and_where_not(name: str) -> None:
    found = sorted((Path(__file__).parent / name).glob("*.cc"))
    assert len(found) >= 5
    still = []
    for path in found:
        before, _, expected = path.read_text(encoding="utf-8").partition("# ---\n")
        still.append(print_graph(loads(before, path=str(path))) == expected)
    assert True in still and False in still


# ---- fixpoints and order


@dataclass(frozen=True, slots=True)
class Count:
    """Renames the graph from one number to the next, up to one. The law: a graph's name is not read."""

    name: ClassVar[str] = "count"
    odd: bool = False
    most: int = 6

    def apply(self, graph: Graph) -> Graph:
        now = int(graph.name.removeprefix("n"))
        return replace(graph, name=f"n{now + 1}") if now % 2 == self.odd and now < self.most else graph


def test_a_fixpoint_runs_until_nothing_changes() -> None:
    seen: list[tuple[int, bool]] = []
    start = replace(graph(), name="n0")
    group = Fixpoint((Count(), Count(odd=True)))
    result = pipeline.run(start, [group], on_pass=lambda step: seen.append((step.round, step.changed)))
    assert result.name == "n6"
    # Three rounds that change, and one more look by the first; the second has seen this graph already.
    assert seen == [(1, True), (1, True), (2, True), (2, True), (3, True), (3, True), (4, False)]


def test_a_fixpoint_is_bounded() -> None:
    seen: list[int] = []
    group = Fixpoint((Count(most=100), Count(odd=True, most=100)), rounds=3)
    result = pipeline.run(replace(graph(), name="n0"), [group], on_pass=lambda step: seen.append(step.round))
    assert result.name == "n6" and max(seen) == 3


def test_a_pass_that_changes_nothing_gives_the_graph_itself() -> None:
    tidy = pipeline.run(graph(), ["O2"])
    for name in pipeline.PASSES:
        assert pipeline.run(tidy, [name]) is tidy, name


@dataclass(frozen=True, slots=True)
class Choose:
    """A pass that chooses. The law: it does nothing."""

    name: ClassVar[str] = "choose"
    lowering: ClassVar[bool] = True

    def apply(self, graph: Graph) -> Graph:
        return graph


@dataclass(frozen=True, slots=True)
class Build:
    """A pass that builds on others. The law: it does nothing."""

    name: ClassVar[str] = "build"
    after: ClassVar[tuple[str, ...]] = ("rename",)
    needs: ClassVar[tuple[str, ...]] = ("canonicalize",)

    def apply(self, graph: Graph) -> Graph:
        return graph


@pytest.mark.parametrize(
    ("passes", "message", "hint"),
    [
        ([Choose(), "canonicalize"], "`canonicalize` rewrites the graph and would lose what `choose`", "before `choose`"),
        ([Choose(), ("canonicalize",)], "would lose what `choose` has chosen", "put `canonicalize` before `choose`"),
        ([Build()], "`build` needs `canonicalize` to have run", "put `canonicalize` before it"),
        ([Build(), "canonicalize"], "`build` needs `canonicalize` to have run", "before it"),
        (["canonicalize", Build(), Rename()], "`build` stands before `rename`", "put it behind `rename`"),
    ],
)
def test_an_order_that_does_not_work_is_told(passes: list[pipeline.Item], message: str, hint: str) -> None:
    with pytest.raises(CompileError) as caught:
        pipeline.run(graph(), passes)
    (found,) = caught.value.diagnostics
    assert found.code == "CC0715" and message in found.message and hint in found.hint


def test_an_order_that_works_is_taken() -> None:
    pipeline.run(graph(), ["canonicalize", Rename(), Build(), Choose(), Choose()])
    pipeline.run(graph(), ["canonicalize", Build()])


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
