"""Reads headers of safetensors files, checked against all that a hostile one can say.

The format (https://huggingface.co/docs/safetensors): eight bytes, the header's length N, little-endian; N bytes of JSON,
`{"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, "__metadata__": {"key": "text"}}`, padded with spaces; then
the tensors' bytes, row-major, little-endian, without holes or overlaps. `data_offsets` count from the end of the header.
"""

from __future__ import annotations

import json
import math
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..compiler.diagnostics import CompileError
from ..compiler.loading.handles import refused
from .names import shown

LONGEST_HEADER = 100_000_000
"""Bytes; the library `safetensors` has the same limit."""

BITS = {
    **{"BOOL": 8, "U8": 8, "I8": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32},
    **{"F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6},
    **{"C64": 64, "F64": 64, "I64": 64, "U64": 64},
}
"""What an element of each dtype takes. The language has those of `compiler.types.DTYPES`; the others are stored as they are."""

_MOST_DIMS = 64
_MOST = 1 << 62


@dataclass(frozen=True, slots=True)
class Stored:
    """A tensor of a file: `dtype` in lower case, as the language has it (`f32`), and `bytes` from `start` of the file."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says of itself. `start`: where its data begins; `bytes`: of the whole file."""

    tensors: Mapping[str, Stored]
    start: int
    bytes: int
    metadata: Mapping[str, str] = field(default_factory=dict)


class _Wrong(Exception):
    """What is wrong with a header."""


def read_header(path: str, named: str = "") -> Header:
    """The header of a safetensors file, `named` so in messages. CC1404 where it is none, `OSError` where it cannot be read."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return header_of(handle, named or path)
    finally:
        os.close(handle)


def header_of(handle: int, named: str) -> Header:
    """The header of an open file, read from its beginning wherever it stands. CC1404 where it is none."""
    size = os.fstat(handle).st_size
    try:
        length = int.from_bytes(_exactly(handle, 0, 8, "it ends within its first eight bytes"), "little")
        if length > LONGEST_HEADER:
            raise _Wrong(f"it says that its header has {length:,} bytes; more than {LONGEST_HEADER:,} are not read")
        if length > size - 8:
            raise _Wrong(f"it says that its header has {length:,} bytes, and {max(0, size - 8):,} follow")
        text = _exactly(handle, 8, length, "it ends within its header")
        return _checked(_entries(text), 8 + length, size)
    except _Wrong as wrong:
        raise no_safetensors(named, str(wrong)) from wrong


def no_safetensors(named: str, why: str) -> CompileError:
    """CC1404 of a file."""
    hint = "it is damaged, or was not written as safetensors: write or fetch it again"
    return refused("CC1404", f"`{shown(named)}` is no safetensors file: {why}", shown(named), hint=hint, what="file")


def _exactly(handle: int, start: int, count: int, else_: str) -> bytes:
    parts, at = [], start
    while at < start + count:
        part = os.pread(handle, start + count - at, at)
        if not part:
            raise _Wrong(else_)
        parts.append(part)
        at += len(part)
    return b"".join(parts)


def _entries(text: bytes) -> dict[str, Any]:
    """The JSON object of a header."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
            raise _Wrong(f"its header says `{shown(twice)}` twice")
        return found

    if text[:1] != b"{":
        raise _Wrong("its header is no JSON object")
    try:
        found = json.loads(text.decode("utf-8"), object_pairs_hook=once, parse_constant=_constant)
        "".join(found).encode("utf-8")  # JSON can say halves of characters
    except RecursionError as error:
        raise _Wrong("its header is nested too deeply") from error
    except ValueError as error:  # `JSONDecodeError`, `UnicodeError`, and a number of thousands of digits
        raise _Wrong(f"its header is no JSON ({error})") from error
    if not isinstance(found, dict):
        raise _Wrong("its header is no JSON object")
    return found


def _constant(word: str) -> Any:
    raise _Wrong(f"its header holds {word}")


def _checked(entries: dict[str, Any], start: int, size: int) -> Header:
    """The header that entries say, each checked, and all together: they cover the data once."""
    metadata = entries.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise _Wrong("its `__metadata__` is no table of texts")
    data = size - start
    tensors = {name: _tensor(name, entry, start, data) for name, entry in entries.items()}
    at, before = start, ""
    for name, tensor in sorted(tensors.items(), key=lambda item: (item[1].start, item[1].bytes)):
        if tensor.start < at:
            raise _Wrong(f"`{shown(name)}` overlaps `{shown(before)}`")
        if tensor.start > at:
            raise _Wrong(f"{tensor.start - at:,} bytes before `{shown(name)}` belong to no tensor")
        at, before = tensor.start + tensor.bytes, name
    if at < size:
        raise _Wrong(f"{size - at:,} bytes at its end belong to no tensor")
    return Header(tensors, start, size, metadata)


def _tensor(name: str, entry: Any, start: int, data: int) -> Stored:
    """One entry, checked by itself."""
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise _Wrong(f"`{shown(name)}` does not say `dtype`, `shape` and `data_offsets`, and these alone")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in BITS:
        raise _Wrong(f"`{shown(name)}` has the unknown dtype `{shown(str(dtype))}`")
    if not _sizes(shape) or len(shape) > _MOST_DIMS:
        raise _Wrong(f"the shape of `{shown(name)}` is no list of sizes")
    if not _sizes(offsets) or len(offsets) != 2 or not offsets[0] <= offsets[1]:
        raise _Wrong(f"the `data_offsets` of `{shown(name)}` are no two ascending numbers")
    first, end = offsets
    if end > data:
        raise _Wrong(f"`{shown(name)}` ends at byte {end:,} of the data, which has {data:,}: it is truncated, or lies")
    bits = math.prod(shape) * BITS[dtype]
    if bits != (end - first) * 8:
        said = f"{dtype}[{', '.join(map(str, shape))}] takes {bits / 8:,.0f} bytes" if bits < _MOST else "its shape takes more"
        raise _Wrong(f"`{shown(name)}` has {end - first:,} bytes, and {said}")
    return Stored(dtype.lower(), tuple(shape), start + first, end - first)


def _sizes(value: Any) -> bool:
    """Whether a JSON value is a list of whole numbers that can be sizes (`True` is none)."""
    return isinstance(value, list) and all(type(each) is int and 0 <= each < _MOST for each in value)
