"""JSON with the place of every value, so that a diagnostic can underline what is wrong in a file."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass

from .source import Source, Span

DEEPEST = 50
"""How deep lists and objects may nest: more than any file of ours does, so that none exhausts the stack."""

_SPACE = re.compile(r"[ \t\r\n]*")
_SCALAR = re.compile(r"-?(?:0|[1-9]\d{0,400})(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])|(?:true|false|null)(?!\w)")

_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"')


@dataclass(frozen=True, slots=True)
class Json:
    """One value and where it stands: a scalar, a list of values, or an object's values by key."""

    value: bool | int | float | str | None | list[Json] | dict[str, Json]
    span: Span

    @property
    def kind(self) -> str:
        """What it is, in words."""
        words: dict[type, str] = {dict: "an object", list: "a list", str: "a string", bool: "a truth value"}
        words |= {int: "a whole number", float: "a number"}
        return words.get(type(self.value), "null")


class JsonError(ValueError):
    """The text is no JSON; `span` is where that shows."""

    def __init__(self, message: str, span: Span):
        super().__init__(message)
        self.span = span


def parse_json(source: Source) -> Json:
    """The value that a text holds. Numbers are finite, and a key stands once in its object; `JsonError` otherwise."""
    reader = _Reader(source)
    value, end = reader.value(reader.skip(0), 0)
    end = reader.skip(end)
    if end < len(source.text):
        raise reader.error("the text goes on behind its value", end)
    return value


@dataclass(frozen=True, slots=True)
class _Reader:
    """Each method takes where something begins and gives it with where it ends."""

    source: Source

    def error(self, message: str, at: int) -> JsonError:
        at = max(0, min(at, len(self.source.text) - 1))
        return JsonError(message, Span(self.source, at, min(at + 1, len(self.source.text))))

    def skip(self, at: int) -> int:
        found = _SPACE.match(self.source.text, at)
        return found.end() if found else at

    def char(self, at: int) -> str:
        return self.source.text[at : at + 1]

    def value(self, at: int, depth: int) -> tuple[Json, int]:
        """Any value."""
        if depth > DEEPEST:
            raise self.error(f"values nest more than {DEEPEST} deep", at)
        match self.char(at):
            case "{":
                return self.object(at, depth)
            case "[":
                return self.list(at, depth)
            case '"':
                return self.string(at)
        return self.scalar(at)

    def list(self, start: int, depth: int) -> tuple[Json, int]:
        items: list[Json] = []
        at = self.skip(start + 1)
        while self.char(at) != "]":
            if items:
                at = self.comma(at, "]")
            item, at = self.value(at, depth + 1)
            items.append(item)
            at = self.skip(at)
        return Json(items, Span(self.source, start, at + 1)), at + 1

    def object(self, start: int, depth: int) -> tuple[Json, int]:
        found: dict[str, Json] = {}
        at = self.skip(start + 1)
        while self.char(at) != "}":
            if found:
                at = self.comma(at, "}")
            if self.char(at) != '"':
                raise self.error("a key in quotes belongs here", at)
            key, end = self.string(at)
            if str(key.value) in found:
                raise JsonError(f"the key `{key.value}` stands twice in its object", key.span)
            at = self.skip(end)
            if self.char(at) != ":":
                raise self.error("a `:` belongs behind a key", at)
            found[str(key.value)], at = self.value(self.skip(at + 1), depth + 1)
            at = self.skip(at)
        return Json(found, Span(self.source, start, at + 1)), at + 1

    def comma(self, at: int, close: str) -> int:
        """Where the next entry begins."""
        if self.char(at) != ",":
            raise self.error(f"a `,` or `{close}` belongs here", at)
        return self.skip(at + 1)

    def string(self, at: int) -> tuple[Json, int]:
        found = _STRING.match(self.source.text, at)
        if found is None:
            raise self.error("this string does not end, or holds a raw control character or an escape that is none", at)
        return Json(json.loads(found[0]), Span(self.source, at, found.end())), found.end()

    def scalar(self, at: int) -> tuple[Json, int]:
        found = _SCALAR.match(self.source.text, at)
        if found is None:
            raise self.error("a value belongs here: an object, a list, a string, a number, `true`, `false` or `null`", at)
        span = Span(self.source, at, found.end())
        value = json.loads(found[0])
        if isinstance(value, float) and not math.isfinite(value):
            raise JsonError("the number is too large", span)
        return Json(value, span), found.end()
