"""A tape: what torch launches, one call after the other, as it is written down from the sizes of tensors alone.

The describing functions of this package read like the kernels that they describe: where those compute, these write a call on
the tape and go on with the sizes of the result. What torch gives as a view costs nothing and is not written.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..cost import Cost, How
from ..shapes import Attention, Gather, Grouped, Pointwise, Product, Reduction, Sort, Transfer
from ..types import BYTES

Number = float
"""A size: a whole number where a run decided it, a fraction where it is expected."""


EAGER = How()


@dataclass(frozen=True, slots=True)
class Array:
    """A tensor, as far as calls ask."""

    shape: tuple[Number, ...]
    dtype: str = "f32"

    @property
    def elements(self) -> Number:
        return math.prod(self.shape)

    @property
    def bytes(self) -> Number:
        return self.elements * BYTES[self.dtype]

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def wide(self) -> bool:
        """Whether it is a float of at least 32 bits, or no float."""
        return self.dtype not in ("bf16", "f16")

    def of(self, *shape: Number, dtype: str = "") -> Array:
        """Another shape, and dtype if one is told."""
        return Array(shape, dtype or self.dtype)

    def typed(self, dtype: str) -> Array:
        return replace(self, dtype=dtype)

    def at(self, axis: int, size: Number) -> Array:
        """With another size along an axis."""
        place = axis % self.rank
        return Array((*self.shape[:place], size, *self.shape[place + 1 :]), self.dtype)


def broadcast(*arrays: Array) -> tuple[Number, ...]:
    """The shape of arrays together, aligned at the right."""
    rank = max(array.rank for array in arrays)
    wide = [(1,) * (rank - array.rank) + array.shape for array in arrays]
    return tuple(next((size for size in sizes if size != 1), 1) for sizes in zip(*wide))


class Tape:
    """Calls in order."""

    def __init__(self, how: How = EAGER) -> None:
        self.how = how
        self.calls: list[Cost] = []

    def each(self, op: str, *inputs: Array, dtype: str = "", like: Array | None = None) -> Array:
        """One op on each element of inputs that are broadcast; Python numbers are not told. The result is of the first input's
        dtype, or the one told, and `like` where it is another shape."""
        shape = broadcast(*inputs) if like is None else like.shape
        result = Array(shape, dtype or inputs[0].dtype)
        moved = sum(one.bytes for one in inputs) + result.bytes
        self.calls.append(Cost(0, moved, 1, Pointwise(op, result.elements, moved, result.dtype)))
        return result

    def fill(self, *shape: Number, dtype: str = "f32", op: str = "zeros") -> Array:
        """Something made from nothing: zeros, ones, a range."""
        result = Array(shape, dtype)
        self.calls.append(Cost(0, result.bytes, 1, Pointwise(op, result.elements, result.bytes, dtype)))
        return result

    def copy(self, *parts: Array, op: str = "concat", like: Array | None = None) -> Array:
        """Elements copied: parts put side by side along an axis, or one in another order or dtype (`like`)."""
        made = like or parts[0]
        moved = sum(part.bytes for part in parts) + made.bytes
        self.calls.append(Cost(0, moved, 1, Pointwise(op, made.elements, moved, made.dtype)))
        return made

    def cast(self, x: Array, dtype: str) -> Array:
        """`.to`: nothing where it is that already."""
        return x if x.dtype == dtype else self.each("cast", x, dtype=dtype)

    def along(self, op: str, x: Array, axes: Sequence[int] = (-1,), *, keepdims: bool = False, dtype: str = "") -> Array:
        """Axes brought down to one value each."""
        gone = {axis % x.rank for axis in axes}
        shape = tuple(1 if place in gone else size for place, size in enumerate(x.shape) if keepdims or place not in gone)
        result = Array(shape, dtype or x.dtype)
        self.reduce(op, x, math.prod(x.shape[place] for place in gone), result)
        return result

    def rows(self, op: str, x: Array, length: Number, *also: Array, dtype: str = "") -> Array:
        """An op that goes along rows of this length and keeps the shape: norms, softmax, running sums."""
        result = x.typed(dtype or x.dtype)
        self.reduce(op, x, length, result, also)
        return result

    def reduce(self, op: str, x: Array, length: Number, result: Array, also: Sequence[Array] = ()) -> None:
        """Rows of this length of `x`, into a result."""
        moved = x.bytes + sum(one.bytes for one in also) + result.bytes
        rows = x.elements / length if length else 0
        self.calls.append(Cost(0, moved, 1, Reduction(op, whole(rows), length, moved, x.dtype)))

    def product(
        self, m: Number, n: Number, k: Number, *arrays: Array, batch: Number = 1, window: int = 1, dtype: str = ""
    ) -> None:
        """`batch` products [m, k] · [k, n]; `arrays`: all that is read and written. Of no rows none reads its weight."""
        shape = Product(m, n, k, batch, dtype or arrays[0].dtype, window)
        moved = sum(array.bytes for array in arrays) if m * n * batch else 0
        self.calls.append(Cost(m * n * k * batch, moved, 1, shape))

    def grouped(self, loads: Sequence[Number], n: Number, k: Number, dtype: str) -> None:
        """A product for each way in one launch; the weights of those that have rows are read."""
        rows, reached = sum(loads), sum(load > 0 for load in loads)
        moved = (rows * (n + k) + reached * n * k) * BYTES[dtype]
        self.calls.append(Cost(rows * n * k, moved, 1, Grouped(tuple(loads), n, k, dtype)))

    def attend(self, q: Array, k: Array, v: Array, mask: Array | None = None, causal: bool = False) -> Array:
        """`scaled_dot_product_attention`, which makes numbers to add of a mask first."""
        also = [] if mask is None else [self.each("where", mask, dtype=q.dtype)]
        (batch, heads, queries, width), keys = q.shape, k.shape[2]
        result = q.of(batch, heads, queries, v.shape[3])
        shape = Attention(batch, heads, k.shape[1], queries, keys, width, v.shape[3], causal, dtype=q.dtype)
        macs = batch * heads * queries * keys * (width + v.shape[3])
        self.calls.append(Cost(macs, sum(one.bytes for one in (q, k, v, *also, result)), 1, shape))
        return result

    def gather(self, x: Array, count: Number, axis: int = 0) -> Array:
        """`index_select`: so many slices along an axis."""
        return self.fetch(x.at(axis, count), axis)

    def fetch(self, result: Array, axis: int = 0, *, width: Number | None = None) -> Array:
        """Rows read by index into a result, of which `axis` and those before it are indexed, or by elements (`width` 1)."""
        inner = math.prod(result.shape[axis % result.rank + 1 :]) if width is None else width
        rows = whole(result.elements / inner) if inner else 0
        size = inner * BYTES[result.dtype]
        self.calls.append(Cost(0, rows * (2 * size + 8), 1, Gather(rows, size)))
        return result

    def scatter(self, into: Array, part: Array, axis: int = 0, *, add: bool = False, fresh: bool = False) -> Array:
        """Slices written (or added) by index along an axis. What they are written into is copied first, unless it is `fresh` and
        written in place."""
        if not fresh:
            self.copy(into, op="copy")
        inner = math.prod(part.shape[axis % part.rank + 1 :])
        rows = whole(part.elements / inner) if inner else 0
        size = inner * BYTES[part.dtype]
        self.calls.append(Cost(0, rows * ((3 if add else 2) * size + 8), 1, Gather(rows, size, True)))
        return into

    def sort(self, x: Array) -> Array:
        """A stable sort of each row; its indices."""
        length = x.shape[-1]
        rows = x.elements / length if length else 0
        moved = 2 * x.bytes + 8 * x.elements
        self.calls.append(Cost(0, moved, 1, Sort(whole(rows), length)))
        return x.typed("i64")

    def nonzero(self, x: Array, found: Number) -> Array:
        """The places [found, rank] where it holds. On CUDA the host waits for their number first, and indices along axes are made
        of flat ones (`aten/src/ATen/native/cuda/Nonzero.cu`)."""
        result, cuda = Array((found, max(1, x.rank)), "i64"), self.how.device == "cuda"
        if cuda:
            self.reduce("sum", x, x.elements, Array((), "i64"))
            self.move(8, "device", "host")
        moved = (1 if cuda else 2) * x.bytes + (8 * found if cuda else result.bytes)
        self.calls.append(Cost(0, moved, 1, Reduction("nonzero", 1, x.elements, moved, x.dtype)))
        if cuda and x.rank > 1:
            self.each("mod", Array((found,), "i64"), like=result)
        return result

    def move(self, bytes: Number, source: str, destination: str) -> None:
        self.calls.append(Cost(0, bytes, 1, Transfer(bytes, source, destination)))


def whole(number: Number) -> Number:
    """A quotient of sizes as the whole number that it is, where it is one."""
    return int(number) if number == int(number) else number
