"""What `fold-constants` knows, against what both backends compute of the same constants."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hand import Builder
from hypothesis import given, settings
from hypothesis import strategies as st

from chunkc.backends.reference import run
from chunkc.backends.torch import compile as lower
from chunkc.compiler.ir import Attrs, Graph, Node
from chunkc.compiler.ops import OPS, infer, normalise
from chunkc.passes import pipeline
from chunkc.passes.fold_constants import EVALUATE

UNARY = [name for name in EVALUATE if OPS[name].pointwise and len(OPS[name].args) == 1 and name != "not"]
BINARY = ["add", "sub", "mul", "div", "maximum", "minimum", "lt", "le", "gt", "ge", "eq", "ne"]
REDUCE = ["sum", "mean", "max", "min", "softmax", "argmax"]
VALUES = st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.5, 3.0, -2.0, 0.1, 2.0**24, 1e-46, 1e38, np.inf, -np.inf, np.nan])


def graph(name: str, values: list[float], size: int) -> Graph:
    """One op of constants spread over rows of `size`; a reduction works along a row."""
    b = Builder()
    b.input("x", "f32", "B", 4)

    def op(name: str, *operands: Node, **attrs: Any) -> Node:
        types = [operand.tensor for operand in operands]
        full = normalise(name, types, Attrs(attrs))
        return b.op(name, *operands, type=infer(name, types, full), **full)

    made = [op("broadcast", b.const(value, "f32"), shape=(4, size)) for value in values]
    more: dict[str, Any] = {"axis": -1} if name in ("softmax", "argmax") else {"axes": (-1,)} if name in REDUCE else {}
    return b.graph(op(name, *made, **more))


@pytest.mark.parametrize("name", [*UNARY, *BINARY, *REDUCE])
@settings(max_examples=15)
@given(a=VALUES, b=VALUES, size=st.integers(1, 9))
def test_a_folded_value_is_what_both_backends_compute(name: str, a: float, b: float, size: int) -> None:
    before = graph(name, [a, b] if name in BINARY else [a], size)
    after = pipeline.run(before, ["fold-constants"])
    if name not in {node.op for node in after.nodes}:
        x = np.zeros((2, 4))
        same(run(after, {"x": x}, {}).output, run(before, {"x": x}, {}).output)
        given = torch.zeros(2, 4)
        same(lower(after)(given).numpy(), lower(before)(given).numpy())


def same(found: np.ndarray, expected: np.ndarray) -> None:
    """To the bit, the sign of a zero included."""
    np.testing.assert_array_equal(found, expected)
    if found.dtype.kind == "f":
        np.testing.assert_array_equal(np.signbit(found), np.signbit(expected))
