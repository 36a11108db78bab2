"""A systolic array stepped cycle by cycle: operands move from register to register, and what comes out is the product.

Slow and plain: it is the oracle of `closed`. Nothing here knows how many cycles a fold should take. A fold is over when every
element of the array has done its work, which each counts by the operands that reached it: an operand carries a flag that it is
one, also where it is the zero that fills an edge. In each cycle, whatever the dataflow:

- `os`: A enters at the left edge, one row of it an array row, B at the top; row i and column j are fed i and j cycles late. An
  element multiplies what reached it, adds to its own sum, and hands both on. The sums leave on other wires, beside the next fold.
- `ws`: weights are shifted in from the top first. Then A enters at the left, row i fed i cycles late; sums run down and leave
  below.
- `is`: the same with the operands swapped, for (A @ B)ᵀ = Bᵀ @ Aᵀ.

In a sparse `ws` array an element holds a weight and which of the m operands of its block it belongs to; blocks move together.
"""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from ..compiled import kernel
from .closed import Dataflow

Array = NDArray[Any]


@attrs.frozen(eq=False)
class Stepped:
    """The product that left the array, and the clock edges between its first active cycle and its last."""

    product: Array
    cycles: int


def step_product(dataflow: Dataflow, a: Array, b: Array, rows: int, columns: int) -> Stepped:
    """a[M, K] @ b[K, N] on an array of rows x columns; exact where the dtype is. ValueError for shapes that do not fit."""
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[0] or a.dtype != b.dtype:
        raise ValueError(f"no product of {a.dtype}{list(a.shape)} and {b.dtype}{list(b.shape)}")
    if min(*a.shape, *b.shape, rows, columns) < 1:
        raise ValueError("every size is at least 1")
    a, b = np.ascontiguousarray(a), np.ascontiguousarray(b)
    if dataflow == "os":
        return Stepped(*_output_stationary(a, b, rows, columns))
    if dataflow == "is":
        a, b = np.ascontiguousarray(b.T), np.ascontiguousarray(a.T)
    product, cycles = _weight_stationary(a, b, np.zeros(b.shape, np.int64), 1, 1, rows, columns)
    return Stepped(product.T if dataflow == "is" else product, cycles)


