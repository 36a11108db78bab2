"""`cache-masks`: what decides a selection is remembered across calls, for inputs that come again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

from ..compiler.bodies import body_order, lasting, map_bodies
from ..compiler.cost import CPU, Cost, CostModel
from ..compiler.dims import Dim, evaluate, product
from ..compiler.ir import Attrs, Graph, Node, outlined, reachable, users
from ..compiler.mixing import row_prefix
from ..compiler.ops import OPS
from ..compiler.planning.cones import body_giving, boundary, exclusive, matching
from ..compiler.profile import Activity, Profile, selections_of
from ..compiler.profile_reading import check_belongs, read_profile
from ..compiler.types import RecordType, TensorType, free_symbols
from ..compiler.work import bare_symbol, dense_work

LOOKING_S, BYTE_S = 1e-6, 1e-9
"""Seconds to look one row up and hold it, and more for each byte of its key (measured on one CPU core, `docs/caching.md`)."""


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
    - `entries`: how many rows are kept of what only the profile asks for; `model`: what computing a row costs.
    """

    name: ClassVar[str] = "cache-masks"

    profile: str | Profile = ""
    entries: int = 1024
    model: CostModel = CPU

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
    selects = [node for node in graph.nodes if node.op == "select"]
    for path in [str(one.attrs["path"]) for one in selects if one.attrs["cache"] or one.attrs["path"] in profiled]:
        select = next(node for node in graph.nodes if node.op == "select" and node.attrs["path"] == path)
        asked = select.attrs["cache"]
        if not _ranks_batch(select) and not _asks_one_by_one(select):
            part = _part(graph, select, changing)
            if part is not None and (part.pays(profiled[path], options.model) if not asked else part.worth_a_look):
                graph = _replaced(graph, part, path, asked or ("exact", options.entries))
    return graph


def _ranks_batch(select: Node) -> bool:
    """Whether samples are ranked together, or decided for as one."""
    rank = select.selection.kept.rank
    ranked = [axis for rule in select.attrs["rules"] if rule.kind in ("top", "first", "top_p") for axis in rule.over]
    return rank < 2 or -rank in ranked


def _asks_one_by_one(select: Node) -> bool:
    """Whether later scores are only asked for where earlier ways failed, which computes less than all of them."""
    return select.attrs["rules"][-1].kind == "first" and select.operands[0].op == "stack"


# ---- the part


@dataclass(frozen=True, slots=True)
class _Part:
    """The nodes that are set apart, what is passed to them, what they give, and how many leading axes are rows."""

    inside: set[Node]
    passed: list[Node]
    keys: tuple[bool, ...]
    """Which of what is passed depends on the call's inputs."""
    wanted: tuple[tuple[str, Node], ...]
    body: Graph
    rows: int

    def counted(self) -> tuple[int, int]:
        """Multiply-adds and bytes of the key of one row, where every other dimension is 16."""
        key = [node for node, mine in zip(self.passed, self.keys) if mine]
        dims = dict.fromkeys(sorted(frozenset().union(*(free_symbols(node.type) for node in self.passed))), 16)
        dims |= {str(size): 1 for node in key for size in node.shape[: self.rows] if isinstance(size, Dim)}
        macs = evaluate(dense_work(self.body, dims).macs, {})
        return macs, sum(4 * evaluate(product(node.shape[self.rows :]), dims) for node in key)

    @property
    def worth_a_look(self) -> bool:
        """Whether it takes at least a multiply-add for each number that is compared."""
        macs, size = self.counted()
        return macs >= size // 4

    def pays(self, seen: list[Activity], model: CostModel) -> bool:
        """Whether what repeated would have cost more than looking everything up."""
        decisions, repeats = sum(one.decisions for one in seen), sum(one.repeats or 0 for one in seen)
        macs, size = self.counted()
        return repeats * model.seconds([Cost(macs, launches=0)]) > decisions * (LOOKING_S + BYTE_S * size)


def _part(graph: Graph, select: Node, changing: frozenset[str]) -> _Part | None:
    """The largest part above a selection that may be cached, or None."""
    varies, barred = _varying(graph, changing)
    given, outside = _from(graph, varies, inputs=True), varies | _from(graph, {select.operands[0]}) - {select.operands[0]}
    roots = {node for node in _roots(select, outside) if node in given and node not in barred}
    reads = users(graph)
    sinks = {reader for root in roots for reader in reads[root]}
    inside = exclusive(graph, roots, sinks, reads, (set(graph.roots) - roots) | outside | barred)
    wanted = [node for node in graph.nodes if node in inside and node in roots]
    below = {node for node in inside if node in reachable(wanted)}
    passed = boundary(graph, below)
    keys = tuple(node in given for node in passed)
    if not wanted or not any(keys) or not _sized(below, passed) or set(passed) & _from(graph, below):
        return None
    decided = select.selection.kept.shape[:-1]
    counts = [matching(node, decided) if mine else None for node, mine in zip(passed, keys)]
    if any(mine and count is None for mine, count in zip(keys, counts)):
        return None
    slots = dict(zip(reversed(select.operands), reversed(select.attrs["slots"])))
    named = tuple((slots.get(node, f"part_{i}").replace(".", "_"), node) for i, node in enumerate(wanted))
    body = body_giving(graph, named, below, passed)
    rows = row_prefix(body, counts)
    return _Part(below, passed, keys, named, body, rows) if rows else None


