"""Writes safetensors as a blob has them, by streaming: laid out so that it can be mapped and read in place.

The header is padded with spaces so that the data begins at a multiple of 4096 (a page). Tensors whose sizes are multiples of 64
come first, so each of them begins at a multiple of 64 as where torch's allocator puts it (kernels take other paths on what is
aligned otherwise, and sum in another order); the others follow, wider elements first, so each element is aligned. Of equals by
name: the same tensors make the same bytes, hence the same blob.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from .safetensors import BITS, read_header

PAGE = 4096
ALIGNED = 64
PIECE = 4 << 20
"""How much of a file is in memory at once, in bytes."""


Piece = bytes | memoryview


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor that is to be stored: `dtype` in lower case (`f32`, `bf16`, `u8`), and what reads its `bytes`, row-major and
    little-endian, in pieces; it is called once, when its turn comes."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    bytes: int
    read: Callable[[], Iterable[Piece]]

    def named(self, name: str) -> Tensor:
        """The same under another name."""
        return Tensor(name, self.dtype, self.shape, self.bytes, self.read)


def tensors_in(path: str, named: str = "") -> list[Tensor]:
    """The tensors of a safetensors file, to be read where they lie. CC1404 where it is none."""
    header = read_header(path, named)
    return [
        Tensor(name, each.dtype, each.shape, each.bytes, lambda each=each: pieces(path, each.start, each.bytes))  # type: ignore[misc]
        for name, each in header.tensors.items()
    ]


def pieces(path: str, start: int, count: int) -> Iterator[bytes]:
    """`count` bytes of a file from `start` on; `EOFError` where it ends before."""
    with open(path, "rb", buffering=0) as file:
        file.seek(start)
        while count:
            piece = file.read(min(PIECE, count))
            if not piece:
                raise EOFError(f"`{path}` became shorter while it was read")
            count -= len(piece)
            yield piece


def written(tensors: Iterable[Tensor], metadata: Mapping[str, str] | None = None) -> Iterator[Piece]:
    """The bytes of a file of these tensors, each of another name, in pieces."""
    ordered = sorted(tensors, key=_order)
    entries: dict[str, object] = {"__metadata__": dict(sorted(metadata.items()))} if metadata else {}
    at = 0
    for tensor in ordered:
        assert tensor.name not in entries and tensor.name != "__metadata__", f"`{tensor.name}` twice"
        entries[tensor.name] = {
            "dtype": tensor.dtype.upper(),
            "shape": list(tensor.shape),
            "data_offsets": [at, at + tensor.bytes],
        }
        at += tensor.bytes
    text = json.dumps(entries, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
    text += b" " * (-(len(text) + 8) % PAGE)
    yield len(text).to_bytes(8, "little") + text
    for tensor in ordered:
        count = 0
        for piece in tensor.read():
            count += memoryview(piece).nbytes
            yield piece
        assert count == tensor.bytes, f"`{tensor.name}` has {count} bytes, not {tensor.bytes}"


def _order(tensor: Tensor) -> tuple[bool, int, str]:
    return (tensor.bytes % ALIGNED != 0, -BITS[tensor.dtype.upper()], tensor.name)
