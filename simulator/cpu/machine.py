"""A processor prices calls: measured kernels at their sizes, others by rates and by the cache that holds what they read."""

from __future__ import annotations

from functools import cached_property

import attrs

from ...compiler.cost import Cost
from ...compiler.shapes import Attention, Gather, Grouped, Pointwise, Product, Reduction, Sort, Transfer
from ..machine import Bound, Timing
from ..target import Level, Target
from .grids import Grid
from .kernels import ALIKE, ELSE

LOOKUP = "lookup"
"""Rows looked up in a cache, by the host: it is measured as a whole, or counted as launches."""
FULL = 0.5
"""How much of a cache a model may fill, of what it reads in every call, and find there again."""


@attrs.define(eq=False)
class CpuMachine:
    """Eager torch on a processor: one kernel after the other, each launched by the host that also computes.

    `model`: bytes of weights that a call reads in all. If they exceed the last cache, each weight comes from memory."""

    target: Target
    model: float = 0.0
    known: dict[Cost, Timing] = attrs.field(factory=dict, init=False)

    def within(self, model: float) -> CpuMachine:
        """The machine as it runs a model of so many bytes of weights."""
        return CpuMachine(self.target, model)

    def time(self, call: Cost) -> Timing:
        """What the call takes, its launch included."""
        found = self.known.get(call)
        if found is None:
            found = self.known[call] = self._time(call)
        return found

    # ---- what was measured

    @cached_property
    def grids(self) -> dict[tuple[str, str, bool], Grid]:
        """By op, dtype (and "" for any) and whether weights are cold."""
        kernels = self.target.cpu.kernels if self.target.cpu else ()
        return {(kernel.op, kernel.dtype, kernel.cold): Grid.of(kernel) for kernel in kernels}

    @cached_property
    def cold(self) -> bool:
        """Whether weights are in no cache when they are read."""
        caches = [level.size for level in self.target.memory if level is not self.target.device_memory]
        own = [size for level, size in zip(self.target.memory, caches) if level.name not in ("host", "storage")]
        return bool(own) and self.model > FULL * max(own)

    def grid(self, op: str, dtype: str, kind: str = "", cold: bool = False) -> Grid | None:
        """The grid that stands for an op, or None."""
        for name in (op, ALIKE.get(op, ""), ELSE.get(kind, "")):
            for of in (dtype, "", "f32"):
                for state in (True, False) if cold else (False,):
                    if (name, of, state) in self.grids:
                        return self.grids[name, of, state]
        return None

    def measured(self, call: Cost) -> float | None:
        """Seconds by what was measured; None where nothing was."""
        grid: Grid | None
        match call.shape:
            case Product(m, n, k, batch, dtype, window) if window > 1 or batch > 1:
                if window > 1:
                    one = self._product(m, n, k, dtype, "conv2d")
                    return None if one is None else one * batch
                grid = self.grid("matmul", dtype)
                return None if grid is None else grid.at(batch, m, n, k)
            case Product(m, n, k, _, dtype):
                return self._product(m, n, k, dtype)
            case Grouped(loads, n, k, dtype):
                found = [self._product(load, n, k, dtype) for load in loads if load]
                return None if None in found else sum(found)  # type: ignore[arg-type]
            case Attention(batch, heads, _, queries, keys, width, _, _, kept, _, dtype):
                grid = self.grid("attention", dtype)
                return None if grid is None else kept * grid.at(batch * heads, queries, keys, width)
            case Pointwise(op, elements, _, dtype):
                grid = self.grid(op, dtype, "pointwise")
                return None if grid is None else grid.at(elements)
            case Reduction(op, rows, length, _, dtype):
                grid = self.grid(op, dtype, "reduction")
                return None if grid is None else grid.at(rows, length)
            case Gather(rows, size, scatter):
                grid = self.grid("scatter" if scatter else "gather", "")
                return None if grid is None else grid.at(rows, size)
            case Sort(rows, length):
                grid = self.grid("sort", "")
                return None if grid is None else grid.at(rows, length)
            case Transfer() | None:
                return None

    @cached_property
    def after_others(self) -> float:
        """Seconds that a launch takes longer behind kernels that have read more than the caches hold: its code and what Python
        knows of it are no longer there. 0 where the weights stay in a cache, or nothing was measured."""
        return max(0.0, self._launch(cold=True) - self._launch()) if self.cold else 0.0

    @cached_property
    def beside(self) -> float:
        """Seconds that emitted code takes for each kernel besides the kernel: what it calls, reads and puts away in Python."""
        alone = self._launch()
        return max(0.0, self.target.launch.host - alone) if alone else 0.0

    def _launch(self, *, cold: bool = False) -> float:
        """Seconds of a small kernel called in a loop; 0 where that was not measured."""
        grid = self.grids.get(("launch", "", cold))
        return (grid.seconds[-1] - grid.seconds[0]) / (grid.axes[0][-1] - grid.axes[0][0]) if grid else 0.0

    def _product(self, m: float, n: float, k: float, dtype: str, op: str = "linear") -> float | None:
        """A product with weights. Where these are cold, what reading them adds, which is known for few rows: for more it is as
        much."""
        warm = self.grid(op, dtype)
        cold = self.grid(op, dtype, cold=True)
        if warm is None or cold is None or not self.cold:
            return None if warm is None else warm.at(m, n, k)
        few = min(m, cold.axes[0][-1])
        return warm.at(m, n, k) + max(0.0, cold.at(few, n, k) - warm.at(few, n, k))

    # ---- rates

    def _time(self, call: Cost) -> Timing:
        target, launch = self.target, self.target.launch.host * call.launches
        compute, memory, flops = self._compute(call), self._memory(call), _flops(call)
        seconds = self.measured(call)
        if isinstance(call.shape, Transfer):
            seconds = memory
        elif seconds is None:
            seconds = max(compute, memory) + launch
        else:
            # Enter a body, look at a number: launches beyond the kernel's own.
            beyond = 0.0 if getattr(call.shape, "op", "") == LOOKUP else max(0.0, call.launches - 1)
            seconds += target.launch.host * beyond + self.beside + self.after_others
        dtype = getattr(call.shape, "dtype", "f32")
        energy, level = target.energy, self._level(call).name
        joules = call.macs * energy.mac.get(dtype, 0.0) + flops * energy.flop.get(dtype, 0.0)
        joules += call.bytes * energy.byte.get(level, 0.0)
        bound: Bound = "launch" if launch >= max(compute, memory) else "compute" if compute >= memory else "memory"
        # Nothing runs faster than the rates that the target is given; what was measured may show that they are too low.
        compute, memory = min(compute, seconds), min(memory, seconds)
        return Timing(seconds, compute, memory, launch, 0.0, call.macs, flops, {level: call.bytes}, joules, bound)

    def _compute(self, call: Cost) -> float:
        target = self.target
        dtype = getattr(call.shape, "dtype", "f32")
        if call.macs:
            rate = target.matrix.macs.get(dtype) or max(target.matrix.macs.values())
            return call.macs / (target.clock * target.matrix.units * rate)
        rate = target.vector.flops.get(dtype) or max(target.vector.flops.values(), default=1.0)
        return _flops(call) / (target.clock * target.vector.units * rate)

    def _memory(self, call: Cost) -> float:
        """The bytes at the rate of the nearest level that holds them all."""
        if isinstance(call.shape, Transfer):
            for link in self.target.links:
                if (link.source, link.destination) == (call.shape.source, call.shape.destination):
                    return link.latency + call.bytes / link.bandwidth
        return call.bytes / self._level(call).bandwidth

    def _level(self, call: Cost) -> Level:
        """The nearest level that holds all that a call reads and writes: there the call before has left it."""
        own = [level for level in self.target.memory if level.name not in ("host", "storage")]
        return next((level for level in own[1:] if call.bytes <= FULL * level.size), own[-1])


def _flops(call: Cost) -> float:
    """Operations on single elements."""
    match call.shape:
        case Pointwise(_, elements, _, _):
            return elements
        case Reduction(_, rows, length, _, _):
            return rows * length
    return 0.0
