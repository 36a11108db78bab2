"""One op run by the reference, and arrays compared."""

from __future__ import annotations

from typing import Any

import numpy as np
from hand import Builder

from chunkc.backends.reference import run


def kind(array: np.ndarray) -> str:
    return {"f": "f64", "i": "i64", "b": "bool"}[array.dtype.kind]


def evaluate(op: str, *arrays: np.ndarray, slots: tuple[str, ...] | None = None, **attrs: Any) -> Any:
    """One op in a graph of its own."""
    b = Builder()
    operands = [b.input(f"x{i}", kind(array), *array.shape) for i, array in enumerate(arrays)]
    given = attrs if slots is None else {**attrs, "slots": slots}
    graph = b.graph(b.op(op, *operands, **given))
    return run(graph, {f"x{i}": array for i, array in enumerate(arrays)}, {}).outputs["y"]


def check(actual: np.ndarray, expected: Any, tolerance: float = 1e-12) -> None:
    expected = np.asarray(expected)
    assert actual.shape == expected.shape
    assert actual.dtype == expected.dtype
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)
