"""What one elaboration may spend: whatever the file says, it ends in seconds and bounded memory, by an error with a span."""

from __future__ import annotations

import sys

from ...compiler.diagnostics import CompileError, Findings
from ...compiler.dims import atoms
from ...compiler.source import Span
from ...compiler.types import TensorType

MOST_STEPS = 300_000
"""Evaluations; copying a list counts one for every eight entries."""
MOST_NODES = 60_000
MOST_PARAMETERS = 500_000
"""Entries of the tables of parameters and chunks, all members counted."""
MOST_ELEMENTS = 1 << 40
MOST_AXES = 64
MOST_ATOMS = 64
"""Dimensions and numbers that a size is written with."""
MOST_MEMBERS = 65_536
LONGEST_RANGE = 65_536
DEEPEST_VALUES = 400
"""Values inside values, through calls of models and chunks: some ten frames of Python each."""
DEEPEST_CALLS = 64
DEEPEST_LISTS = 8
MOST_FILES = 256
LONGEST_FILE = 1 << 22
"""Bytes."""
FRAMES = 20_000


def allow_deep_values() -> None:
    """Python's own limit of 1000 frames is less than what `DEEPEST_VALUES` may need. Frames of Python calls are on the heap."""
    if sys.getrecursionlimit() < FRAMES:
        sys.setrecursionlimit(FRAMES)


def stop(findings: Findings, code: str, message: str, span: Span, hint: str = "") -> CompileError:
    """The error of a budget that is spent: nothing more is looked at."""
    findings.error(code, message, span, hint=hint)
    return CompileError(findings.items)


def check_type(findings: Findings, type: TensorType, span: Span) -> None:
    """A type that no machine could hold, or that is too long to work with, is an error."""
    known = _known(type)
    if isinstance(known, int):
        if known < 0:
            raise findings.error("CC0304", f"`{type}` has a negative size", span)
        if known > MOST_ELEMENTS:
            raise findings.error("CC1003", f"`{type}` has {known} elements or more: too many for any machine", span)
    elif known == "axes":
        raise findings.error("CC1003", f"a value of {type.rank} axes: the most is {MOST_AXES}", span)
    else:
        raise findings.error("CC1004", "a size of this value is too long an expression of the dimensions", span)


def _known(type: TensorType) -> int | str:
    """A lower bound of the number of elements (−1: a negative size), or what makes the type too long."""
    if type.rank > MOST_AXES:
        return "axes"
    total = 1
    for size in type.shape:
        if isinstance(size, int):
            if size < 0:
                return -1
            total *= size
        else:
            if atoms(size, MOST_ATOMS) > MOST_ATOMS:
                return "sizes"
            (monomial, count), *rest = size.terms
            if not rest and all(isinstance(atom, str) for atom in monomial):
                total *= max(count, 1)
    return total
