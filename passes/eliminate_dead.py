"""`eliminate-dead`: what cannot reach a result is not in the graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import ClassVar

from ..compiler.bodies import lasting, map_bodies
from ..compiler.dims import Dim
from ..compiler.ir import Attrs, Graph, Node, reachable, streams_of, users
from ..compiler.selection import Rule
from ..compiler.types import BundleType, SelectionType, TensorType, Type
from .decided import decided, uniformly
from .laws_known import LAWS
from .rewrite import prune, rebuild_knowing


@dataclass(frozen=True, slots=True)
class EliminateDead:
    """Removes what no root needs: unreachable nodes, branches of known conditions, decisions that are known before anything runs,
    streams of ways that are never kept, members that nothing reads; an array of one is a plain call.

    The law: a fuse selects away what is not kept, so the stream of a way that no input can make it keep may be anything, and
    zeros cost nothing. Its score, weight and loss terms stay, for they are read with the other ways'; so does the parameter
    table. A selection that keeps all weighs what it weighed and decides nothing: its fuse computes each way everywhere, with no
    positions to gather, and a mask by it is no mask. Straight-through fuses are left alone (the surrogate's gradient reads
    absent streams too), and so are calls whose bodies have losses or next states.

    What a known selection decides is recorded as before, by a selection that reads nothing (`recorded`). What goes with a stream
    is not: of a way that is never kept nothing was ever taken.
    """

    name: ClassVar[str] = "eliminate-dead"

    def apply(self, graph: Graph) -> Graph:
        """The graph and its bodies without what is dead."""
        return map_bodies(graph, _eliminate, lambda whole: _eliminate(whole, outermost=True))


def _eliminate(graph: Graph, outermost: bool = False) -> Graph:
    before = prune(graph)
    after = _reduced(before)
    held = [] if outermost else [node for node in _lost(before, after) if not _free(node)]
    if held:
        before = rebuild_knowing(before, lambda old, new: _recorded(new) if old in held else None)
        after = _reduced(before)
    return _with_records(after, _lost(before, after))


def _reduced(graph: Graph) -> Graph:
    return prune(_plain_calls(_unread_members(prune(_dead_streams(LAWS.rewrite(graph))))))


# ---- known decisions


def _lost(before: Graph, after: Graph) -> list[Node]:
    """The selections of a graph that are gone because what they decide is known."""
    stays = {node.attrs["path"] for node in after.nodes if node.op == "select"}
    gone = [node for node in before.nodes if node.op == "select" and node.attrs["path"] not in stays]
    return [node for node in gone if uniformly(node) is not None]


def _free(select: Node) -> bool:
    """Whether a body that runs on some positions can make decisions of this shape without the score: each of their axes is a
    dimension, or none has positions."""
    sized = all(isinstance(size, Dim) and not size.compound for size in select.selection.kept.shape[:-1])
    return sized or not any(node.op == "input" for node in reachable([select]))


def _recorded(select: Node) -> Node:
    return replace(select, attrs=select.attrs.but(recorded=True))


def _with_records(graph: Graph, lost: Sequence[Node]) -> Graph:
    """The graph with these selections again, now of nothing: they keep all, or nothing."""
    made: list[Node] = []
    for node in lost:
        score = node.operands[0].tensor
        zeros = Node("zeros", (), Attrs(shape=score.shape, dtype=score.dtype), score, node.span)
        rule = Rule("all") if uniformly(node) else Rule("first", amount=0)
        said = {name: value for name, value in node.attrs.items() if name in ("path", "also", "kind", "grain", "block")}
        usual = {"levels": (), "fallback": (), "renormalise": False, "train": "hard", "cache": ()}
        attrs = Attrs(**said, slots=("score",), rules=(rule,), **usual, recorded=True)
        made += [zeros, Node("select", (zeros,), attrs, SelectionType(node.selection.kept, score), node.span, node.name)]
    return replace(graph, nodes=(*graph.nodes, *made)) if made else graph


# ---- ways that are never kept


def _dead_streams(graph: Graph) -> Graph:
    """The graph with zeros for the streams of ways that are never kept."""
    reads, effects = users(graph), lasting(graph)
    roots = set(graph.roots)
    zeros: dict[Type, Node] = {}

    def divisible(bundle: Node) -> bool:
        """Whether some members of a bundle may be left out: one fuse reads it, and its calls only give values."""
        body = bundle.attrs.get("body")
        plain = bundle.op == "apply" and id(body) not in effects
        return plain and len(reads[bundle]) == 1 and reads[bundle][0].operands.count(bundle) == 1 and bundle not in roots

    def change(old: Node, new: Node) -> Node | None:
        dead = _dead_ways(old)
        if not any(dead):
            return None
        streams: list[Node] = []
        for was, stream in zip(streams_of(old)[0], streams_of(new)[0]):
            here = [dead.pop(0) for _ in range(stream.type.count if isinstance(stream.type, BundleType) else 1)]
            streams += _without(stream, here, not isinstance(was.type, BundleType) or divisible(was), zeros)
        return new.with_operands([*streams, new.operands[-1]])

    return rebuild_knowing(graph, change)


def _dead_ways(node: Node) -> list[bool]:
    """For each stream of a fuse, whether its way is never kept; [] where that is of no use."""
    if node.op != "fuse" or not node.attrs["by"] or node.operands[-1].attrs["train"] != "hard":
        return []
    return [kept is False for kept in decided(node.operands[-1])]


def _without(stream: Node, dead: list[bool], divisible: bool, zeros: dict[Type, Node]) -> list[Node]:
    """The operands in place of one: runs of members that may be kept, zeros for the others."""
    if not any(dead) or not divisible:
        return [stream]
    if not isinstance(stream.type, BundleType):
        return [stream if stream.op == "zeros" else zeros.setdefault(stream.type, _zeros(stream.type, stream))]
    found: list[Node] = []
    for never, run in groupby(range(len(dead)), key=lambda i: dead[i]):
        places = list(run)
        zero = zeros.setdefault(stream.type.element, _zeros(stream.type.element, stream))
        found += [zero] * len(places) if never else [_members(stream, places)]
    return found


def _zeros(kind: Type, place: Node) -> Node:
    assert isinstance(kind, TensorType)
    return Node("zeros", (), Attrs(shape=kind.shape, dtype=kind.dtype), kind, place.span)


def _members(bundle: Node, places: Sequence[int]) -> Node:
    """The call of some members of an array, in order."""
    assert isinstance(bundle.type, BundleType)
    attrs = bundle.attrs.but(members=tuple(bundle.attrs["members"][i] for i in places))
    operands = tuple(bundle.operands[i] for i in places) if bundle.attrs["zipped"] else bundle.operands
    return replace(bundle, operands=operands, attrs=attrs, type=BundleType(len(places), bundle.type.element))


# ---- members that nothing reads


def _unread_members(graph: Graph) -> Graph:
    """The graph with calls of arrays cut down to the members that are read, where each is read by itself."""
    reads, effects = users(graph), lasting(graph)
    roots = set(graph.roots)
    places: dict[Node, list[int]] = {}
    for node in graph.nodes:
        if node.op == "apply" and isinstance(node.type, BundleType) and node not in roots:
            single = all(user.op == "field" and not isinstance(user.type, BundleType) for user in reads[node])
            read = sorted({_place(node, user.attrs["name"]) for user in reads[node]}) if single else []
            if read and len(read) < node.type.count and id(node.attrs["body"]) not in effects:
                places[node] = read

    def change(old: Node, new: Node) -> Node | None:
        if old in places:
            return _members(new, places[old])
        if old.op == "field" and old.operands[0] in places:
            # By its label, which names the same member in any part of the array.
            label = old.operands[0].attrs["members"][_place(old.operands[0], old.attrs["name"])]
            return replace(new, attrs=Attrs(name=label))
        return None

    return rebuild_knowing(graph, change) if places else graph


def _place(bundle: Node, name: str) -> int:
    members: tuple[str, ...] = bundle.attrs["members"]
    return members.index(name) if name in members else int(name)


# ---- arrays of one


def _plain_calls(graph: Graph) -> Graph:
    """The graph with calls of one member of an array as calls of it, where its value is read as such or fused."""
    reads = users(graph)

    def alone(node: Node) -> bool:
        if node.op != "apply" or not isinstance(node.type, BundleType) or node.type.count != 1 or node.attrs.get("word"):
            return False
        tensors = all(not isinstance(operand.type, BundleType) for operand in node.operands)
        return tensors and all(user.op == "fuse" or _picks(user) for user in reads[node])

    plain = {node for node in graph.nodes if alone(node)}

    def change(old: Node, new: Node) -> Node | None:
        if old in plain:
            assert isinstance(old.type, BundleType)
            return replace(new, attrs=new.attrs.but(single=True, zipped=False), type=old.type.element)
        return new.operands[0] if _picks(old) and old.operands[0] in plain else None

    return rebuild_knowing(graph, change) if plain else graph


def _picks(node: Node) -> bool:
    """Whether a node is one stream of a bundle."""
    source = node.operands[0].type if node.op == "field" else None
    return isinstance(source, BundleType) and node.type == source.element
