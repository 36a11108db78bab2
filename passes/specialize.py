"""`specialize`: what an activity profile says of the ways, written beside each fuse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from ..compiler.ir import Attrs, Graph, Node, call_path
from ..compiler.planning.guards import HINTS
from ..compiler.profile import Activity, Profile, merged
from ..compiler.profile_reading import check_belongs, read_profile
from .rewrite import rebuild_knowing

Note = tuple[tuple[int, Any], ...]
"""What is to be written into a graph: by the place of a node, the hints of a fuse or the note of a call's body."""


@dataclass(frozen=True, slots=True)
class Specialize:
    """Marks, on each fuse by a selection, the ways that the profile never saw kept (`cold`), the others by frequency (`hot`), the
    sets of ways that whole calls kept (`paths`), and how many rows a way got at most (`capacity`).

    The law: attributes of a fuse that only say what is likely change nothing of its meaning. What is built on them asks the
    call's own decisions first: the plan has a `branch` that takes the computation of the hot ways alone where no decision keeps a
    cold one, the computation of one set alone where every decision keeps exactly that, and the full computation otherwise. So a
    profile of other data or other weights costs time and never a result. (Brainstorm, Cui et al., OSDI '23, drops inputs where
    its profile was wrong.)

    A body that is called in several places gets a copy for each that the profile tells apart. Only eval graphs are marked.

    - `profile`: the file, or a `Profile`; nothing is done without. `CompileError` if it is none, or of another model.
    - `decisions`: of a selection with fewer the profile says nothing: that a way was never kept is chance then.
    - `headroom`: what the largest share of rows is multiplied by for `capacity` (1 at most).
    - `paths`: how many sets to lay out; `share`: a set must have been kept by whole calls at least this often, among all.
    """

    name: ClassVar[str] = "specialize"
    profile: str | Profile = ""
    decisions: int = 256
    headroom: float = 1.25
    paths: int = 2
    share: float = 0.1

    def apply(self, graph: Graph) -> Graph:
        """The graph with its fuses marked."""
        if graph.training or self.profile == "":
            return graph
        profile = read_profile(self.profile) if isinstance(self.profile, str) else self.profile
        check_belongs(profile, graph)
        marking = _Marking(self, profile)
        return marking.written(graph, marking.note(graph, ("",)))

    def hints(self, seen: Activity | None, calls: int) -> tuple[tuple[str, Any], ...]:
        """The attributes of a fuse by a selection that did this in `calls` calls; () where that is too little to tell."""
        if seen is None or seen.decisions < max(1, self.decisions):
            return ()
        frequent = sorted((one for one in seen.sets if one.ways), key=lambda one: (-one.calls, one.ways))
        paths = tuple(one.ways for one in frequent[: self.paths] if one.calls >= max(1, self.share * calls))
        capacity = min(1.0, round(self.headroom * max(seen.most, default=0.0), 6))
        found: dict[str, Any] = {"cold": seen.never, "hot": seen.likely(seen.ways), "paths": paths, "capacity": capacity}
        return tuple((name, value) for name, value in found.items() if value != ())


@dataclass(slots=True)
class _Marking:
    """One graph being marked. `done`: bodies by what was written into them, so that what is alike stays shared."""

    options: Specialize
    profile: Profile
    done: dict[tuple[int, Note], tuple[Graph, Graph]] = field(default_factory=dict)

    def note(self, graph: Graph, callers: Sequence[str]) -> Note:
        """What is to be written into a graph that is called at these paths."""
        found: list[tuple[int, Any]] = []
        for place, node in enumerate(graph.nodes):
            if node.op == "fuse" and node.attrs["by"] and node.operands[-1].op == "select":
                path = str(node.operands[-1].attrs["path"])
                known = (self.profile.selections.get(caller + path) for caller in callers)
                seen = merged(one for one in known if one is not None)
                own: Any = self.options.hints(seen, self.profile.calls * len(callers))
            elif node.op == "apply" and node.attrs["body"] is not None:
                inner = [call_path(caller, node, member) for caller in callers for member in node.attrs["members"]]
                own = self.note(node.attrs["body"], inner)
            else:
                continue
            if own or any(name in node.attrs for name in HINTS):
                found.append((place, own))
        return tuple(found)

    def written(self, graph: Graph, note: Note) -> Graph:
        """The graph with a note written into it."""
        if not note:
            return graph
        key = id(graph), note
        if key not in self.done:
            notes = {graph.nodes[place]: own for place, own in note}
            # The graph is kept beside the result: while it lives, no other has its `id`.
            self.done[key] = graph, rebuild_knowing(graph, lambda old, new: self.node(new, notes[old]) if old in notes else None)
        return self.done[key][1]

    def node(self, node: Node, own: Any) -> Node:
        if node.op == "apply":
            return replace(node, attrs=node.attrs.but(body=self.written(node.attrs["body"], own)))
        kept = {name: value for name, value in node.attrs.items() if name not in HINTS}
        return replace(node, attrs=Attrs({**kept, **dict(own)}))
