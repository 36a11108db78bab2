"""Ladders: `first(1)` asks for way i only where all earlier ways failed, so their scores and streams are computed rung by rung.

The law: with `keep = above(t) |> first(1)` way i is kept where its own score passes and no earlier one did. So where an
earlier way is kept, neither the score nor the stream of way i is read, and what only they need may run on the positions still
left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ..dims import Size
from ..ir import Attrs, Graph, Node, reachable, streams_of
from ..mixing import row_prefix
from ..types import TensorType
from ..work import PRODUCTS
from .cones import FREE, body_of, boundary, exclusive, matching, sizes_known

Source = tuple[int, int]
"""Where an input of a rung comes from: (-1, operand of the ladder), or (rung, its output)."""


@dataclass(frozen=True, slots=True, eq=False)
class Rung:
    """What one more way needs. `apply` holds the body, whose first outputs are `score` (if it is asked) and `value`.

    `sources` and `gathered` are of its inputs: where they come from, and whether they have the positions. What the value alone
    needs is not computed for what the score does not keep: it is `late`, a body of its own, and then `apply` gives no value.
    """

    apply: Node
    sources: tuple[Source, ...]
    gathered: tuple[bool, ...]
    scored: bool
    late: Rung | None = None

    @property
    def applies(self) -> tuple[Node, ...]:
        """The calls of a rung, in order."""
        return (self.apply, self.late.apply) if self.late else (self.apply,)


def find_ladder(graph: Graph, fuse: Node, reads: Mapping[Node, list[Node]], last: set[Node]) -> tuple[Node, set[Node]] | None:
    """The `ladder` node that stands for a fuse and its selection, over nodes of the graph, and the nodes that it takes in."""
    streams, select = streams_of(fuse)
    assert select is not None
    scores = _scores(select, streams, reads)
    if scores is None or reads[select] != [fuse] or not all(isinstance(stream.type, TensorType) for stream in streams):
        return None
    stack = select.operands[0]
    sure = not select.attrs["fallback"]
    asked = [(score, stream) for score, stream in zip(scores, streams)]
    roots = {node for pair in asked for node in pair}
    inside = exclusive(graph, roots, {fuse, stack}, reads, last)
    stages: list[set[Node]] = []
    for i, (score, stream) in enumerate(asked):
        wanted = [stream] if i + 1 == len(asked) and not sure else [score, stream]
        below = reachable(wanted) & inside
        stages.append({node for node in below if not any(node in earlier for earlier in stages)})
    if not select.selection.kept.shape[:-1] or not any(stages[1:]) or not all(sizes_known(graph, stage) for stage in stages[1:]):
        return None
    ladder = _build(graph, fuse, select, asked, stages, reads)
    return None if ladder is None else (ladder, {select, stack, *inside})


def _scores(select: Node, streams: tuple[Node, ...], reads: Mapping[Node, list[Node]]) -> tuple[Node, ...] | None:
    """One score a way, if the selection is of the form that can be asked way by way."""
    attrs, stack = select.attrs, select.operands[0]
    *tests, first = attrs["rules"]
    plain = not attrs["levels"] if "levels" in attrs else True
    slots = set(attrs["slots"]) - {"score", "weight"} - {rule.threshold for rule in tests} - {rule.of for rule in tests}
    if not plain or slots or first.kind != "first" or first.amount != 1 or first.over != (-1,) or not tests:
        return None
    if "weight" not in attrs["slots"] or any(rule.kind != "above" or select.slot(rule.of) is not stack for rule in tests):
        return None
    if attrs["fallback"] not in ((), ("last",)) or attrs["renormalise"]:
        return None
    limits = [select.slot(rule.threshold) for rule in tests if rule.threshold]
    settled = [node for node in (select.slot("weight"), *limits) if node is not None and not _settled(node, stack)]
    if settled or any(limit is not None and limit.tensor.rank for limit in limits):
        return None
    if stack.op != "stack" or stack.attrs["axis"] != -1 or len(stack.operands) != len(streams) or set(reads[stack]) != {select}:
        return None
    return stack.operands


def _settled(node: Node, stack: Node) -> bool:
    """Whether a value is known without asking any way."""
    below = reachable([node])
    return not below & {stack, *stack.operands}


def _build(
    graph: Graph,
    fuse: Node,
    select: Node,
    asked: list[tuple[Node, Node]],
    stages: list[set[Node]],
    reads: Mapping[Node, list[Node]],
) -> Node | None:
    decided = select.selection.kept.shape[:-1]
    home = {node: i for i, stage in enumerate(stages) for node in stage}
    outside: list[Node] = []
    given: dict[Node, Source] = {}
    rungs: list[Rung] = []
    for i, stage in enumerate(stages):
        score, stream = asked[i]
        scored = i + 1 < len(asked) or not select.attrs["fallback"]
        # Parameters and constants are not carried: each body has its own.
        made = [node for node in graph.nodes if node in stage and node.op not in FREE]
        later = [node for node in made if any(home.get(reader, i) > i for reader in reads[node])]
        ahead = {node for pair in asked[i + 1 :] for node in pair}
        later += [node for node in graph.nodes if node in stage and node in ahead and node not in later]
        late = _late(graph, stage, stream, [score, *later], decided) if scored else set()
        early = stage - late
        carried = list(dict.fromkeys([*later, *(node for node in boundary(graph, late) if node in early)]))
        wanted = ([("score", score)] if scored else []) + ([] if late else [("value", stream)])
        first = len(wanted)
        wanted += [(f"carry.{k}", node) for k, node in enumerate(carried)]
        passed = list(dict.fromkeys([*boundary(graph, early), *(node for _, node in wanted if node not in early)]))
        for node in (*passed, *boundary(graph, late)):
            if node not in given and node not in early:
                given[node] = (-1, len(outside))
                outside.append(node)
        counts = [matching(node, decided) for node in passed]
        body = _with_outputs(replace(body_of(graph, score, early, passed), outputs=()), graph, early, passed, wanted)
        if i and (any(count not in (None, len(decided)) for count in counts) or row_prefix(body, counts) < len(decided)):
            return None
        rung = _rung(body, stream, passed, given, decided, scored)
        given.update({node: (i, first + k) for k, node in enumerate(carried)})
        if late:
            inputs = boundary(graph, late)
            value = _rung(body_of(graph, stream, late, inputs), stream, inputs, given, decided, False)
            rung = replace(rung, late=value)
        rungs.append(rung)
    limits = [select.slot(rule.threshold) for rule in select.attrs["rules"] if rule.threshold]
    weight = select.slot("weight")
    assert weight is not None
    operands = (*outside, *(limit for limit in limits if limit is not None), weight)
    attrs = Attrs(kind=fuse.attrs["kind"], select=select, rungs=tuple(rungs), prefix=len(decided), outside=len(outside))
    return Node("ladder", operands, attrs, fuse.type, fuse.span, fuse.name)


def _rung(
    body: Graph, stream: Node, passed: list[Node], given: Mapping[Node, Source], decided: tuple[Size, ...], scored: bool
) -> Rung:
    attrs = Attrs(chunk="", up=0, members=("",), call="", body=body, single=True, zipped=False)
    apply = Node("apply", (), attrs, stream.type, stream.span, stream.name)
    flags = tuple(matching(node, decided) is not None for node in passed)
    return Rung(apply, tuple(given[node] for node in passed), flags, scored)


def _late(graph: Graph, stage: set[Node], stream: Node, sooner: list[Node], decided: tuple[Size, ...]) -> set[Node]:
    """What only the value of a way needs, if there are products in it and it may run on some positions alone."""
    late = stage - reachable(sooner)
    if stream not in late or not any(node.op in ("apply", *PRODUCTS) for node in late) or not sizes_known(graph, late):
        return set()
    passed = boundary(graph, late)
    counts = [matching(node, decided) for node in passed]
    whole = all(count in (None, len(decided)) for count in counts)
    return late if whole and row_prefix(body_of(graph, stream, late, passed), counts) >= len(decided) else set()


def _with_outputs(body: Graph, graph: Graph, stage: set[Node], passed: list[Node], wanted: list[tuple[str, Node]]) -> Graph:
    """The body with its outputs: nodes of the graph, found again among the body's."""
    inputs = dict(zip(passed, body.inputs))
    own = [node for node in body.nodes if node.op != "input" and node.op not in FREE]
    copies = dict(zip([node for node in graph.nodes if node in stage and node.op not in FREE], own))
    return replace(body, outputs=tuple((name, copies.get(node) or inputs[node]) for name, node in wanted))
