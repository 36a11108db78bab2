"""The simulator as the cost model that passes are handed: what calls take on a target (`--target`).

A call takes its seconds on the device. On a GPU the thread that launches runs ahead, and no call begins before it is launched
(`compiler.cost.Price`); where something is copied to the host, the thread waits for it. Elsewhere the host launches and waits.
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
        """Of the calls one after the other."""
        total = Price()
        for call in calls:
            total = total + self._price(call)
        return total

    def _price(self, call: Cost) -> Price:
        if call.bytes or call.macs:
            timing = self.machine.time(call)
            seconds, host = timing.seconds, timing.host
        else:
            # On nothing, or on the host alone.
            seconds, host = 0.0, call.launches * self.machine.target.launch.host
        if self.machine.target.kind != "gpu":
            return Price(seconds + host)
        if isinstance(call.shape, Transfer) and call.shape.destination == "host":
            return Price(seconds, host + seconds, host + seconds, seconds)
        return Price(seconds, host, host + seconds)

    def __repr__(self) -> str:
        return f"SimulatedCost({self.machine.target.name}, {self.how.dtype})"
