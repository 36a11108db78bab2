"""Values and types as documents."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ..compiler.types import DTYPES
from . import tree as t
from .equal import children
from .format_layout import HARD, SOFT, SPACE, Comment, Doc, concat, group, render

LEVELS = {"or": 1, "and": 2, "+": 5, "-": 5, "*": 6, "/": 6, "@": 6, "mod": 6}
LOOSEST, NEGATION, COMPARISON, SIGN, POSTFIX, ATOM = 0, 3, 4, 7, 8, 9
GAP = re.compile(r"(?:[\s,]|#[^\n]*)*")
ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def level(value: t.Expr) -> int:
    """How tightly a value holds together; an operand that is looser than its place stands in parentheses."""
    match value:
        case t.Pipe() | t.Conditional() | t.Range() | t.When():
            return LOOSEST
        case t.Binary(operator=operator):
            return LEVELS.get(operator, COMPARISON)
        case t.Unary(operator=operator):
            return NEGATION if operator == "not" else SIGN
        case t.Call() | t.Index() | t.Attribute():
            return POSTFIX
        case t.Number(text=text):
            return SIGN if text.startswith("-") else ATOM
    return ATOM


def quoted(text: str) -> str:
    """A string as it is written."""
    return '"' + "".join(ESCAPES.get(c) or (c if c.isprintable() else f"\\u{{{ord(c):x}}}") for c in text) + '"'


class Comments:
    """The comments of a file, in order; each is taken once."""

    def __init__(self, text: str, places: Sequence[tuple[int, int]] = ()) -> None:
        self.text = text
        self.places = places
        self.taken = 0

    def next(self, before: int) -> tuple[int, int] | None:
        """The place of the next comment, if it begins before an offset."""
        if self.taken < len(self.places) and self.places[self.taken][0] < before:
            return self.places[self.taken]
        return None

    def take(self) -> tuple[Comment, bool, int]:
        """The next comment, whether code stands before it on its line, and where it ends."""
        start, end = self.places[self.taken]
        self.taken += 1
        line = self.text.rfind("\n", 0, start) + 1
        return Comment(self.text[start:end].rstrip(), start - line), bool(self.text[line:start].strip()), end


class Values:
    """Prints values. With `written`, what the source leaves open stays as it was written: parentheses, broken pipes, comments."""

    def __init__(self, written: bool = False, comments: Comments | None = None) -> None:
        self.written = written
        self.comments = comments or Comments("")

    # ---- what the source says about layout

    def lead(self, offset: int) -> Iterator[Doc]:
        """The comments that stand before an offset, each ending its line; a `Line` must follow."""
        first = True
        while self.comments.next(offset):
            comment, behind, _ = self.comments.take()
            yield from (comment,) if behind and first else (HARD, comment.text)
            first = False

    def parenthesised(self, value: t.Expr) -> bool:
        """Whether the writer put parentheses around a value: then its span holds them, and begins before its first part."""
        if not self.written or not value.span.text.startswith("("):
            return False
        first = min((child.span.start for child in children(value)), default=None)
        return first is None or first > value.span.start

    def newline(self, start: int, end: int) -> bool:
        return self.written and "\n" in self.comments.text[start:end]

    def closing(self, items: Sequence[t.Syntax]) -> int:
        """Where the bracket closes behind the last of some items: only space, commas and comments stand between."""
        match = GAP.match(self.comments.text, items[-1].span.end) if self.written and items else None
        return match.end() if match else 0

    # ---- values

    def value(self, value: t.Expr, least: int = LOOSEST, *, inside: bool = False) -> Doc:
        """`inside`: brackets are open, so that a newline may stand anywhere."""
        if level(value) < least or self.parenthesised(value):
            return self.bracketed("(", ")", [([], self.plain(value, inside=True))], value.span.end)
        return self.plain(value, inside=inside)

    def plain(self, value: t.Expr, *, inside: bool) -> Doc:
        match value:
            case t.Name(text=text) | t.Number(text=text) | t.Percent(text=text) | t.Bytes(text=text):
                return text
            case t.String(value=text):
                return quoted(text)
            case t.Boolean(value=truth):
                return "true" if truth else "false"
            case t.ListOf(items=items):
                return self.list_of("[", items, "]", value.span.end)
            case t.Call(function=function, arguments=arguments):
                return concat([self.value(function, POSTFIX, inside=inside), self.arguments(arguments, value.span.end)])
            case t.Index(value=base, indices=indices):
                return concat([self.value(base, POSTFIX, inside=inside), self.list_of("[", indices, "]", value.span.end)])
            case t.Attribute(value=base, name=name):
                return concat([self.value(base, POSTFIX, inside=inside), "." + name.text])
            case t.Unary(operator="not", value=operand):
                return concat(["not ", self.value(operand, NEGATION, inside=inside)])
            case t.Unary(value=operand):
                return concat(["-", self.value(operand, SIGN, inside=inside)])
            case t.Range(start=start, stop=stop):
                ends = [self.value(end, inside=inside) if end else "" for end in (start, stop)]
                return concat([ends[0], "..", ends[1]])
            case t.When(value=kept, condition=condition):
                return concat([self.value(kept, inside=inside), " when ", self.value(condition, inside=inside)])
            case t.Pipe():
                return self.pipe(value, inside)
            case t.Binary():
                return self.binary(value, inside)
            case t.Conditional():
                return self.conditional(value, inside)

    def bracketed(self, opening: str, closing: str, items: Sequence[tuple[list[Doc], Doc]], end: int) -> Doc:
        """One item a line if they do not fit on one; before each stand its comments."""
        if not items:
            return opening + closing
        parts: list[Doc] = []
        for i, (lead, item) in enumerate(items):
            parts += [*lead, SPACE if i else SOFT, item, "," if i + 1 < len(items) else ""]
        return group(opening, concat([*parts, *self.lead(end)], 2), SOFT, closing)

    def list_of(self, opening: str, items: Sequence[t.Expr], closing: str, end: int) -> Doc:
        """As many items a line as fit."""
        if not items:
            return opening + closing
        parts: list[Doc] = []
        for i, item in enumerate(items):
            lead = list(self.lead(item.span.start))
            element = concat([self.value(item, inside=True), "," if i + 1 < len(items) else ""])
            parts.append(group(*lead, SPACE, element) if i else concat([*lead, SOFT, element]))
        return group(opening, concat([*parts, *self.lead(end)], 2), SOFT, closing)

    def arguments(self, arguments: Sequence[t.Argument], end: int) -> Doc:
        items: list[tuple[list[Doc], Doc]] = []
        for argument in arguments:
            lead = list(self.lead(argument.span.start))
            name = f"{argument.name.text}=" if argument.name else ""
            items.append((lead, concat([name, self.value(argument.value, inside=True)])))
        return self.bracketed("(", ")", items, end)

    def pipe(self, value: t.Pipe, inside: bool) -> Doc:
        """One stage a line, if they do not fit on one or were not written on one."""
        stages: list[t.Pipe] = []
        first: t.Expr = value
        while isinstance(first, t.Pipe) and (not stages or not self.parenthesised(first)):
            stages.append(first)
            first = first.value
        parts = [self.value(first, LOOSEST + 1, inside=inside)]
        broken = False
        for stage in reversed(stages):
            start = stage.function.span.start
            broken |= self.newline(stage.value.span.end, start)
            lead = list(self.lead(start))
            parts.append(concat([*lead, SPACE, "|> ", self.value(stage.function, POSTFIX, inside=inside)], 2))
        return group(*parts, broken=broken)

    def binary(self, value: t.Binary, inside: bool) -> Doc:
        """A chain of one level breaks before its operators; outside brackets not before `-`, which would begin a statement."""
        own = level(value)
        links: list[t.Binary] = []
        first: t.Expr = value
        while isinstance(first, t.Binary) and level(first) == own and (not links or not self.parenthesised(first)):
            links.append(first)
            first = first.left
            if own == COMPARISON:
                break
        parts = [self.value(first, own + (own == COMPARISON), inside=inside)]
        for link in reversed(links):
            free = inside or link.operator != "-"
            lead = list(self.lead(link.right.span.start)) if free else []
            right = self.value(link.right, own + 1, inside=inside)
            parts.append(concat([*lead, SPACE if free else " ", link.operator, " ", right], 2))
        return group(*parts)

    def conditional(self, value: t.Conditional, inside: bool) -> Doc:
        parts: list[Doc] = []
        broken = False
        last: t.Expr = value
        while isinstance(last, t.Conditional) and (not parts or not self.parenthesised(last)):
            broken |= self.newline(last.condition.span.end, last.then.span.start)
            parts += ["if ", self.value(last.condition, inside=inside), *self._branch(last.then, inside), " else "]
            last = last.otherwise
        return group(*parts, *self._branch(last, inside)[1:], broken=broken)

    def _branch(self, value: t.Expr, inside: bool) -> list[Doc]:
        lead = list(self.lead(value.span.start))
        return [" ", "{", concat([*lead, SPACE, self.value(value, inside=inside)], 2), SPACE, "}"]

    # ---- types

    def type(self, kind: t.TypeExpr) -> Doc:
        return concat([kind.dtype.text, self.list_of("[", kind.shape, "]", kind.span.end)]) if kind.shape else kind.dtype.text

    def typed(self, name: str, kind: t.TypeExpr | None) -> Doc:
        return concat([name, ": ", self.type(kind)]) if kind else name

    def core_type(self, kind: t.CoreType) -> str:
        text = kind.word
        if kind.sizes:
            text += "[" + ", ".join(map(print_expression, kind.sizes)) + "]"
        elif kind.span.text.startswith(f"{text}[") if self.written else kind.word in DTYPES:
            text += "[]"
        if kind.items:
            named = [
                f"{name}={self.core_type(item)}" if name else self.core_type(item) for name, item in zip(kind.names, kind.items)
            ]
            text += "(" + ", ".join(named) + ")"
        return text


def print_expression(value: t.Expr) -> str:
    """A value on one line."""
    return render(Values().value(value), float("inf"))
