"""Quantities with units: how a field of a target says which unit it has."""

from __future__ import annotations

from typing import Any

import attrs


def quantity(unit: str, *, default: Any = attrs.NOTHING) -> Any:
    """A field that holds a number in this unit (`s`, `B`, `B/s`, `Hz`, `J`, `W`, `MAC/cycle`, `FLOP/cycle`, `J/B`, or `1` for
    a plain number), read from text that carries one (`"4.8 TB/s"`)."""
    return attrs.field(default=default, metadata={"unit": unit})


def quantities(unit: str) -> Any:
    """A field that holds a table of numbers in this unit, by name (a dtype, a memory level)."""
    return attrs.field(factory=dict, metadata={"unit": unit})
