"""
One call as a trace that chrome://tracing and ui.perfetto.dev show (Trace Event Format, Duffy & Sinclair, 2016).

A target is a process, an engine a thread: the host that launches, the device, each link. A step is a complete event (`X`) inside
of those of the chunks around it; counters (`C`) tell the bandwidth in use at each memory level and link, and the bytes of chunks
that are resident. Times are in µs with three digits behind the point, for viewers keep whole nanoseconds: slices that follow each
other, or lie inside each other, do so exactly.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from .report import Report, StepReport

Event = dict[str, Any]
HOST, DEVICE, LINKS = 1, 2, 3
"""Threads of a process; links from the third on."""


def write_timeline(reports: Sequence[Report], path: str | PathLike[str]) -> None:
    """Writes the trace, by gzip where the name ends in `.gz`. `OSError` where that is not possible."""
    data = json.dumps(trace_of(reports), separators=(",", ":"), allow_nan=False).encode()
    Path(path).write_bytes(gzip.compress(data, mtime=0) if str(path).endswith(".gz") else data)


def trace_of(reports: Sequence[Report]) -> dict[str, Any]:
    """The trace as JSON values: of each report the input of median length."""
    events: list[Event] = []
    for process, report in enumerate(reports, start=1):
        events += [*named(report, process), *timed(report, process)]
    told = {f"{report.target}, input {report.course.input}": f"{report.course.total:.9g} s" for report in reports}
    return {"traceEvents": events, "displayTimeUnit": "ns", "otherData": {"by": "chunkc simulate", **told}}


def named(report: Report, process: int) -> Iterator[Event]:
    """What processes and threads are called, and in which order they stand."""
    title = f"{report.model} on {report.target} ({report.dtype})"
    yield {"ph": "M", "pid": process, "tid": 0, "name": "process_name", "args": {"name": title}}
    threads = {HOST: "host", DEVICE: "device", **{LINKS + place: link for place, link in enumerate(links_of(report))}}
    for thread, name in threads.items():
        yield {"ph": "M", "pid": process, "tid": thread, "name": "thread_name", "args": {"name": name}}
        yield {"ph": "M", "pid": process, "tid": thread, "name": "thread_sort_index", "args": {"sort_index": thread}}


def timed(report: Report, process: int) -> list[Event]:
    """Slices and counters by their times, of those that begin together the longest first, and what is outside first."""
    slices = [*device_slices(report), *host_slices(report), *copy_slices(report)]
    events = [*slices, *bandwidths(report), *residency(report)]
    events.sort(key=lambda event: (event["ts"], -event.get("dur", 0.0)))
    return [{"pid": process, **event} for event in events]


def links_of(report: Report) -> list[str]:
    """The links over which chunks were loaded."""
    return list(dict.fromkeys(link for copy in report.course.copies for link in copy.links))


# ---- slices


def device_slices(report: Report) -> list[Event]:
    """The steps and the chunks around them, what is outside before what is inside."""
    inner_first = enumerate(_device_slices(report))
    return [event for _, event in sorted(inner_first, key=lambda one: (one[1]["ts"], -one[1]["dur"], -one[0]))]


def _device_slices(report: Report) -> Iterator[Event]:
    course = report.course
    opened: list[tuple[str, int]] = []
    through = 0
    for i in np.flatnonzero(course.ran & (course.end > course.begin)).tolist():
        step = report.steps[i]
        inside = chunks_of(step.path)
        begin, end = whole(course.begin[i]), whole(course.end[i])
        alike = 0
        while alike < min(len(opened), len(inside)) and opened[alike][0] == inside[alike]:
            alike += 1
        for name, first in reversed(opened[alike:]):
            yield sliced(name, DEVICE, first, through, "chunk", {})
        opened = opened[:alike] + [(name, begin) for name in inside[alike:]]
        if end > begin:
            yield sliced(title(step), DEVICE, begin, end, step.kind, told(report, i))
        through = end
    for name, first in reversed(opened):
        yield sliced(name, DEVICE, first, through, "chunk", {})


def host_slices(report: Report) -> Iterator[Event]:
    """What the thread launches that runs ahead of the device."""
    course = report.course
    for i in np.flatnonzero(course.ran & (course.host_end > course.host_begin)).tolist():
        begin, end = whole(course.host_begin[i]), whole(course.host_end[i])
        if end > begin:
            yield sliced(title(report.steps[i]), HOST, begin, end, "launch", {"step": report.steps[i].step})


def copy_slices(report: Report) -> Iterator[Event]:
    """Chunks that are loaded, on the first link that they go over."""
    threads = {link: LINKS + place for place, link in enumerate(links_of(report))}
    for copy in report.course.copies:
        args = {"bytes": copy.bytes, "resident": copy.resident, "step": report.steps[copy.step].step}
        begin, end = whole(copy.begin), whole(copy.end)
        for link in copy.links if end > begin else ():
            yield sliced(copy.chunk, threads[link], begin, end, "load", args)


def told(report: Report, i: int) -> dict[str, Any]:
    """What a slice says of its step."""
    step, course = report.steps[i], report.course
    line = step.roofline
    found: dict[str, Any] = {"path": step.path, "step": step.step, "bound": step.bound, "flops": float(course.flops[i])}
    found |= {f"bytes {level}": float(moved[i]) for level, moved in course.bytes.items() if moved[i]}
    found["busy us"] = round(1e6 * float(course.busy[i]), 3)
    if np.isfinite(line.intensity) and line.ceiling:
        found |= {"FLOP/B": line.intensity, "FLOP/s": line.achieved, "of roofline": line.achieved / line.ceiling}
    if np.isfinite(step.rows):
        found["rows (mean)"] = step.rows
    return found


def title(step: StepReport) -> str:
    return step.label if step.kind in ("compute", "each") and step.label else f"{step.kind} {step.label}".strip()


def chunks_of(path: str) -> list[str]:
    """The chunks of a call path, each with the number of its member: `block.3.expert.` as `block.3`, `expert`."""
    found: list[str] = []
    for part in path.split("."):
        if part.isdigit() and found:
            found[-1] += f".{part}"
        elif part:
            found.append(part)
    return found


def whole(seconds: float) -> int:
    """In nanoseconds."""
    return round(1e9 * float(seconds))


def sliced(name: str, thread: int, begin: int, end: int, category: str, args: dict[str, Any]) -> Event:
    """A complete event, from and to nanoseconds."""
    times = {"ts": begin / 1000, "dur": (end - begin) / 1000}
    return {"ph": "X", "name": name, "cat": category, "tid": thread, **times, "args": args}


# ---- counters


def bandwidths(report: Report) -> Iterator[Event]:
    """What crosses the port of each level, and each link, in GB/s: bytes over the time of the step, or of the load."""
    course = report.course
    ran = np.flatnonzero(course.ran).tolist()
    for level, moved in course.bytes.items():
        spans = [(whole(course.begin[i]), whole(course.end[i]), float(moved[i])) for i in ran]
        yield from rates(f"{level} GB/s", spans)
    for link in links_of(report):
        spans = [(whole(copy.begin), whole(copy.end), copy.bytes) for copy in course.copies if link in copy.links]
        yield from rates(f"{link} GB/s", spans)


def rates(name: str, spans: Sequence[tuple[int, int, float]]) -> Iterator[Event]:
    """A counter of what spans of (begin, end, bytes) move together, in bytes a nanosecond."""
    changes: dict[int, float] = {}
    for begin, end, amount in spans:
        if end > begin and amount:
            changes[begin] = changes.get(begin, 0.0) + amount / (end - begin)
            changes[end] = changes.get(end, 0.0) - amount / (end - begin)
    running, last = 0.0, max(changes, default=0)
    for moment in sorted(changes):
        running = 0.0 if moment == last else max(0.0, running + changes[moment])
        yield counted(name, moment, "GB/s", running)


def residency(report: Report) -> Iterator[Event]:
    """The bytes of chunks that are resident, from the beginning of the load that changes them."""
    for copy in sorted(report.course.copies, key=lambda copy: copy.begin):
        yield counted("chunks resident", whole(copy.begin), "MB", copy.resident / 1e6)


def counted(name: str, moment: int, series: str, value: float) -> Event:
    return {"ph": "C", "name": name, "tid": 0, "ts": moment / 1000, "args": {series: value}}
