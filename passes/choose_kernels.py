"""`choose-kernels`: how each fuse, mask and packed call leaves out what is absent."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from ..compiler.bodies import map_bodies
from ..compiler.cost import CPU, CostModel, Roofline
from ..compiler.ir import Graph, Node, rebuild
from ..compiler.kernels import kernels_of
from ..compiler.profile import Profile, selections_of
from ..compiler.profile_reading import check_belongs, read_profile
from .expected_sizes import shares_of, sizes_of
from .kernel_costs import MARK, Estimate, possible


@dataclass(frozen=True, slots=True)
class ChooseKernels:
    """Writes the attribute `kernel` of fuses and masks: what the cost model says is fastest, or what `force` says.

    The law: every kernel gives the dense meaning over the reals (`compiler.kernels`), so a choice moves no value; decisions,
    draws and their paths are the same under each. Where a kernel cannot be had, backends fall back to `dense`, which always can.

    Nothing is chosen where the sizes of a call are not known (`dims` names them), in a training graph (a stream that is computed
    and dropped could give a gradient that is not finite), nor against a memory budget: `dense` would load what is not kept.
    `force` chooses without asking, everywhere where that kernel is possible.
    """

    name: ClassVar[str] = "choose-kernels"
    lowering: ClassVar[bool] = True

    dims: str = ""
    """Sizes of the run-time dimensions of the inputs that are expected: `B=8,T=512`."""
    shares: str = ""
    """Kept shares that are expected, by the path of the selection: `live=0.3`; else as the rules say (`above`: one half)."""
    profile: str | Profile = ""
    """The file of an activity profile, or a `Profile`: the shares that were kept when it was recorded. `CompileError` if it is
    none, or of another model."""
    force: Literal["", "dense", "gather", "grouped", "union", "blocks", "padded"] = ""
    machine: str = ""
    """The roofline of a processor core: multiply-adds a second, bytes a second, seconds a launch, as `python -m
    benchmarks.calibrate` prints them: `52.2e9,15.5e9,3.2e-6`."""
    model: CostModel = CPU
    """What to choose by where no `machine` is given."""

    def __post_init__(self) -> None:
        sizes_of(self.dims), shares_of(self.shares), _roofline(self.machine)

    def apply(self, graph: Graph) -> Graph:
        """The graph with kernels chosen."""
        sizes = sizes_of(self.dims)
        if not self.force and (graph.training or not sizes):
            return graph
        before: dict[int, str] = {}
        marked = with_marks(graph, before)
        chosen: dict[int, str]
        if self.force:
            chosen = {mark: self.force for mark, kernels in possible(marked).items() if self.force in kernels}
        else:
            seen = _recorded(marked, self.profile) if self.profile != "" else {}
            budget = bool(graph.memory.get("budget"))
            model = _roofline(self.machine) or self.model
            chosen = Estimate(model, shares_of(self.shares), seen, budget).choices(marked, sizes)
        return _with_kernels(marked, {**before, **chosen})


def with_marks(graph: Graph, before: dict[int, str]) -> Graph:
    """The graph with a number on each node that a kernel may be chosen for, so that planning can be asked about it, and without
    the kernels that were chosen `before`, which are told by mark."""
    count = itertools.count()

    def mark(node: Node) -> Node | None:
        if not kernels_of(node) and node.op != "select":
            return None
        number = next(count)
        if "kernel" in node.attrs:
            before[number] = node.attrs["kernel"]
        rest = {name: value for name, value in node.attrs.items() if name != "kernel"}
        return replace(node, attrs=type(node.attrs)({**rest, MARK: number}))

    return map_bodies(graph, lambda one: rebuild(one, mark))


def _recorded(marked: Graph, given: str | Profile) -> dict[int, float]:
    """By mark, the share of all ways and decisions that a selection kept in a profile, at all the paths that lead to it."""
    profile = read_profile(given) if isinstance(given, str) else given
    check_belongs(profile, marked)
    counts: dict[int, tuple[int, int]] = {}
    for path, select in selections_of(marked).items():
        if path in profile.selections:
            one, (kept, all_ways) = profile.selections[path], counts.get(select.attrs[MARK], (0, 0))
            counts[select.attrs[MARK]] = kept + sum(one.kept), all_ways + one.decisions * one.ways
    return {mark: kept / all_ways for mark, (kept, all_ways) in counts.items() if all_ways}


def _with_kernels(marked: Graph, chosen: Mapping[int, str]) -> Graph:
    def settle(node: Node) -> Node | None:
        if MARK not in node.attrs:
            return None
        attrs = {name: value for name, value in node.attrs.items() if name != MARK}
        kernel = chosen.get(node.attrs[MARK])
        return replace(node, attrs=type(node.attrs)({**attrs, "kernel": kernel} if kernel else attrs))

    return map_bodies(marked, lambda one: rebuild(one, settle))


def _roofline(text: str) -> Roofline | None:
    """Three numbers with commas between; None for no text."""
    numbers = [float(number) for number in text.split(",")] if text else []
    if len(numbers) not in (0, 3) or not all(0 < number < math.inf for number in numbers):
        raise ValueError(f"`{text}` is no machine: multiply-adds a second, bytes a second, seconds a launch")
    return Roofline(numbers[0], numbers[1], numbers[2], overlaps=False) if numbers else None
