"""Quantities with units: how a field of a target says which unit it has, and how text such as `"4.8 TB/s"` is read into it.

Decimal prefixes (f p n u m k M G T P E) stand for powers of ten, binary ones (Ki Mi Gi Ti Pi) for powers of 1024 (IEC 80000-13).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import attrs

PER_UNIT = ("MAC/cycle", "FLOP/cycle")
"""Fields in these hold the rate of one unit (an SM, an array, a core)."""


def quantity(unit: str, *, default: Any = attrs.NOTHING) -> Any:
    """A field that holds a number in this unit (`s`, `B`, `B/s`, `Hz`, `J`, `W`, `MAC/cycle`, `FLOP/cycle`, `J/B`, or `1` for
    a plain number), read from text that carries one (`"4.8 TB/s"`)."""
    return attrs.field(default=default, metadata={"unit": unit})


def quantities(unit: str) -> Any:
    """A field that holds a table of numbers in this unit, by name (a dtype, a memory level)."""
    return attrs.field(factory=dict, metadata={"unit": unit})


class UnitError(ValueError):
    """What is wrong with the text of a quantity, and what would be right."""

    def __init__(self, message: str, hint: str = ""):
        super().__init__(message)
        self.hint = hint


Dimension = tuple[tuple[str, int], ...]
"""Base units and their powers, in the order of their names, without zeros: B/s is (("B", 1), ("s", -1))."""

PREFIXES = {prefix: Fraction(10) ** power for prefix, power in zip("fpnumkMGTPE", (-15, -12, -9, -6, -3, 3, 6, 9, 12, 15, 18))}
PREFIXES |= {f"{prefix}i": Fraction(1024) ** power for power, prefix in enumerate("KMGTP", start=1)}
PREFIXES |= {"": Fraction(1), "µ": Fraction(1, 10**6), "μ": Fraction(1, 10**6)}

UNITS: dict[str, dict[str, int]] = {
    "s": {"s": 1},
    "Hz": {"s": -1},
    "B": {"B": 1},
    "bit": {"B": 1},
    "J": {"J": 1},
    "W": {"J": 1, "s": -1},
    "MAC": {"MAC": 1},
    "FLOP": {"FLOP": 1},
    "OP": {"FLOP": 1},
}
"""What takes prefixes, in base units; a bit is an eighth of one."""

PLAIN: dict[str, dict[str, int]] = {"1": {}, "cycle": {"cycle": 1}, "cycles": {"cycle": 1}, "unit": {"unit": 1}}
"""What takes none. `unit` is an SM, an array or a core."""

_NUMBER = r"[-+]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?"
LONGEST = 40
"""Characters of a number."""
_TEXT = re.compile(rf"\s*({_NUMBER})\s*(.*?)\s*")

USUAL = {
    "s": "2.3 us",
    "B": "50 MiB",
    "B/s": "4.8 TB/s",
    "Hz": "1.98 GHz",
    "J": "3 nJ",
    "W": "700 W",
    "MAC/cycle": "1024 MAC/cycle",
    "FLOP/cycle": "256 FLOP/cycle",
    "J/MAC": "0.8 pJ/MAC",
    "J/FLOP": "0.4 pJ/FLOP",
    "J/B": "30 pJ/B",
}
"""How quantities of a unit are usually written."""


@dataclass(frozen=True, slots=True)
class Scale:
    """What turns cycles into seconds, and one unit's share into the whole: clock in Hz, number of units."""

    clock: float
    units: float


def convert(text: str, unit: str, scale: Scale) -> float:
    """
    The number that a text says, in a field's unit; infinity if it is too large. `UnitError` if it is no number with a unit,
    or one of another kind.

    Cycles become seconds at the clock, and FLOPs two a MAC. A size or bandwidth by unit (`"256 KiB/unit"`, `"128 B/cycle/unit"`)
    becomes that of all units together. A rate of operations in a second (`"989 TFLOP/s"`, as datasheets give it) is that of all
    units together, and becomes the one of each in a cycle; a rate in a cycle is one unit's already.
    """
    found = _TEXT.fullmatch(text)
    if found is None or len(found[1]) > LONGEST:
        raise UnitError("no number with a unit", f'write it as in "{USUAL.get(unit, f"1 {unit}")}"')
    value, given = Fraction(found[1].replace("_", "")), found[2] or ("1" if unit == "1" else "")
    if not given:
        raise UnitError("no unit", f'write it as in "{USUAL.get(unit, f"1 {unit}")}"')
    factor, dimension = parsed(given, unit)
    _, wanted = parsed(unit, unit)
    try:
        return float(value * factor) * _factor(dict(dimension), dict(wanted), unit, given, scale)
    except OverflowError:
        return math.inf


