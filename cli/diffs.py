"""Differences of texts for people: unified, coloured on a terminal, and of graphs without the noise of other numbers."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from functools import partial

import click

_NUMBER = re.compile(r"%(c?)(\d+)\b")
_DEFINED = re.compile(r"\s*(?:chunk )?%(c?\d+)\b")
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
    """The text of a graph with the `%` numbers that its values had in an earlier one, new values above those.

    A graph counts its values, so one that goes moves the numbers of all behind it. Lines that are alike but for numbers are
    taken for the same value; for reading only.
    """
    old, new = before.splitlines(), after.splitlines()
    alike = difflib.SequenceMatcher(None, [_NUMBER.sub("%", one) for one in old], [_NUMBER.sub("%", one) for one in new])
    partner = {b + i: a + i for a, b, size in alike.get_matching_blocks() for i in range(size)}
    fresh = 1 + max((int(number) for _, number in _NUMBER.findall(before)), default=-1)
    names: dict[tuple[int, str], str] = {}
    found: list[str] = []
    for place, (line, scope) in enumerate(_scopes(new)):
        defined = _DEFINED.match(line)
        if defined:
            name, home = defined[1], 0 if defined[1].startswith("c") else scope
            was = _DEFINED.match(old[partner[place]]) if place in partner else None
            if was is None:
                names[home, name] = f"{'c' if name.startswith('c') else ''}{fresh}"
                fresh += 1
            else:
                names[home, name] = was[1]
        found.append(_NUMBER.sub(partial(_renamed, names, scope), line))
    return "\n".join(found) + "\n"


def _renamed(names: dict[tuple[int, str], str], scope: int, match: re.Match[str]) -> str:
    name = match[1] + match[2]
    return "%" + names.get((0 if match[1] else scope, name), name)


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
