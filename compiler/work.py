"""What a graph costs: the multiply-adds and bytes of its dense meaning, and the multiply-adds that run where parts are skipped.

Multiply-adds are those of products (`linear`, `conv2d`, `attention` …); work on single elements shows in the bytes only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .dims import Dim, Size, evaluate, product
from .ir import Graph, Node, call_path, streams_of, users
from .kernels import selections_of
from .ops import OPS, Work
from .types import BYTES, BundleType, Type, tensor_types

Dims = Mapping[str, int]
PRODUCTS = frozenset({"linear", "conv1d", "conv2d", "einsum", "matmul", "attention"})


def dense_work(graph: Graph, dims: Dims) -> Work:
    """The work of the whole dense meaning, in numbers. `UnboundDim` where `dims` lacks a dimension of the graph."""
    return _Dense().total(graph, dims)


def dense_macs(graph: Graph, dims: Dims) -> int:
    """The multiply-adds of the whole dense meaning."""
    return _macs(dense_work(graph, dims))


def node_work(graph: Graph, dims: Dims) -> dict[Node, Work]:
    """The dense work of each node, in numbers; a call counts its body once for each member."""
    return dict(_Dense().table(graph, dims))


def executed(graph: Graph, dims: Dims, rows: Mapping[str, float]) -> int:
    """The multiply-adds that run, where `rows` says which share of its dense work each part runs; others run whole.

    Keys, as call paths without the last dot:

    - `expert.3`: the body of a call. The share is of its dense positions, also for a call inside a call that is skipped in part;
      a body that is not named runs on what its caller runs on.
    - `gate.3`: the same for stream 3 of the fuse by selection `gate`, if the body has no share by its own name.
    - `masked:live`: the products that the mask `live` prunes (in their weight, their result, or their pairs). The share
      is of their work where they stand.
    """
    return round(_Executed(_Dense(), rows).total(graph, dims, "", 1.0))


def call_dims(apply: Node, dims: Dims) -> dict[str, int]:
    """The dimensions inside the body of a call: its inputs' bare ones from the sizes of the arguments, others as around it."""
    found: dict[str, int] = {}
    zipped = apply.attrs["zipped"]
    for given, taken in zip(apply.operands[:1] if zipped else apply.operands, apply.attrs["body"].inputs):
        element = given.type.element if zipped and isinstance(given.type, BundleType) else given.type
        for outer, inner in zip(tensor_types(element), tensor_types(taken.type)):
            for size, name in zip(outer.shape, inner.shape):
                if symbol := bare_symbol(name):
                    found.setdefault(symbol, evaluate(size, dims))
    return {**dims, **found}


def bare_symbol(size: Size) -> str:
    """The name of a size that is one run-time dimension and nothing else, or ""."""
    return str(size) if isinstance(size, Dim) and str(size).isidentifier() else ""


@dataclass(slots=True)
class _Dense:
    """Work by body and dimensions, so that a body that is called often is counted once."""

    known: dict[tuple[int, tuple[tuple[str, int], ...]], dict[Node, Work]] = field(default_factory=dict)

    def total(self, graph: Graph, dims: Dims) -> Work:
        works = self.table(graph, dims).values()
        return Work(sum(_macs(work) for work in works), sum(evaluate(work.bytes, {}) for work in works))

    def table(self, graph: Graph, dims: Dims) -> dict[Node, Work]:
        key = (id(graph), tuple(sorted(dims.items())))
        if key not in self.known:
            live = [node for node in graph.nodes if node.op not in ("input", "param", "state", "const", "field")]
            self.known[key] = {node: self._node(node, dims) for node in live}
        return self.known[key]

    def _node(self, node: Node, dims: Dims) -> Work:
        if node.op == "apply":
            if node.attrs["body"] is None:
                return Work(0, 0)
            one, count = self.total(node.attrs["body"], call_dims(node, dims)), len(node.attrs["members"])
            return Work(one.macs * count, one.bytes * count)
        if node.op in OPS:
            cost = OPS[node.op].cost([operand.tensor for operand in node.operands], node.attrs, node.tensor)
            return Work(evaluate(cost.macs, dims), evaluate(cost.bytes, dims))
        return Work(0, sum(_bytes(type, dims) for type in (*(operand.type for operand in node.operands), node.type)))


