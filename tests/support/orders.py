"""What passes are held to: their orders (each alone, each prefix of -O2, random ones), and graphs that keep otherwise."""

from __future__ import annotations

import random
from dataclasses import replace

from chunkc.compiler.bodies import map_bodies
from chunkc.compiler.ir import Graph, Node, rebuild
from chunkc.compiler.selection import Rule
from chunkc.passes import pipeline
from chunkc.passes.manager import text

LAST = ("choose-kernels", "schedule")
"""Passes that stay behind all others, in this order, where there are such."""


def alone() -> list[tuple[str, ...]]:
    return [(name,) for name in pipeline.PASSES]


def prefixes() -> list[tuple[str, ...]]:
    """Stage by stage, a fixpoint being one; the whole of -O2 last."""
    names = tuple(map(text, pipeline.resolve(["O2"])))
    return [names[:end] for end in range(1, len(names) + 1)]


def shuffled(seed: int) -> tuple[str, ...]:
    """Some of the passes in a random order, now and then one of them twice."""
    draw = random.Random(seed)
    free = [name for name in pipeline.PASSES if name not in LAST]
    count = draw.randint(2, len(free))
    chosen = draw.sample(free, count) + draw.choices(free, k=draw.randint(0, 2))
    draw.shuffle(chosen)
    return (*chosen, *(name for name in LAST if name in pipeline.PASSES and draw.random() < 0.7))


def varied(graph: Graph, draw: random.Random) -> Graph:
    """The graph with other rules for some of its selections: nothing kept, all, one way for all, another k or threshold.

    Levels keep theirs.
    """

    def change(node: Node) -> Node | None:
        if node.op != "select" or node.attrs["levels"] or draw.random() < 0.4:
            return None
        read = "weight" if node.slot("weight") is not None else "score"
        rules = [
            Rule("top", amount=0),
            Rule("all"),
            Rule("first", amount=1),
            Rule("top", amount=draw.randint(1, 5)),
            Rule("above", limit=draw.choice([-0.1, 0.0, 0.2, 0.5, 0.9]), of=read),
        ]
        return replace(node, attrs=node.attrs.but(rules=(draw.choice(rules),)))

    return map_bodies(graph, lambda one: rebuild(one, change))
