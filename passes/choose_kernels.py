"""`choose-kernels`: how each fuse and each mask leaves out what is absent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from ..compiler.bodies import map_bodies
from ..compiler.cost import CPU, CostModel
from ..compiler.diagnostics import CompileError, Diagnostic, Label
from ..compiler.ir import Graph, Node, rebuild
from ..compiler.kernels import FUSE_KERNELS, MASK_KERNELS, kernels_of
from ..compiler.source import NOWHERE
from .kernel_costs import MARK, Estimate, possible

KERNELS = sorted({*FUSE_KERNELS, *(kernel for some in MASK_KERNELS.values() for kernel in some)})


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

    dims: str = ""
    """Sizes of the run-time dimensions of the inputs that are expected: `B=8,T=512`."""
    shares: str = ""
    """Kept shares that are expected, by the path of the selection: `live=0.3`; else as the rules say (`above`: one half)."""
    force: str = ""
    model: CostModel = CPU

    def apply(self, graph: Graph) -> Graph:
        """The graph with kernels chosen. `CompileError` (CC0719) for an option that cannot be read."""
        if self.force and self.force not in KERNELS:
            raise _wrong(f"there is no kernel `{self.force}`", f"there are {', '.join(KERNELS)}")
        sizes = {name: _whole(name, size) for name, size in _pairs(self.dims).items()}
        shares = {path: _share(path, share) for path, share in _pairs(self.shares).items()}
        if not self.force and (graph.training or not sizes):
            return graph
        marked = _marked(graph)
        if self.force:
            able = possible(marked)
            chosen = {mark: self.force for mark, kernels in able.items() if self.force in kernels}
        else:
            chosen = Estimate(self.model, shares, bool(graph.memory.get("budget"))).choices(marked, sizes)
        return _with_kernels(marked, chosen)


def _marked(graph: Graph) -> Graph:
    """The graph with a number on each node that a kernel may be chosen for, so that planning can be asked about it."""
    count = iter(range(1 << 62))

    def mark(node: Node) -> Node | None:
        return replace(node, attrs=node.attrs.but(**{MARK: next(count)})) if kernels_of(node) or node.op == "select" else None

    return map_bodies(graph, lambda one: rebuild(one, mark))


def _with_kernels(marked: Graph, chosen: Mapping[int, str]) -> Graph:
    def settle(node: Node) -> Node | None:
        if MARK not in node.attrs:
            return None
        attrs = {name: value for name, value in node.attrs.items() if name != MARK}
        kernel = chosen.get(node.attrs[MARK])
        return replace(node, attrs=type(node.attrs)({**attrs, "kernel": kernel} if kernel else attrs))

    return map_bodies(marked, lambda one: rebuild(one, settle))


def _pairs(text: str) -> dict[str, str]:
    """`a=1,b=2` as a mapping."""
    found: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = part.partition("=")
        if not equals or not name or name in found:
            raise _wrong(f"`{part}` is no NAME=VALUE, or comes twice", "write `B=8,T=512`")
        found[name] = value
    return found


def _whole(name: str, size: str) -> int:
    if not size.isdecimal() or not 0 < int(size) < 1 << 40:
        raise _wrong(f"`{name}={size}`: a size is a whole number above 0", "write `B=8,T=512`")
    return int(size)


def _share(path: str, share: str) -> float:
    try:
        value = float(share)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise _wrong(f"`{path}={share}`: a share is a number from 0 to 1", "write `gate=0.25`")
    return value


def _wrong(message: str, hint: str) -> CompileError:
    return CompileError([Diagnostic("CC0719", f"choose-kernels: {message}", (Label(NOWHERE),), hint)])
