"""One TOML file that is being read as a target: its values with their places, and what is wrong with each.

Nothing here raises: what is wrong is reported at its place, and NaN (or an empty text) stands in for it, so that everything that
is wrong with a file is found in one reading. A comparison with NaN is false, so a stand-in contradicts nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, get_args, get_type_hints

import attrs

from ..compiler.diagnostics import Findings, did_you_mean
from ..compiler.toml_places import Path, Places
from .target import Level, Note, Target
from .units import USUAL, Scale, UnitError, convert

DTYPES = ("f64", "f32", "tf32", "bf16", "f16", "f8", "i8", "i4")
"""Of products: what a target's file may name. `f32` is IEEE single precision; `tf32`, of ten bits, is what tensor cores have."""

POSITIVE = ("Hz", "B", "B/s", "MAC/cycle", "FLOP/cycle")
"""Units of fields that cannot be zero, unless they need not be given."""

STAND_INS: Mapping[type, Any] = {int: math.nan, float: math.nan, str: "", bool: False}


@dataclass(frozen=True, slots=True)
class Leaf:
    """A text, number or boolean of the file."""

    path: Path
    value: Any


class Table(dict[str, Any]):
    """A table of the file, its values wrapped like it."""

    def __init__(self, path: Path, items: Mapping[str, Any]):
        super().__init__(items)
        self.path = path


class Items(list[Any]):
    """An array of the file, its values wrapped like it."""

    def __init__(self, path: Path, items: list[Any]):
        super().__init__(items)
        self.path = path


