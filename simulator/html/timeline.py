"""The input of median length as a picture: a row an engine, a bar a step, and under the device's steps the chunks around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..report import Report
from ..timeline import Event, copy_slices, device_slices, host_slices, links_of
from ..words import amount, seconds
from .markup import Content, Markup, element, joined

WIDTH, LEFT, ROW, GAP = 1100, 108, 24, 10
"""Of the picture, of what stands left of the bars, of a row, and between engines."""
LETTER = 6.4
"""About how wide a letter is."""
NARROW = 1.2
"""Bars narrower than this are drawn together with those behind them."""


@dataclass
class Bar:
    """One bar: where it stands, and what it stands for."""

    begin: float
    end: float
    depth: int
    name: str
    colour: str
    tip: str
    many: int = 1


def picture(report: Report) -> Markup:
    """The timeline as SVG."""
    total = 1e6 * report.course.total or 1.0
    scale = (WIDTH - LEFT - 8) / total
    drawn: list[Content] = []
    y = 22
    for name, bars in tracks(report):
        deepest = max(bar.depth for bar in bars)
        drawn.append(element("text", name, x=0, y=y + ROW * (deepest + 1) - 8))
        for bar in merged(bars, scale):
            drawn.append(drawn_bar(bar, y + ROW * bar.depth, scale))
        y += ROW * (deepest + 1) + GAP
    axis = [tick(place, scale, y) for place in ticks(total)]
    return element("svg", *axis, *drawn, viewBox=f"0 0 {WIDTH} {y + 4}", role="img", aria_label="timeline")


def tracks(report: Report) -> list[tuple[str, list[Bar]]]:
    """Each engine that does something, with its bars."""
    found = [("host", list(host_slices(report))), ("device", device_slices(report))]
    copies = list(copy_slices(report))
    for link in links_of(report):
        thread = links_of(report).index(link) + 3
        found.append((link, [event for event in copies if event["tid"] == thread]))
    return [(name, bars_of(events, report)) for name, events in found if events]


def bars_of(events: Sequence[Event], report: Report) -> list[Bar]:
    """Bars of slices that nest, chunks in the rows above their steps; steps all in the lowest row."""
    found: list[Bar] = []
    opened: list[float] = []
    for event in events:
        begin, end = event["ts"], event["ts"] + event["dur"]
        while opened and opened[-1] <= begin + 1e-9:
            opened.pop()
        chunk = event["cat"] == "chunk"
        colour = "chunk" if chunk else {"load": "load", "launch": "launch"}.get(event["cat"], event["args"].get("bound", "wait"))
        found.append(Bar(begin, end, len(opened) if chunk else -1, event["name"], colour, tip_of(event)))
        opened.append(end)
    lowest = max((bar.depth for bar in found), default=-1) + 1
    for bar in found:
        bar.depth = lowest if bar.depth < 0 else bar.depth
    return found


def tip_of(event: Event) -> str:
    """What is told where a bar is pointed at."""
    args: dict[str, Any] = event["args"]
    lines = [event["name"], f"{seconds(event['dur'] / 1e6)} from {seconds(event['ts'] / 1e6)}"]
    if "bound" in args:
        lines.append(f"bound by {args['bound']}")
    if args.get("flops"):
        lines.append(amount(args["flops"], "FLOP"))
    lines += [f"{key}: {amount(value, 'B')}" for key, value in args.items() if key.startswith("bytes")]
    if "of roofline" in args:
        lines.append(f"{args['of roofline']:.0%} of the roofline")
    return "\n".join(lines)


def merged(bars: Sequence[Bar], scale: float) -> list[Bar]:
    """The bars, with those together that are too narrow to be seen alone."""
    found: list[Bar] = []
    last: dict[int, Bar] = {}
    for bar in bars:
        before = last.get(bar.depth)
        narrow = before is not None and (before.end - before.begin) * scale < NARROW and (bar.end - bar.begin) * scale < NARROW
        if before is not None and narrow and (bar.begin - before.end) * scale < NARROW:
            before.end, before.many = bar.end, before.many + 1
            before.name, before.tip = "", f"{before.many} steps, {seconds((before.end - before.begin) / 1e6)}"
        else:
            found.append(bar)
            last[bar.depth] = bar
    return found


def drawn_bar(bar: Bar, y: float, scale: float, tall: int = ROW) -> Markup:
    x, width = LEFT + bar.begin * scale, max(0.4, (bar.end - bar.begin) * scale - 0.5)
    room = int((width - 8) / LETTER)
    label = bar.name if len(bar.name) <= room else bar.name[: room - 1] + "…" if room >= 4 else ""
    box = element("rect", x=x, y=float(y), width=width, height=tall - 3, rx=2 if width > 6 else None, class_=bar.colour)
    text = element("text", label, x=x + 4, y=float(y + 15), class_=None if bar.colour == "chunk" else "on") if label else None
    return element("g", box, text, data_tip=bar.tip)


def ticks(total: float) -> list[float]:
    """Some round numbers from 0 to a total; 0 alone where nothing takes any time."""
    if not total:
        return [0.0]
    step = 10.0 ** len(str(int(total))) / 10
    while total / step < 4:
        step /= 2 if str(step).lstrip("0.").startswith(("2", "4", "1")) else 2.5
    return [place * step for place in range(int(total / step) + 1)]


def tick(place: float, scale: float, bottom: float) -> Markup:
    x = LEFT + place * scale
    line = element("line", x1=x, x2=x, y1=16, y2=float(bottom), class_="grid")
    edge = "end" if x > WIDTH - 60 else "middle"
    return joined(line, element("text", seconds(place / 1e6), x=x, y=11, text_anchor=edge, class_="soft"))
