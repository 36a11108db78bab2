"""What must hold of a schedule: nothing runs that is not resident, the budget is never exceeded, everything is released."""

from __future__ import annotations

from collections.abc import Iterator

from .ir import Graph
from .planning.demand import demand
from .planning.following import followed
from .planning.uses import budget, needs_of


def schedule_problems(graph: Graph) -> Iterator[str]:
    """Everything that is wrong with the schedule of a graph that is well formed otherwise."""
    if not graph.schedule:
        return
    allowed = budget(graph)
    if allowed is None:
        yield "a plan stands in graphs whose `memory` has a budget"
        return
    outlined = demand(graph)
    needs = needs_of(outlined)
    yield from followed(outlined, needs, graph.schedule, allowed - needs.always)