@dataclass
class Reading:
    """One file that is being read."""

    name: str
    places: Places
    findings: Findings
    noted: list[tuple[Path, Note]] = field(default_factory=list)
    clock: float = math.nan
    units: float = math.nan
    vector_units: float = math.nan

    def wrong(self, code: str, message: str, path: Path, label: str = "", hint: str = "", *, key: bool = False) -> None:
        """Reports an error at a value, or at a key."""
        span = self.places.key(path) if key else self.places.value(path)
        self.findings.error(code, message, span, label=label, hint=hint)

    # ---- values with what is said of them

    def unwrap(self, raw: Any, path: Path = ()) -> Any:
        """The values of a raw table or array, each with its path; what is said of them goes to `notes`."""
        if isinstance(raw, dict) and "value" in raw:
            self._note(raw, path)
            return Leaf(path, raw["value"])
        if isinstance(raw, dict):
            return Table(path, {key: self.unwrap(value, (*path, key)) for key, value in raw.items()})
        if isinstance(raw, list):
            return Items(path, [self.unwrap(value, (*path, place)) for place, value in enumerate(raw)])
        return Leaf(path, raw)

    def _note(self, raw: dict[str, Any], path: Path) -> None:
        places = self.places
        if (*path, "value") in places.values:
            places.values[path] = places.values[*path, "value"]
        known = get_type_hints(Note)
        said = {}
        for key, value in raw.items():
            if key == "value":
                continue
            if key not in known:
                hint = did_you_mean(key, known) or "beside `value` stand `source`, `fitted` and `means`"
                self.wrong("CC1202", f"nothing is said of a value as `{key}`", (*path, key), "not known", hint, key=True)
            elif not isinstance(value, known[key]):
                self.wrong("CC1204", f"`{key}` is {KIND_NAMES[known[key]]}", (*path, key), f"not {KIND_NAMES[known[key]]}")
            else:
                said[key] = value
        note = Note(**said)
        if note.fitted and not note.means.strip():
            hint = 'add `means = "…"`: the physical quantity that the number stands for'
            message = f"`{dotted(path)}` is fitted, and what it means is not said"
            self.wrong("CC1207", message, (*path, "fitted"), "fitted", hint, key=True)
        self.noted.append((path, note))

    # ---- leaves

    def number(self, leaf: Any, unit: str, *, positive: bool) -> float:
        """A quantity in a field's unit; NaN if it is none."""
        if not isinstance(leaf, Leaf) or isinstance(leaf.value, bool) or not isinstance(leaf.value, str | int | float):
            self.wrong("CC1204", f"`{dotted(leaf.path)}` is a quantity, as text", leaf.path, "no quantity")
            return math.nan
        text = leaf.value if isinstance(leaf.value, str) else repr(leaf.value)
        units = self.vector_units if leaf.path[0] == "vector" else self.units
        try:
            value = convert(text, unit, Scale(self.clock, units))
        except UnitError as error:
            self.wrong("CC1205", f"`{dotted(leaf.path)}`: {error}", leaf.path, f"wanted in {unit}", error.hint)
            return math.nan
        if math.isinf(value) or value < 0 or (positive and value == 0):
            what = "too large" if math.isinf(value) else "nothing" if value == 0 else "less than nothing"
            self.wrong("CC1206", f"`{dotted(leaf.path)}` is {what}", leaf.path, what)
            return math.nan
        return value

    def leaf(self, leaf: Any, kind: Any) -> Any:
        """A whole number, text or boolean; a stand-in if it is something else."""
        if isinstance(leaf, Leaf) and (type(leaf.value) is kind or (kind is float and type(leaf.value) is int)):
            if kind not in (int, float) or 0 <= leaf.value < math.inf:
                return leaf.value
            what = "less than nothing" if leaf.value < 0 else "no number of anything"
            self.wrong("CC1206", f"`{dotted(leaf.path)}` is {what}", leaf.path, what)
        else:
            self.wrong("CC1204", f"`{dotted(leaf.path)}` is {KIND_NAMES[kind]}", leaf.path, f"not {KIND_NAMES[kind]}")
        return STAND_INS[kind]

    def choice(self, leaf: Any, kind: Any) -> Any:
        """One of some words."""
        words = [word for word in get_args(kind) if word]
        if isinstance(leaf, Leaf) and leaf.value in words:
            return leaf.value
        given = str(leaf.value) if isinstance(leaf, Leaf) else ""
        hint = did_you_mean(given, words) or f"it is {' or '.join(f'`{word}`' for word in words)}"
        self.wrong("CC1204", f"`{dotted(leaf.path)}` is one of {len(words)} words", leaf.path, "none of them", hint)
        return ""

    # ---- tables

    def fields(self, table: Table, kind: type) -> dict[str, Any]:
        """The keys of a table that are fields of a class; those that are not, and those that are missing, are reported."""
        known = keys_of(kind)
        meant = self._unknown(table, known)
        for key, attribute in known.items():
            if key not in table and key not in meant and attribute.default is attrs.NOTHING:
                example = _example(attribute)
                where = f"`{dotted(table.path)}`" if table.path else "the target"
                hint = f"add `{example}`" if example else ""
                self.wrong("CC1203", f"{where} has no `{key}`", table.path, f"`{key}` is missing", hint, key=True)
        return {key: table[key] for key in known if key in table}

    def _unknown(self, table: Table, known: Mapping[str, Any]) -> set[str]:
        """Reports the keys that are not known; gives those that were probably meant."""
        meant = set()
        for key in table:
            if key not in known:
                near = did_you_mean(key, [each for each in known if each not in table])
                meant |= {each for each in known if f"`{each}`" in near}
                where = f"`{dotted(table.path)}` has" if table.path else "a target has"
                hint = near or (f"there are {listed(known)}" if known else "it has none")
                self.wrong("CC1202", f"{where} no key `{key}`", (*table.path, key), "not known", hint, key=True)
        return meant

    def mapping(self, table: Any, unit: str) -> Mapping[str, float]:
        """A table of quantities by dtype or by memory level."""
        if not isinstance(table, Table):
            self.wrong("CC1204", f"`{dotted(table.path)}` is a table of quantities", table.path, "no table")
            return {}
        by_dtype = table.path[0] in ("matrix", "vector", "energy") and not unit.endswith("/B")
        for key in table:
            if by_dtype and key not in DTYPES:
                hint = did_you_mean(key, DTYPES) or f"there are {listed(DTYPES)}"
                self.wrong("CC1202", f"there is no dtype `{key}`", (*table.path, key), "not known", hint, key=True)
        return {key: self.number(leaf, unit, positive=unit.endswith("/cycle")) for key, leaf in table.items()}


NOT_IN_FILES: Mapping[type, tuple[str, ...]] = {Target: ("name", "notes"), Level: ("name",)}
"""Names that follow from that of the file or table, and what is said of values."""

KIND_NAMES = {int: "a whole number", float: "a number", str: "text", bool: "`true` or `false`"}


def dotted(path: Path) -> str:
    """A path as it is written: `memory.l2.size`."""
    return ".".join(map(str, path))


def listed(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def keys_of(kind: type) -> dict[str, attrs.Attribute[Any]]:
    """The fields of a class that stand in a file: not the names that follow from elsewhere, and not what is said of values."""
    left_out = NOT_IN_FILES.get(kind, ())
    return {field.name: field for field in attrs.fields(kind) if field.name not in left_out}


def _example(field: attrs.Attribute[Any]) -> str:
    """How a field may be written; nothing for one that holds tables."""
    unit = field.metadata.get("unit")
    return f'{field.name} = "{USUAL[unit]}"' if unit in USUAL and field.type in ("float", float) else ""
