"""Where the keys and values of a TOML text stand: `tomllib` reads, but tells no places.

The text is one that `tomllib` accepts (TOML 1.0), so nothing is checked again here.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from typing import Any

from .source import Source, Span

Path = tuple[str | int, ...]
"""Keys, and indices of arrays, from the top of the file."""

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SPACE = re.compile(r"[ \t]*")
_STRING = re.compile(r'"""(?:\\.|[^\\])*?"{3,5}(?!")|\'\'\'.*?\'{3,5}(?!\')|"(?:\\.|[^"\\])*"|\'[^\']*\'', re.DOTALL)
_SCALAR = re.compile(r"[^,\]}#\n\r]*")
_DECODE_PLACE = re.compile(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", re.DOTALL)


@dataclass
class Places:
    """By path, the span of the last key that leads there (of a table, in its header) and that of the value."""

    source: Source
    keys: dict[Path, Span] = field(default_factory=dict)
    values: dict[Path, Span] = field(default_factory=dict)

    def key(self, path: Path) -> Span:
        """The key at a path, or that of the nearest table above it; the first character where there is none."""
        return self._nearest(self.keys, path)

    def value(self, path: Path) -> Span:
        """The value at a path, or the key of the nearest table above it."""
        return self.values[path] if path in self.values else self.key(path)

    def _nearest(self, spans: dict[Path, Span], path: Path) -> Span:
        while path:
            if path in spans:
                return spans[path]
            path = path[:-1]
        return Span(self.source, 0, min(1, len(self.source.text)))


def places_of(source: Source) -> Places:
    """The places of all keys and values of a text that is valid TOML."""
    return _Finder(source).run()


def decode_error(error: Exception, source: Source) -> tuple[str, Span]:
    """What `tomllib` says, without the place, and the place as a span."""
    found = _DECODE_PLACE.fullmatch(str(error))
    text, end = source.text, len(source.text)
    if found is None:
        nested = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        return nested, Span(source, 0, min(1, end))
    if found[2] is None:
        at = max(0, len(text.rstrip()) - 1)
    else:
        lines = text.split("\n")
        at = min(sum(len(line) + 1 for line in lines[: int(found[2]) - 1]) + int(found[3]) - 1, max(0, end - 1))
    return found[1][0].lower() + found[1][1:], Span(source, at, min(at + 1, end))


class _Finder:
    """One pass over the text."""

    def __init__(self, source: Source):
        self.source, self.text, self.at = source, source.text, 0
        self.places = Places(source)
        self.counts: dict[Path, int] = {}  # of arrays of tables: how many there are so far

    def run(self) -> Places:
        table: Path = ()
        self.skip(_BLANK)
        while self.at < len(self.text):
            if self.text[self.at] == "[":
                table = self.header()
            else:
                self.pair(table)
            self.skip(_BLANK)
        return self.places

    def skip(self, pattern: re.Pattern[str]) -> str:
        """Moves behind what matches here, and gives it."""
        found = pattern.match(self.text, self.at)
        assert found is not None
        self.at = found.end()
        return found[0]

    def span(self, start: int) -> Span:
        return Span(self.source, start, self.at)

    def header(self) -> Path:
        """`[a.b]` or `[[a.b]]`; gives the path of the table that it opens."""
        many = self.text.startswith("[[", self.at)
        self.at += 1 + many
        path: Path = ()
        parts = self.dotted()
        for place, (name, span) in enumerate(parts):
            path = (*path, name)
            self.places.keys.setdefault(path, span)
            if place == len(parts) - 1 and many:
                self.counts[path] = self.counts.get(path, -1) + 1
            if path in self.counts:
                path = (*path, self.counts[path])
        self.places.keys[path] = parts[-1][1]
        self.skip(_SPACE)
        self.at += 1 + many
        return path

    def dotted(self) -> list[tuple[str, Span]]:
        """The parts of a key, with their places."""
        parts = []
        while True:
            self.skip(_SPACE)
            start = self.at
            if self.text[self.at] in "\"'":
                name = _decoded(self.skip(_STRING))
            else:
                name = self.skip(_BARE)
            parts.append((str(name), self.span(start)))
            self.skip(_SPACE)
            if self.text[self.at] != ".":
                return parts
            self.at += 1

    def pair(self, table: Path) -> None:
        """`a.b = value` in a table."""
        path = table
        for name, span in self.dotted():
            path = (*path, name)
            self.places.keys.setdefault(path, span)
        self.at += 1
        self.skip(_SPACE)
        self.value(path)

    def value(self, path: Path) -> None:
        start = self.at
        match self.text[self.at]:
            case "[":
                self.array(path)
            case "{":
                self.at += 1
                self.skip(_BLANK)
                while self.text[self.at] != "}":
                    self.pair(path)
                    self.comma()
                self.at += 1
            case '"' | "'":
                self.skip(_STRING)
            case _:
                self.at = start + len(self.skip(_SCALAR).rstrip())
        self.places.values[path] = self.span(start)

    def array(self, path: Path) -> None:
        self.at += 1
        self.skip(_BLANK)
        count = 0
        while self.text[self.at] != "]":
            self.value((*path, count))
            count += 1
            self.comma()
        self.at += 1

    def comma(self) -> None:
        """Behind a value in brackets: blanks, and a comma if there is one."""
        self.skip(_BLANK)
        if self.text[self.at] == ",":
            self.at += 1
            self.skip(_BLANK)


def _decoded(text: str) -> Any:
    """What a quoted key says."""
    return tomllib.loads(f"x = {text}")["x"]
