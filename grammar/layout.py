"""The post-lexer: a newline counts only outside ( ) and [ ]. Everything else about newlines is in the terminals of `cc.lark`."""

from __future__ import annotations

from collections.abc import Iterator

from lark.lark import PostLex
from lark.lexer import Token

OPENERS = frozenset({"LPAR", "LSQB"})
CLOSERS = frozenset({"RPAR", "RSQB"})


class Layout(PostLex):
    """Drops newline tokens inside brackets. The parser starts it afresh behind an error, where no bracket is open."""

    always_accept = ("_NL",)

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        depth = 0
        for token in stream:
            if token.type in OPENERS:
                depth += 1
            elif token.type in CLOSERS:
                depth -= 1
            elif token.type == "_NL" and depth > 0:
                continue
            yield token
