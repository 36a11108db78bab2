"""`lower-plan`: a graph becomes a plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..compiler.ir import Graph
from ..compiler.plan import Plan
from ..compiler.planning import lower


@dataclass(frozen=True, slots=True)
class LowerPlan:
    """Lowers a graph to the steps that compute it, on no more rows than are kept.

    The law: the plan computes the graph's outputs, losses and next states, and equals the dense meaning over the reals. It is
    sound because (1) only nodes that no root needs are dropped; (2) a way runs on gathered positions only if its body treats
    the gathered axes as independent positions (`mixing.row_prefix`) and has no effect besides its value; (3) what is not
    gathered reaches nothing: the fuse selects it away, and only this stream read it (`planning.demand`); (4) draws and
    decisions keep their dense positions."""

    name: ClassVar[str] = "lower-plan"
    lowering: ClassVar[bool] = True
    ends: ClassVar[bool] = True

    def apply(self, graph: Graph) -> Plan:
        """The plan of a graph."""
        return lower(graph)
