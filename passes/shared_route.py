"""Fuses by one selection that keeps at most one way: the later stays on the rows that the earlier gathered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..compiler.bodies import lasting
from ..compiler.dims import Size, evaluate, symbols
from ..compiler.ir import Attrs, Graph, Node, streams_of, users
from ..compiler.mixing import value_rows
from ..compiler.ops import OPS
from ..compiler.planning.cones import FREE, body_of, boundary, matching
from ..compiler.types import BundleType, TensorType, tensor_types
from .rewrite import Site, substituted
from .route_results import results
from .ways import at_most_one, plain, positions

Cones = tuple[frozenset[Node], ...]
"""For each way of a fuse, the nodes between the earlier fuses and its stream."""


def joined_routes(graph: Graph) -> Graph:
    """The graph with fuses by one selection joined where one feeds the other.

    The law: where way i is kept, and so no other, a fuse is `wᵢ · sᵢ`. A later stream i is read only there; so in it, as far as
    it works on each position for itself, the earlier fuse may be replaced by `wᵢ · sᵢ`, and is then needed by others only. If
    there are such, the streams of both are one, side by side, fused once, and each has its columns of the result. What is
    copied computes no products, or is needed by the stream alone.
    """
    for path in dict.fromkeys(str(node.operands[-1].attrs["path"]) for node in graph.nodes if _fits(node)):
        while (joined := _joined(graph, path)) is not None:
            graph = joined
    return graph


def _fits(node: Node) -> bool:
    """A fuse whose streams are calls or values, and which is one of them where it keeps."""
    if not plain(node) or node.attrs["kind"] not in ("sum", "mean") or not at_most_one(node.operands[-1]):
        return False
    return all(_is_stream(stream) for stream in streams_of(node)[0])


def _is_stream(stream: Node) -> bool:
    """A value or a whole array's calls; a body called `among` others is packed as it stands, and what passes outlined stays."""
    if stream.op == "apply" and (stream.attrs.get("among") or "word" in stream.attrs):
        return False
    divisible = stream.op == "apply" and all(isinstance(operand.type, TensorType) for operand in stream.operands)
    return isinstance(stream.type, TensorType) or divisible


def _fuses(graph: Graph, path: str) -> list[Node]:
    return [node for node in graph.nodes if _fits(node) and node.operands[-1].attrs["path"] == path]


def _joined(graph: Graph, path: str) -> Graph | None:
    """The graph with the first run of a selection's fuses joined that can be, or None."""
    whole = _fuses(graph, path)
    if len(whole) < 2:
        return None
    apart = _members_apart(graph, whole)
    for places in _runs(apart, _fuses(apart, path)):
        own = _members_apart(graph, [whole[place] for place in places])
        fuses = _fuses(own, path)
        joined = _Run.of(own, [fuses[place] for place in places]).joined()
        if joined is not None:
            return joined
    return None


def _members_apart(graph: Graph, fuses: Sequence[Node]) -> Graph:
    """The graph with the arrays that these fuses read called member by member."""
    changes: dict[Node, Node] = {}
    for fuse in fuses:
        streams, by = streams_of(fuse)
        assert by is not None
        if any(isinstance(stream.type, BundleType) for stream in streams):
            changes[fuse] = replace(fuse, operands=(*(one for stream in streams for one in _members(stream)), by))
    return substituted(graph, changes) if changes else graph


def _members(bundle: Node) -> list[Node]:
    if not isinstance(bundle.type, BundleType):
        return [bundle]
    single = bundle.attrs.but(single=True, zipped=False)
    return [
        replace(
            bundle,
            operands=(bundle.operands[i],) if bundle.attrs["zipped"] else bundle.operands,
            attrs=single.but(members=(member,)),
            type=bundle.type.element,
            name=f"{bundle.name}_{member}" if bundle.name else "",
        )
        for i, member in enumerate(bundle.attrs["members"])
    ]


def _runs(graph: Graph, fuses: Sequence[Node]) -> Iterator[list[int]]:
    """The places of fuses of which each is fed by one before it in the run, and could be joined with them."""
    found = _Run.of(graph, fuses)
    first = 0
    for place in range(1, len(fuses) + 1):
        if place == len(fuses) or found.cones(fuses[place], fuses[first:place]) is None:
            if place - first > 1:
                yield list(range(first, place))
            first, found.settled = place, []


