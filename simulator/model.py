"""The simulator as the cost model that passes are handed: what calls take on a target (`--target`).

A call takes its seconds on the device. On a GPU the thread that launches runs ahead, so a list of calls is as slow as the slower
of both: all that the device does, or all launches (`compiler.cost.Price` adds the two up apart). Where a run has to be waited for
(a copy to the host), the thread waits with it. A processor launches for itself: there is one sum.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable

from ..compiler.cost import Cost, How, Price
from ..compiler.diagnostics import CompileError, Diagnostic, Label
from ..compiler.shapes import Transfer
from ..compiler.source import NOWHERE
from .machine import Machine
from .target import Target
from .target_reading import load_target

MACHINES = {
    "gpu": ("gpu.machine", "GpuMachine"),
    "systolic": ("systolic.machine", "SystolicMachine"),
    "cpu": ("cpu.machine", "CpuMachine"),
}
"""By kind of a target the module of this room and the class in it that takes the target and prices calls. Imported only when
it is asked for: numba is loaded with it."""


def machine_of(target: Target) -> Machine:
    """The machine that prices calls on a target. `CompileError` where there is none for its kind."""
    module, name = MACHINES[target.kind]
    path = f"{__package__}.{module}"
    try:
        made: Machine = getattr(importlib.import_module(path), name)(target)
    except ModuleNotFoundError as error:
        if error.name is None or not path.startswith(error.name):
            raise
        message = f"`{target.name}` is of the kind `{target.kind}`, of which this version prices no calls"
        raise CompileError([Diagnostic("CC1305", message, (Label(NOWHERE),))]) from error
    return made


def model_of(name_or_path: str, dtype: str = "f32") -> SimulatedCost:
    """The cost model of a target by its name or file, for modules of this dtype. `CompileError` for what is wrong with either."""
    target = load_target(name_or_path)
    if dtype not in target.matrix.macs:
        message = f"`{target.name}` has no rate of products in {dtype}"
        hint = f"it has {', '.join(target.matrix.macs)}"
        raise CompileError([Diagnostic("CC1305", message, (Label(NOWHERE),), hint)])
    return SimulatedCost(machine_of(target), dtype)


class SimulatedCost:
    """A machine as a cost model. `dtype` is what modules are moved to."""

    def __init__(self, machine: Machine, dtype: str = "f32") -> None:
        self.machine = machine
        self.how = How(dtype, "cuda" if machine.target.kind == "gpu" else "cpu")

    def price(self, calls: Iterable[Cost]) -> Price:
        """Seconds of the device and of the thread that launches, each summed up."""
        device = host = 0.0
        launch, ahead = self.machine.target.launch.host, self.machine.target.kind == "gpu"
        for call in calls:
            if not call.bytes and not call.macs:
                host += call.launches * launch  # on nothing, or on the host alone
                continue
            timing = self.machine.time(call)
            device += timing.seconds
            waited = timing.seconds if isinstance(call.shape, Transfer) and call.shape.destination == "host" else 0.0
            host += timing.host + waited
        return Price(device, host) if ahead else Price(device + host)

    def __repr__(self) -> str:
        return f"SimulatedCost({self.machine.target.name}, {self.how.dtype})"
