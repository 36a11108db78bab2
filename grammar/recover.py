"""Going on behind a syntax error, as yacc does: drop what was half read, stand an ERROR in its place, skip to where the next statement begins."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from lark.exceptions import UnexpectedCharacters, UnexpectedInput
from lark.grammar import Rule
from lark.lexer import Token
from lark.parsers.lalr_interactive_parser import InteractiveParser

from ..compiler.diagnostics import Findings, Label
from ..compiler.source import Source, Span
from . import wording

LANDMARK = re.compile(r'"(?:[^"\\\n]|\\.)*"|#[^\n]*|[()\[\]{}\n]')
STATEMENT = re.compile(r"\s*(?:model|chunk|router|mask|input|output|param|state|next|fuse|for|loss|memory|use|core)[ \t]+[A-Za-z_{\"]")
PAIRS = {")": "(", "]": "[", "}": "{"}
OPENERS = {"LPAR": "(", "LSQB": "[", "LBRACE": "{"}

States = Mapping[int, Mapping[str, tuple[object, object]]]


def accepts(states: States, stack: Sequence[int], terminal: str) -> bool:
    """Whether the parser would shift `terminal`, found out without touching its stack."""
    base, above = len(stack), list[int]()
    while True:
        action = states[above[-1] if above else stack[base - 1]].get(terminal)
        if action is None or not isinstance(action[1], Rule):
            return action is not None
        size = len(action[1].expansion)
        taken = min(size, len(above))
        del above[len(above) - taken :]
        base -= size - taken
        goto = states[above[-1] if above else stack[base - 1]][action[1].origin.name][1]
        assert isinstance(goto, int)
        above.append(goto)


class Recovery:
    """Reports a syntax error and puts the parser behind it; lark calls it for each."""

    def __init__(self, source: Source, findings: Findings, continued: re.Pattern[str]) -> None:
        self.source = source
        self.findings = findings
        self.continued = continued
        self.unclosed = False

    def __call__(self, error: UnexpectedInput) -> bool:
        """True to go on. False at the end of the file, where nothing is left to read."""
        parser = error.interactive_parser
        token = getattr(error, "token", None)
        if isinstance(error, UnexpectedCharacters):
            start = skip = self._characters(error.pos_in_stream)
        else:
            start = self._token(parser, token)
            skip = start
        if token is not None and token.type == "$END":
            return False
        opened = self._drop(parser)
        closable = any(isinstance(value, Token) and value.type == "LBRACE" for value in parser.parser_state.value_stack)
        parser.feed_token(Token("ERROR", "", start, end_pos=start))
        parser.lexer_thread.state.line_ctr.char_pos = self._next(skip, opened, closable)
        return True

    def _drop(self, parser: InteractiveParser) -> list[str]:
        """Pop what was half read; returns the brackets that were open in it."""
        state = parser.parser_state
        opened = []
        while not accepts(state.parse_conf.states, state.state_stack, "ERROR"):
            state.state_stack.pop()
            value = state.value_stack.pop()
            if isinstance(value, Token) and value.type in OPENERS:
                opened.append(OPENERS[value.type])
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

    # ---- what is said

    def _characters(self, start: int) -> int:
        """Report a character that begins no token; returns where to go on."""
        text = self.source.text
        line_end = text.find("\n", start) % (len(text) + 1)
        line, column = self._line(start)
        if text[start] == '"':
            self.findings.error("CC0104", "this string does not end on its line", Span(self.source, start, line_end), hint='add a `"`')
            return line_end
        number = re.compile(r"[0-9]+(\.[0-9]+)?\w*").match(text, start)
        if number:
            message = f"`{number[0][:40]}` is neither a number nor a name"
            advice = "a product is written with `*`: `4 * d`; sizes are `KiB MiB GiB`, shares `25%`"
            self.findings.error("CC0101", message, Span(self.source, start, number.end()), hint=advice)
            return number.end()
        message, advice = wording.stray(text[start])
        self.findings.error("CC0103", message, Span(self.source, start, start + 1), hint=wording.hint(line, column) or advice)
        return start + 1

    def _line(self, offset: int) -> tuple[str, int]:
        number, column = self.source.position(offset)
        return self.source.line(number), column - 1

    def _token(self, parser: InteractiveParser, token: Token) -> int:
        """Report a token that cannot stand here; returns its start."""
        state = parser.parser_state
        states = state.parse_conf.states
        accepted = {name for name in states[state.position] if name.isupper() and accepts(states, state.state_stack, name)}
        start, end = token.start_pos or 0, token.end_pos or 0
        openings = [value for value in state.value_stack if isinstance(value, Token) and value.type in OPENERS]
        if token.type == "$END":
            end = len(self.source.text.rstrip())
            start = max(end - 1, 0)
        elif token.type == "_NL":
            end = start + 1
        place = Span(self.source, start, end)
        if not self._brackets(token, place, openings, accepted):
            self._unexpected(token, place, openings, accepted)
        return token.start_pos or 0

    def _brackets(self, token: Token, place: Span, openings: list[Token], accepted: set[str]) -> bool:
        """Report a bracket that is missing or too many, if that is what is wrong here."""
        inner = openings[-1] if openings else None
        if inner is not None and (token.type == "$END" or (token in PAIRS and PAIRS[token] != inner)):
            if not (token.type == "$END" and self.unclosed):
                self._unclosed(inner, f"found {wording.found(token.type, token)}", place)
            return True
        if inner is None and token in PAIRS:
            self.findings.error("CC0102", f"`{token}` closes nothing", place, hint="is there one too many, or was its opening left out?")
            return True
        if inner == "{" and token in ("model", "use", "core") and "_INPUT" in accepted:
            self.unclosed = True
            self._unclosed(inner, f"`{token}` stands only at the top of a file", place)
            return True
        return False

    def _unclosed(self, inner: Token, why: str, place: Span) -> None:
        closing = next(close for close, opening in PAIRS.items() if opening == inner)
        opening = Label(Span(self.source, inner.start_pos or 0, inner.end_pos or 0), f"this `{inner}` is not closed")
        self.findings.error("CC0102", f"`{closing}` is missing: {why}", place, also=[opening], hint=f"add `{closing}`")

    def _unexpected(self, token: Token, place: Span, openings: list[Token], accepted: set[str]) -> None:
        line, column = self._line(place.start)
        also = []
        if openings and openings[-1] != "{":
            inner = openings[-1]
            also = [Label(Span(self.source, inner.start_pos or 0, inner.end_pos or 0), "opened here")]
        what = wording.expected(accepted)
        advice = wording.hint(line, column) or next(self._advice(token, accepted), "")
        found = wording.found(token.type, token)
        self.findings.error("CC0101", f"expected {what}, found {found}", place, label=f"expected {what}", also=also, hint=advice)

    def _advice(self, token: Token, accepted: set[str]) -> Iterator[str]:
        if token.type == "EQUAL" and "PLUS" in accepted:
            yield "equality is written `==`"
        if token.type == "COMMA" and "RBRACE" in accepted:
            yield "fields stand side by side or on lines of their own, without commas"
        if token.type == "COMPARE" and "PLUS" in accepted:
            yield "comparisons do not chain: write `a < b and b < c`"
        if "_NL" in accepted and token.type == "NAME":
            yield "statements stand on lines of their own"
        if token.type in ("PLUS", "MINUS", "TIMES", "COMPARE", "MOD") and "_NL" in accepted | {"RPAR"}:
            yield "`|>` binds loosest: put the value before it in parentheses"
