"""The calls of one step where its sizes and rows are known."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ...compiler.calls import (
    Array,
    How,
    Kept,
    Tape,
    array_of,
    combine_calls,
    covered,
    dispatch_calls,
    enter_calls,
    gather_calls,
    masked_calls,
    node_calls,
    probe_calls,
    remember_calls,
    rung_mask_calls,
    split_calls,
)
from ...compiler.calls.holding import pack_calls, packed_calls, unpacked_calls
from ...compiler.calls.routing import fuse_kept
from ...compiler.cost import Cost
from ...compiler.dims import evaluate
from ...compiler.ir import Graph, Node, element_type, streams_of, users
from ...compiler.kernels import kernel_of
from ...compiler.plan import Step
from ...compiler.planning.packing import packs_rows
from ...compiler.types import RecordType, TensorType, tensor_types
from ...compiler.work import Dims, call_dims, masked_products

UNCHOSEN = ("union", "blocks", "gather")
"""What the torch backend takes for a mask of no chosen kernel: the first that there is; of single entries and pairs `dense`."""


@dataclass(slots=True)
class Masks:
    """The products of a graph that masks prune, found once."""

    graph: Graph
    products: dict[Node, Node] = field(default_factory=dict)
    """With the selection behind the mask."""
    covered: dict[Node, Node] = field(default_factory=dict)
    """What stands beside such a product, and is among its calls: with that product."""

    @classmethod
    def of(cls, graph: Graph) -> Masks:
        found, readers = cls(graph), users(graph)
        for node, selects in masked_products(graph).items():
            if len(selects) == 1:
                found.products[node] = selects[0]
                found.covered.update(dict.fromkeys(covered(node, readers[node]), node))
        return found


def nodes(step: Step, masks: Masks, kept: Mapping[Node, Kept], dims: Dims, share: float, how: How) -> list[Cost]:
    """Of plain ops, products under masks by their kernels. `kept`: by product."""
    calls: list[Cost] = []
    pruned = {node: _pruned(node, masks.products[node], one, dims, share, how) for node, one in kept.items()}
    for node in step.nodes:
        if pruned.get(node):
            calls += pruned[node]
        elif not pruned.get(masks.covered.get(node, node)):
            calls += node_calls(node, dims, share, how)
    return calls


def _pruned(node: Node, select: Node, kept: Kept, dims: Dims, share: float, how: How) -> list[Cost]:
    found = masked_calls(node, select, kept, dims, share, how)
    if not found:
        return []
    names = ("dense",) if select.attrs["grain"] in ("weight", "pair") else UNCHOSEN
    return found[next((name for name in (kernel_of(select), *names) if name in found), "dense")]


# ---- a routed fuse


def dispatch(step: Step, decisions: float, total: float, dims: Dims, how: How) -> list[Cost]:
    """Finding the rows of each way."""
    shape = step.nodes[0].selection.kept.shape
    return dispatch_calls(decisions, len(step.ways), total, how, finer=_product(shape[step.rows : -1], dims))


def taken(step: Step, total: float, dims: Dims, how: How, entered: bool = True) -> list[Cost]:
    """The rows of all ways, `total` of them, taken out of what they are given, and their modules `entered`, unless that is said
    of each body. Written-out ways take theirs one by one, each an equal part of all."""
    calls: list[Cost] = []
    ways = len(step.ways)
    applies = dict.fromkeys(way.apply for way in step.ways)
    for apply in applies:
        mine = [way for way in step.ways if way.apply is apply]
        calls += enter_calls(apply) * len(mine) if entered else []
        given = [array_of(o.tensor, dims, 1, how) for o, flag in zip(mine[0].arguments, mine[0].gathered) if flag]
        loads = [total / ways] * len(mine)
        calls += gather_calls(given, step.rows, loads, how, together=bool(apply.attrs["chunk"]) and step.part is None)
    return calls


def combined(step: Step, loads: Sequence[float], decisions: float, dims: Dims, how: How) -> list[Cost]:
    """What the ways made, put together."""
    fuse = step.nodes[0]
    streams, by = streams_of(fuse)
    assert by is not None
    kind = element_type(streams[0].type)
    assert isinstance(kind, TensorType)
    row, finer = array_of(kind, dims, 1, how), _product(by.selection.kept.shape[step.rows : -1], dims)
    return combine_calls(loads, row.of(*row.shape[step.rows :]), decisions, how, kind=fuse.attrs["kind"], finer=finer)


def combined_alone(step: Step, ways: float, decisions: float, dims: Dims, how: How) -> list[Cost]:
    """So many ways that all positions keep, put together as they are."""
    fuse, t = step.nodes[0], Tape(how)
    streams, by = streams_of(fuse)
    assert by is not None
    kind = element_type(streams[0].type)
    assert isinstance(kind, TensorType)
    row = array_of(kind, dims, 1, how)
    stream = row.of(decisions, *row.shape[step.rows :])
    fuse_kept(t, [stream] * int(ways), Array((decisions, len(step.ways)), stream.dtype), fuse.attrs["kind"])
    return t.calls


# ---- calls on all positions


def entered(step: Step) -> list[Cost]:
    """The modules of chunks called. What is hoisted stands there already."""
    if step.ways[0].apply.attrs.get("word") == "hoisted":
        return []
    return [call for way in step.ways for call in enter_calls(way.apply)]


def packed(step: Step, fullest: float, total: float, dims: Dims, share: float, how: How) -> list[Cost]:
    """What a call on packed positions takes besides its body."""
    apply = step.ways[0].apply
    rows = kernel_of(apply) == "gather" and packs_rows(apply)
    given = [array_of(one.tensor, dims, share, how) for one in apply.operands[:-2]]
    samples, positions = given[0].shape[:2]
    calls = pack_calls(samples, positions, total, how, rows=rows)
    for one in given:
        if one.shape[:2] == (samples, positions):
            calls += packed_calls(one, fullest, total, how, rows=rows)
    for kind in tensor_types(apply.type):
        calls += unpacked_calls(array_of(kind, dims, share, how), fullest, total, how, rows=rows)
    if rows:
        # Attention goes sample by sample: the body is priced as if it did so in one launch.
        own, inner = apply.attrs["body"].nodes, call_dims(apply, dims)
        each = sum(len(node_calls(node, inner, share, how)) for node in own if node.op == "attention")
        calls.append(Cost(0, 0, each * max(0, samples - 1)))
    return calls


# ---- ladders


def rung_taken(step: Step, load: float, dims: Dims, how: How) -> list[Cost]:
    """What a rung reads, on the rows that are left; what only its value needs, on those that it keeps."""
    node, t = step.nodes[0], Tape(how)
    rungs = node.attrs["rungs"]
    way = step.ways[0]
    rung = next(one for rung in rungs for one in (rung, rung.late) if one is not None and one.apply is way.apply)
    for source, gathered in zip(rung.sources, rung.gathered):
        if source[0] < 0 and gathered and step.rows:
            one = array_of(node.operands[source[1]].tensor, dims, 1, how)
            t.gather(one.of(load, *one.shape[step.rows :]), load)
    return t.calls


def rung_decided(step: Step, rung: int, rows: float, kept: float, dims: Dims, how: How) -> list[Cost]:
    """Whether a rung is kept: its tests, what is kept and what is left, and what later rungs take along."""
    node, t = step.nodes[0], Tape(how)
    if node.attrs["rungs"][rung].scored:
        score = Array((rows,), how.of("f32"))
        for _ in node.attrs["select"].attrs["rules"][:-1]:
            t.each("gt", score, dtype="bool")
    else:
        t.fill(rows, dtype="bool", op="ones")
    value = array_of(node.tensor, dims, 1, how)
    rest = value.shape[node.attrs["prefix"] :]
    calls = t.calls + split_calls(rows, kept, how, first=not rung)
    return calls + gather_calls([value.of(rows, *rest)], 1, [kept], how, together=False)


def rungs_combined(step: Step, loads: Sequence[float], decisions: float, dims: Dims, how: How) -> list[Cost]:
    node = step.nodes[0]
    row = array_of(node.tensor, dims, 1, how)
    row = row.of(*row.shape[node.attrs["prefix"] :])
    return rung_mask_calls(loads, decisions, how) + combine_calls(loads, row, decisions, how, kind=node.attrs["kind"])


# ---- remembered


def looked_up(step: Step, asked: float, held: float, dims: Dims, how: How) -> list[Cost]:
    """A `probe` or a `remember`."""
    node, axes = step.nodes[0], step.nodes[0].attrs["rows"]
    values = [_rows(kind, axes, 1, dims, how) for kind in _made(node)]
    if step.kind == "remember":
        return remember_calls(asked, held, values, how)
    keys = [_rows(one.tensor, axes, asked, dims, how) for one, mine in zip(node.operands, node.attrs["keys"]) if mine]
    return probe_calls(keys, held, values, how)


def _made(node: Node) -> list[TensorType]:
    kind = node.type
    return [one for _, one in kind.fields] if isinstance(kind, RecordType) else [node.tensor]


def _rows(kind: TensorType, axes: int, rows: float, dims: Dims, how: How) -> Array:
    array = array_of(kind, dims, 1, how)
    return array.of(rows, *array.shape[axes:])


def recorded(step: Step, dims: Dims, share: float, how: How) -> list[Cost]:
    """What a call leaves: a state is written, a loss is held as it is."""
    t = Tape(how)
    if step.label.startswith("next "):
        value = array_of(step.reads[0].tensor, dims, share, how)
        t.copy(value, op="copy")
    return t.calls


def _product(shape: Sequence[object], dims: Dims) -> float:
    sizes: list[float] = [evaluate(size, dims) for size in shape]  # type: ignore[arg-type]
    return math.prod(sizes)
