"""Text to syntax tree. Whatever the text, the outcome is a tree and diagnostics, in bounded time and stack."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from lark import Lark

from ..compiler.diagnostics import Findings
from ..compiler.source import Source, Span
from .equal import walk
from .layout import Layout
from .recover import Recovery
from .transform import Build
from .tree import File

LONGEST = 1 << 20
"""Characters in a file."""
DEEPEST = 200
"""Levels of nesting, so that recursive readers of the tree need no more stack than Python gives."""


@cache
def grammar() -> Lark:
    """The parser, built once a process (about 0.1 s, so no cache on disk that could be stale)."""
    text = Path(__file__).with_name("cc.lark").read_text(encoding="utf-8")
    return Lark(text, parser="lalr", lexer="contextual", postlex=Layout(), propagate_positions=True, maybe_placeholders=True)


@cache
def continued() -> re.Pattern[str]:
    """The newline that is only space, as the grammar has it."""
    return re.compile(grammar().get_terminal("_CONTINUED").pattern.to_regexp())


def parse(source: Source, findings: Findings) -> File:
    """The tree of a text. Errors go into `findings`; what they stand in is left out of the tree.

    Raises only `CompileError`, and that only where `findings` reaches its limit.
    """
    if len(source.text) > LONGEST:
        hint = "split it, and bring the parts in with `use`"
        findings.error("CC0106", f"this file is longer than {LONGEST} characters", Span(source, 0, 0), hint=hint)
        return File(Span(source, 0, 0), ())
    recovery = Recovery(source, findings, continued())
    tree = grammar().parse(source.text, on_error=recovery)
    build = Build(source, findings)
    build.unbalanced = recovery.reports.unbalanced
    file = build.transform(tree)
    return File(file.span, tuple(item for item in file.items if not _too_deep(item, findings)))


def _too_deep(item: object, findings: Findings) -> bool:
    for node, depth in walk(item):  # type: ignore[arg-type]
        if depth > DEEPEST:
            message = f"this is nested more than {DEEPEST} levels deep"
            findings.error("CC0106", message, node.span, hint="give a part of it a name of its own")
            return True
    return False
