"""What stands for the results of fuses by one selection whose streams are known: sums of them, and one fuse of what is left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce

from ..compiler.bodies import lasting_calls
from ..compiler.ir import Graph, Node
from .rewrite import Site
from .ways import positions

Streams = Sequence[Node]


@dataclass(frozen=True, slots=True)
class _Sum:
    """Fuses that are only read to be added to each other, and to `base`; `total` is the last sum (None: one fuse as it is)."""

    fuses: tuple[Node, ...]
    base: Node | None = None
    total: Node | None = None


def results(graph: Graph, streams: Mapping[Node, Streams]) -> dict[Node, Node] | None:
    """What to put in the place of which node, so that fuses with these streams are made as one; None where they do not fit.

    The law: fuses by one selection add up to the fuse of the sums, way by way, and stand side by side as the fuse of what stands
    side by side. A fuse that nothing reads any more is not made.
    """
    fuses = list(streams)
    changes = {fuse: replace(fuse, operands=(*own, fuse.operands[-1])) for fuse, own in streams.items()}
    read = _read(graph, changes)
    needed = [fuse for fuse in fuses if changes[fuse] in read]
    sums = _sums(graph, read, needed)
    if len(sums) < 2 and all(one.total is None for one in sums):
        return {fuse: changes[fuse] for fuse in needed}
    added = [_added(one, streams) for one in sums]
    if len(sums) > 1 and not _side_by_side([one.fuses[-1] for one in sums]):
        return None
    return {one.total or one.fuses[0]: value for one, value in zip(sums, _values(sums, added))}


def _read(graph: Graph, changes: Mapping[Node, Node]) -> set[Node]:
    """What the graph needs with some nodes replaced: nodes as they are then."""
    seen: set[Node] = set()
    stack = [*graph.roots, *lasting_calls(graph)]
    while stack:
        node = stack.pop()
        node = changes.get(node, node)
        if node not in seen:
            seen.add(node)
            stack.extend(node.operands)
    return seen


def _sums(graph: Graph, read: set[Node], needed: Sequence[Node]) -> list[_Sum]:
    """Fuses grouped by the sums that they only go into: `((h + f) + g) + …`, each step read by the next alone."""
    readers: dict[Node, list[Node]] = {}
    for node in graph.nodes:
        for operand in node.operands if node in read else ():
            readers.setdefault(operand, []).append(node)
    roots = set(graph.roots)

    def sum_of(node: Node) -> Node | None:
        """The addition that alone reads a node, if that is its reader."""
        alone = readers.get(node, []) if node not in roots else []
        fits = len(alone) == 1 and alone[0].op == "add" and alone[0].type == node.type
        return alone[0] if fits else None

    found: list[_Sum] = []
    left = dict.fromkeys(needed)
    while left:
        fuse = next(iter(left))
        del left[fuse]
        total = last = sum_of(fuse)
        base = None if last is None else _other(last, fuse)
        group = [fuse]
        if base in left and base is not None and sum_of(base) is last:
            group.append(base)
            del left[base]
            base = None
        while last is not None:
            total, last = last, sum_of(last)
            term = None if last is None else _other(last, total)
            if term is None or term not in left or sum_of(term) is not last:
                break
            group.append(term)
            del left[term]
        found.append(_Sum(tuple(group), base, total) if len(group) > 1 else _Sum((fuse,)))
    return found


def _other(add: Node, operand: Node) -> Node:
    a, b = add.operands
    return b if a is operand else a


def _added(one: _Sum, streams: Mapping[Node, Streams]) -> list[Node]:
    """The sum of fuses, way by way."""
    site = Site(replace(one.fuses[-1], name=""))
    return [reduce(lambda a, b: site.op("add", a, b), own) for own in zip(*(streams[fuse] for fuse in one.fuses))]


def _values(sums: Sequence[_Sum], added: Sequence[Streams]) -> list[Node]:
    """For each sum its value: all of them are columns of one fuse."""
    last = sums[-1].fuses[-1]
    select = last.operands[-1]
    if len(sums) == 1:
        return [_with_base(sums[0], replace(last, operands=(*added[0], select)))]
    site = Site(replace(last, name=""))
    joined = [site.op("concat", *own, axis=-1) for own in zip(*added)]
    whole = replace(site.node, operands=(*joined, select), type=joined[0].type)
    found: list[Node] = []
    start = 0
    for one in sums:
        fuse = one.fuses[-1]
        stop = start + fuse.shape[-1]
        found.append(_with_base(one, Site(fuse).op("slice", whole, axis=-1, start=start, stop=stop, step=1)))
        start = stop
    return found


def _with_base(one: _Sum, value: Node) -> Node:
    return value if one.total is None or one.base is None else Site(one.total).op("add", one.base, value)


def _side_by_side(fuses: Sequence[Node]) -> bool:
    """Whether results may be joined on their last axis, which no decision is about."""
    first = fuses[0]
    alike = all(one.tensor.dtype == first.tensor.dtype and one.shape[:-1] == first.shape[:-1] for one in fuses)
    return alike and all(isinstance(one.shape[-1], int) and one.tensor.rank > len(positions(one)) for one in fuses)
