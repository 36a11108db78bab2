"""Random graphs under `specialize` with random profiles: nothing moves, whatever a profile claims."""

from __future__ import annotations

import random

from both_backends import assert_agree, examples, for_all
from graphs import graphs, values
from hypothesis import assume
from hypothesis import strategies as st

from chunkc.compiler.bodies import body_order
from chunkc.compiler.ir import Graph
from chunkc.compiler.profile import Activity, KeptSet, Profile, fingerprint, selections_of, ways_of
from chunkc.passes import pipeline
from chunkc.passes.specialize import Specialize


def claimed(graph: Graph, seed: int) -> Profile:
    """A profile that says anything of each selection: some ways never kept, some sets kept by whole calls."""
    draw = random.Random(seed)
    selections: dict[str, Activity] = {}
    for path, select in selections_of(graph).items():
        ways = ways_of(select)
        if ways:
            kept = tuple(draw.choice([0, 0, 7]) for _ in range(ways))
            drawn = dict.fromkeys(tuple(sorted(draw.sample(range(ways), draw.randint(0, ways)))) for _ in range(3))
            sets = tuple(KeptSet(one, 9, draw.randint(0, 3)) for one in drawn)
            selections[path] = Activity(ways, 9, kept, (0.5,) * ways, sets)
    return Profile(graph.name, fingerprint(graph), 3, (), selections)


@examples(quick=5, long=800)
def test_equal_whatever_a_profile_claims(count: int) -> None:
    def holds(graph: Graph, seed: int, level: str) -> None:
        one = Specialize(claimed(graph, seed), decisions=1, share=0.0, paths=3)
        stages = [one] if level == "alone" else pipeline.level("O2", {one.name: one})
        marked = pipeline.run(graph, stages)
        fuses = [node for part in (marked, *body_order(marked)) for node in part.nodes if node.op == "fuse"]
        assume(any("cold" in node.attrs or "paths" in node.attrs for node in fuses))
        assert_agree(graph, *values(graph, seed), compiled=marked)

    for_all(count, holds, graph=graphs(smooth=True), seed=st.integers(0, 9999), level=st.sampled_from(["alone", "O2"]))
