"""A schedule for what a graph runs: tasks from its uses, the order that loads least, loads begun early.

The pass `schedule` makes one for a whole graph. A call that asks for some of the outputs runs less, and may skip more: where the
schedule of the whole does not fit what it runs, it gets one of its own, made alike.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..ir import Graph
from ..residency import Residency
from .demand import demand
from .prefetching import entries, seconds
from .replacement import Problem, Task, Times, candidates, solve
from .uses import Needs, Use, budget, events_before, needs_of

SMALL = 8
"""Up to how many uses the search is exhaustive."""


def room_of(graph: Graph) -> int | None:
    """The bytes that the budget of a graph leaves for units; None where there is no budget."""
    allowed = budget(graph)
    return None if allowed is None else allowed - needs_of(demand(graph)).always


def schedule_of(
    outlined: Graph,
    needs: Needs,
    room: int,
    *,
    small: int = SMALL,
    chances: Mapping[Use, float] | None = None,
    times: Times | None = None,
) -> tuple[Residency, ...]:
    """The schedule of an outlined graph. Each use alone must fit into the room. `chances`: how likely each is to run at all.

    With the `times` of a machine it is the one of those that load least with which a call is expected to be done first; without
    them the one that loads least."""
    before = events_before(outlined, needs.uses)
    group = {node: i for i, node in enumerate(dict.fromkeys(use.node for use in needs.uses))}
    likely = chances or dict.fromkeys(needs.uses, 1.0)
    tasks = tuple(Task(use.units, group[use.node], before[use.node], likely[use], use.chained) for use in needs.uses)
    kind, ahead = outlined.memory.get("prefetch", ("ahead", 0))
    problem = Problem(tasks, needs.units, room, ahead, times)
    # Whether a rung is asked is known behind the one before it, and so never ahead.
    waits = [before[use.choice] | (use.choice is use.node) << group[use.node] if use.choice else 0 for use in needs.uses]
    names, guess = [use.name for use in needs.uses], kind == "speculative"
    if times is None:
        return entries(problem, solve(problem, small), names, waits, ahead, guess)
    best = min(candidates(problem, small), key=lambda one: seconds(problem, one, waits, ahead, guess, times))
    return entries(problem, best, names, waits, ahead, guess)


def too_large(needs: Needs, room: int) -> list[Use]:
    """The uses that do not fit into the room even alone."""
    return [use for use in needs.uses if sum(needs.units[unit] for unit in use.units) > room]
