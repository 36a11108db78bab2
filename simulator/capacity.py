"""Whether what stays in the device's memory has room there."""

from __future__ import annotations

import math

from ..compiler.diagnostics import Findings
from ..compiler.ir import Graph
from ..compiler.planning.stores import store_of
from ..compiler.types import BYTES
from .target import Target
from .words import amount


def resident_bytes(graph: Graph, dtype: str) -> float:
    """Weights and states that are in the device's memory at once, in a module moved to `dtype`: under a budget not all chunks."""
    whole = sum(_bytes(entry.type.shape, entry.type.dtype, dtype) for entry in graph.parameters)
    store = store_of(graph)
    if store is None:
        return whole
    chunks = sum(store.sizes.values())
    return whole - (chunks - min(store.room, chunks)) * BYTES[dtype] / BYTES["f32"]


def _bytes(shape: tuple[object, ...], own: str, dtype: str) -> float:
    sizes = [size for size in shape if isinstance(size, int)]
    return float(math.prod(sizes) * BYTES[dtype if own == "f32" else own])


def tell_room(graph: Graph, target: Target, dtype: str, findings: Findings) -> None:
    """Warns where weights alone are more than the device's memory holds: loads of them are not timed then."""
    needed, memory = resident_bytes(graph, dtype), target.device_memory
    if needed > memory.size:
        room = f"`{target.name}` has {amount(memory.size, 'B')}"
        message = f"the weights of `{graph.name}` take {amount(needed, 'B')} in {dtype}, and {room}"
        hint = "what is timed is as if they were there; a `memory` budget makes chunks move"
        findings.warn("CC1306", message, graph.span, label="this model", hint=hint)
