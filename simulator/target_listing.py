"""What a target says, value by value: its path, the number and its unit, and where the number is from."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from .target import Level, Note, Target
from .target_values import NOT_IN_FILES

NOTHING_SAID = Note()


@attrs.frozen
class Entry:
    """One value of a target, in the unit of its field (`""`: a count, a word, true or false)."""

    path: str
    value: float | int | str | bool | tuple[Any, ...]
    unit: str
    note: Note

    @property
    def text(self) -> str:
        """The value as one writes it: `4.8 TB/s`."""
        if isinstance(self.value, tuple):
            return ", ".join(map(str, self.value)) if len(self.value) <= 8 else f"{len(self.value)} values"
        return written(self.value, self.unit) if isinstance(self.value, float) else str(self.value).lower()


def entries(target: Target) -> list[Entry]:
    """All values of a target in the order of its classes; those that the file left to their defaults are left out."""
    found = [Entry(path, value, unit, target.notes.get(path, NOTHING_SAID)) for path, value, unit in _values(target, "")]
    return [entry for entry in found if entry.path != "title" and not entry.path.startswith("sources.")]


def _values(one: Any, path: str) -> Iterator[tuple[str, Any, str]]:
    for field in attrs.fields(type(one)):
        value = getattr(one, field.name)
        if field.name in NOT_IN_FILES.get(type(one), ()) or value is None or is_default(field, value):
            continue
        yield from _of_field(value, path + field.name, field.metadata.get("unit", ""))


def is_default(field: attrs.Attribute[Any], value: Any) -> bool:
    """Whether a value is what stands for one that the file does not say, which tells nothing."""
    return not isinstance(field.default, attrs.Factory) and bool(value == field.default)  # type: ignore[arg-type]


def _of_field(value: Any, path: str, unit: str) -> Iterator[tuple[str, Any, str]]:
    if attrs.has(type(value)):
        yield from _values(value, f"{path}.")
    elif isinstance(value, tuple) and all(attrs.has(type(one)) for one in value):
        for place, one in enumerate(value):
            yield from _of_field(one, f"{path}.{one.name if isinstance(one, Level) else place}", unit)
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield f"{path}.{key}", one, unit
    else:
        yield path, value, unit


DECIMAL = {-15: "f", -12: "p", -9: "n", -6: "u", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T", 15: "P", 18: "E"}
BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi")


def written(value: float, unit: str, digits: int = 4) -> str:
    """A number of a unit with a prefix, to some digits: 4.8e12 `B/s` as `4.8 TB/s`, 52428800 `B` as `50 MiB`."""
    if unit in ("", "1"):
        return f"{value:.{digits}g}"
    if unit.endswith("/cycle") or unit == "cycle" or not value or not math.isfinite(value):
        return f"{value:.{max(digits, 6)}g} {unit}"
    if unit == "B" and value >= 1024:
        binary = min(int(math.log2(value)) // 10, len(BINARY) - 1)
        if value % 1024**binary == 0:
            return f"{value / 1024**binary:.{digits}g} {BINARY[binary]}B"
    power = min(max(3 * math.floor(math.log10(value) / 3 + 1e-12), min(DECIMAL)), max(DECIMAL))
    return f"{value / 10.0**power:.{digits}g} {DECIMAL[power]}{unit}"
