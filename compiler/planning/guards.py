"""Guards: computations that a profile found likely, each with the question that the call's own decisions must answer first.

The law: the rows of a way are the positions that keep it. So where a way has none, its stream is read nowhere; and where some
ways have all positions and the others none, the fuse is the sum of these ways everywhere, with nothing taken out or put back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..bodies import body_order, map_bodies
from ..ir import Attrs, Graph, Node, rebuild
from ..kernels import kernel_of
from ..plan import Way
from .grouping import runs_together

HINTS = ("cold", "hot", "paths", "capacity")
"""The attributes that a profile gives a fuse."""


@dataclass(frozen=True, slots=True)
class Guard:
    """What may run in the place of a routed fuse.

    - `idle`: ways that are left out where none of them has rows; () if there is nothing to leave out;
    - `paths`: sets of ways that are computed everywhere, where each has all rows and the others none.
    """

    idle: tuple[int, ...]
    paths: tuple[tuple[int, ...], ...]

    def text(self, path: str) -> str:
        """What is asked of the selection at `path`, in words."""
        asked = [f"is {' '.join(map(str, one))}" for one in self.paths]
        asked += [f"without {' '.join(map(str, self.idle))}"] if self.idle else []
        return f"{path}: {' | '.join(asked)}"


def guard_of(fuse: Node, ways: Sequence[Way], axes: int) -> Guard | None:
    """The guard of a fuse whose ways run on the kept positions of `axes` leading axes; None where its hints are of no use.

    A way that decides, draws or leaves anything besides its value is never left out, for it has to leave as much. A path needs
    decisions no finer than a row, and sums (what is joined has a place for absent ways too). Where all ways run as one product,
    a way without rows costs nothing, and there is nothing to leave out.
    """
    quiet = [silent(way.apply.attrs["body"]) for way in ways]
    idle = () if _together(fuse, ways) else tuple(way for way in fuse.attrs.get("cold", ()) if quiet[way])
    if len(idle) == len(ways):
        idle = idle[1:]  # one way is run, on no rows, for the shape of its result
    paths: tuple[tuple[int, ...], ...] = ()
    whole = len(fuse.operands[-1].selection.kept.shape) - 1 <= axes
    if whole and all(quiet):
        joined = fuse.attrs["kind"] in ("concat", "stack")
        paths = tuple(path for path in fuse.attrs.get("paths", ()) if path and (not joined or len(path) == len(ways)))
    return Guard(idle, paths) if idle or paths else None


def _together(fuse: Node, ways: Sequence[Way]) -> bool:
    """Whether the rows of all ways run as products of stacked weights."""
    apply = ways[0].apply
    meant = apply.attrs.get("word") == "grouped" and kernel_of(fuse) in ("", "grouped")
    return meant and runs_together(apply.attrs["body"])


def silent(body: Graph) -> bool:
    """Whether a call of a body does nothing but give its value: no decision, draw, loss or next state at any depth."""
    graphs = (body, *body_order(body))
    return not any(
        one.nexts or (one.training and one.losses) or any(node.op in ("select", "uniform", "ladder") for node in one.nodes)
        for one in graphs
    )


def unguarded(graph: Graph) -> Graph:
    """The graph without what a profile said: for a text that has no host to ask."""

    def plain(node: Node) -> Node | None:
        if node.op != "fuse" or not any(name in node.attrs for name in HINTS):
            return None
        return replace(node, attrs=Attrs({name: value for name, value in node.attrs.items() if name not in HINTS}))

    return map_bodies(graph, lambda one: rebuild(one, plain))
