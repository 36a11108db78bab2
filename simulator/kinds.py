"""The kinds of measured tables that cost models are fitted and judged on: their columns, families, and who predicts them.

A new kind is a module with a `KIND`, and a row here.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from importlib import import_module
from os import PathLike

import attrs
import numpy as np
from numpy.typing import NDArray

from .tables import Column, Columns
from .target import Target

Seconds = NDArray[np.float64]


@attrs.frozen(eq=False)
class Kind:
    """One kind of table. `section`: the table of a target's file that holds the constants; `fitted`: which of them are fitted on
    such tables, each with the least and the most it may be (all above 0)."""

    name: str
    title: str
    section: str
    columns: tuple[Column, ...]
    family: tuple[str, ...]
    """The columns that say which shapes are of one family: a fit is judged on families that it has not seen."""
    fitted: Mapping[str, tuple[float, float]]
    predict: Callable[[Target, Columns], Seconds]
    """Seconds of each row."""
    work: Callable[[Columns], tuple[Seconds, Seconds]]
    """Multiply-adds of each row, and bytes that it cannot but move: what a roofline asks."""

    def constants(self, target: Target) -> dict[str, float]:
        """The fitted constants as the target holds them."""
        held = getattr(target, self.section)
        return {name: float(getattr(held, name)) for name in self.fitted}

    def with_constants(self, target: Target, values: Mapping[str, float]) -> Target:
        """The target with other fitted constants."""
        return attrs.evolve(target, **{self.section: attrs.evolve(getattr(target, self.section), **values)})

    def families(self, columns: Columns) -> NDArray[np.int64]:
        """A number for each row's family, from 0 on in the order in which they first stand."""
        numbers: dict[tuple[object, ...], int] = {}
        keys = zip(*(columns[name].tolist() for name in self.family))
        return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)


MODULES: dict[str, str] = {
    "gemm": ".gpu.gemm_kind",
    "context_attention": ".gpu.context_kind",
    "generation_attention": ".gpu.generation_kind",
    "moe": ".gpu.moe_kind",
}
"""The module that holds each kind's `KIND`, imported when asked for: most of them compile kernels."""


VARIANTS: dict[str, tuple[str, ...]] = {"moe": (".gpu.moe_routed_kind",)}
"""Modules with other kinds that go by a name, each of tables with other columns."""


def kind_of(name: str, table: str | PathLike[str] | None = None) -> Kind:
    """The kind of this name; `KeyError` where there is none. Where several go by it, the one whose columns a table has."""
    kinds = [_kind_in(module) for module in (MODULES[name], *VARIANTS.get(name, ()))]
    header = _header(table) if table is not None else set()
    return next((kind for kind in kinds if {column.name for column in kind.columns} <= header), kinds[0])


def all_kinds() -> list[Kind]:
    """Every kind, those that share a name one after the other."""
    return [_kind_in(module) for name, first in MODULES.items() for module in (first, *VARIANTS.get(name, ()))]


def _kind_in(module: str) -> Kind:
    kind = import_module(module, __package__).KIND
    assert isinstance(kind, Kind)
    return kind


def _header(table: str | PathLike[str]) -> set[str]:
    """The names of a table's columns; none where it cannot be read, which who reads it tells."""
    try:
        with open(table, encoding="utf-8-sig") as file:
            return {name.strip() for name in next(csv.reader(file), [])}
    except (OSError, UnicodeDecodeError, csv.Error):
        return set()
