"""A diagnostic is data: a code, a message, labelled places, a remedy. Codes are worded in `codes.py`, rendered in `render.py`."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal

from .source import Span

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Code:
    """What a code means, whatever the place it was found at: what `chunkc explain` prints."""

    title: str
    explanation: str


@dataclass(frozen=True, slots=True)
class Label:
    """A place in a source, and what it has to do with the message."""

    span: Span
    text: str = ""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding. `labels[0]` is the primary place; the others say where the other side of a contradiction stands."""

    code: str
    message: str
    labels: tuple[Label, ...]
    hint: str = ""
    severity: Severity = "error"

    @property
    def span(self) -> Span:
        return self.labels[0].span

    def __str__(self) -> str:
        return f"{self.span}: {self.severity}[{self.code}]: {self.message}"


class CompileError(Exception):
    """Raised at the end of a stage that found errors; carries all of them, warnings included."""

    def __init__(self, diagnostics: Iterable[Diagnostic]):
        self.diagnostics = tuple(diagnostics)
        super().__init__("\n".join(map(str, self.diagnostics)))


class Abort(Exception):
    """Raised to leave the current statement after reporting an error into a `Findings`; never leaves its stage."""


@dataclass
class Findings:
    """Collects diagnostics of one run, so that several are reported at once. Stops at `limit` errors."""

    items: list[Diagnostic] = field(default_factory=list)
    limit: int = 50
    _known: set[tuple[str, str, Span]] = field(default_factory=set, repr=False)
    _errors: int = 0

    def error(self, code: str, message: str, span: Span, *, label: str = "", also: Iterable[Label] = (), hint: str = "") -> Abort:
        """Record an error; returns an `Abort` for `raise findings.error(...)`."""
        self.add(Diagnostic(code, message, (Label(span, label), *also), hint))
        return Abort()

    def warn(self, code: str, message: str, span: Span, *, label: str = "", also: Iterable[Label] = (), hint: str = "") -> None:
        """Record a warning."""
        self.add(Diagnostic(code, message, (Label(span, label), *also), hint, "warning"))

    def add(self, diagnostic: Diagnostic) -> None:
        """Keep a finding, unless the same was said of the same place."""
        key = (diagnostic.code, diagnostic.message, diagnostic.span)
        if key not in self._known:
            self._known.add(key)
            self.items.append(diagnostic)
            self._errors += diagnostic.severity == "error"
        if self._errors >= self.limit:
            raise CompileError(self.items)

    def amend(self, start: int, change: Callable[[Diagnostic], Diagnostic], without: Sequence[Diagnostic] = ()) -> None:
        """Say what was found from `items[start]` on in other words, or of another place, or leave some out."""
        found, self.items[start:] = self.items[start:], []
        self._errors = len(self.errors)
        for item in found:
            self._known.discard((item.code, item.message, item.span))
            if item not in without:
                self.add(change(item))

    @property
    def errors(self) -> list[Diagnostic]:
        return [item for item in self.items if item.severity == "error"]

    def check(self) -> None:
        """Raise `CompileError` with everything found, if any of it is an error."""
        if self.errors:
            raise CompileError(self.items)


def did_you_mean(name: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """A hint naming the nearest known word, or nothing. Of the words of about its length, the first thousand are looked at."""
    likely = (word for word in known if abs(len(word) - len(name)) <= 3) if len(name) <= 40 else ()
    near = difflib.get_close_matches(name, list(islice(likely, 1000)), n=1, cutoff=cutoff)
    return f"did you mean `{near[0]}`?" if near else ""
