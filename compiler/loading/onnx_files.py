"""What an ONNX file says of files beside it, read from its bytes without a library.

A model is a protobuf message (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto): tensors that lie elsewhere
(`data_location = EXTERNAL`) name a file under the key `location`. They may stand in a graph's initializers, in attributes of
nodes, and in the graphs and functions inside these.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from os import PathLike

MESSAGES: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {13: "entry"},
}
"""Of each message the fields that lead on, and to what."""
DEEPEST = 64


class BadFile(ValueError):
    """The bytes are no ONNX model."""


def external_files(path: str | PathLike[str]) -> list[str]:
    """The files that a model keeps tensors in, as it names them, each once. `BadFile`, `OSError`."""
    with open(path, "rb") as file:
        try:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except ValueError as error:
            raise BadFile("it is empty") from error
    # It is unmapped with the last view of it.
    return list(dict.fromkeys(_locations(memoryview(data), "model", 0)))


def _locations(view: memoryview, message: str, depth: int) -> Iterator[str]:
    if depth > DEEPEST:
        raise BadFile("its graphs are nested too deep")
    if message == "entry":
        entry = {number: bytes(value).decode("utf-8", "replace") for number, value in _fields(view) if number in (1, 2)}
        if entry.get(1) == "location":
            yield entry.get(2, "")
        return
    for number, value in _fields(view):
        inner = MESSAGES[message].get(number)
        if inner is not None:
            yield from _locations(value, inner, depth + 1)


def _fields(view: memoryview) -> Iterator[tuple[int, memoryview]]:
    """The fields of a message that have a length: their numbers and bytes. Others are passed over."""
    at = 0
    while at < len(view):
        key, at = _varint(view, at)
        number, kind = key >> 3, key & 7
        if kind == 0:
            _, at = _varint(view, at)
        elif kind in (1, 5):
            at += 8 if kind == 1 else 4
        elif kind == 2:
            length, at = _varint(view, at)
            if at + length > len(view):
                raise BadFile("it ends in the middle of a field")
            yield number, view[at : at + length]
            at += length
        else:
            raise BadFile("its bytes are no protobuf message")
    if at > len(view):
        raise BadFile("it ends in the middle of a field")


def _varint(view: memoryview, at: int) -> tuple[int, int]:
    """A number of at most 64 bits, seven a byte, and where the next thing begins."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(view):
            raise BadFile("it ends in the middle of a field")
        byte, at = view[at], at + 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, at
    raise BadFile("its bytes are no protobuf message")
