"""The same graph on odd ground: other sizes, other rules, whole numbers that tie, values that are not numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from chunkc.compiler.bodies import map_bodies
from chunkc.compiler.dims import Dim, Size, evaluate
from chunkc.compiler.ir import Frame, Graph, Node, bodies, rebuild, streams_of
from chunkc.compiler.selection import Rule
from chunkc.compiler.types import tensor_types

Arrays = Mapping[str, np.ndarray]

RULES = {
    "nothing": (Rule("top", amount=0),),
    "everything": (Rule("all"),),
    "the first way": (Rule("first", amount=1),),
}
"""Rules that keep the same whatever the score is."""


def fits(graph: Graph, sizes: Mapping[str, int]) -> bool:
    """Whether at these sizes every value of a graph, and of the bodies it calls, has one element at least, and not too many."""
    for node in graph.nodes:
        for kind in tensor_types(node.type):
            counts = [evaluate(size, sizes) for size in kind.shape]
            if any(count < 1 for count in counts) or np.prod(counts) > 4096:
                return False
        body = node.attrs.get("body") if node.op == "apply" else None
        if body is not None and not fits(body, _bound(body, node, sizes)):
            return False
        if any(isinstance(size, Dim) and evaluate(size, sizes) < 1 for size in node.attrs.values()):
            return False
    return True


def _bound(body: Graph, call: Node, sizes: Mapping[str, int]) -> dict[str, int]:
    """What the dimensions of a body are at one call."""
    pairs: list[tuple[Size, Size]] = []
    for given, taken in zip(call.operands, body.inputs):
        pairs += zip(taken.shape, tensor_types(given.type)[0].shape)
    return {str(size): evaluate(outer, sizes) for size, outer in pairs if not isinstance(size, int)}


def with_rules(graph: Graph, rules: Sequence[Rule]) -> Graph:
    """The graph with these rules for those of every selection, and no fallback. Levels keep theirs."""

    def change(node: Node) -> Node | None:
        if node.op != "select" or node.attrs["levels"]:
            return None
        return replace(node, attrs=node.attrs.but(rules=tuple(rules), fallback=()))

    return map_bodies(graph, lambda one: rebuild(one, change))


def whole(values: Arrays, seed: int = 0) -> dict[str, np.ndarray]:
    """Floats of -1, 0 and 1 in the shapes of these, so that many sums of products are equal to the bit."""
    draw = np.random.default_rng(seed)
    return {n: draw.integers(-1, 2, v.shape).astype(np.float64) if v.dtype.kind == "f" else v for n, v in values.items()}


def own_params(graph: Graph, params: Sequence[str]) -> dict[Node, list[list[str]]]:
    """For each fuse with a selection of a graph and each way of its one bundle, which nothing else reads and which is no output:
    the parameters that only this way reads."""
    readers: dict[str, set[tuple[Node, str]]] = {}
    for node in graph.nodes:
        for member in node.attrs.get("members", ()):
            for path in _reads(node.attrs["body"], Frame().enter(node, member)):
                readers.setdefault(path, set()).add((node, member))
        if node.op in ("param", "state"):
            readers.setdefault(Frame().resolve(node), set()).add((node, ""))
    found = {}
    for node in graph.nodes:
        streams, by = streams_of(node) if node.op == "fuse" else ((), None)
        if by is None or len(streams) != 1 or streams[0].op != "apply":
            continue
        call = streams[0]
        if sum(call in other.operands for other in graph.nodes) == 1 and call not in graph.roots:
            ways = [{(call, member)} for member in call.attrs["members"]]
            found[node] = [[path for path in params if readers.get(path) == way] for way in ways]
    return found


def _reads(body: Graph, frame: Frame) -> set[str]:
    """Paths of all parameters and states under a body."""
    found = {frame.resolve(node) for node in body.nodes if node.op in ("param", "state")}
    for node in body.nodes:
        for member in node.attrs.get("members", ()) if any(True for _ in bodies(body)) else ():
            found |= _reads(node.attrs["body"], frame.enter(node, member))
    return found
