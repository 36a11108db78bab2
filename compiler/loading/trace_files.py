"""Traces of loads as JSON files. What is wrong with one is told all at once, each by its place (`calls[3][5].seconds`).

    {"format": "chunkc loads", "version": 1, "room": 268435456, "policy": "lru", "cold": true, "resident": ["layer.0"],
     "sizes": {"layer.0": 33554432, …},
     "calls": [[{"kind": "acquire", "unit": "layer.1", "seconds": 0.02, "loads": [{"unit": "layer.1", "bytes": 4096}]}, …], …]}

What an event does not say is what `Event` has without it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any, get_args

from ..diagnostics import CompileError, Diagnostic, Label
from ..source import Source, Span
from .eviction import POLICIES
from .trace import Event, Kind, Load, LoadTrace

FORMAT, VERSION = "chunkc loads", 1
LONGEST = 1e12
"""Seconds."""
MOST = 8
"""Findings that are told of one file."""
KEYS = {
    "trace": ("format", "version", "room", "policy", "cold", "resident", "ahead", "sizes", "calls"),
    "event": ("kind", "unit", "done", "seconds", "loads", "gone", "by"),
    "load": ("unit", "bytes", "verified", "seconds"),
}


def trace_text(trace: LoadTrace) -> str:
    """A trace as the text of a file: a line for each call."""
    head = {"format": FORMAT, "version": VERSION, "room": trace.room, "policy": trace.policy, "cold": trace.cold}
    head |= {"resident": list(trace.resident), "ahead": trace.ahead, "sizes": dict(trace.sizes)}
    calls = ",\n".join(json.dumps([_plain(event) for event in call]) for call in trace.calls)
    return json.dumps(head)[:-1] + f', "calls": [\n{calls}\n]}}\n'


def _plain(event: Event) -> dict[str, Any]:
    found: dict[str, Any] = {"kind": event.kind}
    found |= {name: value for name, value in (("unit", event.unit), ("seconds", event.seconds), ("by", event.by)) if value}
    found |= {} if event.done else {"done": False}
    if event.loads:
        found["loads"] = [asdict(load) for load in event.loads]
    return found | ({"gone": list(event.gone)} if event.gone else {})


def write_trace(trace: LoadTrace, path: str | PathLike[str]) -> None:
    """Writes a file; `OSError` where it cannot be written."""
    Path(path).write_text(trace_text(trace), encoding="utf-8")


def read_trace(path: str | PathLike[str]) -> LoadTrace:
    """The trace in a file; `CompileError` (CC1480) with what is wrong with it, `OSError` where it cannot be read."""
    data = Path(path).read_bytes()
    reading = _Reading(str(path))
    try:
        raw = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise reading.none("is no JSON", str(error)) from error
    if not isinstance(raw, dict) or (raw.get("format"), raw.get("version")) != (FORMAT, VERSION):
        raise reading.none("holds no trace of loads of this version", f'a trace begins with `"format": "{FORMAT}"`')
    trace = reading.trace(raw)
    if reading.found:
        raise CompileError(reading.found[:MOST])
    return trace


@dataclass
class _Reading:
    file: str
    found: list[Diagnostic] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)

    def none(self, why: str, hint: str) -> CompileError:
        return CompileError([self._finding(f"`{self.file}` {why}", hint)])

    def _finding(self, message: str, hint: str = "") -> Diagnostic:
        return Diagnostic("CC1480", message, (Label(Span(Source(self.file, ""), 0, 0)),), hint)

    def wrong(self, place: str, what: str) -> None:
        """Something is wrong at a place of the file."""
        hint = "" if self.found else "record the trace again: module.record_loads()"
        self.found.append(self._finding(f"`{place}` is {what}", hint))

    # ---- the whole

    def trace(self, raw: Mapping[str, Any]) -> LoadTrace:
        self.keys(raw, "trace", "")
        sizes = raw.get("sizes")
        if isinstance(sizes, dict):
            self.sizes = {unit: self.whole(size, f"sizes.{unit}") for unit, size in sizes.items()}
        else:
            self.wrong("sizes", "no table of bytes")
        policy = self.policy(raw.get("policy"), "policy")
        room, cold = self.whole(raw.get("room"), "room"), self.flag(raw.get("cold", False), "cold")
        resident = self.units(raw.get("resident", []), "resident")
        calls = [
            tuple(self.event(one, f"calls[{n}][{i}]") for i, one in enumerate(self.items(call, f"calls[{n}]")))
            for n, call in enumerate(self.items(raw.get("calls"), "calls"))
        ]
        ahead = self.whole(raw.get("ahead", 0), "ahead")
        return LoadTrace(tuple(calls), self.sizes, room, policy, cold, resident, ahead)

    def event(self, raw: Any, place: str) -> Event:
        if not self.keys(raw, "event", place):
            return Event("compute")
        kind: Any = raw.get("kind")
        if kind not in get_args(Kind):
            self.wrong(f"{place}.kind", f"none of {', '.join(get_args(Kind))}")
        moves, loads = kind != "compute", self.items(raw.get("loads", []), f"{place}.loads")
        return Event(
            kind,
            self.unit(raw.get("unit"), f"{place}.unit") if moves else "",
            self.flag(raw.get("done", True), f"{place}.done"),
            self.seconds(raw.get("seconds", 0.0), f"{place}.seconds"),
            tuple(self.load(one, f"{place}.loads[{i}]") for i, one in enumerate(loads)),
            self.units(raw.get("gone", []), f"{place}.gone"),
            self.whole(raw.get("by", 0), f"{place}.by"),
        )

    def load(self, raw: Any, place: str) -> Load:
        if not self.keys(raw, "load", place):
            return Load("", 0)
        verified = self.flag(raw.get("verified", False), f"{place}.verified")
        took = self.seconds(raw.get("seconds", 0.0), f"{place}.seconds")
        return Load(self.unit(raw.get("unit"), f"{place}.unit"), self.whole(raw.get("bytes"), f"{place}.bytes"), verified, took)

    # ---- values

    def keys(self, raw: Any, kind: str, place: str) -> bool:
        """Whether this is a table; its keys that are not known are told."""
        if not isinstance(raw, dict):
            self.wrong(place, "no table")
            return False
        for key in raw.keys() - set(KEYS[kind]):
            self.wrong(f"{place}.{key}".lstrip("."), f"not known: there are {', '.join(KEYS[kind])}")
        return True

    def items(self, raw: Any, place: str) -> list[Any]:
        return raw if isinstance(raw, list) else self._stand_in([], place, "no list")

    def unit(self, raw: Any, place: str) -> str:
        return raw if isinstance(raw, str) and raw in self.sizes else self._stand_in("", place, "no chunk of `sizes`")

    def units(self, raw: Any, place: str) -> tuple[str, ...]:
        return tuple(self.unit(one, f"{place}[{i}]") for i, one in enumerate(self.items(raw, place)))

    def policy(self, raw: Any, place: str) -> str:
        return raw if raw in POLICIES else self._stand_in(POLICIES[0], place, f"none of {', '.join(POLICIES)}")

    def flag(self, raw: Any, place: str) -> bool:
        return raw if isinstance(raw, bool) else self._stand_in(False, place, "neither true nor false")

    def whole(self, raw: Any, place: str) -> int:
        return raw if type(raw) is int and 0 <= raw < 2**63 else self._stand_in(0, place, "no whole number, 0 or above")

    def seconds(self, raw: Any, place: str) -> float:
        fits = isinstance(raw, int | float) and not isinstance(raw, bool) and 0 <= raw <= LONGEST
        return float(raw) if fits else self._stand_in(0.0, place, "no number of seconds")

    def _stand_in(self, value: Any, place: str, what: str) -> Any:
        self.wrong(place, what)
        return value
