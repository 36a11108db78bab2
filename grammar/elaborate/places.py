"""Where to say what goes wrong in a body that is written elsewhere than it is called."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from ...compiler.diagnostics import Diagnostic, Label
from ...compiler.source import Source, Span
from .env import Env
from .selections import Undecided

OF_THE_TEXT = ("CC02", "CC0502", "CC0503", "CC0506", "CC0507", "CC10")
"""Codes of what does not depend on what a body is called with."""


@contextmanager
def called(env: Env, span: Span) -> Iterator[None]:
    """What is wrong in a body of the user's own is told there, and which call it was."""
    start = len(env.findings.items)
    try:
        yield
    finally:
        if len(env.findings.items) > start:
            env.findings.amend(start, lambda item: _with_call(item, span))


def _with_call(item: Diagnostic, span: Span) -> Diagnostic:
    if item.severity == "warning" or item.code.startswith(OF_THE_TEXT) or any(x.span == span for x in item.labels):
        return item
    return replace(item, labels=(*item.labels, Label(span, "in this call")))


@contextmanager
def library_call(env: Env, span: Span, library: Source, inputs: Mapping[str, Span]) -> Iterator[None]:
    """The standard library stands for what is called: what is wrong there is told of the call, or of the input it is wrong with.

    Nodes made there come from the call too.
    """
    unit, start = env.unit, len(env.findings.items)
    place, unit.place = unit.place, unit.place or span
    try:
        yield
    except Undecided as undecided:
        if undecided.span.source is library:
            undecided.span = inputs.get(undecided.span.text.partition(".")[0], span)
        raise
    finally:
        unit.place = place
        # One thing that is wrong with a call is enough: the body goes on with what it does not mean.
        errors = [item for item in env.findings.items[start:] if item.severity == "error"]
        env.findings.amend(start, lambda item: _of_call(item, span, library, inputs), without=errors[1:])


def _of_call(item: Diagnostic, span: Span, library: Source, inputs: Mapping[str, Span]) -> Diagnostic:
    if item.span.source is not library:
        return item
    line = library.text[: item.span.end].rpartition("\n")[2]
    read = re.search(r"(\w+)(?:\.\w+)?$", line)  # `gate`, or `gate.score`
    place = inputs.get(read[1], span) if read and line.endswith(item.span.text) and item.span.text in read[0] else span
    return replace(
        item, labels=(Label(place, item.labels[0].text), *(x for x in item.labels[1:] if x.span.source is not library))
    )
