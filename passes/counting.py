"""Whether one way to compute something is less work than another, for passes that choose between two that give the same.

Sizes are symbols until a call, so both ways are counted at samples of them: all alike, each dimension 1, each large. Fewer
multiply-adds decide; where they are equal, fewer bytes. Where a dimension is 1, parting it may cost a little more, and is done
all the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..compiler.dims import Size, evaluate
from ..compiler.ir import Graph, Node
from ..compiler.ops import OPS
from ..compiler.types import free_symbols

MIDDLE, LARGE = 64, 1024
SLACK = 16
"""A sample may be this part of its work worse, if where all dimensions are alike there is less."""

Counts = tuple[int, ...]
"""A number at each sample."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Multiply-adds and bytes at each sample of the sizes."""

    macs: Counts
    bytes: Counts

    def __add__(self, other: Cost) -> Cost:
        return Cost(_sum(self.macs, other.macs), _sum(self.bytes, other.bytes))

    def __sub__(self, other: Cost) -> Cost:
        return Cost(tuple(a - b for a, b in zip(self.macs, other.macs)), tuple(a - b for a, b in zip(self.bytes, other.bytes)))

    def below(self, other: Cost) -> bool:
        """Whether this is less work: where all dimensions are alike, and at no sample noticeably more."""
        return _below(self.macs, other.macs) or (self.macs == other.macs and _below(self.bytes, other.bytes))


@dataclass(frozen=True, slots=True)
class Samples:
    """Sizes at which work is counted: for each dimension a number."""

    points: tuple[Mapping[str, int], ...]

    @classmethod
    def of(cls, graph: Graph) -> Samples:
        """Samples of all dimensions of a graph's inputs (bodies have their own)."""
        names = sorted(frozenset().union(*(free_symbols(node.type) for node in graph.inputs)))
        alike = dict.fromkeys(names, MIDDLE)
        return cls((alike, *({**alike, name: size} for name in names for size in (1, LARGE))))

    @property
    def nothing(self) -> Cost:
        return Cost((0,) * len(self.points), (0,) * len(self.points))

    def count(self, size: Size) -> Counts:
        """A size at each sample."""
        return tuple(evaluate(size, point) for point in self.points)

    def work(self, node: Node) -> Cost:
        """The dense work of an op of the table; nothing for other words."""
        if node.op not in OPS:
            return self.nothing
        cost = OPS[node.op].cost([operand.tensor for operand in node.operands], node.attrs, node.tensor)
        return Cost(self.count(cost.macs), self.count(cost.bytes))


def total(costs: Iterable[Cost], start: Cost) -> Cost:
    """The sum of costs, from a cost of nothing."""
    for cost in costs:
        start = start + cost
    return start


def _sum(a: Counts, b: Counts) -> Counts:
    return tuple(x + y for x, y in zip(a, b))


def _below(a: Counts, b: Counts) -> bool:
    return a[0] < b[0] and all(SLACK * (x - y) <= y for x, y in zip(a, b))
