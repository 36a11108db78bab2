"""Where lines break: documents after Wadler and Prettier, rendered without recursion.

A `Group` stands on one line if it fits; otherwise each `Line` directly in it is a newline. What holds a newline that must be
(a comment ends its line) is broken, and so is all around it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

WIDTH: Final = 100
FARTHEST: Final = 60
"""The last column that a comment keeps."""


@dataclass(frozen=True, slots=True)
class Line:
    """`flat` where its group stands on one line, else a newline; `hard` is always a newline, `blank` one with an empty line."""

    flat: str = " "
    hard: bool = False
    blank: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """One text where the group is broken, another where it is not."""

    broken: str
    flat: str


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment behind code on its line, at `column` if there is room."""

    text: str
    column: int


@dataclass(frozen=True, slots=True)
class Group:
    """Parts that break together; `indent` is that of the newlines in it. `loose` parts break with the group around them."""

    parts: tuple[Doc, ...]
    indent: int = 0
    loose: bool = False
    broken: bool = field(default=False)


Doc = str | Line | Choice | Comment | Group
HARD = Line(hard=True)
SOFT = Line("")
SPACE = Line(" ")


def must_break(doc: Doc) -> bool:
    return (isinstance(doc, Line) and doc.hard) or isinstance(doc, Comment) or (isinstance(doc, Group) and doc.broken)


def group(*parts: Doc, broken: bool = False) -> Group:
    """Parts that break together or not at all."""
    return Group(parts, broken=broken or any(map(must_break, parts)))


def concat(parts: Iterable[Doc], indent: int = 0) -> Group:
    """Parts that break with what is around them, further in by `indent`."""
    parts = tuple(parts)
    return Group(parts, indent, loose=True, broken=any(map(must_break, parts)))


def render(doc: Doc, width: float = WIDTH) -> str:
    """The text of a document, no line with a space at its end."""
    done: list[str] = []
    line = ""
    stack: list[tuple[int, bool, Doc]] = [(0, True, doc)]
    while stack:
        indent, broken, item = stack.pop()
        if isinstance(item, str):
            line += item
        elif isinstance(item, Choice):
            line += item.broken if broken else item.flat
        elif isinstance(item, Comment):
            line = _with_comment(line, item)
        elif isinstance(item, Line):
            if item.hard or broken:
                done.append(line.rstrip())
                if item.blank:
                    done.append("")
                line = " " * indent
            else:
                line += item.flat
        else:
            inner = broken if item.loose else item.broken or not _fits(stack, indent, item, width - len(line))
            stack.extend((indent + item.indent, inner, part) for part in reversed(item.parts))
    done.append(line.rstrip())
    return "\n".join(done)


def _with_comment(line: str, comment: Comment) -> str:
    """Behind the code at the column it was written at, if that is free and not so far right that the line was longer then."""
    line = line.rstrip()
    free = len(line) < comment.column <= FARTHEST
    return line.ljust(comment.column if free else len(line) + 2) + comment.text


def _fits(rest: list[tuple[int, bool, Doc]], indent: int, first: Group, room: float) -> bool:
    """Whether `first` on one line, and what follows up to the next newline, takes no more than `room`."""
    stack: list[tuple[bool, Doc]] = [(False, first)]
    below = len(rest)
    while room >= 0:
        if stack:
            broken, item = stack.pop()
        elif below:
            below -= 1
            _, broken, item = rest[below]
        else:
            return True
        if isinstance(item, str):
            room -= len(item)
        elif isinstance(item, Choice):
            room -= len(item.broken if broken else item.flat)
        elif isinstance(item, Comment):
            return True
        elif isinstance(item, Line):
            if item.hard or broken:
                return True
            room -= len(item.flat)
        else:
            inner = broken if item.loose else broken or item.broken
            stack.extend((inner, part) for part in reversed(item.parts))
    return False
