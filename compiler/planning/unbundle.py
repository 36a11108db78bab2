"""Bundles taken apart: an array of chunks applied to a value becomes one `apply` a member, except where one `fuse` takes the
whole.

The law: a bundle is its streams in declared order, so a call of n members is n calls of one member each, with the same frames
and call paths. Taken apart, each stream can be followed to the one place that needs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..ir import Graph, Node, users
from ..types import BundleType

Streams = dict[Node, tuple[Node, ...]]


def unbundle(graph: Graph) -> Graph:
    """The graph with every bundle taken apart that is read by anything but a single `fuse`."""
    reads = users(graph)
    if all(_whole(node, reads) for node in graph.nodes if isinstance(node.type, BundleType)):
        return graph
    done: dict[Node, Node] = {}
    streams: Streams = {}
    order: list[Node] = []
    for node in graph.nodes:
        if isinstance(node.type, BundleType) and not _whole(node, reads):
            streams[node] = _apart(node, done, streams)
            order.extend(streams[node])
        elif node.op == "field" and node.operands[0] in streams:
            done[node] = streams[node.operands[0]][_place(node.operands[0], str(node.attrs["name"]))]
        else:
            operands = (new for operand in node.operands for new in streams.get(operand) or (done[operand],))
            done[node] = node.with_operands(operands)
            order.append(done[node])
    return replace(
        graph,
        nodes=tuple(dict.fromkeys(order)),
        outputs=tuple((name, done[node]) for name, node in graph.outputs),
        losses=tuple((name, done[node]) for name, node in graph.losses),
        nexts=tuple((done[state], done[value]) for state, value in graph.nexts),
    )


def _whole(node: Node, reads: Mapping[Node, list[Node]]) -> bool:
    """A bundle of one call that a fuse takes as it is; members that zip each have their own argument, so they are told apart."""
    fuses = reads[node]
    return node.op == "apply" and not node.attrs["zipped"] and len(fuses) == 1 and _takes(fuses[0], node)


def _takes(fuse: Node, bundle: Node) -> bool:
    return fuse.op == "fuse" and fuse.operands[: len(fuse.operands) - bool(fuse.attrs["by"])] == (bundle,)


def _apart(node: Node, done: Mapping[Node, Node], streams: Streams) -> tuple[Node, ...]:
    assert isinstance(node.type, BundleType)
    element = node.type.element
    if node.op == "field":
        source = streams[node.operands[0]]
        return tuple(replace(node, operands=(stream,), type=element) for stream in source)
    given = [streams.get(operand) or (done[operand],) for operand in node.operands]
    flat = tuple(stream for part in given for stream in part)
    single = node.attrs.but(single=True, zipped=False)
    return tuple(
        replace(
            node,
            operands=(flat[i],) if node.attrs["zipped"] else flat,
            attrs=single.but(members=(member,)),
            type=element,
            name=f"{node.name}_{i}" if node.name else "",
        )
        for i, member in enumerate(node.attrs["members"])
    )


def _place(bundle: Node, name: str) -> int:
    members = bundle.attrs.get("members", ())
    return members.index(name) if name in members else int(name)