def _macs(work: Work) -> int:
    return evaluate(work.macs, {})


def _bytes(type: Type, dims: Dims) -> int:
    count = type.count if isinstance(type, BundleType) else 1
    return count * sum(evaluate(product(part.shape), dims) * BYTES[part.dtype] for part in tensor_types(type))


@dataclass(slots=True)
class _Executed:
    """The walk along call paths; where no share stands for anything below a path, its dense work counts."""

    dense: _Dense
    rows: Mapping[str, float]

    def total(self, graph: Graph, dims: Dims, caller: str, share: float) -> float:
        works = self.dense.table(graph, dims)
        if not any(key.removeprefix("masked:").startswith(caller) for key in self.rows):
            return share * sum(_macs(work) for work in works.values())
        ways, masks = _ways(graph), masked_products(graph)
        total = 0.0
        for node, work in works.items():
            if node.op == "apply" and node.attrs["body"] is not None:
                total += self._calls(node, dims, caller, share, ways.get(node, ()))
            else:
                pruned = [self.rows.get(f"masked:{caller}{select.attrs['path']}", 1.0) for select in masks.get(node, ())]
                total += share * _macs(work) * min(pruned, default=1.0)
        return total

    def _calls(self, apply: Node, dims: Dims, caller: str, share: float, ways: tuple[tuple[str, int], ...]) -> float:
        body, inner = apply.attrs["body"], call_dims(apply, dims)
        total = 0.0
        for place, member in enumerate(apply.attrs["members"]):
            path = call_path(caller, apply, member)
            named = [self.rows[path[:-1]]] if path != caller and path[:-1] in self.rows else []
            keys = [f"{caller}{select}.{first + place}" for select, first in ways]
            own = named or [self.rows[key] for key in keys if key in self.rows]
            total += self.total(body, inner, path, max(own, default=share))
        return total


def _ways(graph: Graph) -> dict[Node, tuple[tuple[str, int], ...]]:
    """For each call that is a stream of fuses: their selections, and which way its first member is."""
    found: dict[Node, tuple[tuple[str, int], ...]] = {}
    for fuse in graph.nodes:
        streams, by = streams_of(fuse) if fuse.op == "fuse" else ((), None)
        way = 0
        for stream in streams if by is not None else ():
            if stream.op == "apply" and by is not None:
                found[stream] = (*found.get(stream, ()), (str(by.attrs["path"]), way))
            way += stream.type.count if isinstance(stream.type, BundleType) else 1
    return found


def readers_of(product: Node, readers: Mapping[Node, list[Node]]) -> list[Node]:
    """What reads a product, or its heads where nothing else reads it."""
    around = readers[product]
    return readers[around[0]] if len(around) == 1 and around[0].op == "heads" else around


def masked_products(graph: Graph) -> dict[Node, tuple[Node, ...]]:
    """For each product, the selections whose masks leave parts of it out."""
    readers = users(graph)
    found: dict[Node, tuple[Node, ...]] = {}
    for node in graph.nodes:
        if node.op not in PRODUCTS:
            continue
        kept = [node.slot("mask")] if node.op == "attention" else []
        around = readers_of(node, readers)
        around = around if len(around) == 1 else []
        beside = node.operands if node.op == "einsum" else node.operands[1:]
        kept += [masked.operands[1] for masked in (*beside, *around) if masked.op == "masked"]
        selects = tuple(select for mask in kept if mask is not None for select in selections_of(mask))
        if selects:
            found[node] = selects
    return found
