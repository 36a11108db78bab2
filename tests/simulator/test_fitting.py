"""Constants that made a table are found again from it, and rows that a fit is judged on are never seen by it."""

from __future__ import annotations

import attrs
import numpy as np
import pytest

from chunkc.simulator import fitting
from chunkc.simulator.fitting import Sample, fit, held_out, held_out_errors, unseen
from chunkc.simulator.kinds import Kind
from chunkc.simulator.tables import Column, Table
from chunkc.simulator.target import Launch, Matrix, Target, Vector
from chunkc.simulator.validation import Errors, folds

pytest.importorskip("scipy", reason="fits need scipy: pip install chunkc[fit]")


@attrs.frozen
class Line:
    rate: float
    floor: float


@attrs.frozen(kw_only=True)
class Toy(Target):
    line: Line


def toy(clock: float = 1e9, rate: float = 0.5, floor: float = 1e-5) -> Toy:
    return Toy(
        name="toy", kind="gpu", title="toy", clock=clock, matrix=Matrix(1), vector=Vector(1), memory=(), launch=Launch(),
        line=Line(rate, floor),
    )  # fmt: skip


def predict(target, columns):
    work = columns["a"] * columns["b"] * 1e3
    return np.maximum(target.line.floor, work / (target.clock * target.line.rate))


KIND = Kind(
    name="toy",
    title="toy",
    section="line",
    columns=(Column("a"), Column("b")),
    family=("a",),
    fitted={"rate": (0.05, 1.0), "floor": (1e-7, 1e-3)},
    predict=predict,
    work=lambda columns: (columns["a"], columns["b"]),
)


def table(target, noise: float = 0.0) -> Table:
    a, b = (grid.ravel() for grid in np.meshgrid(np.arange(1.0, 13), 2.0 ** np.arange(8)))
    columns = {"a": a, "b": b}
    factor = np.exp(noise * np.random.default_rng(0).standard_normal(len(a)))
    return Table(("a", "b"), tuple((str(x), str(y)) for x, y in zip(a, b)), columns, predict(target, columns) * factor)


def test_constants_are_found_again():
    truth = toy(rate=0.73, floor=3.1e-5)
    found = fit(KIND, [Sample.of(toy(), table(truth))])
    assert found == pytest.approx({"rate": 0.73, "floor": 3.1e-5}, rel=0.01)
    assert found == fit(KIND, [Sample.of(toy(), table(truth))]), "the same each time"
    noisy = fit(KIND, [Sample.of(toy(), table(truth, 0.05))])
    assert noisy == pytest.approx({"rate": 0.73, "floor": 3.1e-5}, rel=0.05)


def test_constants_stay_within_their_bounds():
    found = fit(KIND, [Sample.of(toy(), table(toy(rate=0.01, floor=1e-5)))])
    assert found["rate"] == pytest.approx(0.05, rel=1e-3)


def test_every_row_is_held_out_once_and_never_with_its_family():
    families = KIND.families(table(toy()).columns)
    assert families.tolist()[:14] == [*range(12), 0, 1]
    held = list(folds(families, 5))
    assert (np.sum(held, axis=0) == 1).all() and len(held) == 5
    assert all(not set(families[out]) & set(families[~out]) for out in held)
    assert len(list(folds(families[:2], 5))) == 2, "no more folds than families"


def test_rows_that_are_judged_are_not_seen(monkeypatch):
    seen = []
    monkeypatch.setattr(fitting, "fit", lambda kind, samples: seen.append(samples[0].columns["a"]) or kind.constants(toy()))
    measured = table(toy(rate=0.6))
    held_out(KIND, toy(), measured, 4)
    assert [len(set(a)) for a in seen] == [9, 9, 9, 9]
    assert held_out_errors(KIND, toy(), measured).mean > 0.05


def test_a_device_that_was_not_measured():
    fast, slow = toy(3e9, 0.8, 2e-5), toy(1e9, 0.8, 2e-5)
    seen = [Sample.of(attrs.evolve(one, line=Line(0.5, 1e-5)), table(one)) for one in (fast, slow)]
    other = toy(2e9, 0.8, 2e-5)
    assert np.allclose(unseen(KIND, seen, toy(2e9), table(other).columns), table(other).seconds, rtol=0.02)


def test_errors_are_of_absolute_percentages():
    errors = Errors.of(np.array([1.1, 0.8, 1.0, 2.0]), np.ones(4))
    assert (errors.rows, errors.mean, errors.median) == (4, pytest.approx(0.325), pytest.approx(0.15))
