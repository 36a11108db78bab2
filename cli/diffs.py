"""Differences of texts for people: unified, coloured on a terminal, and of graphs without the noise of other numbers."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from functools import partial
from itertools import count

import click

_NUMBER = re.compile(r"%(c|[A-Za-z_][\w.]*\.|)(\d+)\b")  # %5, %c5 of a body, %y.5 where %y is taken
_NAME = re.compile(r"%[\w.]+")
_DEFINED = re.compile(r"\s*(?:chunk )?" + _NUMBER.pattern)
_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


def unified(before: str, after: str, old: str, new: str, *, colour: bool = False) -> str:
    """A unified diff of two texts under these titles; empty where they are equal."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), old, new, lineterm="")
    return "".join(f"{_painted(line) if colour else line}\n" for line in lines)


def _painted(line: str) -> str:
    if line.startswith(("+++", "---")):
        return click.style(line, bold=True)
    colour = _COLOURS.get(line[:1])
    return click.style(line, fg=colour) if colour else line


def renumbered(before: str, after: str) -> str:
    """The text of a graph with the `%` numbers that its values had in an earlier one; new values get free ones.

    A graph counts its values, so one that goes moves the numbers of all behind it. Lines that are alike but for names are
    taken for the same value. For reading only.
    """
    old, new = before.splitlines(), after.splitlines()
    alike = difflib.SequenceMatcher(None, [_NAME.sub("%", one) for one in old], [_NAME.sub("%", one) for one in new])
    partner = {b + i: a + i for a, b, size in alike.get_matching_blocks() for i in range(size)}
    fresh = count(1 + max((int(number) for _, number in _NUMBER.findall(before)), default=-1))
    defined = [(_DEFINED.match(line), scope) for line, scope in _scopes(new)]
    names: dict[tuple[int, str, str], str] = {}
    for place, (match, scope) in enumerate(defined):
        was = _DEFINED.match(old[partner[place]]) if place in partner else None
        if match and was and was[1] == match[1]:
            names[_home(match, scope), match[1], match[2]] = f"%{was[1]}{was[2]}"
    taken = {(home, name) for (home, _, _), name in names.items()}
    for match, scope in defined:
        if match and (key := (_home(match, scope), match[1], match[2])) not in names:
            own = f"%{match[1]}{match[2]}"
            names[key] = f"%{match[1]}{next(fresh)}" if (key[0], own) in taken else own
    return "".join(_NUMBER.sub(partial(_renamed, names, scope), line) + "\n" for line, (_, scope) in zip(new, defined))


def _home(match: re.Match[str], scope: int) -> int:
    """The scope of a name: bodies are named for the whole text."""
    return 0 if match[1] == "c" else scope


def _renamed(names: dict[tuple[int, str, str], str], scope: int, match: re.Match[str]) -> str:
    return names.get((_home(match, scope), match[1], match[2]), match[0])


def _scopes(lines: list[str]) -> Iterator[tuple[str, int]]:
    """Each line with the scope of its numbers: 0 for the graph, one more for each body."""
    scope = bodies = 0
    for line in lines:
        if line.startswith("  chunk %c"):
            bodies += 1
            yield line, 0
            scope = bodies
        else:
            scope = 0 if line == "  }" else scope
            yield line, scope
