"""The store that a graph asks for: its room, the units that it loads, and what the plan says of their order. And which of its
stored chunks may be missing."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence

from ..ir import Frame, Graph, Node
from ..loading.residents import Residents
from ..residency import Residency
from .demand import demand
from .uses import Needs, budget, needs_of

MOST_WAYS = 32
"""How many ways further on a prefetch looks for one that is kept."""


def store_of(graph: Graph) -> Residents | None:
    """The store of a module: with room for what the budget of its graph leaves for chunks. None: everything is resident."""
    allowed = budget(graph)
    if not graph.schedule or allowed is None:
        return None
    needs = needs_of(demand(graph))
    order = [entry.path for entry in graph.schedule if entry.word == "acquire"]
    store = Residents(dict(needs.units), allowed - needs.always, order, needs.outside, graph.memory.get("evict", "adaptive"))
    kind, store.ahead = graph.memory.get("prefetch", ("ahead", 0))
    store.most = most_held(graph.schedule, store.sizes)
    store.ways, store.guesses = _ways_behind(graph, needs), store.ahead if kind == "speculative" else 0
    always = {unit for use in needs.uses if use.choice is None for unit in use.units}
    store.forecast.open = frozenset(needs.units) - always
    return store


def _ways_behind(graph: Graph, needs: Needs) -> dict[tuple[str, int], Sequence[tuple[str, int]]]:
    places = {entry.path: i for i, entry in enumerate(graph.schedule) if entry.word == "run"}
    behind: dict[Node, deque[tuple[str, int]]] = {}
    found: dict[tuple[str, int], Sequence[tuple[str, int]]] = {}
    for use in sorted(needs.uses, key=lambda use: places.get(use.name, -1), reverse=True):
        if use.choice is not None and not use.chained:
            ways = behind.setdefault(use.node, deque(maxlen=MOST_WAYS))
            found.update(((unit, use.way), tuple(ways)) for unit in use.units)
            ways.extendleft((unit, use.way) for unit in reversed(use.units))
    return found


def optional_chunks(graph: Graph) -> frozenset[str]:
    """The paths of stored chunks that a call can do without (`on_missing`)."""
    found = (frame.path(chunk) for frame, node in _nodes(graph) if node.op == "present" for chunk in node.attrs["chunks"])
    return frozenset(found)


def _nodes(graph: Graph) -> Iterator[tuple[Frame, Node]]:
    """The nodes of a graph and of all bodies under it, in each frame that they are called in."""
    stack = [(graph, Frame())]
    seen: set[tuple[int, str]] = set()
    while stack:
        one, frame = stack.pop()
        for node in one.nodes:
            yield frame, node
            body: Graph | None = node.attrs["body"] if node.op == "apply" else None
            for member in node.attrs["members"] if body is not None else ():
                inner = frame.enter(node, member)
                if body is not None and (id(body), inner.prefix) not in seen:
                    seen.add((id(body), inner.prefix))
                    stack.append((body, inner))


def most_held(schedule: Sequence[Residency], sizes: Mapping[str, int]) -> int:
    """The most bytes that a call with this schedule holds at once."""
    held, most = Counter[str](), 0
    for entry in schedule:
        if entry.word == "acquire":
            held[entry.path] += 1
        elif entry.word == "release":
            held -= Counter([entry.path])
        most = max(most, sum(sizes[unit] for unit in held))
    return most
