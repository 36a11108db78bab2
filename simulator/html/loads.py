"""The page of a recorded trace of loads: when chunks are in memory, and when calls wait for them, as replayed and predicted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..loading import Replay
from ..words import amount, seconds, share
from . import parts, residency
from .markup import Content, Markup, element
from .page import card, head, tip
from .timeline import Bar

LEGEND = {
    "compute": "the call computes",
    "wait": "the call waits for a chunk",
    "load": "a chunk is loaded",
    "held": "a chunk is in memory",
}


def loads_page(path: str, columns: Sequence[str], rows: Sequence[Sequence[str]], replays: Mapping[str, Replay]) -> str:
    """
    HTML of what `chunkc loads` tells.

    Args:
        path: of the trace.
        columns, rows: the table that it prints.
        replays: by what they are, those to be drawn.
    """
    longest = max((one.seconds for one in replays.values()), default=0.0)
    cells = [element("tr", *(element("th", name, class_="n" if i else None) for i, name in enumerate(columns)))]
    cells += [element("tr", *(element("td", cell, class_="n" if i else None) for i, cell in enumerate(row))) for row in rows]
    lead = element("p", "All pictures have one scale. Dashed: the budget. Point at a bar to see what it is.")
    title = f"Loads of {path}"
    numbers = element("div", element("table", *cells), class_="wide")
    body = [element("h1", title), lead, card("In numbers", None, numbers)]
    body += [card(what, said(one), drawn(one, longest)) for what, one in replays.items()]
    return "<!doctype html>\n" + element("html", head(title), element("body", element("main", *body), tip()), lang="en") + "\n"


def said(one: Replay) -> str:
    """A replay in a line."""
    many = f"{len(one.calls)} call{'s' * (len(one.calls) != 1)} in {seconds(one.seconds)}"
    waited = f"waited {seconds(one.stalled)} ({share(one.stalled, one.seconds)})"
    return f"{many}, {waited} for {one.loads:,} loads of {amount(one.bytes, 'B')}."


def drawn(one: Replay, total: float) -> Markup:
    """The thread of the calls, and the chunks under it."""
    bars = [bar(span, "compute", "computes") for span in one.computed] + [bar(span, "wait", "waits") for span in one.waits]
    found: list[Content] = [parts.legend(LEGEND)]
    lanes = {"calls": sorted(bars, key=lambda bar: bar.begin)}
    found.append(element("div", residency.picture(one.stays, {}, total, one.room, lanes), class_="wide"))
    return element("div", *found)


def bar(span: tuple[float, float], colour: str, word: str) -> Bar:
    begin, end = span
    return Bar(1e6 * begin, 1e6 * end, 0, "", colour, f"{word} {seconds(end - begin)} from {seconds(begin)}")
