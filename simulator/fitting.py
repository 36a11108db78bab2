"""Fits the constants of a cost model on measured tables. Needs scipy (the extra `fit`).

What is made least is the mean over the rows of |log(predicted / measured)|: near the mean absolute percentage error where that is
small, the same for twice as for half, and not ruled by the worst rows as squares are. The models choose tiles and splits by a
minimum, so the sum has corners and no derivative is asked for: Nelder & Mead (1965), over the logarithms of the constants, begun
again where it stopped until that changes nothing more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
import numpy as np
from numpy.typing import NDArray

from .kinds import Kind
from .tables import Columns, Table
from .target import Target
from .validation import Errors, folds

Floats = NDArray[np.float64]


@attrs.frozen(eq=False)
class Sample:
    """What a fit sees of one device: rows and the seconds that they took."""

    target: Target
    columns: Columns
    seconds: Floats

    @staticmethod
    def of(target: Target, table: Table, rows: NDArray[np.bool_] | None = None) -> Sample:
        """A table, or those of its rows that are marked."""
        if rows is None:
            return Sample(target, table.columns, table.seconds)
        return Sample(target, {name: values[rows] for name, values in table.columns.items()}, table.seconds[rows])


def fit(kind: Kind, samples: Sequence[Sample], start: Mapping[str, float] | None = None, *, rounds: int = 3) -> dict[str, float]:
    """The constants that fit all samples best, one value for all devices: the least mean over the devices of the mean absolute
    log error. Begins at `start`, else where the first target stands. The answer is the same each time.

    >>> fit(kind, [Sample.of(target, table)])           # {"fill": 0.83, ...}
    """
    from scipy.optimize import minimize

    names = list(kind.fitted)
    low, high = (np.log([kind.fitted[name][side] for name in names]) for side in (0, 1))
    begun = start or kind.constants(samples[0].target)

    def loss(point: Floats) -> float:
        inside = np.clip(point, low, high)
        values = dict(zip(names, np.exp(inside).tolist()))
        total = sum(_mean_log_error(kind, sample, values) for sample in samples) / len(samples)
        return total + float(np.abs(point - inside).sum())

    point, best = np.clip(np.log([max(begun[name], 1e-300) for name in names]), low, high), np.inf
    for _ in range(rounds):
        simplex = np.vstack([point, point + np.diag(np.where(point + 0.2 < high, 0.2, -0.2))])
        options = {"initial_simplex": simplex, "xatol": 5e-3, "fatol": 2e-5, "maxfev": 150 * len(names)}
        found = minimize(loss, point, method="Nelder-Mead", options=options)
        point = np.clip(found.x, low, high)
        if found.fun > best - 2e-4:
            break
        best = found.fun
    return dict(zip(names, np.exp(point).tolist()))


def _mean_log_error(kind: Kind, sample: Sample, values: Mapping[str, float]) -> float:
    predicted = kind.predict(kind.with_constants(sample.target, values), sample.columns)
    return float(np.abs(np.log(predicted / sample.seconds)).mean())


def held_out(kind: Kind, target: Target, table: Table, count: int = 5) -> Floats:
    """Seconds of each row, predicted with constants that were fitted on other families only (`count` folds)."""
    predicted = np.zeros(len(table))
    for out in folds(kind.families(table.columns), count):
        values = fit(kind, [Sample.of(target, table, ~out)])
        sample = Sample.of(target, table, out)
        predicted[out] = kind.predict(kind.with_constants(target, values), sample.columns)
    return predicted


def held_out_errors(kind: Kind, target: Target, table: Table, count: int = 5) -> Errors:
    """Errors on families of shapes that the fit has not seen."""
    return Errors.of(held_out(kind, target, table, count), table.seconds)


def unseen(kind: Kind, seen: Sequence[Sample], target: Target, columns: Columns) -> Floats:
    """Seconds of rows on a device of which the datasheet alone is known: constants fitted on other devices together."""
    return kind.predict(kind.with_constants(target, fit(kind, seen)), columns)
