"""The step log of what a walk has run."""

from __future__ import annotations

from collections.abc import Iterable

from ...compiler.step_log import Entry, StepLog
from .walk import Ran


def step_log(ran: Iterable[Ran], n: int = 0) -> StepLog:
    """The entries of input `n`, of a walk that went into every body."""
    return tuple(_entry(one, n) for one in ran if one.ran is None or one.ran[n])


def _entry(one: Ran, n: int) -> Entry:
    rows = () if one.rows is None else tuple(int(count) for count in one.rows[n])
    return Entry(one.place.path, one.step.id, one.step.kind, rows)
