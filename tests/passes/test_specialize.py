"""`specialize`: what is written beside a fuse, and when nothing is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from elaborated import graph_of

from chunkc.compiler.bodies import body_order
from chunkc.compiler.diagnostics import CompileError
from chunkc.compiler.equality import difference, equal
from chunkc.compiler.ir import Graph, Node, rebuild
from chunkc.compiler.planning.guards import HINTS
from chunkc.compiler.profile import Activity, KeptSet, Profile, fingerprint
from chunkc.compiler.verify import VerifyError, verify
from chunkc.grammar.elaborate import loads
from chunkc.grammar.print_core import print_graph
from chunkc.passes import pipeline
from chunkc.passes.specialize import Specialize

MIXTURE = """
    chunk expert[4](h) { h |> linear(d) }
    router gate { score = x |> linear(4)  keep = top(1) }
    fuse y = weighted_sum(expert(x), by=gate)
"""
STACKED = """
    chunk expert[3](h) { h |> linear(d) }
    chunk layer[2](h) {
      chunk own[2](g) { g |> linear(d) }
      router gate { score = h |> linear(2)  keep = top(1) }
      fuse z = weighted_sum(own(h), by=gate)
      output z
    }
    y = x |> layer[0] |> layer[1]
"""


def activity(*kept: int, sets: tuple[KeptSet, ...] = (), most: float = 0.5) -> Activity:
    return Activity(len(kept), sum(kept), kept, tuple(most if count else 0.0 for count in kept), sets)


def profile(graph: Graph, selections: Mapping[str, Activity], calls: int = 10) -> Profile:
    return Profile(graph.name, fingerprint(graph), calls, (), selections)


def hints(graph: Graph) -> list[dict[str, Any]]:
    """What stands beside each fuse by a selection, those of inner bodies first."""
    fuses = [node for one in (*body_order(graph), graph) for node in one.nodes if node.op == "fuse" and node.attrs["by"]]
    return [{name: node.attrs[name] for name in HINTS if name in node.attrs} for node in fuses]


def test_ways_are_marked_by_what_was_kept() -> None:
    graph = graph_of(MIXTURE)
    sets = (KeptSet((2,), 300, 1), KeptSet((0,), 200, 4))
    seen = profile(graph, {"gate": activity(200, 0, 300, 0, sets=sets)})
    marked = pipeline.run(graph, [Specialize(seen)])
    assert hints(marked) == [{"cold": (1, 3), "hot": (2, 0), "paths": ((0,), (2,)), "capacity": 0.625}]
    assert difference(loads(print_graph(marked)), marked) is None
    again = pipeline.run(marked, [Specialize(seen)])
    assert print_graph(again) == print_graph(marked)
    other = profile(graph, {"gate": activity(100, 200, 300, 400, most=0.9)})
    assert hints(pipeline.run(marked, [Specialize(other)])) == [{"hot": (3, 2, 1, 0), "capacity": 1.0}]


def test_options_say_how_much_is_enough() -> None:
    graph = graph_of(MIXTURE)
    sets = (KeptSet((2,), 60, 3), KeptSet((0,), 40, 2), KeptSet((), 9, 9))
    seen = profile(graph, {"gate": activity(40, 0, 60, 0, sets=sets)}, calls=10)
    assert hints(Specialize(seen).apply(graph)) == [{}]
    assert hints(Specialize(seen, decisions=100).apply(graph))[0]["paths"] == ((2,), (0,))
    assert hints(Specialize(seen, decisions=100, paths=1).apply(graph))[0]["paths"] == ((2,),)
    assert hints(Specialize(seen, decisions=100, share=0.3).apply(graph))[0]["paths"] == ((2,),)
    assert "paths" not in hints(Specialize(seen, decisions=100, share=0.5).apply(graph))[0]
    assert hints(Specialize(seen, decisions=100, headroom=1.0).apply(graph))[0]["capacity"] == 0.5


def sharing(graph: Graph) -> Graph:
    """The graph with the first body in the place of all that are equal to it."""
    known: list[Graph] = []

    def share(node: Node) -> Node:
        body = node.attrs.get("body")
        if body is None:
            return node
        same = next((one for one in known if equal(one, body)), body)
        known.append(same)
        return replace(node, attrs=node.attrs.but(body=same))

    return rebuild(graph, share)


def test_a_call_that_the_profile_tells_apart_gets_a_body_of_its_own() -> None:
    graph = sharing(graph_of(STACKED))
    assert len(hints(graph)) == 1, "one body, called twice"
    apart = profile(graph, {"layer.0.gate": activity(500, 0), "layer.1.gate": activity(0, 500)})
    marked = pipeline.run(graph, [Specialize(apart)])
    assert [one["cold"] for one in hints(marked)] == [(1,), (0,)]
    assert difference(loads(print_graph(marked)), marked) is None
    alike = profile(graph, {"layer.0.gate": activity(500, 0), "layer.1.gate": activity(500, 0)})
    assert [one["cold"] for one in hints(pipeline.run(graph, [Specialize(alike)]))] == [(1,)]


def test_members_of_one_call_share_what_is_cold_for_all() -> None:
    body = """
        chunk expert[2](h) {
          chunk own[2](g) { g |> linear(d) }
          router gate { score = h |> linear(2)  keep = top(1) }
          fuse z = weighted_sum(own(h), by=gate)
          output z
        }
        router top { score = x |> linear(2)  keep = top(1) }
        fuse y = weighted_sum(expert(x), by=top)
    """
    graph = graph_of(body)
    both = {"expert.0.gate": activity(500, 0), "expert.1.gate": activity(0, 500)}
    assert "cold" not in hints(Specialize(profile(graph, both)).apply(graph))[0]
    one = {"expert.0.gate": activity(500, 0), "expert.1.gate": activity(0, 0), "top": activity(500, 0)}
    assert [found["cold"] for found in hints(Specialize(profile(graph, one)).apply(graph))] == [(1,), (1,)]


# ---- when nothing happens


def test_nothing_is_written_without_a_profile_in_training_or_on_too_little() -> None:
    graph, training = graph_of(MIXTURE), graph_of(MIXTURE, training=True)
    seen = profile(graph, {"gate": activity(500, 0, 500, 0)})
    assert Specialize().apply(graph) is graph
    assert Specialize(seen).apply(training) is training
    for empty in ({}, {"gate": activity(0, 0, 0, 0)}, {"gate": activity(100, 0, 100, 0)}, {"other": activity(900, 0)}):
        assert Specialize(profile(graph, empty, calls=0)).apply(graph) is graph
    assert equal(Specialize(profile(graph, {}), decisions=0).apply(graph), graph)


def test_a_profile_of_another_model_is_refused(tmp_path: Path) -> None:
    graph = graph_of(MIXTURE)
    seen = profile(graph, {"gate": activity(500, 0, 500, 0)})
    with pytest.raises(CompileError, match="other parameters"):
        pipeline.run(graph_of(MIXTURE, d=4), [Specialize(seen)])
    with pytest.raises(CompileError, match="has 4 ways, and 2 in the profile"):
        pipeline.run(graph, [Specialize(profile(graph, {"gate": activity(500, 0)}))])
    seen.write(tmp_path / "p.json")
    assert hints(pipeline.run(graph, [Specialize(str(tmp_path / "p.json"))]))[0]["cold"] == (1, 3)
    with pytest.raises(CompileError, match="other parameters") as caught:
        pipeline.run(graph_of(MIXTURE, d=4), [Specialize(str(tmp_path / "p.json"))])
    assert caught.value.diagnostics[0].span.text == f'"{seen.fingerprint}"'
    with pytest.raises(CompileError, match="cannot be read: no such file"):
        pipeline.run(graph, [Specialize(str(tmp_path / "none.json"))])


@pytest.mark.parametrize(
    "wrong",
    [{"cold": (4,)}, {"cold": (1, 1)}, {"hot": (-1,)}, {"hot": [0]}, {"paths": ((0, 9),)}, {"paths": (1,)}, {"capacity": 1.5}]
    + [{"capacity": 1}, {"cold": (True,)}],
)
def test_marks_that_cannot_be_are_told(wrong: dict[str, Any]) -> None:
    graph = graph_of(MIXTURE)

    def mark(node: Node) -> Node:
        return replace(node, attrs=node.attrs.but(**wrong)) if node.op == "fuse" else node

    with pytest.raises(VerifyError, match=next(iter(wrong))):
        verify(rebuild(graph, mark))
