"""Going on behind a syntax error, as yacc does: an ERROR takes the place of what was half read, the next statement follows."""

from __future__ import annotations

import re

from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken
from lark.lexer import Token
from lark.parsers.lalr_interactive_parser import InteractiveParser
from lark.tree import Tree

from ..compiler.diagnostics import Findings
from ..compiler.source import Source, Span
from .reports import OPENERS, PAIRS, Reports, accepts

LANDMARK = re.compile(r'"(?:[^"\\\n]|\\.)*"|#[^\n]*|[()\[\]{}\n]')
WORDS = "model|chunk|router|mask|input|output|param|state|next|fuse|for|loss|memory|use|core|plan"
STATEMENT = re.compile(rf"\s*(?:(?:{WORDS})[ \t]+[A-Za-z_{{\"%]|%[A-Za-z0-9_.]+[ \t]*=)")
TOP = re.compile(r"[ \t]*(model|use|core)[ \t]+")
CLOSERS = frozenset({"RPAR", "RSQB", "RBRACE"})
OPERATORS = frozenset({"PLUS", "MINUS", "TIMES", "MOD", "COMPARE", "AND", "OR", "NOT", "PIPE"})


class Recovery:
    """Reports a syntax error and puts the parser behind it; lark calls it for each."""

    def __init__(self, source: Source, findings: Findings, continued: re.Pattern[str]) -> None:
        self.source = source
        self.continued = continued
        self.reports = Reports(source, findings)

    def __call__(self, error: UnexpectedInput) -> bool:
        """Always true: lark is to go on."""
        parser: InteractiveParser = error.interactive_parser
        if isinstance(error, UnexpectedCharacters):
            start = error.pos_in_stream or 0
            self._resume(parser, start, self.reports.characters(start))
            return True
        assert isinstance(error, UnexpectedToken)
        token = error.token
        if (line := self._top_level(parser, token)) is not None:
            self._close_all(parser, line)
            return True
        self.reports.token(parser.parser_state, token)
        if token.type == "$END":
            self._close_all(parser, len(self.source.text))
            return True
        start = token.start_pos or 0
        last = parser.parser_state.value_stack[-1:]
        dangling = token.type == "_NL" and last and isinstance(last[0], Token) and last[0].type in OPERATORS
        self._resume(
            parser, start, start + 1 if dangling else start
        )  # behind a dangling operator the next line is part of this one
        return True

    def _resume(self, parser: InteractiveParser, start: int, skip: int) -> None:
        """Drop the statement that is broken at `start`, and go on behind it, at or after `skip`."""
        opened = self._drop(parser, start)
        closable = self._depth(parser) > 0
        line = self.source.text.rfind("\n", 0, start)
        fresh = line >= 0 and not self.source.text[line:start].strip() and STATEMENT.match(self.source.text, line + 1)
        if fresh and opened and opened[-1] in "([":  # a bracket was not closed on the lines before
            self._go_on(parser, line)
        else:
            self._go_on(parser, self._next(skip, opened, closable))

    def _go_on(self, parser: InteractiveParser, offset: int) -> None:
        state = parser.lexer_thread.state
        assert state is not None
        state.line_ctr.char_pos = offset

    def _top_level(self, parser: InteractiveParser, token: Token) -> int | None:
        """If `model`, `use` or `core` stands in a block, whose `}` then is missing, report it; returns where its line begins."""
        text = self.source.text
        braces = [value for value in parser.parser_state.value_stack if isinstance(value, Token) and value.type == "LBRACE"]
        line = text.rfind("\n", 0, token.start_pos or 0)
        word = TOP.match(text, line + 1)
        if not braces or line < 0 or word is None or word.end() != token.start_pos:
            return None
        place = Span(self.source, word.start(1), word.end(1))
        self.reports.unclosed(braces[-1], f"`{word[1]}` stands only at the top of a file", place)
        return line

    def _close_all(self, parser: InteractiveParser, target: int) -> None:
        """Drop what was half read, close every open block, and go on at `target`."""
        depth = self._depth(parser) - self._drop(parser, target).count("{")
        while depth > 0:
            parser.feed_token(Token("RBRACE", "}", target, end_pos=target))
            depth -= 1 + self._drop(parser, target).count("{")
        self._go_on(parser, target)

    def _depth(self, parser: InteractiveParser) -> int:
        """How many blocks are open. A block that is closed may still lie on the stack with its braces."""
        kinds = [value.type for value in parser.parser_state.value_stack if isinstance(value, Token)]
        return kinds.count("LBRACE") - kinds.count("RBRACE")

    def _drop(self, parser: InteractiveParser, start: int) -> list[str]:
        """Put an ERROR in place of what was half read; returns the brackets that were open in it."""
        state = parser.parser_state
        opened = []
        closed = 0  # brackets whose end was read, which leave the stack together with what is in them
        while closed or not accepts(state.parse_conf.states, state.state_stack, "ERROR"):
            state.state_stack.pop()
            value = state.value_stack.pop()
            if isinstance(value, Tree):
                start = start if value.meta.empty else min(start, value.meta.start_pos)
                continue
            start = min(start, getattr(value, "start_pos", None) or start)
            kind = getattr(value, "type", "")
            if kind in CLOSERS:
                closed += 1
            elif kind in OPENERS and closed:
                closed -= 1
            elif kind in OPENERS:
                opened.append(OPENERS[kind])
        parser.feed_token(Token("ERROR", "", start, end_pos=start))
        return opened[::-1]

    def _next(self, start: int, opened: list[str], closable: bool) -> int:
        """Where the broken statement ends: a newline outside its brackets, or the brace that closes the block around it."""
        text = self.source.text
        for match in LANDMARK.finditer(text, start):
            mark = match[0]
            if mark in "([{":
                opened.append(mark)
            elif mark == "}":
                while opened and opened[-1] != "{":
                    opened.pop()
                if opened:
                    opened.pop()
                elif closable:
                    return match.start()
            elif mark in ")]":
                if opened and opened[-1] == PAIRS[mark]:
                    opened.pop()
            elif mark == "\n":
                if STATEMENT.match(text, match.end()):
                    while opened and opened[-1] != "{":
                        opened.pop()
                if not opened and not self.continued.match(text, match.start()):
                    return match.start()
        return len(text)
