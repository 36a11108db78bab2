"""Diagnostics as rustc-form text, JSON and GitHub annotations, sorted by place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .diagnostics import Diagnostic, Label
from .excerpt import Row, cells_of, end_of, excerpt
from .source import BUILTIN, Source, Span

COLOURS = {
    "error": "\x1b[1;31m",
    "warning": "\x1b[1;33m",
    "secondary": "\x1b[1;34m",
    "gutter": "\x1b[1;34m",
    "title": "\x1b[1m",
    "help": "\x1b[1;36m",
}
RESET = "\x1b[0m"


def by_place(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """In the order of files, then of places, errors before warnings."""
    return sorted(diagnostics, key=lambda d: (d.span.source.path, d.span.start, d.severity, d.code, d.message))


def render_text(diagnostics: Iterable[Diagnostic], *, colour: bool = False) -> str:
    """All findings in rustc's form, a blank line after each; empty if there are none."""
    return "".join(_text(diagnostic, colour) + "\n" for diagnostic in by_place(diagnostics))


def summary(diagnostics: Sequence[Diagnostic]) -> str:
    """How many errors and warnings there are, in words."""
    counts = {kind: sum(d.severity == kind for d in diagnostics) for kind in ("error", "warning")}
    return ", ".join(f"{n} {kind}{'s' * (n > 1)}" for kind, n in counts.items() if n) or "no findings"


def _text(diagnostic: Diagnostic, colour: bool) -> str:
    groups = _groups(diagnostic)
    width = len(str(max([end_of(label.span)[0] for _, labels in groups for label, _ in labels], default=1)))
    rows = [_title(diagnostic)]
    for i, (source, labels) in enumerate(groups):
        row = Row()
        row.put(width, ":::" if i else "-->", "gutter")
        row.put(width + 4, cells_of(str(labels[0][0].span))[0])
        rows += [row, *(excerpt(source, labels, width) if source.text else [])]
    if diagnostic.hint:
        if groups:
            rows.append(_plain(" " * (width + 1) + "|", "gutter"))
        rows += _help(diagnostic.hint, width)
    return "".join(_paint(row, colour) + "\n" for row in rows)


def _groups(diagnostic: Diagnostic) -> list[tuple[Source, list[tuple[Label, str]]]]:
    """The labels by source, the primary one's source first; places that no text stands behind are left out."""
    groups: dict[Source, list[tuple[Label, str]]] = {}
    for i, label in enumerate(diagnostic.labels):
        if label.span.source is not BUILTIN:
            groups.setdefault(label.span.source, []).append((label, "secondary" if i else diagnostic.severity))
    return list(groups.items())


def _title(diagnostic: Diagnostic) -> Row:
    row = Row()
    head = f"{diagnostic.severity}[{diagnostic.code}]"
    row.put(0, head, diagnostic.severity)
    row.put(len(head), cells_of(": " + diagnostic.message)[0], "title")
    return row


def _help(hint: str, width: int) -> list[Row]:
    """The remedy; further lines of it stand under the first."""
    rows = []
    for i, line in enumerate(hint.splitlines()):
        row = Row()
        if i == 0:
            row.put(width + 1, "= ", "gutter")
            row.put(width + 3, "help:", "help")
        row.put(width + 9, cells_of(line)[0])
        rows.append(row)
    return rows


def _plain(text: str, style: str) -> Row:
    row = Row()
    row.put(0, text, style)
    return row


def _paint(row: Row, colour: bool) -> str:
    if not colour:
        return "".join(cell for cell, _ in row.cells).rstrip()
    painted, now = [], ""
    for cell, style in row.cells:
        if style != now:
            painted.append((RESET if now else "") + COLOURS.get(style, ""))
            now = style
        painted.append(cell)
    return "".join(painted).rstrip() + (RESET if now else "")


def render_json(diagnostics: Iterable[Diagnostic]) -> list[dict[str, Any]]:
    """All findings as JSON values; lines and columns count from 1 in characters, ends are exclusive."""
    return [
        {
            "code": d.code,
            "severity": d.severity,
            "message": d.message,
            **_place(d.span),
            "labels": [{**_place(label.span), "text": label.text, "primary": i == 0} for i, label in enumerate(d.labels)],
            "hint": d.hint,
        }
        for d in by_place(diagnostics)
    ]


def _place(span: Span) -> dict[str, Any]:
    end_line, end_column = end_of(span)
    return {
        "file": span.source.path,
        "line": span.line,
        "column": span.column,
        "end_line": end_line,
        "end_column": end_column,
    }


def render_github(diagnostics: Iterable[Diagnostic]) -> str:
    """All findings as workflow commands, a line each, that GitHub shows beside the code."""
    lines = []
    for d in by_place(diagnostics):
        place = _place(d.span)
        fields = {"file": place["file"], "line": place["line"], "endLine": place["end_line"], "col": place["column"]}
        if place["line"] == place["end_line"]:
            fields["endColumn"] = place["end_column"]
        fields["title"] = d.code
        told = "\n".join(filter(None, [d.message, d.labels[0].text, d.hint and f"help: {d.hint}"]))
        written = ",".join(f"{name}={_escape(str(value), ':,')}" for name, value in fields.items())
        lines.append(f"::{d.severity} {written}::{_escape(told)}\n")
    return "".join(lines)


def _escape(text: str, also: str = "") -> str:
    return "".join(f"%{ord(char):02X}" if char in "%\r\n" + also else char for char in text)
