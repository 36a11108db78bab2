"""Lark's tree to the syntax tree: values and types."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace

from lark.lexer import Token
from lark.tree import Tree
from lark.visitors import Transformer_NonRecursive

from ..compiler.diagnostics import Findings
from ..compiler.source import Source, Span
from . import tree as t

LARGEST = 2**63 - 1
"""The largest whole number that can be written: what an i64 holds."""
LONGEST = 400
"""No number needs more characters than an exactly written f64."""
BYTE_UNITS = {"B": 1} | {
    prefix + infix + "B": (1024 if infix else 1000) ** power
    for power, prefix in enumerate("KMGT", start=1)
    for infix in ("", "i")
}
ESCAPE = re.compile(r"\\(u\{([0-9a-fA-F]{1,6})\}|.)")
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\"}


@dataclass(frozen=True, slots=True)
class Bare(t.Syntax):
    """A value standing alone where a statement may stand; right only as the whole of a chunk's body or of a branch."""

    value: t.Expr


class Values(Transformer_NonRecursive):  # type: ignore[type-arg]
    """One method for each rule about values; it is called with the rule's span and its finished children."""

    STATEMENT_RULES = frozenset({"let", "choice", "block"})

    def __init__(self, source: Source, findings: Findings) -> None:
        super().__init__(visit_tokens=False)
        self.source = source
        self.findings = findings
        self.references: list[Span] = []

    def _call_userfunc(self, tree: Tree[Token], new_children: list[object] | None = None) -> object:
        meta = tree.meta
        span = Span(self.source, 0, 0) if meta.empty else Span(self.source, meta.start_pos, meta.end_pos)
        children = tree.children if new_children is None else new_children
        if tree.data not in self.STATEMENT_RULES:
            children = [self._no_statement(child) for child in children]
        return getattr(self, tree.data)(span, *children)

    def _no_statement(self, child: object) -> object:
        if not isinstance(child, t.If):
            return child
        message = "this `if` has no value: each of its branches must be one value, and the last branch an `else`"
        hint = "write `if condition { value } else { value }`, or set the name inside each branch"
        self.findings.error("CC0109", message, child.span, hint=hint)
        return t.Name(child.span, "?")

    def span(self, token: Token) -> Span:
        return Span(self.source, token.start_pos or 0, token.end_pos or 0)

    def named(self, token: Token) -> t.Name:
        return t.Name(self.span(token), str(token))

    # ---- leaves

    def name(self, span: Span, token: Token) -> t.Name:
        if token.startswith("%"):
            self.references.append(span)
        return t.Name(span, str(token))

    def number(self, span: Span, token: Token) -> t.Number:
        text = str(token)
        return t.Number(span, text, self._quantity(span, text))

    def percent(self, span: Span, token: Token) -> t.Percent:
        text = str(token)
        return t.Percent(span, text, float(self._quantity(span, text[:-1])))

    def bytes(self, span: Span, token: Token) -> t.Bytes:
        text = str(token)
        unit = text.lstrip("0123456789.")
        count = self._quantity(span, text.removesuffix(unit)) * BYTE_UNITS[unit]
        if count > LARGEST:
            count = self._too_large(span)
        return t.Bytes(span, text, int(count))

    def _quantity(self, span: Span, text: str) -> int | float:
        if len(text) > LONGEST:
            return self._too_large(span)
        value = int(text) if text.isdigit() else float(text)
        if value > LARGEST if isinstance(value, int) else math.isinf(value):
            return self._too_large(span)
        return value

    def _too_large(self, span: Span) -> int:
        self.findings.error("CC0107", f"this number is too large: whole numbers end at {LARGEST}, others near 1.8e308", span)
        return 0

    def string(self, span: Span, token: Token) -> t.String:
        def unescape(match: re.Match[str]) -> str:
            code = int(match[2], 16) if match[2] else -1
            if 0 <= code < 0xD800 or 0xE000 <= code < 0x110000:
                return chr(code)
            if match[1] not in ESCAPES:
                place = Span(self.source, span.start + 1 + match.start(), span.start + 1 + match.end())
                known = 'the escapes are `\\n \\t \\r \\" \\\\` and `\\u{…}` with the number of a character'
                self.findings.error("CC0105", f"`{match[0]}` is no escape", place, hint=known)
            return ESCAPES.get(match[1], "")

        return t.String(span, ESCAPE.sub(unescape, token[1:-1]))

    def text(self, token: Token) -> t.String:
        return self.string(self.span(token), token)

    def boolean(self, span: Span, token: Token) -> t.Boolean:
        return t.Boolean(span, token == "true")

    # ---- compounds

    def list_of(self, span: Span, *items: t.Expr | None) -> t.ListOf:
        return t.ListOf(span, tuple(item for item in items if item is not None))

    def parenthesised(self, span: Span, value: t.Expr) -> t.Expr:
        """The same value with its parentheses in its span, which is how the formatter knows of them."""
        return replace(value, span=span)

    def argument(self, span: Span, value: t.Expr) -> t.Argument:
        return t.Argument(span, None, value)

    def keyword(self, span: Span, name: Token, value: t.Expr) -> t.Argument:
        return t.Argument(span, self.named(name), value)

    def call(self, span: Span, function: t.Expr, *arguments: t.Argument | None) -> t.Call:
        return t.Call(span, function, tuple(argument for argument in arguments if argument is not None))

    def index(self, span: Span, value: t.Expr, *indices: t.Expr) -> t.Index:
        return t.Index(span, value, indices)

    def attribute(self, span: Span, value: t.Expr, name: Token) -> t.Attribute:
        return t.Attribute(span, value, self.named(name))

    def range(self, span: Span, start: t.Expr | None, stop: t.Expr | None) -> t.Range:
        return t.Range(span, start, stop)

    def unary(self, span: Span, operator: Token, value: t.Expr) -> t.Unary:
        return t.Unary(span, "-" if operator == "-" else "not", value)

    def binary(self, span: Span, left: t.Expr, operator: Token, right: t.Expr) -> t.Binary:
        return t.Binary(span, str(operator), left, right)

    def pipe(self, span: Span, value: t.Expr, function: t.Expr) -> t.Pipe:
        if not isinstance(function, t.Name | t.Call | t.Index | t.Attribute):
            message = "after `|>` stands what the value is given to: a name, or a call with its other arguments"
            self.findings.error("CC0110", message, function.span, hint="`x |> f(a)` is `f(x, a)`")
        return t.Pipe(span, value, function)

    def type(self, span: Span, dtype: Token, *shape: t.Expr | None) -> t.TypeExpr:
        return t.TypeExpr(span, self.named(dtype), tuple(size for size in shape if size is not None))
