"""Pipelines as text: `canonicalize, choose-kernels(dims='B=8,T=512'), fixpoint(a, b)`, each slip underlined.

Options are the fields of a pass's dataclass: `bool`, `int`, `float`, `str`, a `Literal` of these, any of them `| None`, and
tuples of one kind, written `[1, 2]`. A string needs quotes where it has other characters than letters, digits and `_-./:%+`.
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from ..compiler.diagnostics import Abort, Findings, did_you_mean
from ..compiler.source import Span
from .manager import Fixpoint, Pass, Stage, flat

_TOKEN = re.compile(r"""\s*(?:(?P<text>'[^'\n]*'|"[^"\n]*")|(?P<word>[\w.\-+/:%]+)|(?P<mark>[(),=\[\]]))""")
_END = "the end"


@dataclass(frozen=True, slots=True)
class Placed:
    """A pass or a group of passes, and where it was written; of a group, where each of its passes was."""

    stage: Stage
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Level:
    """The passes of a level, in which some are to have other options: `O2(specialize(profile='p.json'))`."""

    name: str
    stages: Callable[[Mapping[str, Pass]], tuple[Stage, ...]]
    """The stages, with these passes in the places of those of their names."""


Lookup = Callable[[str, Span, Findings], "type[Pass] | Level"]
"""What a name stands for; what is unknown is told to the findings, and `Abort` raised."""


def read(place: Span, lookup: Lookup, findings: Findings) -> list[Placed]:
    """The stages that a piece of a source says; what is wrong is added to `findings`, the rest returned."""
    tokens = _tokens(place, findings)
    return _Reader(tokens, lookup, findings).pipeline(end=_END) if tokens else []


def _tokens(place: Span, findings: Findings) -> list[_Token]:
    """The tokens of a place and one for its end; none, and a finding, where a character has no meaning."""
    found: list[_Token] = []
    source, at = place.source, place.start
    while source.text[at : place.end].strip():
        match = _TOKEN.match(source.text, at, place.end)
        if match is None or match.lastgroup is None:
            at += len(source.text[at : place.end]) - len(source.text[at : place.end].lstrip())
            quote = source.text[at] in "'\""
            label = "no quote closes it" if quote else "no meaning here"
            message = f"{'a string without an end' if quote else f'`{source.text[at]}`'} in a list of passes"
            findings.error("CC0714", message, Span(source, at, at + 1), label=label, hint="write `pass(option=value), other`")
            return []
        kind = match.lastgroup
        found.append(_Token(kind, match[kind], Span(source, match.start(kind), match.end(kind))))
        at = match.end()
    return [*found, _Token(_END, _END, Span(source, place.end, place.end))]


class _Reader:
    """Reads tokens from left to right."""

    def __init__(self, tokens: list[_Token], lookup: Lookup, findings: Findings):
        self.tokens, self.lookup, self.findings = tokens, lookup, findings
        self.at = 0

    @property
    def token(self) -> _Token:
        return self.tokens[self.at]

    def take(self) -> _Token:
        token = self.token
        self.at += token.kind != _END
        return token

    def expect(self, text: str, after: str) -> None:
        if self.token.text != text or self.token.kind == "text":
            shown = self.token.text if self.token.kind == _END else f"`{self.token.text}`"
            message = f"{shown} where `{text}` was expected {after}"
            raise self.findings.error("CC0714", message, self.token.span, label=f"`{text}` is missing", hint=_FORM)
        self.take()

    def pipeline(self, end: str) -> list[Placed]:
        """Stages with commas between, up to the token `end`, which is left. After a slip the rest is not read."""
        found: list[Placed] = []
        try:
            while self.token.text != end and self.token.kind != _END:
                if self.token.text == ",":
                    self.take()
                    continue
                found += self.stage()
                if self.token.text != end:
                    if self.token.kind == _END:
                        break
                    self.expect(",", "between passes")
        except Abort:
            self.at = len(self.tokens) - 1
        return found

    def stage(self) -> list[Placed]:
        name = self.take()
        if name.kind != "word":
            shown = f"`{name.text}`"
            raise self.findings.error("CC0714", f"{shown} is no name of a pass", name.span, label="not a name", hint=_FORM)
        if name.text == "fixpoint" and self.token.text == "(":
            return self.fixpoint(name)
        try:
            found = self.lookup(name.text, name.span, self.findings)
        except Abort:
            self.skip_options()
            return []
        if isinstance(found, Level):
            return self.level(found, name.span)
        given = self.options(found) if self.token.text == "(" else {}
        made = build(found, given, name.span, self.findings)
        return [] if made is None else [Placed(made, (name.span,))]

    def level(self, level: Level, place: Span) -> list[Placed]:
        """The stages of a level, some of its passes with options of their own."""
        inner = self.group(f"`{level.name}(`") if self.token.text == "(" else []
        stages = level.stages({one.name: one for one, _ in inner})
        known = {one.name for one in flat(stages)}
        for one, span in inner:
            if one.name not in known:
                message = f"`{one.name}` is none of the passes of {level.name}"
                self.findings.error(
                    "CC0714", message, span, label="no place for it", hint=f"`{one.name}, {level.name}` runs it before"
                )
        return [Placed(stage, (place,) * len(flat([stage]))) for stage in stages]

    def group(self, opened: str) -> list[tuple[Pass, Span]]:
        """The passes in parentheses, each with its place."""
        self.take()
        inner = self.pipeline(end=")")
        self.expect(")", f"behind the passes of {opened}")
        return [pair for placed in inner for pair in zip(flat([placed.stage]), placed.spans)]

    def fixpoint(self, name: _Token) -> list[Placed]:
        """A group that is run until nothing changes."""
        inner = self.group("`fixpoint(`")
        if not inner:
            raise self.findings.error("CC0714", "`fixpoint` of no passes", name.span, label="nothing to run", hint=_FORM)
        return [Placed(Fixpoint(tuple(one for one, _ in inner)), tuple(span for _, span in inner))]

    def skip_options(self) -> None:
        """Past the options of a pass that is not known."""
        depth = 0
        while self.token.kind != _END and (depth or self.token.text == "("):
            depth += {"(": 1, ")": -1}.get(self.take().text, 0)

    def options(self, kind: type[Pass]) -> dict[str, tuple[Any, Span, Span]]:
        """What stands in the parentheses: for each option its value, converted, and the places of name and value."""
        known, hints = option_fields(kind), get_type_hints(kind)
        found: dict[str, tuple[Any, Span, Span]] = {}
        self.take()
        while self.token.text != ")":
            name = self.take()
            if name.kind != "word":
                raise self.findings.error("CC0714", f"no option of `{kind.name}`", name.span, label="not a name", hint=_FORM)
            self.expect("=", f"behind the option `{name.text}`")
            value, place = self.value()
            if name.text not in known:
                hint = did_you_mean(name.text, known) or takes(kind)
                message = f"the pass `{kind.name}` has no option `{name.text}`"
                self.findings.error("CC0714", message, name.span, label="not known", hint=hint)
            elif name.text in found:
                self.findings.error("CC0714", f"`{name.text}` is given twice", name.span, label="again here", hint="give it once")
            else:
                try:
                    found[name.text] = convert(value, hints[name.text]), name.span, place
                except ValueError as error:
                    message = f"`{name.text}` of `{kind.name}` takes {error}, not `{place.text}`"
                    self.findings.error("CC0714", message, place, label=f"not {error}", hint=takes(kind))
                    found[name.text] = _WRONG, name.span, place
            if self.token.text != ")":
                self.expect(",", "between options")
        self.take()
        return found

    def value(self) -> tuple[Any, Span]:
        """A value as written: a word or a string (`_Word` tells them apart), or a list of them."""
        token = self.take()
        if token.kind == "text":
            return token.text[1:-1], token.span
        if token.kind == "word":
            return _Word(token.text), token.span
        if token.text != "[":
            raise self.findings.error("CC0714", f"`{token.text}` is no value", token.span, label="not a value", hint=_FORM)
        items: list[Any] = []
        while self.token.text != "]":
            items.append(self.value()[0])
            if self.token.text != "]":
                self.expect(",", "between the values of a list")
        return tuple(items), token.span.to(self.take().span)


_FORM = "write `pass(option=value, other=[1, 2]), next-pass`, with quotes around text that has commas or spaces"
_WRONG = object()
_PYTHON = "what only Python can give"


class _Word(str):
    """A value without quotes."""


# ---- a pass and its options


def option_fields(kind: type[Pass]) -> dict[str, Field[Any]]:
    """The options of a pass by name."""
    return {item.name: item for item in fields(kind) if item.init} if hasattr(kind, "__dataclass_fields__") else {}  # type: ignore[arg-type]


def needed(kind: type[Pass]) -> list[str]:
    """The options that a pass cannot run without."""
    known = option_fields(kind).items()
    return [name for name, item in known if item.default is MISSING and item.default_factory is MISSING]


def takes(kind: type[Pass]) -> str:
    """The options of a pass in words."""
    known = option_fields(kind)
    hints: Mapping[str, Any] = get_type_hints(kind) if known else {}
    parts = [f"`{name}`: {spell(hints[name])}" for name in known]
    return f"it takes {', '.join(parts)}" if parts else "it takes no options"


def build(kind: type[Pass], given: Mapping[str, tuple[Any, Span, Span]], place: Span, findings: Findings) -> Pass | None:
    """A pass with these options; None, and a finding, where one is missing or the pass refuses them (by `ValueError`)."""
    if any(value is _WRONG for value, _, _ in given.values()):
        return None
    missing = [name for name in needed(kind) if name not in given]
    if missing:
        names = ", ".join(f"`{name}`" for name in missing)
        message = f"the pass `{kind.name}` cannot run without {names}"
        findings.error("CC0714", message, place, label="not given", hint=takes(kind))
        return None
    try:
        return kind(**{name: value for name, (value, _, _) in given.items()})
    except ValueError as error:
        message = f"the pass `{kind.name}` refuses its options: {error}"
        findings.error("CC0714", message, place, label="as given here", hint=takes(kind))
        return None


def convert(value: Any, kind: Any) -> Any:
    """A written value as a field's type; `ValueError` with what the type is in words."""
    origin, inside = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        if isinstance(value, _Word) and value in ("none", "None") and type(None) in inside:
            return None
        for choice in inside:
            try:
                return convert(value, choice)
            except ValueError:
                continue
    elif origin is Literal:
        for choice in inside:
            if str(choice).lower() == str(value).lower() and isinstance(value, str):
                return choice
    elif origin is tuple and isinstance(value, tuple):
        try:
            return tuple(convert(item, inside[0]) for item in value)
        except ValueError:
            pass  # the list as a whole is not of the type
    elif kind is str and isinstance(value, str):
        return str(value)
    elif kind is bool and isinstance(value, _Word) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    elif kind in (int, float) and isinstance(value, _Word):
        try:
            return kind(value)
        except ValueError:
            pass  # told below
    raise ValueError(spell(kind))


def spell(kind: Any) -> str:
    """A type in words."""
    inside = get_args(kind)
    if get_origin(kind) in (Union, types.UnionType):
        words = ["none" if item is type(None) else spell(item) for item in inside]
        return " or ".join(word for word in words if word != _PYTHON) or _PYTHON
    if get_origin(kind) is Literal:
        return " or ".join(f"`{item}`" if str(item) else "`''`" for item in inside)
    if get_origin(kind) is tuple:
        return f"a list of {spell(inside[0]).removeprefix('a ').removeprefix('an ')}s"
    known = {str: "a string", int: "a whole number", float: "a number", bool: "`true` or `false`"}
    return known.get(kind, _PYTHON)
