"""A profile of a module: its calls on given inputs, with what its selections kept and the scores they decided on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ...compiler.dims import Size, evaluate, product
from ...compiler.ir import Attrs, Graph, Node
from ...compiler.ops import infer, normalise
from ...compiler.planning.demand import demand
from ...compiler.planning.scheduling import room_of, schedule_of, too_large
from ...compiler.planning.uses import needs_of
from ...compiler.profile import Profile, ways_of
from ...compiler.profile_recording import Recorder
from ...compiler.selection import paths_of
from ...compiler.work import bare_symbol

if TYPE_CHECKING:
    from .module import CompiledModule

Batch = Tensor | Sequence[Tensor] | Mapping[str, Tensor]
"""The inputs of one call: the only one, all in the order of the spec, or by name."""

SCORES = "%scores"


Watch = Callable[[Mapping[str, Any], Mapping[str, int], Mapping[str, int]], None]
"""What is told of each call: its decisions by path, its sizes, and how many rows each cache held."""


def record(
    module: CompiledModule,
    batches: Iterable[Batch],
    *,
    outputs: str | Sequence[str] | None = None,
    watch: Watch | None = None,
) -> Profile:
    """The profile of the module's calls on these inputs, in eval and without gradients; the module is left in its mode.

    States move on as in any call. Scores of selections inside chunks are not compared (`repeats` is None there). `watch` is told
    of each call.
    """
    recorder = Recorder(module.graph)
    was, scores = module.training, _Scores(module)
    module.eval()
    try:
        with torch.no_grad():
            for batch in batches:
                given = _by_name(module, batch)
                sizes = _sizes(module.graph, given)
                scored = scores.of(given, sizes)
                module(**given, outputs=outputs)
                decisions = _arrays(module.decisions())
                recorder.add(decisions, sizes, scored)
                if watch is not None:
                    watch(decisions, sizes, module.held())
    finally:
        module.train(was)
    return recorder.profile()


def _by_name(module: CompiledModule, batch: Batch) -> dict[str, Tensor]:
    if isinstance(batch, Mapping):
        return dict(batch)
    given = (batch,) if isinstance(batch, Tensor) else tuple(batch)
    if len(given) != len(module.input_names):
        raise TypeError(f"{module.graph.name} takes the inputs {', '.join(module.input_names)}; a batch has {len(given)}")
    return dict(zip(module.input_names, given))


def _arrays(decisions: Mapping[str, Any]) -> dict[str, Any]:
    def array(value: Any) -> Any:
        return tuple(map(array, value)) if isinstance(value, tuple) else value.cpu().numpy()

    return {path: array(value) for path, value in decisions.items()}


def _sizes(graph: Graph, given: Mapping[str, Tensor]) -> dict[str, int]:
    """The sizes of the run-time dimensions of one call."""
    found: dict[str, int] = {}
    for node in graph.inputs:
        for size, actual in zip(node.shape, given[str(node.attrs["name"])].shape):
            if name := bare_symbol(size):
                found.setdefault(name, int(actual))
    return found


class _Scores:
    """A twin of a module that gives the scores of its outer selections, one behind the other. It has the module's parameters
    themselves, and states of its own that move alike. What is stored it loads itself, under a budget of its own."""

    def __init__(self, module: CompiledModule) -> None:
        selects = {path: node for node in module.graph.nodes if node.op == "select" for path in paths_of(node)}
        self.selects = {path: node for path, node in selects.items() if ways_of(node) is not None}
        if not self.selects:
            return
        from . import compile

        graph = _scores_only(module.graph, list(self.selects.values()))
        versions = module._memory.versions if module._memory is not None else None
        self.twin = compile(graph if versions is None else _scheduled(graph), versions=versions)
        values = module.state_dict()
        states = {entry.path for entry in module.graph.parameters if entry.kind == "state"}
        self.twin.load_state_dict({key: v.clone() if key in states else v for key, v in values.items()}, assign=True)
        self.twin._seed = module._seed
        self.twin.eval()

    def of(self, given: Mapping[str, Tensor], sizes: Mapping[str, int]) -> dict[str, Any]:
        """The scores by path, [decisions, ways]."""
        if not self.selects:
            return {}
        flat, at = self.twin(**given).cpu().numpy(), 0
        found = {}
        for path, select in self.selects.items():
            count = evaluate(product(select.operands[0].shape), sizes)
            found[path] = flat[at : at + count].reshape(-1, ways_of(select))
            at += count
        return found


def _scheduled(graph: Graph) -> Graph:
    """The graph with a schedule, if its budget has room for all that it runs."""
    room, outlined = room_of(graph), demand(graph)
    needs = needs_of(outlined)
    if room is None or not needs.units or too_large(needs, room):
        return graph
    return replace(graph, schedule=schedule_of(outlined, needs, room))


def _scores_only(graph: Graph, selects: Sequence[Node]) -> Graph:
    """The graph with one output: the scores of these selections, flat, as f64 (which tells apart all that f32 does)."""
    order = list(graph.nodes)

    def op(name: str, *operands: Node, **attrs: Any) -> Node:
        types = [operand.tensor for operand in operands]
        full = normalise(name, types, Attrs(attrs))
        order.append(Node(name, operands, full, infer(name, types, full), operands[0].span))
        return order[-1]

    parts = []
    for select in selects:
        score: Node = select.operands[0]
        size: tuple[Size, ...] = (product(score.shape),)
        parts.append(op("reshape", op("cast", score, dtype="f64"), shape=size))
    flat = op("concat", *parts, axis=-1)
    return replace(graph, nodes=tuple(order), outputs=((SCORES, flat),), losses=(), schedule=())
