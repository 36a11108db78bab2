"""Bars and tables of one report."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ..alike import Group, name_of
from ..comparing import seconds_by_part
from ..report import Report, WayReport
from ..words import amount, faster, pays, seconds, share
from .markup import Content, Markup, element, joined

MOST_PARTS, MOST_STEPS, MOST_ROUTES = 14, 60, 4
BOUNDS = ("compute", "memory", "launch", "load", "wait")


def sentence(report: Report) -> str:
    """Whether it pays."""
    if report.dense is None:
        return f"{seconds(report.seconds)} on {report.target}"
    word = {
        "yes": f"it pays, {faster(report.dense.ratio)} as computing everything",
        "no": f"it does not pay, {faster(report.dense.ratio)} as computing everything",
        "alike": "as long as computing everything",
    }[pays(report.dense.ratio)]
    return f"{seconds(report.seconds)} on {report.target}: {word}"


def tiles(report: Report) -> Markup:
    """What is most asked for."""
    latency, dense = report.latency, report.dense
    found = [(seconds(report.seconds), "a call" + (" on average" if report.inputs > 1 else ""))]
    if dense is not None:
        found.append((seconds(dense.seconds), "computing everything"))
    if report.inputs > 1:
        found.append((seconds(latency.p50), f"median of {report.inputs:,} inputs"))
        found.append((seconds(latency.p99), f"99th percentile; 90th: {seconds(latency.p90)}"))
    found.append((amount(report.flops, "FLOP"), "work" + _of(report.macs, dense.macs if dense is not None else None)))
    for memory in [level for level, moved in report.bytes.items() if moved and level not in OUTSIDE][-1:]:
        everything = dense.bytes[memory] if dense is not None else None
        found.append((amount(report.bytes[memory], "B"), f"through {memory}" + _of(report.bytes[memory], everything)))
    found.append((amount(report.joules, "J"), "energy" + _of(report.joules, dense.joules if dense is not None else None)))
    if report.loads is not None:
        found.append((f"{report.loads.loads:.3g} loads", f"of chunks, {amount(report.loads.bytes, 'B')}"))
        found.append((seconds(report.loads.stalled), f"waited for chunks; {report.loads.hidden:.0%} of their loads hidden"))
    made = [element("div", element("b", big), element("span", small), class_="tile") for big, small in found]
    return element("div", *made, class_="tiles")


OUTSIDE = ("host", "storage")


def _of(value: float, dense: float | None) -> str:
    return f", {value / dense:.0%} of dense" if dense else ""


def legend(words: Mapping[str, str]) -> Markup:
    """What colours stand for."""
    marks = (element("span", element("i", style=f"background:var(--{kind})"), said) for kind, said in words.items())
    return element("div", *marks, class_="legend")


def bounds(report: Report) -> Markup:
    """What bound how much of the time, as one bar, and what was in use."""
    most = sorted(((name, report.bound[name]) for name in BOUNDS if report.bound.get(name)), key=lambda pair: -pair[1])
    pieces = [
        element("i", class_=name, style=f"width:{100 * spent / report.seconds:.2f}%", data_tip=f"{name}: {seconds(spent)}")
        for name, spent in most
        if report.seconds
    ]
    words = [
        element("span", element("i", class_=name), f"bound by {name}: {share(spent, report.seconds)}") for name, spent in most
    ]
    used = ", ".join(f"{name} {part:.0%}" for name, part in report.utilisation.items() if part)
    return joined(
        element("div", *pieces, class_="stack"), element("div", *words, class_="legend"), element("p", f"In use: {used}.")
    )


def chunks(report: Report) -> Markup:
    """Seconds by chunk, and beside them those of computing everything."""
    rows: list[tuple[str, float, float | None]]
    if report.dense is not None:
        rows = [(name_of(one.path, one.label), one.conditional, one.dense) for one in report.dense.parts]
    else:
        rows = [(name_of(*part), spent, None) for part, spent in seconds_by_part(report.steps).items()]
    rows = sorted((row for row in rows if row[1] or row[2]), key=lambda row: -max(row[1], row[2] or 0.0))[:MOST_PARTS]
    longest = max((max(ours, dense or 0.0) for _, ours, dense in rows), default=0.0) or 1.0
    cells: list[Content] = []
    for name, ours, dense in rows:
        bars = [bar(ours, longest, "compute", seconds(ours))]
        bars += [bar(dense, longest, "dense", seconds(dense))] if dense is not None else []
        cells += [element("div", name, class_="name"), element("div", *bars)]
    kinds = [("compute", "what is kept"), ("dense", "everything")] if report.dense is not None else []
    legend = element("div", *(element("span", element("i", class_=kind), said) for kind, said in kinds), class_="legend")
    return joined(legend if kinds else None, element("div", *cells, class_="bars"))


def bar(value: float, longest: float, colour: str, text: str) -> Markup:
    # Room for the number is left beside the longest.
    return element("div", element("i", class_=colour, style=f"width:{80 * value / longest:.2f}%"), text, class_="bar")


def routes(report: Report) -> Markup | None:
    """Rows of each way of the longest routed steps."""
    by_step: dict[tuple[str, int], list[WayReport]] = {}
    for way in report.ways:
        by_step.setdefault((way.path, way.step), []).append(way)
    spent = {(one.path, one.step): one.seconds for one in report.steps}
    most = sorted((key for key, ways in by_step.items() if len(ways) > 1), key=lambda key: -spent.get(key, 0.0))[:MOST_ROUTES]
    return joined(*(loads(by_step[key]) for key in most)) if most else None


def loads(ways: Sequence[WayReport]) -> Markup:
    """A column a way."""
    width, height = 1100, 118
    most, step = max(way.rows for way in ways) or 1.0, (width - 8) / len(ways)
    drawn: list[Content] = []
    every = math.ceil(len(ways) * 26 / width)
    for place, way in enumerate(ways):
        tall = (height - 34) * way.rows / most
        tip = f"{way.way}\n{way.rows:,.4g} rows, in {way.ran:.0%} of the inputs"
        tip += f"\n{seconds(way.seconds)}" if math.isfinite(way.seconds) else ""
        box = {"x": 4 + place * step, "y": height - 18 - tall, "width": max(1.0, 0.8 * step), "height": tall}
        column = element("rect", **box, class_="compute")
        drawn.append(element("g", column, data_tip=tip))
        if place % every == 0:
            middle = 4 + (place + 0.4) * step
            drawn.append(element("text", way.way.rpartition(".")[2], x=middle, y=height - 4, text_anchor="middle", class_="soft"))
    title = name_of(ways[0].path, ways[0].way.rpartition(".")[0])
    said = element("text", f"{title}: mean rows of each way, at most {most:,.4g}", x=4, y=11)
    return element("div", element("svg", said, *drawn, viewBox=f"0 0 {width} {height}", role="img"), class_="wide")


def steps(report: Report, groups: Sequence[Group]) -> Markup:
    """The table of steps, the longest first; numbers are those of the roofline."""
    names = ("", "step", "times", "time", "share", "bound by", "rows", "FLOP/B", "FLOP/s", "of roofline")
    numeric = {0, 2, 3, 4, 6, 7, 8, 9}
    rows = []
    for number, one in enumerate([group for group in groups if group.seconds][:MOST_STEPS], start=1):
        cells: list[Content] = [
            number, one.name, one.times, seconds(one.seconds), share(one.seconds, report.seconds),
            joined(element("i", class_=one.bound), one.bound), "-" if math.isnan(one.rows) else f"{one.rows:,.0f}",
            f"{one.flops / one.moved:.3g}" if one.moved and one.flops else "-",
            amount(one.flops / one.seconds, "FLOP/s") if one.flops else "-",
            f"{one.flops / one.most:.0%}" if one.most and one.flops else "-",
        ]  # fmt: skip
        rows.append(element("tr", *(element("td", cell, class_="n" if i in numeric else None) for i, cell in enumerate(cells))))
    head = element("tr", *(element("th", name, class_="n" if i in numeric else None) for i, name in enumerate(names)))
    return element("div", element("table", head, *rows), class_="wide")
