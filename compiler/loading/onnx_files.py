"""Which files an ONNX model reads besides its own: the `location`s of its external data, found without onnx and before it is run.

The file is a protobuf message (https://protobuf.dev/programming-guides/encoding): fields, each a number and a wire type, nested.
Only the messages of onnx.proto that can hold a tensor are entered; all else is passed over by its length: weights are not read.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator

MODEL, GRAPH, NODE, ATTRIBUTE = "ModelProto", "GraphProto", "NodeProto", "AttributeProto"
TENSOR, SPARSE, ENTRY = "TensorProto", "SparseTensorProto", "StringStringEntryProto"
FUNCTION, TRAINING = "FunctionProto", "TrainingInfoProto"

INSIDE: dict[str, dict[int, str]] = {
    MODEL: {7: GRAPH, 20: TRAINING, 25: FUNCTION},
    GRAPH: {1: NODE, 5: TENSOR, 15: SPARSE},
    NODE: {5: ATTRIBUTE},
    ATTRIBUTE: {5: TENSOR, 6: GRAPH, 10: TENSOR, 11: GRAPH, 22: SPARSE, 23: SPARSE},
    SPARSE: {1: TENSOR, 2: TENSOR},
    FUNCTION: {7: NODE, 11: ATTRIBUTE},
    TRAINING: {1: GRAPH, 2: GRAPH},
    TENSOR: {13: ENTRY},
}
"""By message, the fields that may hold a tensor somewhere below, and what they are. Numbers are those of onnx.proto3."""

_GRAPH_FIELD = 7
_MOST = 50_000_000
"""Messages that are looked at; no model that runs has as many."""

Buffer = mmap.mmap | bytes


class NoOnnx(ValueError):
    """What was read is no ONNX model: the message says why."""


def external_files(path: str) -> list[str]:
    """The locations of external data that a model names, as written, each once; `NoOnnx` where the file is none."""
    if os.path.getsize(path) == 0:
        raise NoOnnx("the file is empty")
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return locations(data)


def locations(data: Buffer) -> list[str]:
    """The same of a model in memory."""
    found: dict[str, None] = {}
    waiting, seen = [(MODEL, 0, len(data))], 0
    graph = False
    while waiting:
        message, start, end = waiting.pop()
        for number, first, last in fields(data, start, end):
            seen += 1
            if seen > _MOST:
                raise NoOnnx(f"it has more than {_MOST:,} fields")
            inner = INSIDE[message].get(number)
            graph = graph or (message == MODEL and number == _GRAPH_FIELD)
            if inner == ENTRY and (location := _location(data, first, last)) is not None:
                found[location] = None
            elif inner is not None and inner != ENTRY:
                waiting.append((inner, first, last))
    if not graph:
        raise NoOnnx("it has no graph")
    return list(found)


def _location(data: Buffer, start: int, end: int) -> str | None:
    """The value of an entry whose key is `location`."""
    entry = {number: bytes(data[first:last]) for number, first, last in fields(data, start, end)}
    return entry.get(2, b"").decode("utf-8", "replace") if entry.get(1) == b"location" else None


def fields(data: Buffer, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """The fields of a message that have a length: number, and where the content begins and ends."""
    while at < end:
        key, at = varint(data, at, end)
        match key & 7:
            case 0:
                _, at = varint(data, at, end)
            case 1:
                at += 8
            case 2:
                length, at = varint(data, at, end)
                if at + length > end:
                    raise NoOnnx(f"a field at byte {at:,} is longer than what holds it")
                yield key >> 3, at, at + length
                at += length
            case 5:
                at += 4
            case kind:
                raise NoOnnx(f"byte {at:,} begins no field (wire type {kind})")
    if at > end:
        raise NoOnnx("it ends within a field")


def varint(data: Buffer, at: int, end: int) -> tuple[int, int]:
    """A number of base-128 digits, the lowest first, and where it ends."""
    value = 0
    for i in range(10):
        if at + i >= end:
            raise NoOnnx("it ends within a number")
        byte = data[at + i]
        value |= (byte & 0x7F) << (7 * i)
        if byte < 0x80:
            return value, at + i + 1
    raise NoOnnx(f"a number at byte {at:,} has more than ten bytes")
