"""Which chunks are in memory when: their bytes beside the budget, and a row a chunk, with its loads and what runs on it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ..report import Report
from ..stays import Stay
from ..words import amount, seconds
from . import parts
from .markup import Content, Markup, element, joined
from .timeline import LEFT, LETTER, WIDTH, Bar, drawn_bar, merged, tick, ticks

ROW, CURVE, TOP = 13, 56, 22
"""How tall a row and the curve are, and what stands above."""
MOST = 64
"""Rows; of more chunks those that were longest on their way."""
SAID = "Of the same call: above, the bytes of all chunks beside the budget (dashed); below, a row a chunk."
LEGEND = {"load": "is loaded", "held": "is in memory", "compute": "something runs on it"}
Span = tuple[float, float]


def of_report(report: Report) -> Markup:
    """The picture of the call that the timeline shows, and what its colours stand for."""
    return joined(parts.legend(LEGEND), element("div", of_course(report), class_="wide"))


def of_course(report: Report) -> Markup:
    """When chunks came and went in that call, and when steps ran on them."""
    course = report.course
    used: dict[str, list[Span]] = {stay.chunk: [] for stay in course.stays}
    for i, step in enumerate(report.steps):
        chunk = next((one for one in used if f"{step.path}{step.label}.".startswith(f"{one}.")), None)
        if chunk is not None and course.ran[i] and course.busy[i] > 0:
            used[chunk].append((float(course.end[i] - course.busy[i]), float(course.end[i])))
    room = report.loads.room if report.loads is not None else 0.0
    return picture(course.stays, used, course.total, room)


def picture(
    stays: Sequence[Stay],
    used: Mapping[str, Sequence[Span]],
    total: float,
    room: float,
    lanes: Mapping[str, Sequence[Bar]] | None = None,
) -> Markup:
    """
    The residency of chunks as SVG.

    Args:
        used: by chunk when something ran on it, in seconds.
        total: seconds; `room`: bytes.
        lanes: by name rows of bars above all (in µs, as `Bar` has them).
    """
    scale = (WIDTH - LEFT - 8) / (1e6 * total or 1.0)
    drawn: list[Content] = []
    y = float(TOP)
    for name, bars in (lanes or {}).items():
        drawn.append(element("text", name, x=0, y=y + ROW - 3))
        drawn += [drawn_bar(bar, y, scale, ROW) for bar in merged(bars, scale)]
        y += ROW + 6
    drawn.append(curve(stays, total, room, y))
    y += CURVE + 10
    of: dict[str, list[Stay]] = {}
    for stay in stays:
        of.setdefault(stay.chunk, []).append(stay)
    for chunk in shown(stays):
        drawn.append(element("text", short(chunk), x=0, y=y + ROW - 3, data_tip=chunk))
        drawn += [drawn_bar(bar, y, scale, ROW) for bar in merged(bars_of(of[chunk], used.get(chunk, ())), scale)]
        y += ROW
    axis = [tick(place, scale, y) for place in ticks(1e6 * total)]
    return element("svg", *axis, *drawn, viewBox=f"0 0 {WIDTH} {y + 4:g}", role="img", aria_label="residency")


def shown(stays: Sequence[Stay]) -> list[str]:
    """The chunks that have a row, by their names, numbers as numbers."""
    loading: dict[str, float] = {}
    for stay in stays:
        loading[stay.chunk] = loading.get(stay.chunk, 0.0) + stay.there - stay.begin
    most = sorted(loading, key=lambda chunk: -loading[chunk])[:MOST]
    return sorted(most, key=lambda chunk: [(int(piece) if piece.isdigit() else -1, piece) for piece in re.split("[.@]", chunk)])


def short(chunk: str) -> str:
    """The end of a name that fits beside the rows."""
    most = int((LEFT - 8) / LETTER)
    return chunk if len(chunk) <= most else f"…{chunk[1 - most :]}"


def bars_of(stays: Sequence[Stay], used: Sequence[Span]) -> list[Bar]:
    """Of one chunk: its loads, where it lay, and over these what ran on it."""
    found = []
    for stay in stays:
        begin, there, end = (1e6 * moment for moment in (stay.begin, stay.there, stay.end))
        size, since = amount(stay.bytes, "B"), seconds(stay.begin)
        tip = f"{stay.chunk}, {size}\nin memory {seconds(stay.end - stay.there)}, until {seconds(stay.end)}"
        found.append(Bar(there, end, 0, "", "held", tip))
        if there > begin:
            tip = f"{stay.chunk}, {size}\nloaded in {seconds(stay.there - stay.begin)} from {since}"
            found.append(Bar(begin, there, 0, "", "load", tip))
    for first, last in used:
        found.append(Bar(1e6 * first, 1e6 * last, 0, "", "compute", f"runs {seconds(last - first)} from {seconds(first)}"))
    return sorted((bar for bar in found if bar.end > bar.begin), key=lambda bar: bar.begin)


def curve(stays: Sequence[Stay], total: float, room: float, top: float) -> Markup:
    """The bytes of all that is in memory or on its way there, which never pass the room."""
    changes: dict[float, float] = {}
    for stay in stays:
        changes[stay.begin] = changes.get(stay.begin, 0.0) + stay.bytes
        changes[stay.end] = changes.get(stay.end, 0.0) - stay.bytes
    across, up = (WIDTH - LEFT - 8) / (total or 1.0), CURVE / (1.1 * room or 1.0)
    line, held, most = [f"M{LEFT} {top + CURVE:g}"], 0.0, 0.0
    for moment in sorted(changes):
        held += changes[moment]
        if moment < total:
            most = max(most, held)
            line.append(f"H{LEFT + moment * across:.6g}V{top + CURVE - held * up:.6g}")
    line.append(f"H{LEFT + total * across:.6g}V{top + CURVE:g}Z")
    edge = top + CURVE - room * up
    said = f"at most {amount(most, 'B')} of {amount(room, 'B')}"
    return element(
        "g",
        element("path", d="".join(line), class_="held"),
        element("line", x1=LEFT, x2=WIDTH - 8, y1=edge, y2=edge, class_="room"),
        element("text", "in memory", x=0, y=top + 24),
        data_tip=said,
    )
