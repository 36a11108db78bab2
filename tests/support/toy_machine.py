"""A machine for tests: a roofline of a target, whose numbers can be told by hand."""

from __future__ import annotations

import attrs
import numpy as np

from chunkc.compiler.cost import Cost
from chunkc.compiler.shapes import Pointwise
from chunkc.compiler.types import BYTES
from chunkc.simulator.machine import Timing, Timings
from chunkc.simulator.target import Energy, Launch, Level, Link, Matrix, Target, Vector


def toy_target(*, macs=1e12, bandwidth=1e12, link=16e9, host=4e-6, device=2e-6, kind="gpu") -> Target:
    """One unit at 1 GHz, one level of memory; chunks come from `host` over one link, and from `storage` behind it."""
    return Target(
        name="toy",
        kind=kind,
        title="toy",
        clock=1e9,
        matrix=Matrix(units=1, macs=dict.fromkeys(("f32", "bf16", "f64"), macs / 1e9)),
        vector=Vector(units=1, flops=dict.fromkeys(("f32", "bf16", "f64"), 1e3)),
        memory=(
            Level("hbm", 1e11, bandwidth),
            Level("host", 1e12, 100e9),
            Level("storage", 1e13, 5e9),
        ),
        links=(Link("host", "hbm", link, 1e-6), Link("storage", "host", 5e9, 1e-5)),
        launch=Launch(host, device),
        energy=Energy(dict.fromkeys(("f32", "bf16"), 1e-12), {}, {"hbm": 1e-11}),
    )


@attrs.frozen
class ToyMachine:
    """Each call takes the slower of its products and its bytes, and a launch."""

    target: Target = attrs.field(factory=toy_target)

    def time(self, call: Cost) -> Timing:
        t = self.target
        compute, memory = call.macs / t.peak_macs("f32"), call.bytes / t.level("hbm").bandwidth
        launch = t.launch.device if call.macs or call.bytes else 0.0
        flops = call.shape.elements if isinstance(call.shape, Pointwise) else 2 * call.macs
        times = {"compute": compute, "memory": memory, "launch": launch}
        return Timing(
            seconds=max(compute, memory) + launch,
            compute=compute,
            memory=memory,
            launch=launch,
            host=call.launches * t.launch.host,
            macs=call.macs,
            flops=flops,
            bytes={"hbm": call.bytes},
            joules=1e-12 * call.macs + 1e-11 * call.bytes,
            bound=max(times, key=lambda name: times[name]),
        )

    def time_grouped(self, loads, n, k, dtype) -> Timings:
        """As `time` of each input's `Grouped`."""
        t = self.target
        rows, reached = loads.sum(1).astype(float), (loads > 0).sum(1)
        macs, moved = rows * n * k, (rows * (n + k) + reached * n * k) * BYTES[dtype]
        compute, memory = macs / t.peak_macs("f32"), moved / t.level("hbm").bandwidth
        launch = np.where(rows > 0, t.launch.device, 0.0)
        return Timings(
            seconds=np.maximum(compute, memory) + launch,
            compute=compute,
            memory=memory,
            launch=launch,
            host=np.full(len(rows), t.launch.host),
            macs=macs,
            flops=2 * macs,
            bytes={"hbm": moved},
            joules=1e-12 * macs + 1e-11 * moved,
        )
