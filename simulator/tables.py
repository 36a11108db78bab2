"""Measured tables: CSV files of one kind of work, a row a run, with `latency_ms`. Read strictly, all that is wrong at once."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from ..compiler.diagnostics import CompileError, Diagnostic, Findings, Label, did_you_mean
from ..compiler.source import Source, Span

Columns = Mapping[str, NDArray[Any]]
"""By name: float64 for numbers, str for words; all of one length."""

LATENCY = "latency_ms"
PREDICTED = "predicted_ms"


@attrs.frozen
class Column:
    """What stands in one column: whole numbers, or any, from `least` on; or with `word` anything but nothing. An `optional` one
    may be absent or have nothing in a row, which reads as an empty word, or as 0. `form`: what a word matches; `like`: that in
    words."""

    name: str
    least: float = 1.0
    whole: bool = True
    word: bool = False
    optional: bool = False
    form: str = ""
    like: str = "a word"

    @property
    def says(self) -> str:
        """What is asked of a value, in words."""
        return self.like if self.word else f"a {'whole ' if self.whole else ''}number from {self.least:g} on"


@attrs.frozen(eq=False)
class Table:
    """A table as it stands in its file, and the columns that its kind asks for. `seconds`: what each row was measured to take."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    columns: Columns
    seconds: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.rows)


def read_table(path: str | PathLike[str], columns: Sequence[Column]) -> Table:
    """The table in a file. `CompileError` with all that is wrong with it, a line at a time."""
    return parse_table(read_source(path), columns)


def read_source(path: str | PathLike[str]) -> Source:
    """The text of a table; `CompileError` where there is none."""
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except OSError as error:
        why = f"cannot be read: {(error.strerror or str(error)).lower()}"
    except UnicodeDecodeError as error:
        why = f"is no text: byte {error.start} is not UTF-8"
    else:
        return Source(str(path), text)
    place = Label(Span(Source(str(path), ""), 0, 0))
    raise CompileError([Diagnostic("CC1101", f"the table `{path}` {why}", (place,))])


def parse_table(source: Source, columns: Sequence[Column]) -> Table:
    """The table in a text; `CompileError` with all that is wrong with it."""
    header, rows, found = parse_columns(source, (*columns, Column(LATENCY, least=0.0, whole=False)))
    seconds = found.pop(LATENCY) * 1e-3
    return Table(header, rows, found, seconds)


def parse_columns(
    source: Source, wanted: Sequence[Column]
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...], dict[str, NDArray[Any]]]:
    """The header, all rows, and the columns asked for; `CompileError` with all that is wrong with them."""
    findings = Findings(limit=20)
    lines = [next(csv.reader([line]), []) for line in source.text.splitlines()]
    header = tuple(name.strip() for name in lines[0]) if lines else ()
    _check_header(findings, source, header, wanted)
    rows = [(number, tuple(row)) for number, row in enumerate(lines[1:], start=2) if any(cell.strip() for cell in row)]
    if not rows:
        findings.error("CC1101", "the table has no rows", _line(source, 1), label="nothing below")
    for number, row in rows:
        if len(row) != len(header):
            message = f"this row has {len(row)} values, the header {len(header)} names"
            findings.error("CC1101", message, _line(source, number), label="in this row")
    findings.check()
    found = {column.name: _column(findings, source, column, _index(header, column), rows) for column in wanted}
    findings.check()
    return header, tuple(row for _, row in rows), found


def _index(header: Sequence[str], column: Column) -> int:
    """The place of a column in each row, -1 if it is none."""
    return header.index(column.name) if column.name in header else -1


def _check_header(findings: Findings, source: Source, header: Sequence[str], wanted: Sequence[Column]) -> None:
    for name in sorted({name for name in header if header.count(name) > 1}):
        findings.error("CC1101", f"the column `{name}` stands twice", _line(source, 1), label="in the header")
    for column in wanted:
        if column.name not in header and not column.optional:
            near = did_you_mean(column.name, header).replace("did you mean", "rename")
            hint = near.replace("?", f" to `{column.name}`") if near else f"its values are each {column.says}"
            findings.error("CC1101", f"the table has no column `{column.name}`", _line(source, 1), label="the header", hint=hint)
    findings.check()


def _column(
    findings: Findings, source: Source, column: Column, index: int, rows: Sequence[tuple[int, tuple[str, ...]]]
) -> NDArray[Any]:
    """The values of one column, each reported that is not what the column holds."""
    values: list[Any] = []
    for number, row in rows:
        cell = row[index] if index >= 0 else ""
        if column.optional and not cell.strip():
            values.append("" if column.word else 0.0)
            continue
        value = cell.strip() if column.word else _number(cell)
        positive = column.name != LATENCY or (isinstance(value, float) and value > 0)
        if value is None or not positive or not _fits(column, value):
            says = "a number above 0" if column.name == LATENCY else column.says
            message = f"`{column.name}` is {says}, not `{cell.strip()[:40]}`"
            hint = "mend the value, or leave the row out"
            findings.error("CC1101", message, _cell(source, number, index), label="here", hint=hint)
            continue
        values.append(value)
    return np.array(values, dtype=str if column.word else np.float64)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _fits(column: Column, value: float | str) -> bool:
    """Whether a value is what the column holds."""
    if isinstance(value, str):
        return bool(value) and (not column.form or re.fullmatch(column.form, value) is not None)
    return column.least <= value < 2**53 and (not column.whole or value.is_integer())


def _line(source: Source, number: int) -> Span:
    return Span(source, _start(source, number), _start(source, number) + len(source.line(number)))


def _cell(source: Source, number: int, index: int) -> Span:
    """The place of a value; of its line where quotes hide the commas."""
    line, start = source.line(number), _start(source, number)
    if '"' in line:
        return _line(source, number)
    parts = line.split(",")
    before = sum(len(part) + 1 for part in parts[:index])
    return Span(source, start + before, start + before + max(1, len(parts[index])))


def _start(source: Source, number: int) -> int:
    return sum(len(line) for line in source.text.splitlines(keepends=True)[: number - 1])


def with_predictions(table: Table, predicted: NDArray[np.float64]) -> str:
    """The table as CSV text, with `predicted_ms` behind its columns (or in their place, where it had them)."""
    return with_column(table.header, table.rows, PREDICTED, [f"{ms:.6g}" for ms in predicted * 1e3])


def with_column(header: Sequence[str], rows: Sequence[Sequence[str]], name: str, values: Sequence[str]) -> str:
    """Rows as CSV text, with one more column, or with that one made anew."""
    keep = [index for index, column in enumerate(header) if column != name]
    lines = [",".join([*(header[i] for i in keep), name])]
    lines += [",".join([*(row[i] for i in keep), value]) for row, value in zip(rows, values)]
    return "\n".join(lines) + "\n"
