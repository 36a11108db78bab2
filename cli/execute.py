"""One call of a model on either backend, and what it tells: outputs, decisions, losses, and how much was computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import api
from ..compiler.bodies import live
from ..compiler.ir import Graph
from ..compiler.work import dense_macs
from .inputs import Array

if TYPE_CHECKING:
    from ..backends.torch import CompiledModule


@dataclass(frozen=True, slots=True)
class Kept:
    """What one selection kept, of `decisions · ways`: `load[i]` decisions kept way i; `parts` says where, [decisions…, ways]."""

    decisions: int
    ways: int
    load: tuple[int, ...]
    parts: Array

    @property
    def kept(self) -> int:
        return sum(self.load)

    @property
    def skipped(self) -> int:
        return self.decisions * self.ways - self.kept


@dataclass(frozen=True, slots=True)
class Execution:
    """What one call gave. `macs` are the multiply-adds that ran, `dense` those of the plain dense meaning."""

    outputs: Mapping[str, Array]
    selections: Mapping[str, Kept]
    losses: Mapping[str, float]
    macs: int
    dense: int
    memory: Mapping[str, int] = field(default_factory=dict)
    """Under a budget: the bytes that it leaves for chunks, the most that were resident, and what was loaded."""

    @property
    def share(self) -> float:
        """Of the dense multiply-adds, those that ran; 1 where there are none."""
        return self.macs / self.dense if self.dense else 1.0


def parameters_of(module: CompiledModule) -> dict[str, Array]:
    """Parameters and states of a module as arrays, by their state-dict keys."""
    return {name: value.detach().cpu().double().numpy() for name, value in module.state_dict().items()}


def asked(graph: Graph, outputs: Sequence[str]) -> Graph:
    """The graph with these outputs only, and what they, the losses and the next states need."""
    fewer = replace(graph, outputs=tuple((name, graph.output(name)) for name in outputs))
    needed = live(fewer)
    return replace(fewer, nodes=tuple(node for node in graph.nodes if node in needed or node.op == "input"))


def run_reference(
    graph: Graph, inputs: Mapping[str, Array], params: Mapping[str, Array], sizes: Mapping[str, int], *, seed: int
) -> Execution:
    """A call of the reference for the graph's outputs: it computes everything and then selects."""
    result = api.reference(graph, inputs, params, seed=seed)
    dense = dense_macs(graph, sizes)
    kept = {path: Kept(s.decisions, s.ways, s.load, result.decisions[path]) for path, s in result.stats.items()}
    return Execution(result.outputs, kept, result.losses if graph.training else {}, dense, dense)


def run_torch(
    module: CompiledModule, graph: Graph, inputs: Mapping[str, Array], sizes: Mapping[str, int], *, seed: int
) -> Execution:
    """A call of the module for the graph's outputs, in training if the graph is.

    The products that it really does are counted while it runs.
    """
    import torch

    from ..backends.torch.counting import MacCounter
    from ..backends.torch.residing.memory import UNLIMITED

    module.train(graph.training)
    module.seed = seed
    given = {str(node.attrs["name"]): as_tensor(inputs[str(node.attrs["name"])], node.tensor.dtype) for node in graph.inputs}
    counter = MacCounter()
    with torch.no_grad(), counter:
        outputs = module(**given, outputs=[name for name, _ in graph.outputs])
    named = {name: value.detach().double().numpy() for name, value in outputs.items()}
    kept = {path: Kept(s.known, s.ways, s.load, s.kept.numpy()) for path, s in module.stats().items()}
    losses = {name: float(value) for name, value in module.losses().items()}
    memory = {}
    if (traffic := module.residency()) is not None and traffic.room < UNLIMITED:
        memory = {"room": traffic.room, "peak": traffic.peak, "loaded": traffic.bytes, "loads": traffic.loads}
    return Execution(named, kept, losses, counter.macs, dense_macs(graph, sizes), memory)


def as_tensor(array: Array, dtype: str) -> Any:
    """A tensor of an input's dtype."""
    import torch

    floats = {"bf16": torch.bfloat16, "f16": torch.float16, "f32": torch.float32, "f64": torch.float64}
    value = torch.from_numpy(np.array(array))
    return value.to(floats[dtype]) if dtype in floats else value
