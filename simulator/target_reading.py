"""Reads a target from TOML (`docs/targets.md`): units, sources and what was fitted, everything that is wrong with it at once."""

from __future__ import annotations

import functools
import math
import tomllib
from collections.abc import Iterable
from pathlib import Path

import attrs

from ..compiler.diagnostics import CompileError, Diagnostic, Findings, Label, did_you_mean
from ..compiler.source import NOWHERE, Source
from ..compiler.toml_places import decode_error, places_of
from .target import Target
from .target_checks import check
from .target_structure import converter
from .target_values import Leaf, Reading, Table, dotted

FOLDER = Path(__file__).parent / "targets"


def shipped() -> list[str]:
    """The names of the targets that come with the package."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load_target(name_or_path: str, findings: Findings | None = None) -> Target:
    """A shipped target by its name, or one in a file by a path that ends in `.toml`. `CompileError` with everything that is wrong
    with it, `OSError` if the file cannot be read; warnings go to `findings`."""
    if not name_or_path.endswith(".toml"):
        if name_or_path not in shipped():
            hint = did_you_mean(name_or_path, shipped()) or f"there are {', '.join(shipped())}; a file's path ends in .toml"
            raise CompileError([Diagnostic("CC0721", f"there is no target `{name_or_path}`", (Label(NOWHERE),), hint)])
        target, warnings = _shipped(name_or_path)
        _tell(warnings, findings)
        return target
    try:
        text = Path(name_or_path).read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        finding = Diagnostic("CC1201", f"`{name_or_path}` is not UTF-8 text (byte {error.start})", (Label(NOWHERE),))
        raise CompileError([finding]) from error
    return read_target(text, name_or_path, findings)


@functools.cache
def _shipped(name: str) -> tuple[Target, tuple[Diagnostic, ...]]:
    path, findings = FOLDER / f"{name}.toml", Findings()
    return read_target(path.read_text(encoding="utf-8"), str(path), findings), tuple(findings.items)


def read_target(text: str, file: str, findings: Findings | None = None) -> Target:
    """The target that a text of TOML says, named after its file. `CompileError` with everything that is wrong with it; warnings
    go to `findings`."""
    found, source = Findings(), Source(file, text)
    try:
        raw = tomllib.loads(text)
        reading = Reading(Path(file).stem, places_of(source), found)
        wrapped = reading.unwrap(raw)
    except (ValueError, RecursionError) as error:  # a number of thousands of digits is no `TOMLDecodeError`
        message, span = decode_error(error, source)
        found.error("CC1201", f"no TOML: {message}", span)
        raise CompileError(found.items) from error
    _scales(reading, wrapped)
    notes = {dotted(path): note for path, note in reading.noted}
    target = attrs.evolve(converter(reading).structure(wrapped, Target), notes=notes)
    check(target, reading)
    found.check()
    _tell(found.items, findings)
    return target


def _tell(warnings: Iterable[Diagnostic], findings: Findings | None) -> None:
    """Passes warnings on to who asked for them."""
    if findings is not None:
        for item in warnings:
            findings.add(item)


def _scales(reading: Reading, table: Table) -> None:
    """Reads ahead what other quantities refer to: the clock and the numbers of units. Wrong ones are reported in their turn."""
    quiet = Reading(reading.name, reading.places, Findings())
    if isinstance(table.get("clock"), Leaf):
        reading.clock = quiet.number(table["clock"], "Hz", positive=True)
    for name, attribute in (("matrix", "units"), ("vector", "vector_units")):
        units = table[name].get("units") if isinstance(table.get(name), Table) else None
        if isinstance(units, Leaf) and type(units.value) is int:
            setattr(reading, attribute, units.value or math.nan)
