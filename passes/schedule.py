"""`schedule`: what is resident when, under the budget of `memory`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from ..compiler.cost import CostModel
from ..compiler.diagnostics import CompileError, Diagnostic, Label
from ..compiler.ir import Attrs, Graph, Node, rebuild
from ..compiler.planning.demand import demand
from ..compiler.planning.scheduling import SMALL, schedule_of, too_large
from ..compiler.planning.uses import Needs, Use, budget, needs_of
from ..compiler.profile import Profile
from ..compiler.profile_reading import check_belongs, read_profile
from .expected_sizes import sizes_of
from .use_costs import times_of


@dataclass(frozen=True, slots=True)
class Schedule:
    """Orders the calls of chunks and says when each chunk is loaded and let go, within the budget of `memory`.

    The law: a schedule changes where weights are and the order of calls that do not depend on each other, and so no value. It
    is sound because (1) an order is kept only if each call runs behind all that it reads; (2) a unit is held from its `acquire`
    to its `release`, and a call stands between those of all units that it reads; (3) the bytes resident never exceed the
    budget, followed for the most that can be kept: what a selection leaves out is not loaded, and takes no room. The verifier
    holds every schedule to all three.

    What is scheduled are *units*: the members of the chunks that the outermost graph calls, each with all parameters below its
    path. Parameters outside of units (a router's) are resident all the time and count. The uses of units are what a plan skips
    as a whole: a call, or a way of a routed `fuse`; those of one `fuse` run one behind the other, in any order.

    What it costs is the bytes that are loaded, or with a `model` and sizes (`dims`) the seconds that loading takes: of the
    schedules that load least, then, the one with which a call is expected to be done first, its loads hidden behind what runs.
    Of at most `small` uses the order and evictions are the best there are, found by exhaustive search; of more, the better of the
    written and a greedy order, with Belady's evictions (`planning.replacement`). Then each load is begun earlier where that loads
    no more and stays within the budget, so that what runs before hides it: at most `prefetch` uses ahead, and only for uses that
    run in any case or whose selection has decided by then; with `speculative(n)`, for any (`planning.prefetching`).

    `evict = lru` (or another policy) is not asked here: all uses ahead are known. It decides at run time, between units that
    are still there because something was left out, or from the call before.

    Without a budget, and in training (where the backward pass reads all weights again), there is no schedule: everything is
    resident. A chunk that is larger than the room for it is an error (CC0716). Stacked products of an array (`grouped`) become
    calls of its members again: the stack would be a second copy of them all, and resident all the time.

    With a profile, a load counts as often as its call is expected to run: never for a way that no decision kept, and less than 1
    for one that is rare. `speculative(n)` then guesses only what runs in half of the calls at least.

    - `small`: up to how many uses the search is exhaustive.
    - `profile`: the file, or a `Profile`. `CompileError` if it is none, or of another model.
    - `dims`: sizes of the run-time dimensions of the inputs that are expected: `B=8,T=512`; `model`: what loading and computing
      take, as `--target` gives it.
    """

    name: ClassVar[str] = "schedule"
    lowering: ClassVar[bool] = True
    after: ClassVar[tuple[str, ...]] = ("choose-kernels",)
    small: int = SMALL
    profile: str | Profile = ""
    dims: str = ""
    model: CostModel | None = None

    def __post_init__(self) -> None:
        sizes_of(self.dims)

    def apply(self, graph: Graph) -> Graph:
        """The graph with its schedule."""
        allowed = budget(graph)
        if allowed is None or graph.training:
            return replace(graph, schedule=()) if graph.schedule else graph
        graph = _ungrouped(graph)
        outlined = demand(graph)
        needs = needs_of(outlined)
        room = allowed - needs.always
        if room < 0:
            raise CompileError([_outside(graph, needs.always, allowed)])
        each = [(needs, too_large(needs, room)), *((own, too_large(own, room)) for own in _alone(graph))]
        found = {use.node.span: _too_large(graph, use, own, allowed - room, allowed) for own, large in each for use in large}
        if found:
            raise CompileError(found.values())
        chances = self.chances(graph, needs)
        sizes, times = sizes_of(self.dims), None
        if self.model is not None and sizes:
            times = times_of(needs, self.model, sizes)
        return replace(graph, schedule=schedule_of(outlined, needs, room, small=self.small, chances=chances, times=times))

    def chances(self, graph: Graph, needs: Needs) -> dict[Use, float]:
        """How likely each use is to run in a call, if decisions are independent: 1 - (1 - frequency)^(decisions in a call)."""
        profile = read_profile(self.profile) if isinstance(self.profile, str) and self.profile else self.profile
        if not isinstance(profile, Profile):
            return dict.fromkeys(needs.uses, 1.0)
        check_belongs(profile, graph)
        found = {}
        for use in needs.uses:
            path = "" if use.choice is None or use.chained else str(use.choice.attrs["path"])
            seen = profile.selections.get(path)
            known = seen is not None and seen.decisions > 0 and profile.calls > 0
            found[use] = 1 - (1 - seen.frequencies[use.way]) ** (seen.decisions / profile.calls) if seen and known else 1.0
        return found


def _ungrouped(graph: Graph) -> Graph:
    """The graph with calls of members in the place of stacked products."""

    def plain(node: Node) -> Node | None:
        said = [name for name in ("word", "kernel") if node.attrs.get(name) == "grouped"]
        rest = {name: value for name, value in node.attrs.items() if name not in said}
        return replace(node, attrs=Attrs(rest)) if said else None

    return rebuild(graph, plain) if any(plain(node) for node in graph.nodes) else graph


def _outside(graph: Graph, always: int, allowed: int) -> Diagnostic:
    """More than the budget stands outside of chunks."""
    message = f"{always:,} bytes stand outside of chunks and are resident all the time, and the budget is {allowed:,}"
    hint = f"put more of the model into chunks, or give `memory` a budget of more than {always:,} bytes"
    return Diagnostic("CC0716", message, (Label(graph.span, "this model"),), hint)


def _alone(graph: Graph) -> list[Needs]:
    """What calls for each output alone need."""
    alone = [replace(graph, outputs=(pair,)) for pair in graph.outputs if len(graph.outputs) > 1]
    return [needs_of(demand(one)) for one in alone]


def _too_large(graph: Graph, use: Use, needs: Needs, always: int, allowed: int) -> Diagnostic:
    """A use that does not fit even alone."""
    size = sum(needs.units[unit] for unit in use.units)
    what = f"`{use.units[0]}`" if len(use.units) == 1 else f"what `{use.name}` needs together ({len(use.units)} chunks)"
    message = f"{what} takes {size:,} bytes, and the budget leaves {max(0, allowed - always):,} for chunks"
    declared = [chunk.span for chunk in graph.chunks if chunk.span and use.units[0] in _members(chunk.path, chunk.members)]
    labels = (Label(use.node.span, "called here"), *(Label(span, "declared here") for span in declared))
    outside = f": {always:,} bytes outside of chunks are resident all the time" if always else ""
    return Diagnostic("CC0716", message, labels, f"give `memory` a budget of {size + always:,} bytes at least{outside}")


def _members(path: str, members: tuple[str, ...]) -> set[str]:
    return {f"{path}.{member}" if member else path for member in members}
