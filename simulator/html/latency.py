"""How long inputs take, as a histogram with the percentiles."""

from __future__ import annotations

import numpy as np

from ..report import Report
from ..words import ALIKE, seconds
from .markup import Content, Markup, element

WIDTH, HEIGHT, EDGE, TOP, BOTTOM, BINS = 1100, 160, 40, 46, 20, 60


def picture(report: Report) -> Markup | None:
    """The histogram as SVG; None where all inputs take about as long."""
    low, high = float(report.samples.min()), float(report.samples.max())
    if high <= low * (1 + ALIKE):
        return None
    ends: list[Content] = [
        element("text", seconds(low), x=EDGE, y=HEIGHT - 4, class_="soft"),
        element("text", seconds(high), x=WIDTH - EDGE, y=HEIGHT - 4, text_anchor="end", class_="soft"),
    ]
    drawn = [*columns(report, low, high), *percentiles(report, low, high), *ends]
    return element("svg", *drawn, viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img", aria_label="latency")


def columns(report: Report, low: float, high: float) -> list[Content]:
    """How many inputs take how long."""
    counts, edges = np.histogram(report.samples, BINS, (low, high))
    wide, most = (WIDTH - 2 * EDGE) / BINS, int(counts.max())
    found: list[Content] = []
    for place, count in enumerate(counts.tolist()):
        tall = (HEIGHT - BOTTOM - TOP) * count / most
        box = {"x": EDGE + place * wide, "y": HEIGHT - BOTTOM - tall, "width": wide - 1, "height": tall}
        tip = f"{count:,} inputs from {seconds(float(edges[place]))} to {seconds(float(edges[place + 1]))}"
        found.append(element("g", element("rect", **box, class_="compute"), data_tip=tip) if count else None)
    return found


def percentiles(report: Report, low: float, high: float) -> list[Content]:
    """Lines at three of them, the label of each in a row of its own."""
    found: list[Content] = []
    for row, name in enumerate(("p50", "p90", "p99")):
        value = float(getattr(report.latency, name))
        x, y = EDGE + (WIDTH - 2 * EDGE) * (value - low) / (high - low), 11 + 14 * row
        found.append(element("line", x1=x, x2=x, y1=float(y + 3), y2=HEIGHT - BOTTOM, class_="grid"))
        right = x > WIDTH - 110
        anchor = "end" if right else "start"
        found.append(element("text", f"{name} {seconds(value)}", x=x - 4 if right else x + 4, y=y, text_anchor=anchor))
    return found
