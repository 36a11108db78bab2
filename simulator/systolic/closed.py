"""Compute cycles of one product on a systolic array, in closed form.

A product A[M, K] @ B[K, N] is cut into folds, each of which fills the array of R rows and C columns once:

| dataflow | stays in the array               | streams past | folds       | cycles of a fold |
| -------- | -------------------------------- | ------------ | ----------- | ---------------- |
| `os`     | outputs, M on rows, N on columns | K            | ⌈M/R⌉·⌈N/C⌉ | R + C + K - 2    |
| `ws`     | weights B, K on rows, N on columns | M          | ⌈K/R⌉·⌈N/C⌉ | 2R + C + M - 2   |
| `is`     | inputs A, K on rows, M on columns | N           | ⌈K/R⌉·⌈M/C⌉ | 2R + C + N - 2   |

The convention is SCALE-Sim's (Samajdar et al., ISPASS 2020; version 3: Raj et al., ISPASS 2025), and `stepped` proves it by
moving operands: folds do not overlap; a fold at the edge takes as long as a full one, because its operands cross all registers
of the array; `ws` and `is` first shift in what stays, for R cycles; the sums of `os` leave on wires of their own while the next
fold runs. Cycles are the clock edges between the first active cycle and the last, one fewer than there are active cycles: the
`- 1` of a product.

With N:M sparsity (at most n of m neighbours along K are not zero) the rows of a `ws` array hold kept weights only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ..compiled import kernel

Dataflow = Literal["os", "ws", "is"]
FLOWS: dict[str, Dataflow] = {"os": "os", "ws": "ws", "is": "is"}
DATAFLOWS: dict[str, int] = {"os": 0, "ws": 1, "is": 2}
"""The number by which kernels know a dataflow."""


@kernel
def fold_cycles(dataflow: int, m: int, n: int, k: int, rows: int, columns: int) -> int:
    """Active cycles of one fold."""
    if dataflow == 0:
        return rows + columns + k - 2
    return 2 * rows + columns + (m if dataflow == 1 else n) - 2


@kernel
def fold_count(dataflow: int, m: int, n: int, k: int, rows: int, columns: int) -> int:
    """How often the array is filled."""
    along = m if dataflow == 0 else k
    across = m if dataflow == 2 else n
    return -(-along // rows) * -(-across // columns)


@kernel
def product_cycles(dataflow: int, m: int, n: int, k: int, rows: int, columns: int) -> int:
    """Cycles of A[m, k] @ B[k, n]; all sizes at least 1."""
    return fold_cycles(dataflow, m, n, k, rows, columns) * fold_count(dataflow, m, n, k, rows, columns) - 1


def compute_cycles(dataflow: Dataflow, m: int, n: int, k: int, rows: int, columns: int) -> int:
    """Cycles of A[m, k] @ B[k, n] on an array of `rows` x `columns`, operands always there. ValueError for a size below 1."""
    if min(m, n, k, rows, columns) < 1:
        raise ValueError(f"all sizes are at least 1: m={m}, n={n}, k={k} on {rows}x{columns}")
    return int(product_cycles(DATAFLOWS[dataflow], m, n, k, rows, columns))


def kept_length(k: int, n: int, m: int) -> int:
    """How many of k weights stand in the array at n:m: n of each whole block of m, at most n of what is left. ValueError unless
    1 <= n <= m."""
    if not 1 <= n <= m:
        raise ValueError(f"{n}:{m} sparsity: at least 1 of m is kept, and at most all")
    return k // m * n + min(n, k % m)


def layerwise_cycles(m: int, n: int, k: int, rows: int, columns: int, kept: int, block: int) -> int:
    """`ws` cycles where each block of `block` weights along k keeps `kept`, in all columns alike."""
    return compute_cycles("ws", m, n, kept_length(k, kept, block), rows, columns)


def rowwise_cycles(m: int, k: int, rows: int, columns: int, kept: Sequence[int], block: int) -> int:
    """
    `ws` cycles where each output keeps its own number of weights a block: `kept[j]` of `block`, 1 to `block`.

    The columns of one fold share the operands that stream past, so a fold is as long as its fullest column, and the others hold
    zeros. Outputs are therefore sorted by what they keep, which puts like beside like, as VEGETA does (Jeong et al., HPCA 2023).
    """
    order = sorted(kept, reverse=True)
    fullest = order[::columns]
    return sum(layerwise_cycles(m, 1, k, rows, columns, most, block) + 1 for most in fullest) - 1


def scalesim_cycles(
    dataflow: Dataflow, m: int, n: int, k: int, rows: int, columns: int, kept: int = 1, block: int = 1, rowwise: bool = False
) -> int:
    """What SCALE-Sim 3.0.0 reports. Its row-wise mapping halves k whatever is kept, for which there is no reason but that."""
    if rowwise:
        return compute_cycles("ws", m, n, max(1, k // 2), rows, columns)
    if kept < block:
        return layerwise_cycles(m, n, k, rows, columns, kept, block)
    return compute_cycles(dataflow, m, n, k, rows, columns)
