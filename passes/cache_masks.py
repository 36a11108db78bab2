"""`cache-masks`: what decides a selection is remembered across calls, for inputs that come again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from ..compiler.bodies import body_order, map_bodies
from ..compiler.cost import CPU, CostModel
from ..compiler.ir import Attrs, Graph, Node, outlined
from ..compiler.profile import Activity, Profile, selections_of
from ..compiler.profile_reading import check_belongs, read_profile
from ..compiler.types import RecordType
from .cached_parts import Part, Scene
from .expected_sizes import sizes_of


@dataclass(frozen=True, slots=True)
class CacheMasks:
    """What a selection's score is computed by becomes a `cached` part, keyed by all it reads of the call's inputs.

    The law: a part that reads nothing but its operands and parameters, draws nothing and leaves nothing, gives equal bits for
    equal bits, and the parameters stay until the cache is emptied (`docs/caching.md`). It is keyed row by row where each of its
    rows depends on the same row of the operands alone. The selection itself is made from these values in every call, so that
    decisions, statistics and replay are what they were. `fingerprint` keys are not whole: then equal bits are not promised, and
    so it is made only where the spec asks for it.

    Fires where the spec says `cache = …`, or the profile shows repeats that cost more to compute than to look up. Refused: in
    training; where one decision depends on the rest of the batch, by its score or its ranking; where a `first` asks for scores
    one by one; where the part draws, decides, or reads a state that calls change (what stands above that is still cached); and
    where computing is no more than comparing. What is made of the score (its weights) stays outside, where it is made at least
    in f32.

    - `profile`: the file, or a `Profile`; without one only the spec asks. `CompileError` if it is none, or of another model.
    - `entries`: how many rows are kept of what only the profile asks for.
    - `dims`: sizes of the run-time dimensions that are expected: `B=8,T=512`; then computing is weighed against looking up in a
      call of these sizes, by `model`.
    """

    name: ClassVar[str] = "cache-masks"

    profile: str | Profile = ""
    entries: int = 1024
    dims: str = ""
    model: CostModel = CPU

    def __post_init__(self) -> None:
        sizes_of(self.dims)

    def apply(self, graph: Graph) -> Graph:
        """The graph and its bodies with `cached` parts; a training graph as it is."""
        if graph.training:
            return graph
        profile = read_profile(self.profile) if isinstance(self.profile, str) and self.profile else self.profile
        profiled = _profiled(graph, profile) if isinstance(profile, Profile) else {}
        bodies = (graph, *body_order(graph))
        changing = frozenset(str(state.attrs["path"]) for body in bodies for state, _ in body.nexts)
        return map_bodies(graph, lambda body: _cached(body, changing, profiled, self))


def _profiled(graph: Graph, profile: Profile) -> dict[str, list[Activity]]:
    """What the profile says of the selections of each local path (several where members of an array share a body)."""
    check_belongs(profile, graph)
    found: dict[str, list[Activity]] = {}
    for path, select in selections_of(graph).items():
        if path in profile.selections:
            found.setdefault(str(select.attrs["path"]), []).append(profile.selections[path])
    return found


def _cached(graph: Graph, changing: frozenset[str], profiled: dict[str, list[Activity]], options: CacheMasks) -> Graph:
    """The graph with all parts that do not overlap, and again, until there is none."""
    while True:
        asked = [node for node in graph.nodes if node.op == "select" and (node.attrs["cache"] or node.attrs["path"] in profiled)]
        scene = Scene(graph, changing) if asked else None
        taken: set[Node] = set()
        found: list[tuple[Part, str, tuple[Any, ...]]] = []
        for select in asked:
            assert scene is not None
            path, cache = str(select.attrs["path"]), select.attrs["cache"]
            part = None if _ranks_batch(select) or _asks_one_by_one(select) else scene.part(select)
            if part is None or part.inside & taken:
                continue
            if part.worth_a_look if cache else part.pays(profiled[path], options.model, sizes_of(options.dims)):
                found.append((part, path, cache or ("exact", options.entries)))
                taken |= part.inside
        if not found:
            return graph
        # Parts that read each other's values cannot all stand in one graph: then one at a time.
        replaced = _replaced(graph, found) or _replaced(graph, found[:1])
        assert replaced is not None, "a part alone is made before all that reads it"
        graph = replaced


def _ranks_batch(select: Node) -> bool:
    """Whether samples are ranked together, or decided for as one."""
    rank = select.selection.kept.rank
    ranked = [axis for rule in select.attrs["rules"] if rule.kind in ("top", "first", "top_p") for axis in rule.over]
    return rank < 2 or -rank in ranked


def _asks_one_by_one(select: Node) -> bool:
    """Whether later scores are only asked for where earlier ways failed, which computes less than all of them."""
    return select.attrs["rules"][-1].kind == "first" and select.operands[0].op == "stack"


# ---- the graph with them


def _replaced(graph: Graph, found: Sequence[tuple[Part, str, tuple[Any, ...]]]) -> Graph | None:
    """The graph with each part as one `cached` node, and its fields where it gives several values; None where no order fits."""
    home = {node: i for i, (part, _, _) in enumerate(found) for node in part.inside}
    done: dict[Node, Node] = {}
    order: list[Node] = []
    made: set[int] = set()

    def needs(item: Node | int) -> Sequence[Node | int]:
        below = found[item][0].passed if isinstance(item, int) else item.operands
        return [home.get(node, node) for node in below]

    def place(item: Node | int) -> None:
        if isinstance(item, int):
            made.add(item)
            order.extend(_nodes(*found[item], done))
        else:
            done[item] = item.with_operands(done[operand] for operand in item.operands)
            order.append(done[item])

    for node in (*graph.inputs, *graph.nodes):
        stack: list[tuple[Node | int, bool]] = [(home.get(node, node), False)]
        under_way: set[Node | int] = set()
        while stack:
            item, ready = stack.pop()
            if item in made or item in done:
                continue
            if ready:
                place(item)
            elif item in under_way:
                return None
            else:
                under_way.add(item)
                stack.append((item, True))
                stack.extend((below, False) for below in reversed(needs(item)))
    return replace(
        graph,
        nodes=tuple(order),
        outputs=tuple((name, done[node]) for name, node in graph.outputs),
        losses=tuple((name, done[node]) for name, node in graph.losses),
        nexts=tuple((done[state], done[value]) for state, value in graph.nexts),
    )


def _nodes(part: Part, path: str, cache: tuple[Any, ...], done: dict[Node, Node]) -> list[Node]:
    """The `cached` node of a part and its fields; `done` is told what stands for the values it gives."""
    method, *sizes = cache
    types = tuple((name, node.tensor) for name, node in part.wanted)
    kind = types[0][1] if len(types) == 1 else RecordType(types)
    spot = part.wanted[0][1]
    said = {"path": path, "entries": sizes[-1], "rows": part.rows, "keys": part.keys}
    said |= {"bits": sizes[0]} if method == "fingerprint" else {}
    operands = [done[node] for node in part.passed]
    whole = outlined("cached", part.body, operands, kind, spot.span, spot.name if len(types) == 1 else "", **said)
    if len(types) == 1:
        done[spot] = whole
        return [whole]
    for label, node in part.wanted:
        done[node] = Node("field", (whole,), Attrs(name=label), node.type, node.span, node.name)
    return [whole, *(done[node] for _, node in part.wanted)]
