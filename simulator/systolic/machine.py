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

from ...compiler.cost import Cost
from ...compiler.shapes import Attention, Gather, Grouped, Pointwise, Product, Reduction, Sort, Transfer
from ...compiler.types import BYTES
from ..links import transfer_seconds
from ..machine import Bound, Timing
from ..target import Target
from .closed import DATAFLOWS
from .sharing import Shared, share_product
from .vector import element_work, gathered_bytes, vector_seconds

SUM_BYTES = 4.0
"""Of a sum that is not finished: f32, or i32 for whole numbers."""


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

    def _time(self, call: Cost) -> Timing:
        match call.shape:
            case Product(m, n, k, batch, dtype, window):
                return self._arrays(call, self._product(m, n, k, batch, dtype, 1 / window), dtype)
            case Grouped(loads, n, k, dtype):
                ways = Counter(load for load in loads if load > 0)
                parts = [(count, self._product(load, n, k, 1, dtype)) for load, count in ways.items()]
                return self._arrays(call, _in_a_row(parts), dtype)
            case Attention() as shape:
                return self._attention(call, shape)
            case Pointwise() | Reduction() as shape:
                plain, special = element_work(shape)
                return self._timing(call, moved=call.bytes, flops=plain + special, busy=self._vector(plain, special, shape.dtype))
            case Sort() as shape:
                plain, special = element_work(shape)
                return self._timing(call, moved=call.bytes, flops=plain, busy=self._vector(plain, special, "f32"))
            case Gather() as shape:
                return self._timing(call, moved=max(call.bytes, gathered_bytes(shape)))
            case Transfer(bytes, source, destination):
                seconds = transfer_seconds(self._target, bytes, source, destination)
                return self._timing(call, moved=bytes if seconds else 0.0, wait=seconds)
            case None:
                peak = self._target.matrix.units * self._target.clock * self._rate("f32")
                return self._timing(call, moved=call.bytes, macs=call.macs, busy=call.macs / peak)

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
            flow = DATAFLOWS[self._target.matrix.dataflow]
            rows_of, columns_of, length, count = whole
            cycles, compute, demanded, ported = share_product(
                flow,
                rows_of,
                columns_of,
                length,
                count,
                rows,
                columns,
                units,
                a,
                b,
                out,
                max(SUM_BYTES, size),
                1.0,
                self._sram,
                rate,
            )
            found = Shared(cycles * passes, compute * passes, demanded, ported)
            self._products[key] = found
        return found

    def _attention(self, call: Cost, shape: Attention) -> Timing:
        rows, keys = _rows_and_keys(shape)
        batch, size = shape.batch * shape.kv_heads, float(BYTES.get(shape.dtype, 1))
        # All keys come where several queries see different ones; one alone reads what it keeps.
        keyed = size * shape.keys / keys if shape.queries > 1 else size
        scores = self._product(rows, keys, shape.width, batch, shape.dtype, sizes=(size, keyed, 0.0))
        values = self._product(rows, shape.value_width, keys, batch, shape.dtype, sizes=(0.0, keyed, size))
        pairs = shape.batch * shape.heads * shape.queries * keys
        softmax = self._vector(4 * pairs, pairs, shape.dtype)
        macs = pairs * (shape.width + shape.value_width)
        return self._arrays(call, _in_a_row([(1, scores), (1, values)]), shape.dtype, macs, 5 * pairs, softmax)

    def _arrays(
        self, call: Cost, done: Shared, dtype: str, macs: float | None = None, flops: float = 0.0, beside: float = 0.0
    ) -> Timing:
        """A call of the arrays: `beside` is what the vector unit takes meanwhile."""
        clock = self._target.clock
        busy = max(done.compute / clock, beside)
        wait = max(done.cycles / clock, done.ported / self._near.bandwidth)
        macs = call.macs if macs is None else min(call.macs, macs) or macs
        return self._timing(
            call,
            moved=max(done.demanded, call.bytes),
            macs=macs,
            flops=flops,
            busy=busy,
            wait=wait,
            ported=done.ported,
            dtype=dtype,
        )

    def _timing(
        self,
        call: Cost,
        *,
        moved: float,
        macs: float = 0.0,
        flops: float = 0.0,
        busy: float = 0.0,
        wait: float = 0.0,
        ported: float | None = None,
        dtype: str = "f32",
    ) -> Timing:
        """`busy` seconds of compute beside `moved` bytes of the device's memory; `wait`: what both take together, if more."""
        target, near, far = self._target, self._near, self._far
        memory = moved / far.bandwidth + (far.latency if moved else 0.0)
        launch = call.launches * target.launch.device
        worked = max(busy, memory, wait)
        bytes = {far.name: moved} if near is far else {near.name: moved if ported is None else ported, far.name: moved}
        seconds = worked + launch
        joules = macs * _of(target.energy.mac, dtype) + flops * _of(target.energy.flop, dtype) + target.power.idle * seconds
        joules += sum(count * target.energy.byte.get(name, 0.0) for name, count in bytes.items())
        bound: Bound = "launch" if launch > worked else "compute" if busy >= memory else "memory"
        host = call.launches * target.launch.host
        return Timing(seconds, busy, memory, launch, host, macs, flops, bytes, joules, bound)

    def _vector(self, plain: float, special: float, dtype: str) -> float:
        return vector_seconds(self._target, plain, special, dtype)

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


def _of(energies: Mapping[str, float], dtype: str) -> float:
    """Joules of a dtype; of one that is not named, the most that is."""
    return energies[dtype] if dtype in energies else max(energies.values(), default=0.0)