def _sized(inside: set[Node], passed: list[Node]) -> bool:
    """Whether every size that a body would speak of stands bare in the shape of something passed to it."""
    bare = {name for node in passed for size in node.shape if (name := bare_symbol(size))}
    return all(free_symbols(node.type) <= bare for node in (*inside, *passed))


def _roots(select: Node, outside: set[Node]) -> Iterator[Node]:
    """The operands of a selection; of one that has to stay outside, what it is made of."""
    ahead, seen = [*reversed(select.operands)], set[Node]()
    while ahead:
        node = ahead.pop()
        if node in seen or not isinstance(node.type, TensorType):
            continue
        seen.add(node)
        if node not in outside:
            yield node
        elif node.op in OPS and not OPS[node.op].random:
            ahead.extend(reversed(node.operands))


def _varying(graph: Graph, changing: frozenset[str]) -> tuple[set[Node], set[Node]]:
    """What gives another value for equal inputs (draws, states that calls change); and what must not be set apart: decisions,
    calls that leave something, parts that are set apart already."""
    effects = lasting(graph)
    varies: set[Node] = set()
    barred: set[Node] = set()
    for node in graph.nodes:
        own = (node.op in OPS and OPS[node.op].random) or (node.op == "state" and node.attrs["path"] in changing)
        if node.op == "apply":
            body = node.attrs["body"]
            plain = body is not None and id(body) not in effects and not node.attrs.get("word")
            if not plain or any(_decides(one, changing) for one in (body, *body_order(body))):
                barred.add(node)
                own = body is None or any(_random(one, changing) for one in (body, *body_order(body)))
        if node.op == "select":
            barred.add(node)
        if own or any(operand in varies for operand in node.operands):
            varies.add(node)
    return varies, barred


def _random(body: Graph, changing: frozenset[str]) -> bool:
    """Whether a body gives another value for equal inputs."""
    return any(
        (node.op in OPS and OPS[node.op].random) or (node.op == "state" and node.attrs["path"] in changing) for node in body.nodes
    )


def _decides(body: Graph, changing: frozenset[str]) -> bool:
    return _random(body, changing) or any(node.op == "select" or node.attrs.get("word") for node in body.nodes)


def _from(graph: Graph, nodes: set[Node], inputs: bool = False) -> set[Node]:
    """These nodes (and the `inputs`) and all that depends on them."""
    found = {node for node in graph.nodes if inputs and node.op == "input"} | nodes
    for node in graph.nodes:
        if any(operand in found for operand in node.operands):
            found.add(node)
    return found


# ---- the graph with it


def _replaced(graph: Graph, part: _Part, path: str, cache: tuple[object, ...]) -> Graph:
    """The graph with the part as one `cached` node, and its fields where it gives several values."""
    types = tuple((name, node.tensor) for name, node in part.wanted)
    kind = types[0][1] if len(types) == 1 else RecordType(types)
    spot, after = part.wanted[0][1], _from(graph, part.inside)
    place = {node: i for i, node in enumerate(graph.nodes)}
    last = max(place[node] for node in (part.wanted[0][1], *part.passed))
    early = [node for node in graph.nodes[: last + 1] if node not in part.inside and node not in after]
    done: dict[Node, Node] = {}
    order: list[Node] = []

    def add(nodes: list[Node]) -> None:
        for node in nodes:
            done[node] = node.with_operands(done[operand] for operand in node.operands)
            order.append(done[node])

    add(early)
    method, *sizes = cache
    more = {"bits": sizes[0]} if method == "fingerprint" else {}
    operands = [done[node] for node in part.passed]
    name = spot.name if len(types) == 1 else ""
    made = outlined(
        "cached", part.body, operands, kind, spot.span, name, path=path, entries=sizes[-1], rows=part.rows, keys=part.keys, **more
    )
    order.append(made)
    for label, node in part.wanted:
        done[node] = made
        if len(types) > 1:
            done[node] = Node("field", (made,), Attrs(name=label), node.type, node.span, node.name)
            order.append(done[node])
    known = set(early) | part.inside
    add([node for node in graph.nodes if node not in known])
    return replace(
        graph,
        nodes=tuple(order),
        outputs=tuple((name, done[node]) for name, node in graph.outputs),
        losses=tuple((name, done[node]) for name, node in graph.losses),
        nexts=tuple((done[state], done[value]) for state, value in graph.nexts),
    )
