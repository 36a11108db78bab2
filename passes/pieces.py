"""A value as a sum of narrow pieces: what is joined on the last axis, or added, from values that are alike along other axes.

`pairs(a, b)` repeats each position of `a` for all of `b`. As pieces it is `a` in the first columns and `b` in the others, each
once. A linear map of the value is the sum of its maps of the pieces, each on as few rows as the piece has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ..compiler.dims import product
from ..compiler.ir import Node
from ..compiler.ops import OPS
from .counting import Cost, Samples, total
from .rewrite import Site

LINEAR = frozenset({"neg", "stop_gradient", "cast"})
"""Unary ops that are 0 at 0 and carry sums over."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What a value has in columns `start` up to `stop` of its last axis, 0 elsewhere. It has the rank of the value, with 1 along
    each axis on which it is alike."""

    value: Node
    start: int
    stop: int

    def shifted(self, by: int) -> Piece:
        return replace(self, start=self.start + by, stop=self.stop + by)


Pieces = tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Splitter:
    """Takes values apart, where what a linear map does on the pieces is less than on the whole."""

    samples: Samples
    known: dict[Node, Pieces] = field(default_factory=dict)
    """Of values met so far. Asked in the order of a graph, no question goes deep, and none is asked twice."""

    def pieces(self, value: Node) -> Pieces:
        """The pieces that sum up to a value; the value itself as the only one where apart is not less. Its width is a number."""
        if value not in self.known:
            whole = (Piece(value, 0, value.shape[-1]),)
            apart = _Parting(self, Site(replace(value, name=""))).apart() if value.op in OPS else ()
            self.known[value] = apart if apart and self._cost(apart).below(self._cost(whole)) else whole
        return self.known[value]

    def whole(self, value: Node) -> bool:
        """Whether a value stays as it is."""
        return self.pieces(value)[0].value is value

    def _cost(self, pieces: Pieces) -> Cost:
        """What a map to one column costs."""
        rows = (self.samples.count(product(piece.value.shape)) for piece in pieces)
        return total((Cost(count, count) for count in rows), self.samples.nothing)


@dataclass(frozen=True, slots=True)
class _Parting:
    """One op's result by the pieces of its operands."""

    splitter: Splitter
    site: Site

    def pieces(self, value: Node) -> Pieces:
        return self.splitter.pieces(value)

    def apart(self) -> Pieces:
        """The pieces of the operands, moved to their places; () for an op that does not carry them over."""
        value = self.site.node
        op, operands = value.op, value.operands
        if op == "pairs":
            a, b = operands
            left, right = self._each(self.pieces(a), self._opened(-2)), self._each(self.pieces(b), self._opened(-3))
            return left + tuple(piece.shifted(a.shape[-1]) for piece in right)
        if op == "concat" and value.attrs["axis"] == -1:
            return self._joined(operands)
        if op in ("add", "sub") and value.tensor.is_float:
            return self._summed(value)
        if op in ("broadcast", "unsqueeze", "squeeze", "transpose", "permute"):
            return self._moved(value)
        return self._through(value)

    def _joined(self, operands: tuple[Node, ...]) -> Pieces:
        """Operands side by side; neighbours that stay whole stay together."""
        found: list[Piece] = []
        together: list[Node] = []
        start = 0

        def flush() -> None:
            if together:
                one = together[0] if len(together) == 1 else self.site.op("concat", *together, axis=-1)
                found.append(Piece(one, start - one.shape[-1], start))
                together.clear()

        for operand in operands:
            if not isinstance(operand.shape[-1], int):
                return ()
            if self.splitter.whole(operand):
                together.append(operand)
            else:
                flush()
                found += [piece.shifted(start) for piece in self.pieces(operand)]
            start += operand.shape[-1]
        flush()
        return tuple(found)

    def _summed(self, value: Node) -> Pieces:
        a, b = value.operands
        if not all(operand.shape[-1:] == value.shape[-1:] for operand in (a, b)):
            return ()
        right = self.pieces(b)
        if value.op == "sub":
            right = self._each(right, lambda x: self.site.op("neg", x))
        full = self._full(value.tensor.rank)
        return self._each(self.pieces(a), full) + self._each(right, full)

    def _moved(self, value: Node) -> Pieces:
        """Ops that move axes other than the last, or repeat along them."""
        (x,), attrs = value.operands, value.attrs
        if x.shape[-1:] != value.shape[-1:]:
            return ()
        if value.op == "broadcast":
            return self._each(self.pieces(x), self._full(value.tensor.rank))
        last = {"transpose": -1 in (attrs.get("a"), attrs.get("b")), "permute": attrs.get("order", (-1,))[-1] != -1}
        if last.get(value.op, attrs.get("axis") == -1):
            return ()
        return self._each(self.pieces(x), lambda piece: self.site.op(value.op, piece, **attrs))

    def _through(self, value: Node) -> Pieces:
        """An op on single elements: of each piece alone, where the pieces stand side by side or the op carries sums over."""
        if value.op not in OPS or not OPS[value.op].pointwise or OPS[value.op].random or not value.operands:
            return ()
        x, *others = value.operands
        if not value.tensor.is_float or x.shape != value.shape or any(other.tensor.rank for other in others):
            return ()
        own = self.pieces(x)
        ends = (0, *(piece.stop for piece in own))
        apart = tuple(piece.start for piece in own) == ends[:-1] and ends[-1] == value.shape[-1]
        scaled = value.op in LINEAR or value.op in ("mul", "div")
        if not (apart or scaled):
            return ()
        return self._each(own, lambda piece: self.site.op(value.op, piece, *others, **value.attrs))

    def _each(self, pieces: Pieces, change: Callable[[Node], Node]) -> Pieces:
        return tuple(replace(piece, value=change(piece.value)) for piece in pieces)

    def _opened(self, axis: int) -> Callable[[Node], Node]:
        return lambda x: self.site.op("unsqueeze", x, axis=axis)

    def _full(self, rank: int) -> Callable[[Node], Node]:
        """Filled up with axes of 1 in front."""

        def fill(x: Node) -> Node:
            while x.tensor.rank < rank:
                x = self.site.op("unsqueeze", x, axis=-x.tensor.rank - 1)
            return x

        return fill
