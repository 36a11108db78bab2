"""A target's file with other fitted constants: the values alone are written anew, comments and sources stay."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from ..compiler.diagnostics import CompileError, Diagnostic, Label
from ..compiler.source import NOWHERE, Source
from ..compiler.toml_places import Path, places_of
from .kinds import Kind
from .target import Target
from .target_checks import TABLES
from .target_listing import written


def check_fits(kind: Kind, target: Target, *, constants: bool = False) -> None:
    """`CompileError` where such tables are not of hardware of the target's kind; with `constants`, also where it holds none."""
    message = hint = ""
    if target.kind not in TABLES[kind.section]:
        message = f"tables of {kind.title} are of a {' or '.join(TABLES[kind.section])}, and `{target.name}` is a {target.kind}"
    elif constants and getattr(target, kind.section) is None:
        message = f"`{target.name}` has no constants of {kind.title}, where a fit begins"
        hint = f"write `[{kind.section}]` into its file; `chunkc targets h200` shows the values of one"
    if message:
        raise CompileError([Diagnostic("CC1102", message, (Label(NOWHERE),), hint)])


def refitted(text: str, section: str, constants: type, values: Mapping[str, float]) -> str:
    """The text of a target's file in which the values of one table (`constants`: its class) are these, in base units."""
    source = Source("", text)
    places, units = places_of(source), {field.name: field.metadata.get("unit", "") for field in attrs.fields(constants)}
    edits = []
    for name, value in values.items():
        path: Path = (section, name)
        span = places.values.get((*path, "value"), places.value(path))
        edits.append((span.start, span.end, f'"{written(value, units[name])}"'))
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text
