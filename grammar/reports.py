"""Reporting syntax errors: which tokens the parser would have taken, which bracket is missing, which slip is likely."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from lark.grammar import Rule
from lark.lexer import Token
from lark.parsers.lalr_parser_state import ParserState

from ..compiler.diagnostics import Findings, Label
from ..compiler.source import Source, Span
from . import wording

PAIRS = {")": "(", "]": "[", "}": "{"}
OPENERS = {"LPAR": "(", "LSQB": "[", "LBRACE": "{"}
BRACE = re.compile(r'"(?:[^"\\\n]|\\.)*"|#[^\n]*|(?P<line>\n[ \t]*)|(?P<mark>[{}])')
NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?\w*")

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


class Reports:
    """Puts syntax errors into words and into `findings`."""

    def __init__(self, source: Source, findings: Findings) -> None:
        self.source = source
        self.findings = findings
        self.unbalanced = False

    def characters(self, start: int) -> int:
        """Report a character that begins no token; returns where to go on."""
        text = self.source.text
        line, column = self._line(start)
        if text[start] == '"':
            end = text.find("\n", start)
            end = len(text) if end < 0 else end
            self.findings.error("CC0104", "this string does not end on its line", Span(self.source, start, end), hint='add a `"`')
            return end
        if number := NUMBER.match(text, start):
            message = f"`{number[0][:40]}` is neither a number nor a name"
            advice = "a product is written with `*`: `4 * d`; sizes are `KiB MiB GiB`, shares `25%`"
            self.findings.error("CC0101", message, Span(self.source, start, number.end()), hint=advice)
            return number.end()
        message, advice = wording.stray(text[start])
        self.findings.error("CC0103", message, Span(self.source, start, start + 1), hint=wording.hint(line, column) or advice)
        return start + 1

    def token(self, state: ParserState[int], token: Token) -> None:
        """Report a token that cannot stand here."""
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
        if not self._brackets(token, place, openings):
            self._unexpected(token, place, openings, accepted)

    def unclosed(self, opening: Token, why: str, place: Span) -> None:
        """Report a bracket that nothing closes."""
        closing = next(close for close, open in PAIRS.items() if open == opening)
        labels = [Label(self._span(opening), f"this `{opening}` is not closed")]
        suspect = self._suspect() if opening == "{" else None
        if suspect:
            labels.append(Label(suspect, "perhaps this one: the `}` that closes it stands further out"))
        self.unbalanced = True
        self.findings.error("CC0102", f"`{closing}` is missing: {why}", place, also=labels, hint=f"add `{closing}`")

    def _suspect(self) -> Span | None:
        """The first `{` whose `}` begins a line further left than the line of the `{` does."""
        opened: list[tuple[int, int, int]] = []
        line = indent = 0
        for match in BRACE.finditer(self.source.text):
            mark = match["mark"]
            if match["line"] is not None:
                line, indent = line + 1, len(match["line"]) - 1
            elif mark == "{":
                opened.append((match.start(), line, indent))
            elif mark == "}" and opened:
                start, before, outer = opened.pop()
                if indent < outer and line > before:
                    return Span(self.source, start, start + 1)
        return None

    def _span(self, token: Token) -> Span:
        return Span(self.source, token.start_pos or 0, token.end_pos or 0)

    def _line(self, offset: int) -> tuple[str, int]:
        number, column = self.source.position(offset)
        return self.source.line(number), column - 1

    def _brackets(self, token: Token, place: Span, openings: list[Token]) -> bool:
        """Report a bracket that is missing or too many, if that is what is wrong here."""
        inner = openings[-1] if openings else None
        wanted = PAIRS.get(token)
        if inner is not None and token.type == "$END":
            self.unclosed(inner, "found the end of the file", place)
        elif wanted is not None and wanted not in openings and inner in (None, "{"):
            hint = "is there one too many, or was its opening left out?"
            self.findings.error("CC0102", f"`{token}` closes nothing", place, hint=hint)
        elif inner is not None and wanted is not None and wanted != inner:
            self.unclosed(inner, f"found `{token}`", place)
        else:
            return False
        return True

    def _unexpected(self, token: Token, place: Span, openings: list[Token], accepted: set[str]) -> None:
        line, column = self._line(place.start)
        also = [Label(self._span(openings[-1]), "opened here")] if openings and openings[-1] != "{" else []
        what = wording.expected(accepted)
        advice = wording.hint(line, column) or next(self._advice(token, accepted, not line[:column].strip()), "")
        found = wording.found(token.type, token)
        self.findings.error("CC0101", f"expected {what}, found {found}", place, label=f"expected {what}", also=also, hint=advice)

    def _advice(self, token: Token, accepted: set[str], first: bool) -> Iterator[str]:
        """The slips that the parser knows better than the text does; `first`: the token begins its line."""
        if first and "RPAR" in accepted:
            yield "is a `)` missing on the line before?"
        if first and "RSQB" in accepted:
            yield "is a `]` missing on the line before?"
        if token.type == "EQUAL" and not accepted.isdisjoint({"LBRACE", "RPAR", "RSQB", "TIMES"}):
            yield "equality is written `==`"
        if token.type == "COMMA" and "RBRACE" in accepted:
            yield "fields stand side by side or on lines of their own, without commas"
        if token.type == "COMPARE":
            yield "comparisons do not chain: write `a < b and b < c`"
        if token.type == "NAME" and "COLON" in accepted:
            yield "the type stands after a `:`"
        if first and "_MODEL" in accepted and token in wording.FORMS:
            yield "statements stand inside a model or chunk: is there a `}` too many above?"
        if token.type == "NAME" and "_NL" in accepted and not first:
            yield "statements stand on lines of their own"
        if token.type == "_NL" and "LBRACE" in accepted:
            yield "the `{` stands on the same line"
        if token.type == "_NL" and "NUMBER" in accepted:
            yield "a value goes on inside brackets, or on a line that begins with the operator (other than `-`)"
        if token.type in ("PLUS", "MINUS", "TIMES", "MOD"):
            yield "`|>` binds loosest: put the value before it in parentheses"
