"""The bodies under a graph, however deep: in order, mapped with their sharing kept, and which do more than give a value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from .ir import Graph, Node, bodies, reachable, rebuild


def body_order(graph: Graph) -> list[Graph]:
    """All bodies called under a graph, each object once, those that a body calls before it; without the graph itself."""
    order: list[Graph] = []
    seen: set[int] = set()
    stack = [(body, False) for body in reversed(list(bodies(graph)))]
    while stack:
        body, ready = stack.pop()
        if ready:
            order.append(body)
        elif id(body) not in seen:
            seen.add(id(body))
            stack.append((body, True))
            stack.extend((inner, False) for inner in reversed(list(bodies(body))) if id(inner) not in seen)
    return order


def map_bodies(graph: Graph, change: Callable[[Graph], Graph], outermost: Callable[[Graph], Graph] | None = None) -> Graph:
    """The graph, and every body under it, put through `change`, inner ones first. What was one body object stays one.

    The graph itself is put through `outermost`, if that is given.
    """
    done: dict[int, Graph] = {}

    def swap(node: Node) -> Node | None:
        body = node.attrs.get("body") if node.op == "apply" else None
        if body is None or done[id(body)] is body:
            return None
        return replace(node, attrs=node.attrs.but(body=done[id(body)]))

    def whole(one: Graph, change: Callable[[Graph], Graph] = change) -> Graph:
        return change(rebuild(one, swap) if any(done[id(inner)] is not inner for inner in bodies(one)) else one)

    for body in body_order(graph):
        done[id(body)] = whole(body)
    return whole(graph, outermost or change)


def lasting(graph: Graph) -> frozenset[int]:
    """The `id`s of bodies under a graph that, at any depth, have losses or next states: a call does more than give a value."""
    found: set[int] = set()
    for body in body_order(graph):
        if body.losses or body.nexts or any(id(inner) in found for inner in bodies(body)):
            found.add(id(body))
    return frozenset(found)


def lasting_calls(graph: Graph) -> tuple[Node, ...]:
    """The calls of a graph that do more than give a value, and so are made whether it is read or not."""
    effects = lasting(graph)
    return tuple(node for node in graph.nodes if node.op == "apply" and id(node.attrs["body"]) in effects)


def recorded(graph: Graph) -> tuple[Node, ...]:
    """The selections of a graph that are recorded whether they are read or not."""
    return tuple(node for node in graph.nodes if node.op == "select" and node.attrs.get("recorded", False))


def lasting_nodes(graph: Graph) -> tuple[Node, ...]:
    """What a graph computes for what it leaves and not for its value: calls and selections."""
    return (*lasting_calls(graph), *recorded(graph))


def live(graph: Graph) -> set[Node]:
    """What a graph computes: all that its roots, lasting calls and recorded selections need."""
    return reachable((*graph.roots, *lasting_nodes(graph)))
