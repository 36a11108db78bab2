"""A target as the text of a TOML file, which reads back equal, notes included."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from ..compiler.toml_places import Path
from .target import Level, Note, Target
from .target_listing import is_default, written
from .target_values import dotted, keys_of
from .units import Scale, convert


def target_text(target: Target) -> str:
    """The text of a file: what stands at the top, then a table each. Values that are their defaults are left out."""
    return "\n".join(_Writer(target).lines()).strip() + "\n"


class _Writer:
    def __init__(self, target: Target):
        self.target = target
        self.scale = Scale(target.clock, target.matrix.units)

    def lines(self) -> Iterator[str]:
        """Values at the top come before all tables, as TOML wants it."""
        target, fields = self.target, keys_of(Target)
        tables = [
            name
            for name in fields
            if attrs.has(type(getattr(target, name))) or isinstance(getattr(target, name), tuple | Mapping)
        ]
        yield from self.values(target, (), [name for name in fields if name not in tables])
        for name in sorted(tables, key=lambda name: name != "sources"):
            yield from self.table(getattr(target, name), (name,), fields[name].metadata.get("unit", ""))

    def table(self, value: Any, path: Path, unit: str) -> Iterator[str]:
        """A table with its header, and those under it."""
        if isinstance(value, tuple) and all(isinstance(one, Level) for one in value):
            for one in value:
                yield from self.table(one, (*path, one.name), "")
        elif isinstance(value, tuple):
            for place, one in enumerate(value):
                yield from ["", f"[[{keys(path)}]]", *self.values(one, (*path, place), list(keys_of(type(one))))]
        elif isinstance(value, Mapping):
            if value:
                yield from ["", f"[{keys(path)}]"]
            for name, one in value.items():
                yield f"{keys((name,))} = {self.noted(one, (*path, name), unit)}"
        else:
            known = keys_of(type(value))
            under = [name for name in known if isinstance(getattr(value, name), Mapping) or is_tables(getattr(value, name))]
            own = list(self.values(value, path, [name for name in known if name not in under]))
            if own or not any(getattr(value, name) for name in under):
                yield from ["", f"[{keys(path)}]", *own]
            for name in under:
                yield from self.table(getattr(value, name), (*path, name), known[name].metadata.get("unit", ""))

    def values(self, one: Any, path: Path, names: list[str]) -> Iterator[str]:
        """A line for each value that is not its default."""
        known = keys_of(type(one))
        for name in names:
            value, place = getattr(one, name), (*path, name)
            if value is not None and (not is_default(known[name], value) or dotted(place) in self.target.notes):
                yield f"{keys((name,))} = {self.noted(value, place, known[name].metadata.get('unit', ''))}"

    def noted(self, value: Any, path: Path, unit: str) -> str:
        """A value with what is said of it."""
        text = self.quantity(value, unit) if unit else literal(value)
        note = self.target.notes.get(dotted(path))
        if note is None:
            return text
        said = [(name, getattr(note, name)) for name in attrs.fields_dict(Note) if getattr(note, name)]
        return "{ " + ", ".join([f"value = {text}", *(f"{name} = {literal(one)}" for name, one in said)]) + " }"

    def quantity(self, value: float, unit: str) -> str:
        """The shortest text that reads as exactly this number."""
        if math.isfinite(value):
            for digits in (4, 6, 9, 12, 15, 16, 17):
                text = written(value, unit, digits)
                if convert(text, unit, self.scale) == value:
                    return literal(text)
        return literal(f"{value!r} {unit}")


def is_tables(value: Any) -> bool:
    """Whether a value is written as tables, one each."""
    return isinstance(value, tuple) and bool(value) and all(attrs.has(type(one)) for one in value)


def keys(path: Path) -> str:
    """A dotted key; what is no bare key is quoted."""
    return ".".join(key if re.fullmatch(r"[\w-]+", key, re.ASCII) else literal(key) for key in path if isinstance(key, str))


def literal(value: Any) -> str:
    """A value of TOML, which writes texts as JSON does."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(literal, value))}]"
    if attrs.has(type(value)):
        known = keys_of(type(value)).values()
        said = [(one.name, getattr(value, one.name)) for one in known if not is_default(one, getattr(value, one.name))]
        return f"{{ {', '.join(f'{name} = {literal(one)}' for name, one in said)} }}"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
