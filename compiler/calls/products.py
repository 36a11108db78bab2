"""What products, convolutions, pooling and norms launch."""

from __future__ import annotations

import math

from ..ir import Node
from ..ops.einsum import labels
from .tape import Array, Number, Tape, broadcast, whole


def linear(t: Tape, x: Array, weight: Array, bias: Array | None = None) -> Array:
    """One product, its bias with it."""
    result = x.at(-1, weight.shape[0])
    rows = math.prod(x.shape[:-1])
    t.product(rows, weight.shape[0], weight.shape[1], x, weight, *([bias] if bias else []), result)
    return result


def matmul(t: Tape, a: Array, b: Array) -> Array:
    """Rows of the left side of all batches are one product where the right side has no batches."""
    batch = broadcast(a.of(*a.shape[:-2]), b.of(*b.shape[:-2]))
    result = Array((*batch, a.shape[-2], b.shape[-1]), a.dtype)
    m, n, k = result.shape[-2], b.shape[-1], a.shape[-1]
    if b.rank == 2:
        t.product(m * math.prod(batch), n, k, a, b, result)
    else:
        t.product(m, n, k, a, b, result, batch=math.prod(batch))
    return result


def einsum(t: Tape, node: Node, operands: list[Array], result: Array) -> None:
    """Operands from left to right, two at a time, as batched products: axes of both and of what is still wanted are batches."""
    names, out = labels(node.attrs["equation"], [operand.tensor for operand in node.operands])
    sizes: dict[str, Number] = {}
    for mine, array in zip(names, operands):
        sizes.update({name: size for name, size in zip(mine, array.shape) if size != 1 or name not in sizes})
    left, array = list(dict.fromkeys(names[0])), operands[0]
    if len(operands) == 1:
        t.along("sum", array, [i for i, name in enumerate(names[0]) if name not in out]) if set(left) - set(out) else None
        return
    for i, (mine, other) in enumerate(zip(names[1:], operands[1:]), 1):
        later = {*out, *(name for some in names[i + 1 :] for name in some)}
        both = [name for name in left if name in mine]
        batch = _in_order([name for name in both if name in later], out)
        summed = [name for name in both if name not in later]
        rows = _in_order([name for name in left if name not in mine], out)
        columns = _in_order([name for name in dict.fromkeys(mine) if name not in left], out)
        kept = [name for name in (*batch, *rows, *columns) if name in later or name in rows + columns]
        made = result if i + 1 == len(operands) else array.of(*(sizes[name] for name in kept))
        for one, order in ((array, left), (other, list(mine))):
            # Several axes that stand in another order are one only in a copy.
            if any(
                len(some) > 1 and not _adjacent(some, order) for some in (batch, rows, columns, summed) if set(some) <= set(order)
            ):
                t.copy(one, op="permute")
        m, n, k = (math.prod(sizes[name] for name in some) for some in (rows, columns, summed))
        t.product(m, n, k, array, other, made, batch=math.prod(sizes[name] for name in batch))
        left, array = kept, made


def _in_order(some: list[str], out: tuple[str, ...]) -> list[str]:
    """Axes as the result has them; those that it lacks last."""
    return sorted(some, key=lambda name: out.index(name) if name in out else len(out))


def _adjacent(some: list[str], order: list[str]) -> bool:
    """Whether axes stand one behind the other in this order."""
    places = [order.index(name) for name in some]
    return places == list(range(places[0], places[0] + len(some)))


def convolution(
    t: Tape, x: Array, weight: Array, bias: Array | None, result: Array, stride: tuple[int, ...], groups: int = 1
) -> Array:
    """As one product of the windows and the weight, for each group."""
    kernel = math.prod(weight.shape[2:])
    window = max(1, int(kernel) // math.prod(stride))
    rows = result.shape[0] * math.prod(result.shape[2:])
    read = (x, weight, *([bias] if bias else []), result)
    t.product(rows, whole(weight.shape[0] / groups), weight.shape[1] * kernel, *read, batch=groups, window=window)
    return result


def layer_norm(t: Tape, x: Array, *affine: Array) -> Array:
    return t.rows("layer_norm", x, x.shape[-1], *affine)


def rms_norm(t: Tape, x: Array, *affine: Array) -> Array:
    """One kernel on CUDA; on CPU what it is composed of."""
    if t.how.device == "cuda":
        return t.rows("rms_norm", x, x.shape[-1], *affine)
    x = wide = x if x.wide else t.cast(x, "f32")
    scale = t.each("rsqrt", t.each("add", t.along("mean", t.each("square", wide), keepdims=True)))
    x = t.each("mul", x, scale)
    for weight in affine:
        x = t.each("mul", x, weight)
    return x


def l2_norm(t: Tape, x: Array) -> Array:
    return t.each("div", x, t.each("maximum", t.along("norm", x, keepdims=True)))
