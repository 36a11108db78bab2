"""A plan on a machine under a workload: the whole way from steps to a report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ..compiler.loading.residents import Residents
from ..compiler.plan import Plan
from ..compiler.types import BYTES
from .links import chunks_of
from .machine import Machine
from .pricing import Priced, Prices
from .report import Report
from .reporting import report_of
from .streaming import streamed
from .target import Target
from .timing import in_order
from .walking import walk
from .workloads import Workload

Launch = Literal["eager", "graph"]
"""Whether the host launches each call, as eager torch does, or the device replays a captured graph."""


def simulate(
    plan: Plan,
    machine: Machine,
    workload: Workload,
    *,
    launch: Launch = "eager",
    store: Residents | None = None,
    chunks: str | None = None,
) -> Report:
    """What a plan takes on a machine: every step of every input. `store`: of a graph with a memory budget, which loads its chunks
    from the level `chunks` (None: the nearest outside of the device)."""
    prices = Prices.on(machine, plan, workload.dtype, workload.inputs, eager=launch == "eager")
    steps = priced_steps(plan, prices, workload)
    if store is None:
        times, loads = in_order(steps, workload.inputs, entered(machine.target)), None
    else:
        scale = BYTES[workload.dtype] / BYTES["f32"]
        source = chunks or chunks_of(machine.target)
        times, loads = streamed(steps, workload.inputs, store, machine.target, source=source, scale=scale)
    return report_of(plan.graph.name, machine, workload, launch, steps, times, prices.columns, loads)


def entered(target: Target) -> float:
    """Seconds of calling a module, before its first kernel."""
    return target.cpu.call if target.cpu else 0.0


def priced_steps(plan: Plan, prices: Prices, workload: Workload) -> Sequence[Priced]:
    """The steps in order, each with its rows of numbers."""
    return [prices.price(ran) for ran in walk(plan, workload.falls, workload.dims, fold=True)]
