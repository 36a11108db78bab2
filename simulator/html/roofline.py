"""Steps under the roofline (Williams, Waterman & Patterson, 2009), on logarithmic axes; the larger a dot, the longer it takes."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..alike import Group
from ..report import Report
from ..words import amount, seconds, share
from .markup import Content, Markup, element

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 1100, 430, 92, 44, 18, 20
NAMED = 8
"""So many of the longest have their number beside them; it is that of the table of steps."""

Box = tuple[float, float, float, float]


class Axes:
    """Places of intensities (FLOP/B) and rates (FLOP/s): whole decades around the roof's edge and all dots."""

    def __init__(self, report: Report, dots: Sequence[tuple[float, float]]):
        roof = report.roof
        edge = roof.peak / roof.bandwidth
        across = [edge / 10, edge * 10, *(x for x, _ in dots)]
        up = [roof.peak, *(y for _, y in dots), roof.peak / 100]
        self.x0, self.x1 = math.floor(math.log10(min(across)) - 0.1), math.ceil(math.log10(max(across)) + 0.05)
        self.y0, self.y1 = math.floor(math.log10(min(up)) - 0.1), math.ceil(math.log10(max(up)) + 0.1)

    def x(self, value: float) -> float:
        return LEFT + (math.log10(value) - self.x0) / (self.x1 - self.x0) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        return HEIGHT - BOTTOM - (math.log10(value) - self.y0) / (self.y1 - self.y0) * (HEIGHT - BOTTOM - TOP)


def picture(report: Report, groups: Sequence[Group]) -> Markup | None:
    """The plot as SVG; None where no step computes with bytes of the device's memory."""
    shown = [(number, one) for number, one in enumerate(groups, start=1) if one.flops and one.moved and one.seconds]
    if not shown:
        return None
    dots = [(one.flops / one.moved, one.flops / one.seconds) for _, one in shown]
    axes = Axes(report, dots)
    drawn: list[Content] = [*grid(axes), *roof(report, axes)]
    places = [(axes.x(x), axes.y(y), radius(one, report)) for (x, y), (_, one) in zip(dots, shown)]
    taken: list[Box] = [(x - r, y - r, x + r, y + r) for x, y, r in places]
    labels: list[Content] = []
    for (number, one), (x, y, r) in sorted(zip(shown, places), key=lambda pair: -pair[1][2]):
        drawn.append(element("circle", cx=x, cy=y, r=r, class_=f"dot {one.bound}", data_tip=tip_of(number, one, report)))
        if number <= NAMED:
            labels.append(label(str(number), x, y, r, taken))
    return element("svg", *drawn, *labels, viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img", aria_label="roofline")


def radius(group: Group, report: Report) -> float:
    """In proportion to the root of the share of the time."""
    return 4 + 14 * math.sqrt(group.seconds / report.seconds if report.seconds else 0.0)


def tip_of(number: int, group: Group, report: Report) -> str:
    times = f", {group.times} times" if group.times > 1 else ""
    return "\n".join([
        f"{number}. {group.name}",
        f"{seconds(group.seconds)}{times}: {share(group.seconds, report.seconds)} of the time",
        f"{group.flops / group.moved:.3g} FLOP/B, {amount(group.flops / group.seconds, 'FLOP/s')}",
        f"{group.flops / group.most:.0%} of the roofline, bound by {group.bound}",
    ])  # fmt: skip


def label(text: str, x: float, y: float, r: float, taken: list[Box]) -> Markup:
    """A number beside its dot: where nothing stands yet, else to the right."""
    wide = 8.0 * len(text)
    for dx, dy in ((r + 3, 4), (-r - 3 - wide, 4), (-wide / 2, -r - 4), (-wide / 2, r + 13), (r + 3, -r), (r + 3, r + 8)):
        box = (x + dx, y + dy - 11, x + dx + wide, y + dy + 1)
        inside = box[0] > LEFT and box[2] < WIDTH - RIGHT and box[3] < HEIGHT - BOTTOM
        if inside and not any(box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in taken):
            break
    else:
        dx, dy = r + 3, 4
        box = (x + dx, y + dy - 11, x + dx + wide, y + dy + 1)
    taken.append(box)
    return element("text", text, x=x + dx, y=y + dy, font_weight="600")


def grid(axes: Axes) -> list[Content]:
    """Lines at decades, with their numbers, and what the axes are."""
    found: list[Content] = []
    for power in range(axes.x0, axes.x1 + 1):
        x = axes.x(10.0**power)
        found.append(element("line", x1=x, x2=x, y1=TOP, y2=HEIGHT - BOTTOM, class_="grid"))
        found.append(element("text", f"{10.0**power:g}", x=x, y=HEIGHT - BOTTOM + 17, text_anchor="middle", class_="soft"))
    every = 1 + (axes.y1 - axes.y0) // 9
    for power in range(axes.y0, axes.y1 + 1, every):
        y = axes.y(10.0**power)
        found.append(element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, class_="grid"))
        found.append(element("text", amount(10.0**power, "FLOP/s"), x=LEFT - 6, y=y + 4, text_anchor="end", class_="soft"))
    middle = (LEFT + WIDTH - RIGHT) / 2
    said = "FLOPs for each byte of device memory"
    return [*found, element("text", said, x=middle, y=HEIGHT - 6, text_anchor="middle", class_="soft")]


def roof(report: Report, axes: Axes) -> list[Content]:
    """The slope of the memory's bandwidth and the flat of the peak rate."""
    peak, bandwidth = report.roof.peak, report.roof.bandwidth
    left, edge, right = 10.0**axes.x0, peak / bandwidth, 10.0**axes.x1
    start = max(left, 10.0**axes.y0 / bandwidth)
    path = f"M{axes.x(start):.1f} {axes.y(start * bandwidth):.1f}L{axes.x(edge):.1f} {axes.y(peak):.1f}H{axes.x(right):.1f}"
    flat = element("text", amount(peak, "FLOP/s"), x=axes.x(right) - 4, y=axes.y(peak) - 6, text_anchor="end")
    some = 10 ** (0.55 * math.log10(start) + 0.45 * math.log10(edge))
    slope = element("text", amount(bandwidth, "B/s"), x=axes.x(some) - 8, y=axes.y(some * bandwidth) - 8, text_anchor="end")
    return [element("path", d=path, class_="roof"), flat, slope]
