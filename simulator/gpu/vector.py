"""What a GPU does besides products: ops on elements, along rows, by index, and sorts.

Each is bytes at a rate, or operations at one, whichever takes longer, after the memory's latency. Few blocks reach few SMs, and
an SM takes in no more than 64 bytes a cycle from the L2 (Luo et al., arXiv 2501.12084): small work is slower than its bytes say.
No measured table stands behind these: datasheet rates, the throughput table of the CUDA C++ Programming Guide, and how torch's
kernels cut their work (`ATen/native/cuda`).
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil, log2
from typing import NamedTuple

from ...compiler.shapes import Gather, Pointwise, Reduction, Sort
from .attention_tiles import Card

SECTOR = 32.0
"""Bytes of a sector: what memory moves at least for one row that is read or written by index."""

PORT = 64.0
"""Bytes a cycle that an SM takes in from the L2, and puts out."""

BLOCK = 1024.0
"""Elements that a block of torch's element-wise kernels does: 128 threads of 4 elements, twice."""

ROW_BLOCK = 4096.0
"""Elements of a row from which on a reduction spreads it over several blocks."""

LONG_ROW = 4096.0
"""Elements up to which one block sorts a row in shared memory (`aten/src/ATen/native/cuda/Sort.cu`)."""


class Work(NamedTuple):
    """Of one element: operations of the vector lanes, and of the special function units (16 a cycle and SM)."""

    flops: float = 1.0
    special: float = 0.0


WORK: Mapping[str, Work] = {
    **dict.fromkeys(("exp", "log", "sqrt", "rsqrt", "sin", "cos"), Work(4, 1)),
    **dict.fromkeys(("div", "reciprocal", "mod"), Work(8, 1)),
    **dict.fromkeys(("sigmoid", "silu", "tanh", "softplus", "pow"), Work(10, 2)),
    "gelu": Work(25, 1),  # erf is a polynomial, with one exponential where it is far from 0
    "erf": Work(22, 1),
    "softmax": Work(8, 1),
    "log_softmax": Work(8, 1),
    **dict.fromkeys(("layer_norm", "rms_norm", "group_norm", "norm"), Work(6, 0)),
    **dict.fromkeys(("normal", "gumbel"), Work(60, 3)),  # ten rounds of Philox besides
    **dict.fromkeys(("uniform", "bernoulli", "random"), Work(40, 0)),
}
"""By op; any other is one operation. Counts of instructions in CUDA's math library, with range reduction."""

WHOLE_ROW = ("softmax", "log_softmax", "layer_norm", "rms_norm", "group_norm", "cumsum")
"""Ops of which a row is one block's."""


class Parts(NamedTuple):
    """Seconds of a call: all of them but launches, and as compute and memory alone would take; operations, and bytes by level."""

    seconds: float
    compute: float
    memory: float
    flops: float
    bytes: Mapping[str, float]


class VectorRates(NamedTuple):
    """What the vector lanes of all SMs do in a second, and those of one kind of element."""

    flops: float
    special: float
    shared_latency: float
    """Seconds of a trip to shared memory."""


def pointwise(card: Card, rates: VectorRates, shape: Pointwise) -> Parts:
    """Each element by itself: read, computed in f32, written."""
    work = WORK.get(shape.op, Work())
    return streamed(card, rates, shape.bytes, shape.elements / BLOCK, shape.elements, work)


def reduction(card: Card, rates: VectorRates, shape: Reduction) -> Parts:
    """Along rows. A tree over the threads of a block follows the reading; long rows of sums are spread over blocks, whose results
    a last one joins. `nonzero` counts, and then writes what it finds: it reads twice."""
    elements = shape.rows * shape.length
    pieces = 1.0 if shape.op in WHOLE_ROW else max(1.0, shape.length / ROW_BLOCK)
    times = 2.0 if shape.op == "nonzero" else 1.0
    parts = streamed(card, rates, times * shape.bytes, shape.rows * pieces, times * elements, WORK.get(shape.op, Work()))
    tree = rates.shared_latency * log2(max(2.0, min(shape.length, BLOCK))) + (card.dram_latency if pieces > 1.0 else 0.0)
    return parts._replace(seconds=parts.seconds + tree)


def gather(card: Card, rates: VectorRates, shape: Gather) -> Parts:
    """Rows by index: whole sectors of the rows, and packed ones of what they become or came from; the index comes first. What is
    added by index is read as well."""
    apart = ceil(shape.row_bytes / SECTOR) * SECTOR * shape.rows
    moved = apart + shape.row_bytes * shape.rows * (2.0 if shape.scatter else 1.0) + 8.0 * shape.rows
    parts = streamed(card, rates, moved, moved / (8.0 * BLOCK), shape.rows * max(1.0, shape.row_bytes / 4.0), Work())
    return parts._replace(seconds=parts.seconds + card.dram_latency)


def sort(card: Card, rates: VectorRates, shape: Sort) -> Parts:
    """
    Rows of up to 4096 in one block each: four bits a pass in shared memory. Longer ones with all rows together: radix sort of
    eight bits a pass (Adinets & Merrill, *Onesweep*, arXiv 2206.01784), which reads and writes keys of 4 bytes and places of 8
    each time, in a launch each.
    """
    elements = shape.rows * shape.length
    pair = 12.0 * elements
    if shape.length <= LONG_ROW:
        once = streamed(card, rates, 2.0 * pair, shape.rows, elements, Work(200))
        passes = 8.0 * (6.0 * rates.shared_latency + shape.length * 24.0 / (2.0 * PORT * card.clock))
        together = max(1.0, 2048.0 / max(32.0, shape.length / 4.0)) * card.units
        compute = ceil(shape.rows / together) * passes
        return once._replace(seconds=max(once.seconds, once.memory + compute), compute=max(once.compute, compute))
    once = streamed(card, rates, 2.0 * pair, elements / ROW_BLOCK, elements, Work(50))
    passes = 4.0 + ceil(log2(max(1.0, shape.rows)) / 8.0)  # the row is sorted by as well
    return Parts(
        passes * once.seconds + (passes + 1.0) * card.launch, passes * once.compute, passes * once.memory, passes * once.flops,
        {level: passes * moved for level, moved in once.bytes.items()},
    )  # fmt: skip


def streamed(card: Card, rates: VectorRates, moved: float, blocks: float, elements: float, work: Work) -> Parts:
    """Bytes in and out once, by so many blocks: the slowest of memory, the ports of the SMs that have blocks, and operations."""
    busy = min(card.units, max(1.0, blocks))
    memory = moved / card.dram_rate
    ports = moved / (busy * PORT * card.clock)
    share = busy / card.units
    flops = elements * work.flops
    compute = max(flops / (rates.flops * share), elements * work.special / (rates.special * share))
    return Parts(card.dram_latency + max(memory, ports, compute), compute, memory, flops, {"dram": moved, "l2": moved})
