"""`pool-blocks`: what is scored pair by pair and then averaged over blocks is scored block by block."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

from ..compiler.bodies import map_bodies
from ..compiler.dims import Size, ceil_divide
from ..compiler.ir import Graph, Node, users
from .carry_mean import Axes, carried
from .counting import Cost, Samples
from .rewrite import Site, substituted

Blocks = tuple[tuple[int, int], ...]
"""Axes, ascending, and the sizes of their blocks, of more than one entry."""

DEEPEST = 100
"""How many ops a mean is moved through at once."""


@dataclass(frozen=True, slots=True)
class PoolBlocks:
    """Takes the mean over blocks before what commutes with it: `pool(W·x + b) = W·pool(x) + b`, `pool(pairs(a, b)) =
    pairs(pool(a), pool(b))`, `pool(q·kᵀ) = pool(q)·pool(k)ᵀ`.

    The law: a mean is linear, the mean over a block of pairs is that over its rows and then over its columns (also at the edge,
    where blocks are smaller: a block is a product of runs), and what is alike all over a block is its own mean. So the mean moves
    through affine maps of other axes, sums, products with what is alike, and moves of axes; it stops at what bends (gelu,
    softmax, a mask inside a block). It holds over the reals; sums are taken in another order, so the last bits differ.

    It moves only as far as that is less work: a value that is read elsewhere is computed in full anyway.
    """

    name: ClassVar[str] = "pool-blocks"
    exact: ClassVar[bool] = False

    def apply(self, graph: Graph) -> Graph:
        """The graph and its bodies with means over blocks taken as early as pays."""
        return map_bodies(graph, _pooled_early)


def _pooled_early(graph: Graph) -> Graph:
    while any(node.op == "pool_blocks" for node in graph.nodes):
        graph = _merged(graph)
        sinking = _Sinking(Samples.of(graph), users(graph), frozenset(graph.roots))
        changes = {node: new for node in graph.nodes if node.op == "pool_blocks" and (new := sinking.moved(node)) is not None}
        if not changes:
            return graph
        graph = substituted(graph, changes)
    return graph


def _merged(graph: Graph) -> Graph:
    """The graph with the same means of the same value taken once, so that they are seen to be its only reader."""
    first: dict[tuple[Node, object, object], Node] = {}
    pools = [node for node in graph.nodes if node.op == "pool_blocks"]
    keys = {node: (node.operands[0], node.attrs["axes"], node.attrs["sizes"]) for node in pools}
    same = {node: first.setdefault(keys[node], node) for node in pools}
    return substituted(graph, {node: other for node, other in same.items() if node is not other})


@dataclass(frozen=True, slots=True)
class _Sinking:
    """Looks for the place of a mean, from its result down. `reads` and `roots` say what is computed anyway."""

    samples: Samples
    reads: Mapping[Node, list[Node]]
    roots: frozenset[Node]
    known: dict[tuple[Node, Blocks, bool], tuple[Node, Cost]] = field(default_factory=dict)

    def moved(self, pool: Node) -> Node | None:
        """What a `pool_blocks` is with its mean taken earlier, or None where it stands well."""
        (x,) = pool.operands
        best, _ = self._best(Site(replace(pool, name="")), x, _wide(x, _sizes(pool)), self._freed(x, pool))
        stays = best is x or (best.op == "pool_blocks" and best.operands[0] is x)
        if stays or best.type != pool.type:
            return None
        return best if best in self.reads else replace(best, name=pool.name)

    def _freed(self, x: Node, reader: Node) -> bool:
        """Whether nothing else needs a value."""
        return self.reads[x] == [reader] and x not in self.roots

    def _best(self, site: Site, x: Node, blocks: Blocks, freed: bool, depth: int = 0) -> tuple[Node, Cost]:
        """The blocks' means of a value, and what they cost beyond the value itself; less than nothing where it is `freed`:
        needed for this only, and not computed any more."""
        if not blocks:
            return x, self.samples.nothing
        key = (x, blocks, freed)
        if key not in self.known:
            here = _pool(site, x, blocks)
            own = self.samples.work(x) if freed else self.samples.nothing
            late, found = self.samples.work(here), self._earlier(site, x, blocks, freed, depth)
            pays = found is not None and found[1].below(late + own)
            self.known[key] = (found[0], found[1] - own) if found is not None and pays else (here, late)
        return self.known[key]

    def _earlier(self, site: Site, x: Node, blocks: Blocks, freed: bool, depth: int) -> tuple[Node, Cost] | None:
        """The op of means instead of the mean of the op, on those axes that it carries; with what it costs without the op."""
        if depth == DEEPEST:
            return None
        if x.op == "expand_blocks" and _wide(x, _sizes(x)) == blocks:
            return x.operands[0], self.samples.nothing
        routes = {axis: own for axis, _ in blocks if (own := carried(x, axis)) is not None and _ranked(x, own)}
        if not routes:
            return None
        moving = tuple(pair for pair in blocks if pair[0] in routes)
        staying = tuple(pair for pair in blocks if pair[0] not in routes)
        operands: list[Node] = []
        cost = self.samples.nothing
        for i, operand in enumerate(x.operands):
            places = tuple(sorted((place, size) for axis, size in moving if (place := routes[axis][i]) is not None))
            alone = freed and self._freed(operand, x) and x.operands.count(operand) == 1
            one, its = self._best(site, operand, _wide(operand, places), alone, depth + 1)
            operands.append(one)
            cost = cost + its
        shape = {"shape": _shape(x, moving)} if x.op == "broadcast" else {}
        made = site.op(x.op, *operands, **{**x.attrs, **shape})
        cost = cost + self.samples.work(made)
        if staying:
            made = _pool(site, made, staying)
            cost = cost + self.samples.work(made)
        return made, cost


def _ranked(x: Node, own: Axes) -> bool:
    """Whether all that is to be averaged has two axes, as the op asks."""
    return all(operand.tensor.rank > 1 for operand, axis in zip(x.operands, own) if axis is not None)


def _wide(x: Node, blocks: Blocks) -> Blocks:
    """Without axes of one entry, which is its own mean."""
    return tuple((axis, size) for axis, size in blocks if x.shape[axis] != 1)


def _sizes(node: Node) -> Blocks:
    return tuple((axis, size) for axis, size in zip(node.attrs["axes"], node.attrs["sizes"]) if size > 1)


def _shape(x: Node, blocks: Blocks) -> tuple[Size, ...]:
    shape = list(x.shape)
    for axis, size in blocks:
        shape[axis] = ceil_divide(shape[axis], size)
    return tuple(shape)


def _pool(site: Site, x: Node, blocks: Blocks) -> Node:
    """The means of one or two axes. The op takes two: another one is in blocks of 1."""
    taken = dict(blocks)
    other = next(axis for axis in (-1, -2) if axis not in taken or len(taken) == 2)
    both = sorted(taken.items() if len(taken) == 2 else [*taken.items(), (other, 1)])
    return site.op("pool_blocks", x, axes=tuple(axis for axis, _ in both), sizes=tuple(size for _, size in both))
