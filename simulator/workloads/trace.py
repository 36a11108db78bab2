"""Activity traces: what each selection kept in each call, in a file that `numpy.savez_compressed` writes.

| entry | |
| --- | --- |
| `about` | JSON: format, version, the model and its fingerprint, the sizes that the calls had, the decisions' shapes by path |
| `kept:PATH` | uint8 [calls, bytes]: the decisions of one selection, bit by bit, row-major |
| `known:PATH` | the same of which of them were taken, where a selection decides on some positions only |
| `hits:PATH` | int64 [calls]: the rows that a cache held |

Nothing in it is an object, and it is read so (`allow_pickle=False`).
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from typing import Any

import numpy as np

from ...compiler.diagnostics import CompileError, Diagnostic, Label
from ...compiler.ir import Graph
from ...compiler.profile import fingerprint
from ...compiler.source import NOWHERE, Source, Span
from ..walking.decided import Decisions
from ..walking.positions import Array, Decision

FORMAT, VERSION = "chunkc trace", 1
LARGEST = 2**31
"""Decisions times ways of a whole trace at most: 256 MiB of bits."""
AGAIN = "record it again: chunkc profile MODEL.cc --trace FILE.npz"


@dataclass(slots=True)
class Trace:
    """Calls of one model at one size, in order: their decisions by path, as `module.decisions()` gives them."""

    model: str
    fingerprint: str
    dims: Mapping[str, int]
    calls: list[Decisions] = field(default_factory=list)
    hits: list[Mapping[str, int]] = field(default_factory=list)

    @classmethod
    def of(cls, graph: Graph) -> Trace:
        """A trace of a model without calls yet."""
        return cls(graph.name, fingerprint(graph), {})

    def add(self, decisions: Decisions, dims: Mapping[str, int], hits: Mapping[str, int] | None = None) -> None:
        """One call more; `CompileError` if it is of other sizes. What only says what a first rule kept is left out."""
        self.dims = dict(dims) if not self.calls else self.dims
        if dict(dims) != self.dims:
            told = ", ".join(f"{name}={size}" for name, size in dims.items())
            message = f"a call of {told} does not go with those before it in one trace"
            raise CompileError([Diagnostic("CC1304", message, (Label(NOWHERE),), "record a trace for each size")])
        self.calls.append({path: value for path, value in decisions.items() if not path.endswith(":first")})
        self.hits.append(dict(hits or {}))

    @property
    def bits(self) -> int:
        """How much it is to hold."""
        return sum(np.asarray(_kept(value)).size for call in self.calls for value in call.values())

    def write(self, path: str | PathLike[str]) -> None:
        """Writes the file; `CompileError` where it would be too large, `OSError` where it cannot be written."""
        if self.bits > LARGEST:
            message = f"{self.bits:,} decisions are too many for one trace: {LARGEST:,} is the most"
            raise CompileError([Diagnostic("CC1304", message, (Label(NOWHERE),), "record fewer calls")])
        arrays: dict[str, Array] = {}
        shapes: dict[str, list[int]] = {}
        for name in dict.fromkeys(name for call in self.calls for name in call):
            values = [call.get(name) for call in self.calls]
            shape = next(np.shape(_kept(value)) for value in values if value is not None)
            shapes[name] = list(shape)
            arrays[f"kept:{name}"] = _packed([_kept(value) for value in values], shape, False)
            if any(value is None or isinstance(value, tuple) for value in values):
                arrays[f"known:{name}"] = _packed([_known(value) for value in values], shape, True)
        for name in dict.fromkeys(name for one in self.hits for name in one):
            arrays[f"hits:{name}"] = np.array([one.get(name, 0) for one in self.hits], np.int64)
        about = {"format": FORMAT, "version": VERSION, "model": self.model, "fingerprint": self.fingerprint}
        text = json.dumps({**about, "dims": dict(self.dims), "calls": len(self.calls), "shapes": shapes})
        with open(path, "wb") as file:  # under this name, whatever it ends in
            np.savez_compressed(file, about=np.frombuffer(text.encode(), np.uint8), **arrays)  # type: ignore[arg-type]


def _kept(value: Decision | None) -> Any:
    return value[0] if isinstance(value, tuple) else value


def _known(value: Decision | None) -> Any:
    return value[1] if isinstance(value, tuple) else False if value is None else None


def _packed(values: Sequence[Any], shape: tuple[int, ...], whole: bool) -> Array:
    """Bits of each call; None stands for all of them (`whole`) or none."""
    rows = [np.broadcast_to(np.asarray(whole if one is None else one, np.bool_), shape).ravel() for one in values]
    return np.packbits(np.array(rows), axis=1)


def read_trace(path: str | PathLike[str]) -> Trace:
    """The trace in a file; `CompileError` with what is wrong with it."""
    place = Label(Span(Source(str(path), ""), 0, 0))

    def wrong(why: str) -> CompileError:
        return CompileError([Diagnostic("CC1304", f"the trace `{path}` {why}", (place,), AGAIN)])

    try:
        with zipfile.ZipFile(path) as entries:
            if sum(entry.file_size for entry in entries.infolist()) > LARGEST:
                raise wrong("is too large")
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except OSError as error:
        raise wrong(f"cannot be read: {(error.strerror or str(error)).lower()}") from error
    except (ValueError, zipfile.BadZipFile, EOFError, KeyError) as error:
        raise wrong("is no file of `numpy.savez`, or holds objects") from error
    try:
        about = json.loads(arrays.pop("about").tobytes().decode())
        if (about["format"], about["version"]) != (FORMAT, VERSION):
            raise wrong("is of another form or version")
        return _read(about, arrays)
    except (KeyError, TypeError, ValueError, AttributeError, UnicodeDecodeError) as error:
        raise wrong(f"is damaged: {error}") from error


def _read(about: Mapping[str, Any], arrays: Mapping[str, Array]) -> Trace:
    calls, shapes = int(about["calls"]), about["shapes"]
    found = Trace(str(about["model"]), str(about["fingerprint"]), {str(name): int(size) for name, size in about["dims"].items()})
    kept = {name: _bits(arrays[f"kept:{name}"], calls, tuple(shape)) for name, shape in shapes.items()}
    known = {name: _bits(arrays[f"known:{name}"], calls, tuple(shapes[name])) for name in shapes if f"known:{name}" in arrays}
    hits = {name.removeprefix("hits:"): one for name, one in arrays.items() if name.startswith("hits:")}
    if any(one.shape != (calls,) or one.dtype.kind != "i" for one in hits.values()):
        raise ValueError("hits of another number of calls")
    for n in range(calls):
        found.calls.append({name: (one[n], known[name][n]) if name in known else one[n] for name, one in kept.items()})
        found.hits.append({name: int(one[n]) for name, one in hits.items()})
    return found


def _bits(packed: Array, calls: int, shape: tuple[int, ...]) -> Array:
    count = int(np.prod(shape, dtype=np.int64))
    if count * calls > LARGEST or packed.dtype != np.uint8 or packed.shape != (calls, -(-count // 8)):
        raise ValueError("bits of another number of decisions")
    return np.unpackbits(packed, axis=1, count=count).astype(bool).reshape(calls, *shape)


def belongs(trace: Trace, graph: Graph, dims: Mapping[str, int] | None = None) -> None:
    """`CompileError` where a trace was recorded of another model than the graph's or with other sizes, or holds no calls."""
    if not trace.calls:
        raise CompileError([Diagnostic("CC1304", "the trace holds no calls", (Label(graph.span),), AGAIN)])
    if trace.fingerprint != fingerprint(graph):
        message = f"the trace was recorded of another model, `{trace.model}`, or with other parameters"
        raise CompileError([Diagnostic("CC1304", message, (Label(graph.span or NOWHERE, "this model"),), AGAIN)])
    unlike = [f"{name}={size}" for name, size in trace.dims.items() if (dims or {}).get(name, size) != size]
    if unlike:
        message = f"the trace was recorded with {', '.join(unlike)}"
        raise CompileError([Diagnostic("CC1304", message, (Label(graph.span or NOWHERE, "this model"),), "leave the sizes out")])
