"""Systolic arrays as a machine: what each call takes on a target of the kind `systolic`.

Products run on the arrays (`sharing`), from the device's memory through SRAM; levels between the two are not used. A dtype that
the arrays take several passes for has every fold that often. A grouped product is one after the other of its ways, whose weights
come anew for each. Attention is two products with the scores between them in SRAM, for all heads that share keys at once, while
the vector unit takes the softmax of the block before. All else is the vector unit's, as slow as its operations or the bytes it
moves.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...compiler.cost import Cost
from ...compiler.shapes import Attention, Gather, Grouped, Pointwise, Product, Reduction, Sort, Transfer
from ...compiler.types import BYTES
from ..links import way_of, way_seconds
from ..machine import Bound, Timing, Timings
from ..target import Target
from .closed import DATAFLOWS
from .sharing import Shared, share_product
from .vector import element_work, gathered_bytes, vector_seconds

SUM_BYTES = 4.0
"""Of a sum that is not finished: f32, or i32 for whole numbers."""

HOST_OPS = ("lookup",)
"""Ops that the thread does which launches."""


Floats = NDArray[np.float64]


class Work(NamedTuple):
    """What calls do besides what the arrays need for it: numbers, or [calls] of them."""

    launches: Any
    macs: Any
    flops: Any
    moved: Any
    """Bytes of the device's memory."""
    beside: Any
    """Seconds of the vector unit."""


