"""Python text: parentheses that are needed and those that are not."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

OPEN, CLOSE = "([{", ")]}"


def number(value: bool | int | float) -> str:
    """A literal that is an atom."""
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    return f"({value!r})" if not isinstance(value, bool) and value < 0 else repr(value)


def atom(text: str) -> str:
    """The text in parentheses, unless it is a name, a call, an index, or already in parentheses."""
    depth = 0
    for letter in text:
        depth += (letter in OPEN) - (letter in CLOSE)
        if depth == 0 and letter in " +-*/%<>=!&|~":
            return f"({text})"
    return text


def closing(text: str, start: int) -> int:
    """The place of the bracket that closes the one at `start`."""
    depth, quoted = 0, ""
    for place in range(start, len(text)):
        letter = text[place]
        if quoted:
            quoted = "" if letter == quoted else quoted
        elif letter in "\"'":
            quoted = letter
        else:
            depth += (letter in OPEN) - (letter in CLOSE)
            if depth == 0:
                return place
    return len(text)


def tidy(text: str) -> str:
    """The text without parentheses around what is an argument, a subscript or an element by itself."""
    place = 0
    while (place := text.find("(", place)) >= 0:
        end = closing(text, place)
        before, after = text[:place].rstrip()[-1:], text[end + 1 : end + 2]
        inner = text[place + 1 : end]
        opened = (
            before in ("(", "[", ",")
            or text[:place].endswith(("= ", "="))
            and not text[:place].endswith(("== ", "<=", ">=", "!="))
        )
        if opened and after in (")", "]", ",", "") and inner and not _splits(inner) and end < len(text):
            text = text[:place] + inner + text[end + 1 :]
        else:
            place += 1
    return text


def _splits(inner: str) -> bool:
    """Whether a comma or a `for` at the top makes the parentheses a tuple or generator."""
    depth = 0
    for place, letter in enumerate(inner):
        depth += (letter in OPEN) - (letter in CLOSE)
        if depth == 0 and (letter == "," or inner.startswith(" for ", place)):
            return True
    return False


def uses_name(text: str, name: str, replacement: Callable[[], str]) -> str:
    """The text with a whole name replaced."""
    pattern = rf"(?<![\w.\"'])\b{name}\b(?=\.|\)|,)"
    return re.sub(pattern, lambda _: replacement(), text) if re.search(pattern, text) else text


def bare_call(function: str, arguments: list[str]) -> str:
    """A call, its arguments without parentheses around the whole of one."""
    return tidy(f"{function}({', '.join(arguments)})")


def wrap(line: str, width: int = 100) -> list[str]:
    """A statement as lines: a long one is broken at the commas of its outermost brackets. Indented ones stay so."""
    if len(line) <= width:
        return [line]
    indent = line[: len(line) - len(line.lstrip())]
    if indent:
        return [indent + one for one in wrap(line[len(indent) :], width - len(indent))]
    place = next((i for i, letter in enumerate(line) if letter in OPEN and closing(line, i) >= len(line) - 2), -1)
    if place < 0:
        return [line]
    end = closing(line, place)
    inside_brackets = line[place + 1 : end]
    parts = [inside_brackets] if _comprehends(inside_brackets) else commas(inside_brackets)
    if len(parts) == 1 and " for " not in parts[0]:
        inner = wrap(parts[0], width - 4)
        return [line[: place + 1] + inner[0], *inner[1:-1], inner[-1] + line[end:]] if len(inner) > 1 else [line]
    inside = [f"    {text}" for part in parts for text in wrap(part + ("," if len(parts) > 1 else ""), width - 4)]
    return [line[: place + 1], *inside, line[end:]]


def _comprehends(inner: str) -> bool:
    """Whether a `for` at the top makes the brackets a comprehension, whose commas part no elements."""
    depths = [0]
    for letter in inner:
        depths.append(depths[-1] + (letter in OPEN) - (letter in CLOSE))
    return any(depth == 0 and inner.startswith(" for ", place) for place, depth in enumerate(depths))


def commas(text: str) -> list[str]:
    """The parts between the commas at the top."""
    parts, depth, start, quoted = [], 0, 0, ""
    for place, letter in enumerate(text):
        if quoted:
            quoted = "" if letter == quoted else quoted
        elif letter in "\"'":
            quoted = letter
        else:
            depth += (letter in OPEN) - (letter in CLOSE)
            if letter == "," and depth == 0:
                parts.append(text[start:place].strip())
                start = place + 1
    parts.append(text[start:].strip())
    return [part for part in parts if part]
