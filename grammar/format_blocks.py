"""Sequences of statements with the comments and empty lines between them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from . import tree as t
from .format_layout import SPACE, Doc, Group, Line, concat, must_break
from .format_values import Values

REMARK = re.compile(r"[ \t\f\r]*#")
Item = TypeVar("Item", bound=t.Syntax)


class Blocks(Values):
    """Prints what stands between the items of a file or block, and decides whether a block stands on one line."""

    def sequence(
        self, items: Sequence[Item], each: Callable[[Item], Doc], start: int, end: int, apart: bool = False
    ) -> Iterator[Doc]:
        """Items and comments, each after a newline; an empty line where there was one, or (unwritten) around each where `apart`."""
        last = start
        for i, item in enumerate(items):
            for doc, last in self.remarks(item.span.start, last, start):
                yield doc
            blank = self.empty_line(last, item.span.start) if self.written else apart and i > 0 and not isinstance(item, t.Use)
            yield Line(hard=True, blank=blank and last != start)
            yield each(item)
            last = item.span.end
            for doc, last in self.remarks(self.behind(last), last, start):
                yield doc
        for doc, _ in self.remarks(end, last, start):
            yield doc

    def remarks(self, before: int, last: int, start: int) -> Iterator[tuple[Doc, int]]:
        """The comments before an offset, each with the place where it ends. Only the first may stand behind what is there already."""
        first = True
        while place := self.comments.next(before):
            comment, behind, end = self.comments.take()
            blank = last != start and self.empty_line(last, place[0])
            last = max(end, last)
            yield comment if behind and first else concat([Line(hard=True, blank=blank), comment.text]), last
            first = False

    def behind(self, offset: int) -> int:
        """The offset just inside a comment that stands right behind `offset` on its line, or else `offset` itself."""
        match = REMARK.match(self.comments.text, offset)
        return match.end() if match else offset

    def empty_line(self, start: int, end: int) -> bool:
        return self.comments.text.count("\n", start, end) > 1

    def block(
        self, items: Sequence[Item], each: Callable[[Item], Doc], start: int, end: int, *, wide: bool, gap: str = " "
    ) -> Group:
        """`{ … }`, which breaks with the group around it, or must if it was written over lines. `wide`: it must if it was never written.

        `start` is somewhere between what precedes the `{` and the first item, `end` behind the `}`.
        """
        if not items and not self.comments.next(end):
            return concat(["{ }"])
        edges = [start, *(edge for item in items for edge in (item.span.start, item.span.end)), end]
        broken = any(self.newline(a, b) for a, b in zip(edges[::2], edges[1::2])) if self.written else wide
        parts = list(self.sequence(items, each, start, end))
        if not broken and not any(must_break(part) for part in parts if not isinstance(part, Line)):
            lines = [i for i, part in enumerate(parts) if isinstance(part, Line)]
            for i in lines:
                parts[i] = SPACE if i == lines[0] else Line(gap)
        return concat(["{", concat(parts, 2), Line(hard=broken), "}"])
