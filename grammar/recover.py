"""Going on behind a syntax error, as yacc does: an ERROR stands in place of what was half read, and reading goes on with the next statement."""

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
STATEMENT = re.compile(
    r"\s*(?:model|chunk|router|mask|input|output|param|state|next|fuse|for|loss|memory|use|core)[ \t]+[A-Za-z_{\"]"
)
TOP = re.compile(r"[ \t]*(model|use|core)[ \t]+")
OPERATORS = frozenset({"PLUS", "MINUS", "TIMES", "MOD", "COMPARE", "AND", "OR", "__ANON_3"})


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
            start = error.pos_in_stream
            skip = self.reports.characters(start)
            kind = ""
        else:
            assert isinstance(error, UnexpectedToken)
            start = skip = error.token.start_pos or 0
            kind = error.token.type
            top = self._top_level(parser, error.token)
            if top is not None:
                return self._close_all(parser, top)
            if kind == "$END":
                self.reports.token(parser.parser_state, error.token)
                return self._close_all(parser, len(self.source.text))
            self.reports.token(parser.parser_state, error.token)
        value = parser.parser_state.value_stack
        if kind == "_NL" and value and isinstance(value[-1], Token) and value[-1].type in OPERATORS:
            skip += 1  # the next line was meant to be the rest of this one
        opened = self._drop(parser, start)
        closable = any(isinstance(value, Token) and value.type == "LBRACE" for value in parser.parser_state.value_stack)
        before = self.source.text.rfind("\n", 0, start)
        if opened and opened[-1] in "([" and before >= 0 and STATEMENT.match(self.source.text, before + 1, start + 200):
            target = before if not self.source.text[before:start].strip() else self._next(skip, opened, closable)
        else:
            target = self._next(skip, opened, closable)
        parser.lexer_thread.state.line_ctr.char_pos = target
        return True

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

    def _close_all(self, parser: InteractiveParser, target: int) -> bool:
        """Drop what was half read, close every open block, and go on at `target`."""
        self._drop(parser, target)
        for value in list(parser.parser_state.value_stack):
            if isinstance(value, Token) and value.type == "LBRACE":
                parser.feed_token(Token("RBRACE", "}", target, end_pos=target))
        parser.lexer_thread.state.line_ctr.char_pos = target
        return True

    def _drop(self, parser: InteractiveParser, start: int) -> list[str]:
        """Put an ERROR in place of what was half read; returns the brackets that were open in it."""
        state = parser.parser_state
        opened = []
        while not accepts(state.parse_conf.states, state.state_stack, "ERROR"):
            state.state_stack.pop()
            value = state.value_stack.pop()
            if isinstance(value, Token):
                start = min(start, value.start_pos or 0)
                if value.type in OPENERS:
                    opened.append(OPENERS[value.type])
            elif isinstance(value, Tree) and not value.meta.empty:
                start = min(start, value.meta.start_pos)
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
