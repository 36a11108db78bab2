"""`factor-pairs`: a product with pairs of positions becomes a sum of products with the positions of each side."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from typing import ClassVar

from ..compiler.bodies import map_bodies
from ..compiler.dims import Size, product
from ..compiler.ir import Graph, Node, users
from ..compiler.types import TensorType
from .counting import Samples
from .pieces import Piece, Splitter
from .rewrite import Site, prune, rebuild_knowing


@dataclass(frozen=True, slots=True)
class FactorPairs:
    """`W·[a; b]` over all pairs becomes `Wₐ·a ⊕ W_b·b`, the parts of W being slices of the same parameter.

    The law: a linear map of values side by side is the sum of the maps of each, by its columns of the weight; and a map of a
    value that is repeated along an axis is the map of the value, repeated. So with `pairs`, `concat`, `broadcast` and sums of
    what is alike along some axes, each part is multiplied once and not once for each partner: the first layer of a network over
    T · S pairs costs T + S. What moves rows, scales them, or works on each element alone carries over to the parts. It holds over
    the reals; sums are taken in another order, so the last bits differ.

    Nothing fires where it saves no multiply-adds, nor where the product's weight or result is masked: there a kernel skips what
    is absent.
    """

    name: ClassVar[str] = "factor-pairs"
    exact: ClassVar[bool] = False

    def apply(self, graph: Graph) -> Graph:
        """The graph and its bodies with products of repeated values taken apart."""
        return map_bodies(graph, _factor)


def _factor(graph: Graph) -> Graph:
    if not any(node.op == "linear" for node in graph.nodes):
        return graph
    splitter, reads = Splitter(Samples.of(graph)), users(graph)

    def change(old: Node, node: Node) -> Node | None:
        if node.op == "linear" and not any(reader.op == "masked" for reader in reads[old]):
            return _parted(node, splitter)
        if isinstance(node.type, TensorType) and node.shape and isinstance(node.shape[-1], int):
            splitter.pieces(node)
        return None

    return prune(rebuild_knowing(graph, change))


def _parted(node: Node, splitter: Splitter) -> Node | None:
    """The sum of products that a `linear` is, or None where that is not less work."""
    x, weight = node.operands[:2]
    if weight.op == "masked" or not isinstance(x.shape[-1], int):
        return None
    source = x
    while source.op == "reshape" and source.operands[0].shape[-1:] == x.shape[-1:]:
        source = source.operands[0]
    if splitter.whole(source):
        return None
    site = Site(replace(node, name=""))
    parts = sorted(splitter.pieces(source), key=lambda piece: sum(splitter.samples.count(product(piece.value.shape[:-1]))))
    terms = [_product(site, piece, node, first=i == 0) for i, piece in enumerate(parts)]
    whole = reduce(lambda a, b: site.op("add", a, b), terms)
    if source is not x:
        whole = site.op("reshape", _spread(site, whole, (*source.shape[:-1], weight.shape[0])), shape=node.shape)
    return replace(_spread(site, whole, node.shape), name=node.name)


def _product(site: Site, piece: Piece, node: Node, *, first: bool) -> Node:
    """The product with the columns of the weight that a piece meets; the first has the bias."""
    weight = node.operands[1]
    if (piece.start, piece.stop) != (0, weight.shape[1]):
        weight = site.op("slice", weight, axis=-1, start=piece.start, stop=piece.stop, step=1)
    bias = node.operands[2:] if first else ()
    return site.op("linear", piece.value, weight, *bias, slots=node.attrs["slots"][: 2 + len(bias)])


def _spread(site: Site, value: Node, shape: tuple[Size, ...]) -> Node:
    return value if value.shape == shape else site.op("broadcast", value, shape=shape)
