"""A store that is a dictionary: what handles stand for, said in the test."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from chunkc.compiler.ir import Graph
from chunkc.compiler.loading.handles import parse_handle, refused
from chunkc.compiler.loading.places import Blob, Resolved, TensorPlace
from chunkc.compiler.source import Source
from chunkc.compiler.types import BYTES, TensorType

BLOB = Blob("blob", "0" * 64, 1 << 20)


@dataclass
class MemoryStore:
    """A resolver of what it was told. `asked`: the handles that were looked up, in order."""

    known: dict[str, Resolved] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def add(self, handle: str, kind: Any, text: str = "", part: str = "", tensors: dict[str, Any] | None = None) -> None:
        """`tensors`: types as text or `TensorType`, by the name below the part."""
        places = {name: TensorPlace(BLOB, *_typed(kind), 0, 4) for name, kind in (tensors or {}).items()}
        program = Source(f"{handle}.cc", text) if text else None
        self.known[handle] = Resolved(
            parse_handle(handle), kind, handle, f"{len(self.known):064x}", (BLOB,), places, program, part
        )

    def resolve(self, handle: str) -> Resolved:
        self.asked.append(handle)
        if handle not in self.known:
            raise refused("CC1423", f"there is no `{handle}`", handle, label="not there")
        return self.known[handle]

    def fill(self, graph: Graph, path: str, handle: str) -> None:
        """Gives a handle the tensors that a graph has below a path."""
        mine = {one.path.removeprefix(f"{path}."): one.type for one in graph.parameters if one.path.startswith(f"{path}.")}
        before = self.known[handle]
        self.add(handle, before.kind, before.program.text if before.program else "", before.part, mine)


def _typed(kind: str | TensorType) -> tuple[str, tuple[int, ...]]:
    if isinstance(kind, TensorType):
        assert kind.dtype in BYTES
        return kind.dtype, tuple(int(str(size)) for size in kind.shape)
    dtype, _, shape = kind.rstrip("]").partition("[")
    return dtype, tuple(int(size) for size in shape.split(",") if size)
