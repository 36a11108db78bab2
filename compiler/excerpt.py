"""Lines of a source with what is wrong underlined: the drawing part of `render.py`, in the form of rustc.

A row is a list of terminal cells, so that tabs, wide and combining characters stay under their marks.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

from .diagnostics import Label
from .source import Source, Span

TAB = 4
WIDTH = 160
"""Longer lines are cut to this many cells around what is underlined."""

Style = str


@dataclass
class Row:
    """One line of output: cells of text, each with the name of a style."""

    cells: list[tuple[str, Style]] = field(default_factory=list)

    def put(self, column: int, cells: Sequence[str], style: Style = "") -> None:
        """Write cells from a column on, over what is there."""
        self.cells.extend([(" ", "")] * (column + len(cells) - len(self.cells)))
        self.cells[column : column + len(cells)] = [(cell, style) for cell in cells]


@dataclass(frozen=True, slots=True)
class Mark:
    """A label brought to lines and cells: `first` is 0-based, `last` exclusive; `depth` is its bar if it spans lines."""

    line: int
    first: int
    end_line: int
    last: int
    text: str
    style: Style
    depth: int = -1

    @property
    def sign(self) -> str:
        return "-" if self.style == "secondary" else "^"


def visible(char: str) -> str:
    """A character as it may go to a terminal: control, format and surrogate characters get a picture."""
    if ord(char) < 32:
        return chr(0x2400 + ord(char))
    return "\N{REPLACEMENT CHARACTER}" if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") else char


def cells_of(text: str) -> tuple[list[str], list[int]]:
    """The cells that a line takes, and the cell where each of its characters begins (one more for its end)."""
    cells: list[str] = []
    starts: list[int] = []
    for char in text:
        starts.append(len(cells))
        if char == "\t":
            cells.extend(" " * TAB)
        elif unicodedata.combining(char) and cells:
            starts[-1] = len(cells) - 1
            cells[-1] += char
        else:
            cells.append(visible(char))
            cells.extend([""] * (unicodedata.east_asian_width(char) in "WF"))
    return cells, [*starts, len(cells)]


def end_of(span: Span) -> tuple[int, int]:
    """The 1-based line and exclusive column where a span ends, its trailing newlines left out."""
    end = span.end
    while end > span.start + 1 and span.source.text[end - 1] in "\r\n":
        end -= 1
    line, column = span.source.position(max(span.start, end - 1))
    return line, column + (1 if end > span.start else 0)


def excerpt(source: Source, labels: Sequence[tuple[Label, Style]], number_width: int) -> list[Row]:
    """The lines of `source` that the labels (each with its style) lie in, with the labels drawn under them."""
    return _Excerpt(source, labels, number_width).rows()


class _Excerpt:
    """Draws the labels of one source; `margin` is where source text begins, right of the bars of labels over several lines."""

    def __init__(self, source: Source, labels: Sequence[tuple[Label, Style]], number_width: int):
        self.source = source
        self.number_width = number_width
        spans = [(label, style, end_of(label.span)) for label, style in labels]
        long = [label for label, _, end in spans if end[0] > label.span.line]
        self.margin = number_width + 3 + (len(long) + 1 if long else 0)
        edges = [(label.span.line, label.span.column) for label, _, _ in spans] + [end for _, _, end in spans]
        self.lines = {line: _Line(source, line, [column for at, column in edges if at == line]) for line, _ in edges}
        self.marks = [self._mark(label, style, end, long.index(label) if label in long else -1) for label, style, end in spans]

    def _mark(self, label: Label, style: Style, end: tuple[int, int], depth: int) -> Mark:
        line, end_line = label.span.line, end[0]
        first = self.lines[line].cell(label.span.column)
        last = self.lines[end_line].cell(end[1])
        if line == end_line:
            last = max(last, first + 1)
        return Mark(line, first, end_line, last, label.text, style, depth)

    def rows(self) -> list[Row]:
        shown = [self._gutter(" ")]
        before: int | None = None
        for number in sorted(self.lines):
            if before is not None:
                shown += self._gap(before, number)
            shown += self._line_rows(number)
            before = number
        return shown

    def _gap(self, before: int, after: int) -> list[Row]:
        """What stands between two marked lines: nothing, the one line, or an ellipsis."""
        if after == before + 1:
            return []
        if after == before + 2:
            return [self._text_row(before + 1, _Line(self.source, before + 1, []))]
        row = Row()
        row.put(0, "...", "gutter")
        self._bars(row, before + 1)
        return [row]

    def _line_rows(self, number: int) -> list[Row]:
        short = sorted((m for m in self.marks if m.depth < 0 and m.line == number), key=lambda m: m.first)
        rows = [self._text_row(number, self.lines[number])]
        if short:
            rows += self._short_rows(number, short)
        rows += [self._start_row(m) for m in self.marks if m.depth >= 0 and m.line == number]
        rows += [self._end_row(m) for m in self.marks if m.depth >= 0 and m.end_line == number]
        return rows

    def _text_row(self, number: int, line: _Line) -> Row:
        row = self._gutter(str(number))
        self._bars(row, number - 1)
        if line.cells:
            row.put(self.margin, line.cells)
        return row

    def _short_rows(self, number: int, marks: list[Mark]) -> list[Row]:
        """Underlines of labels within a line; the text of the rightmost beside it, the others hang below on bars."""
        under = self._gutter(" ")
        self._bars(under, number)
        for mark in sorted(marks, key=lambda m: m.style != "secondary"):
            under.put(self.margin + mark.first, mark.sign * (mark.last - mark.first), mark.style)
        hanging = [mark for mark in marks if mark.text]
        if marks[-1].text and all(mark.last <= marks[-1].last for mark in marks):
            inline = hanging.pop()
            under.put(self.margin + inline.last + 1, cells_of(inline.text)[0], inline.style)
        rows = [under]
        if hanging:
            rows.append(self._hang(number, hanging, None))
        while hanging:
            mark = hanging.pop()
            rows.append(self._hang(number, hanging, mark))
        return rows

    def _hang(self, number: int, bars: list[Mark], mark: Mark | None) -> Row:
        row = self._gutter(" ")
        self._bars(row, number)
        for bar in bars:
            row.put(self.margin + bar.first, "|", bar.style)
        if mark is not None:
            row.put(self.margin + mark.first, cells_of(mark.text)[0], mark.style)
        return row

    def _start_row(self, mark: Mark) -> Row:
        row = self._gutter(" ")
        self._bars(row, mark.line - 1)
        left = self.number_width + 3 + mark.depth + 1
        row.put(left, "_" * (self.margin + mark.first - left) + mark.sign, mark.style)
        return row

    def _end_row(self, mark: Mark) -> Row:
        row = self._gutter(" ")
        self._bars(row, mark.end_line - 1)
        left = self.number_width + 3 + mark.depth
        width = max(0, self.margin + mark.last - left - 2)
        row.put(left, "|" + "_" * width + mark.sign, mark.style)
        row.put(left + width + 3, cells_of(mark.text)[0], mark.style)
        return row

    def _gutter(self, number: str) -> Row:
        row = Row()
        row.put(0, number.rjust(self.number_width) + " |", "gutter")
        return row

    def _bars(self, row: Row, after: int) -> None:
        """The bars of labels that began on or before line `after` and end below it."""
        for mark in self.marks:
            if mark.depth >= 0 and mark.line <= after < mark.end_line:
                row.put(self.number_width + 3 + mark.depth, "|", mark.style)


class _Line:
    """The cells of one line, cut to `WIDTH` around the columns of interest."""

    def __init__(self, source: Source, number: int, columns: list[int]):
        cells, self.starts = cells_of(source.line(number))
        self.cut = 0
        if len(cells) > WIDTH:
            first = min((self._raw(column) for column in columns), default=0)
            self.cut = max(0, min(first - WIDTH // 4, len(cells) - WIDTH))
            ends = self.cut + WIDTH < len(cells)
            cells = cells[self.cut : self.cut + WIDTH]
            cells[0] = "…" if self.cut else cells[0]
            cells[-1] = "…" if ends else cells[-1]
        self.cells = cells

    def _raw(self, column: int) -> int:
        return self.starts[min(column, len(self.starts)) - 1]

    def cell(self, column: int) -> int:
        """The 0-based cell of a 1-based column, within what is shown."""
        return max(0, min(self._raw(column) - self.cut, WIDTH))
