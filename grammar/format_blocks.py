"""Sequences of statements with the comments and empty lines between them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
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
    ) -> list[Doc]:
        """Items and comments, each after a newline; empty lines where there were any, or (unwritten) between all if `apart`."""
        parts: list[Doc] = []
        last = start
        for i, item in enumerate(items):
            last = self.remarks(parts, item.span.start, last, start)
            blank = self.empty_line(last, item.span.start) if self.written else apart and i > 0 and not isinstance(item, t.Use)
            parts += [Line(hard=True, blank=blank and last != start), each(item)]
            last = self.remarks(parts, self.behind(item.span.end), item.span.end, start)
        self.remarks(parts, end, last, start)
        return parts

    def remarks(self, parts: list[Doc], before: int, last: int, start: int) -> int:
        """Add the comments before an offset; returns where the last ends. Only the first may stand behind what is there."""
        first = True
        while place := self.comments.next(before):
            comment, behind, end = self.comments.take()
            if behind and first:
                parts.append(comment)
            else:
                blank = last != start and self.empty_line(last, place[0])
                parts.append(concat([Line(hard=True, blank=blank), comment.text]))
            last = max(end, last)
            first = False
        return last

    def behind(self, offset: int) -> int:
        """The offset just inside a comment that stands right behind `offset` on its line, or else `offset` itself."""
        match = REMARK.match(self.comments.text, offset)
        return match.end() if match else offset

    def empty_line(self, start: int, end: int) -> bool:
        return self.comments.text.count("\n", start, end) > 1

    def block(
        self, items: Sequence[Item], each: Callable[[Item], Doc], start: int, end: int, *, wide: bool, gap: str = " "
    ) -> Group:
        """`{ … }`, which breaks with the group around it, or must if it was written over lines (`wide`: if it was never written).

        `start` is somewhere between what precedes the `{` and the first item, `end` behind the `}`.
        """
        if not items and not self.comments.next(end):
            return concat(["{ }"])
        edges = [start, *(edge for item in items for edge in (item.span.start, item.span.end)), end]
        broken = any(self.newline(a, b) for a, b in zip(edges[::2], edges[1::2])) if self.written else wide
        parts = self.sequence(items, each, start, end)
        if not broken and not any(must_break(part) for part in parts if not isinstance(part, Line)):
            lines = [i for i, part in enumerate(parts) if isinstance(part, Line)]
            for i in lines:
                parts[i] = SPACE if i == lines[0] else Line(gap)
        return concat(["{", concat(parts, 2), Line(hard=broken), "}"])