def parsed(text: str, example: str) -> tuple[Fraction, Dimension]:
    """A unit such as `TB/s` as a factor and its base units; `UnitError` if a part of it is not known."""
    factor, powers = Fraction(1), dict[str, int]()
    for place, part in enumerate(text.split("/")):
        size, bases = _one(part.strip(), text, example)
        sign = -1 if place else 1
        factor *= size**sign
        for base, power in bases.items():
            powers[base] = powers.get(base, 0) + sign * power
    return factor, tuple(sorted((base, power) for base, power in powers.items() if power))


def _one(part: str, text: str, example: str) -> tuple[Fraction, Mapping[str, int]]:
    if part in PLAIN:
        return Fraction(1), PLAIN[part]
    for length in range(min(2, len(part)) + 1):
        prefix, base = part[:length], part[length:]
        if prefix in PREFIXES and base in UNITS:
            return PREFIXES[prefix] * (Fraction(1, 8) if base == "bit" else 1), UNITS[base]
    raise UnitError(f"`{part or text}` is no unit", _remedy(part) or f'a unit is written as in "{USUAL.get(example, example)}"')


def _remedy(part: str) -> str:
    """What is probably meant by what is no unit."""
    if re.fullmatch("K(B|bit|Hz|W|FLOP|MAC)", part):
        return f"write `k{part[1:]}` for thousands" + (f" or `Ki{part[1:]}` for 1024s" if part == "KB" else "")
    if found := re.fullmatch("([kMGTPE]?)(FLOP|OP)S", part, re.IGNORECASE):
        return f"write `{found[1]}{found[2].upper()}/s`"
    if found := re.fullmatch("([kKMGTPE]i?)(b|bps|Bps)", part):
        return f"write `{found[1]}bit` or `{found[1]}B`, and `/s` for a rate"
    return ""


def _factor(given: Mapping[str, int], wanted: Mapping[str, int], unit: str, text: str, scale: Scale) -> float:
    """What to multiply by to bring one dimension to another."""
    factor, powers = 1.0, dict(given)
    if "MAC" in wanted and powers.get("FLOP") == wanted["MAC"]:  # two FLOPs a MAC
        factor *= 0.5 ** wanted["MAC"]
        powers["MAC"] = powers.pop("FLOP")
    share = powers.pop("unit", 0)
    if unit in PER_UNIT and not share and powers.get("s") == -1:  # of all units together
        factor /= scale.units
    elif unit not in PER_UNIT:
        factor *= scale.units**-share
    for base, other, cycles in (("cycle", "s", scale.clock), ("s", "cycle", 1 / scale.clock)):
        if base in powers and other in wanted and base not in wanted:
            factor *= cycles ** -powers[base]
            powers[other] = powers.get(other, 0) + powers.pop(base)
    if share not in (0, -1) or {base: power for base, power in powers.items() if power} != wanted:
        raise UnitError(f"`{text}` is {_kind(given)}, and this is {_kind(wanted)}", f'write it as in "{USUAL.get(unit, unit)}"')
    return factor


KINDS: dict[Dimension, str] = {
    (("s", 1),): "a time",
    (("s", -1),): "a frequency",
    (("B", 1),): "a number of bytes",
    (("B", 1), ("s", -1)): "a bandwidth",
    (("J", 1),): "an energy",
    (("J", 1), ("s", -1)): "a power",
    (("FLOP", 1),): "a number of operations",
    (("MAC", 1),): "a number of multiply-adds",
    (("FLOP", 1), ("s", -1)): "a rate of operations",
    (("MAC", 1), ("s", -1)): "a rate of multiply-adds",
    (("FLOP", 1), ("cycle", -1)): "a rate of operations",
    (("MAC", 1), ("cycle", -1)): "a rate of multiply-adds",
    (("J", 1), ("MAC", -1)): "an energy by multiply-add",
    (("FLOP", -1), ("J", 1)): "an energy by operation",
    (("B", -1), ("J", 1)): "an energy by byte",
    (): "a plain number",
}


def _kind(powers: Mapping[str, int]) -> str:
    dimension = tuple(sorted((base, power) for base, power in powers.items() if power))
    return KINDS.get(dimension, "something else")
