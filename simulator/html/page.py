"""The page: a headline, and of each target what it takes, when, why, and the plan."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..alike import groups
from ..report import Report
from ..words import faster, seconds
from . import latency, parts, residency, roofline, timeline
from .markup import Content, Markup, element, joined

HERE = Path(__file__).parent
LEGEND = {
    "compute": "compute",
    "memory": "the device's memory",
    "launch": "launching",
    "load": "a chunk that is loaded",
    "wait": "waiting",
    "chunk": "a chunk around steps",
}


def page(reports: Sequence[Report], plans: Sequence[str]) -> str:
    """
    HTML of reports of one model.

    Args:
        plans: of each report the text of the plan that was timed.
    """
    first = reports[0]
    sizes = ", ".join(f"{name} = {size}" for name, size in first.dims.items())
    routes = f" Selections fall {'as recorded' if first.routes == 'recorded' else first.routes}." if first.routes else ""
    lead = element("p", f"{first.model} in {first.dtype}, {sizes}, launched {word_of(first)}.{routes}")
    title = f"{first.model} on {', '.join(report.target for report in reports)}"
    body = [element("h1", parts.sentence(first) if len(reports) == 1 else title), lead]
    if len(reports) > 1:
        scales = "Each on a scale of its own." if first.dense is not None else None
        links = [element("a", report.target, href=f"#{place}") for place, report in enumerate(reports)]
        body += [element("nav", *links), card("Targets", scales, beside(reports))]
    for place, (report, plan) in enumerate(zip(reports, plans)):
        heading = element("h2", parts.sentence(report), id=str(place)) if len(reports) > 1 else None
        body.append(joined(heading, section(report, plan)))
    return "<!doctype html>\n" + element("html", head(title), element("body", element("main", *body), tip()), lang="en") + "\n"


def head(title: str) -> Markup:
    style = element("style", Markup((HERE / "style.css").read_text(encoding="utf-8")))
    metas = [element("meta", charset="utf-8"), element("meta", name="viewport", content="width=device-width, initial-scale=1")]
    return element("head", *metas, element("title", title), style)


def tip() -> Markup:
    """What stands beside the pointer."""
    script = Markup((HERE / "tip.js").read_text(encoding="utf-8"))
    return joined(element("div", id="tip"), element("script", script))


def word_of(report: Report) -> str:
    return "call by call" if report.launch == "eager" else "as a captured graph"


def beside(reports: Sequence[Report]) -> Markup:
    """The time on each target: beside that of computing everything, each on a scale of its own, or all on one."""
    cells: list[Content] = []
    most = max(report.seconds for report in reports) or 1.0
    for report in reports:
        dense = report.dense.seconds if report.dense is not None else None
        longest = most if dense is None else max(report.seconds, dense) or 1.0
        said = f"{seconds(report.seconds)}" + (f", {faster(report.dense.ratio)}" if report.dense is not None else "")
        bars = [parts.bar(report.seconds, longest, "compute", said)]
        bars += [parts.bar(dense, longest, "dense", f"{seconds(dense)} computing everything")] if dense is not None else []
        cells += [element("div", report.target, class_="name"), element("div", *bars)]
    return element("div", *cells, class_="bars")


def section(report: Report, plan: str) -> Markup:
    """All of one target."""
    alike = groups(report.steps)
    roof = roofline.picture(report, alike)
    loads = parts.routes(report)
    spread = latency.picture(report)
    marks = parts.legend({kind: said for kind, said in LEGEND.items() if kind == "chunk" or report.bound.get(kind)})
    picture = joined(marks, element("div", timeline.picture(report), class_="wide"))
    many = f"Input {report.course.input + 1} of {report.inputs:,}, the one of median length. " if report.inputs > 1 else ""
    found: list[Content] = [
        parts.tiles(report),
        card("What bounds it", None, parts.bounds(report)),
        card("How long inputs take", None, element("div", spread, class_="wide")) if spread is not None else None,
        card("Timeline", f"{many}Colours tell what a step is bound by.", picture),
        card("Chunks in memory", residency.SAID, residency.of_report(report)) if report.course.stays else None,
        card("Where the time goes", "Seconds by chunk; what is outside of chunks, by kind of step.", parts.chunks(report)),
        card("Roofline", "A dot is a step, or those alike in all members of an array; the larger, the more of the time. "
             "Numbers are those of the table.", element("div", roof, class_="wide")) if roof is not None else None,
        card("How rows fall", None, loads) if loads is not None else None,
        card("Steps", None, parts.steps(report, alike)),
        element("details", element("summary", "Plan"), element("pre", plan), class_="card"),
    ]  # fmt: skip
    return joined(*found)


def card(title: str, said: str | None, content: Markup) -> Markup:
    return element("div", element("h3", title), element("p", said) if said else None, content, class_="card")
