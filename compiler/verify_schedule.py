"""What must hold of a schedule: nothing runs that is not resident, the budget is never exceeded, everything is released."""

from __future__ import annotations

from collections.abc import Iterator

from .ir import Attrs, Graph
from .loading.eviction import POLICIES
from .planning.demand import demand
from .planning.following import followed
from .planning.uses import budget, needs_of

MOST = 2**63


def memory_problems(memory: Attrs) -> Iterator[str]:
    """What is wrong with the `memory` of a graph."""
    forms = {"budget": ("bytes", "share"), "prefetch": ("ahead", "speculative")}
    for name, value in memory.items():
        if name in forms:
            kind, amount = value if isinstance(value, tuple) and len(value) == 2 else ("", -1)
            number = isinstance(amount, int | float) and not isinstance(amount, bool) and 0 <= amount < MOST
            whole = isinstance(amount, int) or kind == "share"
            if kind not in forms[name] or not number or not whole or (kind == "share" and amount > 1):
                yield f"`{name}` of `memory` is no `{forms[name][0]}` or `{forms[name][1]}` with a number"
        elif name == "ram":
            if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < MOST:
                yield f"`ram` of `memory` is a number of bytes, and not {value!r}"
        elif name != "evict" or value not in POLICIES:
            yield f"`memory` has no `{name} = {value!r}`"


def schedule_problems(graph: Graph) -> Iterator[str]:
    """Everything that is wrong with the schedule of a graph that is well formed otherwise."""
    wrong = list(memory_problems(graph.memory))
    if wrong or not graph.schedule:
        yield from wrong
        return
    allowed = budget(graph)
    if allowed is None:
        yield "a plan stands in graphs whose `memory` has a budget"
        return
    outlined = demand(graph)
    needs = needs_of(outlined)
    yield from followed(outlined, needs, graph.schedule, allowed - needs.always)
