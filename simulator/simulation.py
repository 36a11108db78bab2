"""A graph on a target, from names to a report: what `chunkc.simulate` and the command are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from os import PathLike
from typing import Any

import attrs

from ..compiler.cost import How
from ..compiler.diagnostics import CompileError, Diagnostic, Label, did_you_mean
from ..compiler.dims import evaluate, product
from ..compiler.ir import Graph
from ..compiler.plan import Plan
from ..compiler.planning import lower
from ..compiler.planning.scheduling import room_of
from ..compiler.planning.stores import store_of
from ..compiler.planning.uses import foreign_bytes
from ..compiler.types import BYTES
from .comparing import compared, dense_graph
from .machine import CachingMachine
from .model import machine_of
from .report import Report
from .simulate import Launch, simulate
from .target import Target
from .target_reading import load_target
from .workloads import Workload

ALL = "*"
COMPARISONS = ("dense",)


def run(
    graph: Graph,
    target: str | PathLike[str] | Target,
    dims: Mapping[str, int] | None,
    told: Mapping[str, Any],
    *,
    launch: Launch = "eager",
    outputs: str | None = None,
    compare: str | None = None,
    chunks: str | None = None,
) -> Report:
    """The report of a graph as it is planned. `told`: the options of `Workload.of`."""
    if compare not in (None, *COMPARISONS):
        raise _wrong(graph, f"a simulation is compared with `dense`, not with `{compare}`", 'compare="dense"')
    workload = Workload.of(graph, dims, **told)
    machine = machine_of(target if isinstance(target, Target) else load_target(str(target)))
    if isinstance(machine, CachingMachine):
        machine = machine.within(weights(graph, workload.dtype))

    def simulated(one: Graph) -> Report:
        return simulate(plan_of(one, outputs), machine, workload, launch=launch, store=store_of(one), chunks=chunks)

    report = attrs.evolve(simulated(graph), unknown=tuple(sorted(foreign_bytes(graph))))
    return report if compare is None else compared(report, simulated(dense_graph(graph)))


def weights(graph: Graph, dtype: str) -> int:
    """Bytes of all parameters of a module in this dtype."""
    how = How(dtype)
    return sum(evaluate(product(one.type.shape), {}) * BYTES[how.of(one.type.dtype)] for one in graph.parameters)


def plan_of(graph: Graph, outputs: str | None = None) -> Plan:
    """The plan of a call that asks for one output (None: the first), or for all (`*`)."""
    names = [name for name, _ in graph.outputs]
    if outputs == ALL or not names:
        return lower(graph)
    wanted = names[0] if outputs is None else outputs
    if wanted not in names:
        raise _wrong(graph, f"{graph.name} has no output `{wanted}`", did_you_mean(wanted, names) or f"it has {', '.join(names)}")
    room = room_of(graph) if graph.schedule else None
    return lower(replace(graph, outputs=tuple(pair for pair in graph.outputs if pair[0] == wanted)), room=room)


def _wrong(graph: Graph, message: str, hint: str) -> CompileError:
    return CompileError([Diagnostic("CC1302", message, (Label(graph.span, "this model"),), hint)])