def step_sparse(a: Array, weights: Array, kept: int, block: int, rows: int, columns: int) -> Stepped:
    """a[M, K] @ weights[K, N] on a sparse `ws` array; ValueError where a block of `weights` along K keeps more than `kept`."""
    values, places = compress(weights, kept, block)
    padded = np.zeros((a.shape[0], -(-a.shape[1] // block) * block), a.dtype)
    padded[:, : a.shape[1]] = a
    return Stepped(*_weight_stationary(padded, values, places, kept, block, rows, columns))


def compress(weights: Array, kept: int, block: int) -> tuple[Array, Array]:
    """The kept weights [K', N] of weights [K, N], and the place of each in its block of `block` along K."""
    values, places = [], []
    for start in range(0, weights.shape[0], block):
        part = weights[start : start + block]
        if (np.count_nonzero(part, axis=0) > kept).any():
            raise ValueError(f"the block from {start} on keeps more than {kept} of {block}")
        order = np.argsort(part == 0, axis=0, kind="stable")[:kept]
        values.append(np.take_along_axis(part, order, axis=0))
        places.append(order)
    return np.concatenate(values), np.concatenate(places).astype(np.int64)


@kernel
def _output_stationary(a: Array, b: Array, rows: int, columns: int) -> tuple[Array, int]:
    """All folds, one after the other: the product and the cycles."""
    m, n = a.shape[0], b.shape[1]
    product = np.zeros((m, n), a.dtype)
    cycles = 0
    for top in range(0, m, rows):
        for left in range(0, n, columns):
            sums, taken = _output_fold(a[top : top + rows], b[:, left : left + columns], rows, columns)
            product[top : top + rows, left : left + columns] = sums[: m - top, : n - left]
            cycles += taken
    return product, cycles - 1


@kernel
def _output_fold(a: Array, b: Array, rows: int, columns: int) -> tuple[Array, int]:
    """One fold: the sums of all elements, and how many cycles passed until each had multiplied every pair."""
    length = a.shape[1]
    sums = np.zeros((rows, columns), a.dtype)
    east, south = np.zeros((rows, columns), a.dtype), np.zeros((rows, columns), a.dtype)
    east_full, south_full = np.zeros((rows, columns), np.bool_), np.zeros((rows, columns), np.bool_)
    met = np.zeros((rows, columns), np.int64)
    cycle = done = 0
    while done < rows * columns:
        # From the far corner back, so that an element reads what its neighbours held a cycle ago.
        for i in range(rows - 1, -1, -1):
            for j in range(columns - 1, -1, -1):
                if j > 0:
                    east[i, j], east_full[i, j] = east[i, j - 1], east_full[i, j - 1]
                else:
                    late = cycle - i
                    east_full[i, 0] = 0 <= late < length
                    east[i, 0] = a[i, late] if east_full[i, 0] and i < a.shape[0] else 0
                if i > 0:
                    south[i, j], south_full[i, j] = south[i - 1, j], south_full[i - 1, j]
                else:
                    late = cycle - j
                    south_full[0, j] = 0 <= late < length
                    south[0, j] = b[late, j] if south_full[0, j] and j < b.shape[1] else 0
                if east_full[i, j] and south_full[i, j]:
                    sums[i, j] += east[i, j] * south[i, j]
                    met[i, j] += 1
                    done += met[i, j] == length
        cycle += 1
    return sums, cycle


@kernel
def _weight_stationary(
    a: Array, values: Array, places: Array, kept: int, block: int, rows: int, columns: int
) -> tuple[Array, int]:
    """All folds: the product and the cycles. `values` and `places` [K', N]; row r of K' belongs to block r // kept of a."""
    m, (length, n) = a.shape[0], values.shape
    product = np.zeros((m, n), a.dtype)
    cycles = 0
    for top in range(0, length, rows):
        for left in range(0, n, columns):
            held, place = values[top : top + rows, left : left + columns], places[top : top + rows, left : left + columns]
            weights, chosen, shifting = _shift_in(held, place, rows, columns)
            cycles += shifting + _weight_fold(a, weights, chosen, top, kept, block, product[:, left : left + columns])
    return product, cycles - 1


@kernel
def _shift_in(held: Array, place: Array, rows: int, columns: int) -> tuple[Array, Array, int]:
    """The weights in their elements, with their places, and the cycles until the first had come to the lowest row."""
    weights, chosen = np.zeros((rows, columns), held.dtype), np.zeros((rows, columns), np.int64)
    full = np.zeros(rows, np.bool_)
    cycle = 0
    while not full[rows - 1]:
        for i in range(rows - 1, 0, -1):
            weights[i], chosen[i], full[i] = weights[i - 1], chosen[i - 1], full[i - 1]
        row = rows - 1 - cycle  # the lowest row goes in first
        weights[0], chosen[0], full[0] = 0, 0, True
        if row < held.shape[0]:
            weights[0, : held.shape[1]] = held[row]
            chosen[0, : held.shape[1]] = place[row]
        cycle += 1
    return weights, chosen, cycle


@kernel
def _weight_fold(a: Array, weights: Array, chosen: Array, top: int, kept: int, block: int, out: Array) -> int:
    """Streams a past weights that stand; adds what leaves below to `out`; the cycles until the last sum has left."""
    rows, columns = weights.shape
    m = a.shape[0]
    east, east_full = np.zeros((rows, columns, block), a.dtype), np.zeros((rows, columns), np.bool_)
    sums, left = np.zeros((rows, columns), a.dtype), np.zeros(columns, np.int64)
    cycle = gone = 0
    while gone < m * columns:
        for i in range(rows - 1, -1, -1):
            first = (top + i) // kept * block  # of the operands that this row's weights can belong to
            for j in range(columns - 1, -1, -1):
                if j > 0:
                    east[i, j], east_full[i, j] = east[i, j - 1], east_full[i, j - 1]
                else:
                    late = cycle - i
                    east_full[i, 0] = 0 <= late < m
                    east[i, 0] = 0
                    if east_full[i, 0] and first < a.shape[1]:
                        east[i, 0] = a[late, first : first + block]
                above = sums[i - 1, j] if i > 0 else sums[i, j] * 0
                sums[i, j] = above + east[i, j, chosen[i, j]] * weights[i, j]
                if i == rows - 1 and east_full[i, j]:
                    if j < out.shape[1]:
                        out[left[j], j] += sums[i, j]
                    left[j] += 1
                    gone += 1
        cycle += 1
    return cycle