@dataclass(slots=True)
class _Run:
    """Fuses by one selection in one graph. For each way, `settled` is what earlier cones hold, and `terms` are the fuses joined
    so far, and what is made of them, where that way is kept; `weights` tell how much it counts, by rank and dtype."""

    graph: Graph
    fuses: Sequence[Node]
    reads: Mapping[Node, list[Node]]
    effects: frozenset[int]
    places: Mapping[Node, int]
    fed: dict[Node, set[Node]] = field(default_factory=dict)
    settled: list[set[Node]] = field(default_factory=list)
    terms: list[dict[Node, Node]] = field(default_factory=list)
    weights: dict[tuple[int, int, str], Node] = field(default_factory=dict)

    @classmethod
    def of(cls, graph: Graph, fuses: Sequence[Node]) -> _Run:
        places = {node: place for place, node in enumerate(graph.nodes)}
        return cls(graph, fuses, users(graph), lasting(graph), places)

    @property
    def select(self) -> Node:
        return self.fuses[0].operands[-1]

    # ---- what lies between

    def cones(self, fuse: Node, earlier: Sequence[Node]) -> Cones | None:
        """The cones of a fuse over earlier ones, or None where it cannot be joined with them. What lies below an earlier cone
        was looked at with it."""
        members, fed = set(earlier), self._fed(earlier[0])
        streams = fuse.operands[:-1]
        if not any(stream in fed for stream in streams) or any(positions(one) != positions(fuse) for one in members):
            return None
        self.settled = self.settled or [set() for _ in streams]
        ends = [members | settled for settled in self.settled]
        found = tuple(self._cone(stream, fed, end) for stream, end in zip(streams, ends))
        if fuse.operands[-1] in fed or not all(self._copies(cone, found, fuse) for cone in found):
            return None
        if not all(self._apart(cone, stream, end, fuse) for cone, stream, end in zip(found, streams, ends)):
            return None
        for settled, cone in zip(self.settled, found):
            settled |= cone
        return found

    def _fed(self, first: Node) -> set[Node]:
        """What depends on the first fuse of a run, and so on any: each later one does itself."""
        if first not in self.fed:
            found = {first}
            for node in self.graph.nodes[self.places[first] :]:
                if any(operand in found for operand in node.operands):
                    found.add(node)
            self.fed[first] = found
        return self.fed[first]

    def _cone(self, stream: Node, fed: set[Node], ends: set[Node]) -> frozenset[Node]:
        inside, stack = set[Node](), [stream]
        while stack:
            node = stack.pop()
            if node in fed and node not in ends and node not in inside:
                inside.add(node)
                stack.extend(node.operands)
        return frozenset(inside)

    def _copies(self, cone: frozenset[Node], cones: Cones, fuse: Node) -> bool:
        """Whether the nodes of a cone may be made anew: ops without products, or what nothing but the streams needs."""
        within = frozenset().union(*cones) | {fuse}
        for node in cone:
            alone = node not in self.graph.roots and all(reader in within for reader in self.reads[node])
            if node.op == "apply":
                own = alone and sum(node in other for other in cones) == 1
                plain = node.attrs["body"] is not None and id(node.attrs["body"]) not in self.effects
                if not own or not plain or node.attrs.get("among") or "word" in node.attrs:
                    return False
            elif node.op == "field":
                if not isinstance(node.type, TensorType) or node.operands[0] not in cone:
                    return False
            elif node.op not in OPS or OPS[node.op].random or not (alone or _free(node)):
                return False
        return True

    def _apart(self, cone: frozenset[Node], stream: Node, ends: set[Node], fuse: Node) -> bool:
        """Whether each position of a stream, and of all on the way, depends on no other position of what the cone ends at."""
        if not cone:
            return True
        part = replace(self.graph, nodes=tuple(sorted(cone, key=self.places.__getitem__)))
        passed = boundary(part, set(cone))
        if not all(isinstance(node.type, TensorType) for node in passed):
            return False
        decided = positions(fuse)
        body = body_of(part, stream, set(cone), passed)
        rows = [len(decided) if node in ends else matching(node, decided) for node in passed]
        found = value_rows(body, rows, len(decided))
        return all((found[node] or 0) >= len(decided) and _leads(node, decided) for node in body.nodes if _computed(node))

    # ---- joining

    def joined(self) -> Graph | None:
        """The graph with these fuses joined, or None where their results do not stand side by side."""
        ways = len(self.fuses[0].operands) - 1
        self.terms = [{} for _ in range(ways)]
        streams: dict[Node, list[Node]] = {}
        for place, fuse in enumerate(self.fuses):
            cones = self.cones(fuse, self.fuses[:place]) if place else tuple(frozenset[Node]() for _ in range(ways))
            if cones is None:
                return None
            streams[fuse] = [self._within(way, stream, cone) for way, (stream, cone) in enumerate(zip(fuse.operands, cones))]
            for way, stream in enumerate(streams[fuse]):
                self.terms[way][fuse] = self._weighted(fuse, stream, way)
        changes = results(self.graph, streams)
        return None if changes is None else substituted(self.graph, changes)

    def _within(self, way: int, stream: Node, cone: frozenset[Node]) -> Node:
        """A stream with the earlier fuses as they are where its way is kept."""
        done = self.terms[way]
        for node in sorted(cone, key=self.places.__getitem__):
            if node not in done:
                done[node] = node.with_operands(done.get(operand, operand) for operand in node.operands)
        return done.get(stream, stream)

    def _weighted(self, fuse: Node, stream: Node, way: int) -> Node:
        if self.select.slot("weight") is None:
            return stream
        site = Site(replace(fuse, name=""))
        key = (way, stream.tensor.rank, stream.tensor.dtype)
        if key not in self.weights:
            self.weights[key] = self._weight(site, *key)
        return site.op("mul", stream, self.weights[key])

    def _weight(self, site: Site, way: int, rank: int, dtype: str) -> Node:
        """The weight of a way, aligned with a stream of this rank."""
        kind = self.select.selection.weight
        weight = site.op("index", Node("field", (self.select,), Attrs(name="weight"), kind, site.node.span), axis=-1, index=way)
        for _ in range(rank - weight.tensor.rank if weight.tensor.rank else 0):
            weight = site.op("unsqueeze", weight, axis=-1)
        return weight if kind.dtype == dtype else site.op("cast", weight, dtype=dtype)


def _free(node: Node) -> bool:
    """Whether an op computes no products at any size."""
    macs = OPS[node.op].cost([operand.tensor for operand in node.operands], node.attrs, node.tensor).macs
    return evaluate(macs, dict.fromkeys(symbols(macs), 1)) == 0


def _leads(node: Node, decided: tuple[Size, ...]) -> bool:
    """Whether all tensors of a value start with the positions that are decided on."""
    return all(kind.shape[: len(decided)] == decided for kind in tensor_types(node.type))


def _computed(node: Node) -> bool:
    return node.op not in FREE and node.op != "input"