class SystolicMachine:
    """Prices calls on a systolic target; remembers them."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._timings: dict[Cost, Timing] = {}
        self._products: dict[tuple[object, ...], Shared] = {}
        matrix, near, far = target.matrix, target.memory[0], target.device_memory
        self._array = (matrix.rows, matrix.columns, matrix.units)
        self._near, self._far = near, far
        self._sram = near.size if near is not far else 0.0

    @property
    def target(self) -> Target:
        return self._target

    def time(self, call: Cost) -> Timing:
        """What the call takes, alone on the machine, all its operands in the device's memory."""
        timing = self._timings.get(call)
        if timing is None:
            timing = self._timings[call] = self._time(call)
        return timing

    def time_grouped(self, loads: NDArray[np.int64], n: float, k: float, dtype: str) -> Timings:
        """One `Grouped` of each input; `loads`: [inputs, ways] rows of each way."""
        seen = np.bincount(loads.ravel(), minlength=1)
        table = np.zeros((4, len(seen)))
        for load in np.flatnonzero(seen):
            table[:, load] = self._product(float(load), n, k, 1, dtype)
        done = Shared(*(column[loads].sum(1) for column in table))
        rows, none = loads.sum(1).astype(np.float64), np.zeros(len(loads))
        return self._many(Work(none + 1, rows * n * k, none, done.demanded, none), done, dtype)

    def _time(self, call: Cost) -> Timing:
        shape, target = call.shape, self._target
        match shape:
            case Product(m, n, k, batch, dtype, window):
                return self._arrays(call, self._product(m, n, k, batch, dtype, 1 / window), dtype)
            case Grouped(loads, n, k, dtype):
                ways = Counter(load for load in loads if load > 0)
                parts = [(count, self._product(load, n, k, 1, dtype)) for load, count in ways.items()]
                return self._arrays(call, _in_a_row(parts), dtype)
            case Attention():
                return self._attention(call, shape)
            case Pointwise(op) if op in HOST_OPS:
                host = call.launches * target.launch.host
                return Timing(host, 0.0, 0.0, 0.0, host, 0.0, 0.0, {}, 0.0, "launch")
            case Pointwise() | Reduction() | Sort():
                plain, special = element_work(shape)
                busy = vector_seconds(target, plain, special, getattr(shape, "dtype", "f32"))
                return self._timing(call, moved=call.bytes, flops=plain + special, busy=busy)
            case Gather():
                return self._timing(call, moved=max(call.bytes, gathered_bytes(shape)))
            case Transfer():
                return self._transfer(call, shape)
            case None:
                cycles = call.macs / (target.matrix.units * self._rate("f32"))
                return self._arrays(call, Shared(cycles, cycles, call.bytes, call.bytes), "f32")

    def _product(
        self, m: float, n: float, k: float, batch: float, dtype: str, share_a: float = 1.0, sizes: tuple[float, ...] = ()
    ) -> Shared:
        """A batch of products in cycles of the clock. `share_a`: what of A is other than what was read already; `sizes`: bytes of
        an element of A, B and the result in memory, if not those of the dtype."""
        whole = tuple(math.ceil(size) for size in (m, n, k, batch))
        if not all(whole):
            return Shared(0.0, 0.0, 0.0, 0.0)
        key = (*whole, dtype, share_a, sizes)
        found = self._products.get(key)
        if found is None:
            rows, columns, units = self._array
            passes = rows * columns / self._rate(dtype)
            size = float(BYTES.get(dtype, 1))
            a, b, out = sizes or (size * share_a, size, size)
            rate = self._far.bandwidth / self._target.clock * passes
            flow, sums = DATAFLOWS[self._target.matrix.dataflow], max(SUM_BYTES, size)
            high, wide, deep, count = whole
            cycles, compute, demanded, ported = share_product(
                flow, high, wide, deep, count, rows, columns, units, a, b, out, sums, 1.0, self._sram, rate
            )
            found = self._products[key] = Shared(cycles * passes, compute * passes, demanded, ported)
        return found

    def _attention(self, call: Cost, shape: Attention) -> Timing:
        rows, keys = _rows_and_keys(shape)
        batch, size = shape.batch * shape.kv_heads, float(BYTES.get(shape.dtype, 1))
        # All keys come where several queries see different ones; one alone reads what it keeps.
        keyed = size * shape.keys / keys if shape.queries > 1 else size
        scores = self._product(rows, keys, shape.width, batch, shape.dtype, sizes=(size, keyed, 0.0))
        values = self._product(rows, shape.value_width, keys, batch, shape.dtype, sizes=(0.0, keyed, size))
        pairs = shape.batch * shape.heads * shape.queries * keys
        softmax = vector_seconds(self._target, 4 * pairs, pairs, shape.dtype)
        macs = pairs * (shape.width + shape.value_width)
        return self._arrays(call, _in_a_row([(1, scores), (1, values)]), shape.dtype, macs, 5 * pairs, softmax)

    def _arrays(
        self, call: Cost, done: Shared, dtype: str, macs: float | None = None, flops: float = 0.0, beside: float = 0.0
    ) -> Timing:
        """A call of the arrays, of `macs` where those are not what it says; `beside`: seconds of the vector unit meanwhile."""
        work = Work(call.launches, call.macs if macs is None else macs, flops, max(done.demanded, call.bytes), beside)
        return self._single(work, done, dtype)

    def _timing(self, call: Cost, *, moved: float, flops: float = 0.0, busy: float = 0.0, dtype: str = "f32") -> Timing:
        """A call of the vector unit, or of memory alone."""
        return self._single(Work(call.launches, 0.0, flops, moved, busy), Shared(0.0, 0.0, moved, moved), dtype)

    def _transfer(self, call: Cost, shape: Transfer) -> Timing:
        """Over links; within the device's memory bytes are read and written."""
        way = way_of(self._target, shape)
        if not way:
            return self._timing(call, moved=2 * shape.bytes)
        seconds, ends = way_seconds(way, shape.bytes), dict.fromkeys((way[0].source, way[-1].destination), shape.bytes)
        energy = self._target.energy.byte
        joules = sum(energy.get(name, 0.0) * some for name, some in ends.items())
        host = call.launches * self._target.launch.host
        return Timing(seconds, 0.0, seconds, 0.0, host, 0.0, 0.0, ends, joules, "load")

    def _single(self, work: Work, done: Shared, dtype: str) -> Timing:
        many = self._many(Work(*map(_alone, work)), Shared(*map(_alone, done)), dtype)
        names = ("seconds", "compute", "memory", "launch", "host", "macs", "flops", "joules")
        found = {name: float(getattr(many, name)[0]) for name in names}
        worked = found["seconds"] - found["launch"]
        bound: Bound = "compute" if found["compute"] >= found["memory"] else "memory"
        moved = {name: float(some[0]) for name, some in many.bytes.items()}
        return Timing(bytes=moved, bound="launch" if found["launch"] > worked else bound, **found)

    def _many(self, work: Work, done: Shared, dtype: str) -> Timings:
        """Calls of one form, [calls] numbers each. A call takes what the arrays take with their memory, but no less than the
        vector unit, the port of SRAM, or all bytes that move."""
        target, near, far = self._target, self._near, self._far
        compute = np.maximum(done.compute / target.clock, work.beside)
        memory = work.moved / far.bandwidth + far.latency * np.sign(work.moved)
        arrays = np.maximum(done.cycles / target.clock, done.ported / near.bandwidth)
        launch = work.launches * target.launch.device
        seconds = np.maximum(np.maximum(compute, memory), arrays) + launch
        moved = {near.name: done.ported, far.name: work.moved}  # one level where there is no SRAM
        joules = work.macs * _of(target.energy.mac, dtype) + work.flops * _of(target.energy.flop, dtype)
        joules = joules + sum(some * target.energy.byte.get(name, 0.0) for name, some in moved.items())
        host = work.launches * target.launch.host
        return Timings(seconds, compute, memory, launch, host, work.macs, work.flops, moved, joules)

    def _rate(self, dtype: str) -> float:
        """Multiply-adds a cycle of one array; of a dtype that the file does not name, those of one as wide, or of the slowest."""
        rates = self._target.matrix.macs
        if dtype not in rates:
            alike = [rate for name, rate in rates.items() if BYTES.get(name, 1) == BYTES.get(dtype, 1)]
            return min(alike or rates.values())
        return rates[dtype]


def _rows_and_keys(shape: Attention) -> tuple[float, float]:
    """The rows of the products for one head of keys (all queries of the heads that share it), and the keys that a row meets."""
    group = shape.heads / shape.kv_heads
    keys = shape.keys
    if shape.causal and shape.queries > 1:  # the last query sees all keys, each before it one fewer
        seen = min(shape.queries, keys)
        keys -= (seen - 1) / 2 * seen / shape.queries
    return shape.queries * group, max(1.0, keys * shape.kept)


def _in_a_row(parts: list[tuple[int, Shared]]) -> Shared:
    """Products one after the other, each so often."""
    return Shared(*(sum(count * part[i] for count, part in parts) for i in range(4)))


def _alone(number: Any) -> Any:
    return np.array([number], np.float64)


def _of(energies: Mapping[str, float], dtype: str) -> float:
    """Joules of a dtype; of one that is not named, the most that is."""
    return energies[dtype] if dtype in energies else max(energies.values(), default=0.0)
