"""What is known of selections and constants before anything runs, against what runs."""

from __future__ import annotations

import numpy as np
import pytest
from graphs import graphs, values
from hypothesis import given
from hypothesis import strategies as st

from chunkc.backends.reference import run
from chunkc.compiler.ir import Graph
from chunkc.passes.decided import decided, uniformly
from chunkc.passes.fold import fold, fold_cast

NUMBERS = st.one_of(
    st.integers(-8, 8).map(float),
    st.floats(width=32),
    st.sampled_from([0.0, -0.0, 0.1, 2.0**24, 2.0**-149, 3e38, np.inf, np.nan]),
)


@given(graphs())
def test_what_is_decided_is_what_is_kept(graph: Graph) -> None:
    found = run(graph, *values(graph)).decisions
    for node in graph.nodes:
        if node.op == "select" and node.attrs["path"] in found:
            kept = found[node.attrs["path"]]
            for way, known in enumerate(decided(node)):
                if known is not None:
                    assert (kept[..., way] == known).all(), (node.attrs["rules"], way, known)
            if (known := uniformly(node)) is not None:
                assert (kept == known).all(), (node.attrs["rules"], known)


@pytest.mark.parametrize("op", ["add", "sub", "mul", "div"])
@given(a=NUMBERS, b=NUMBERS)
def test_folded_floats_are_what_any_precision_gives(op: str, a: float, b: float) -> None:
    value = fold(op, "f32", "f32", a, b)
    if value is not None:
        for dtype in (np.float32, np.float64):
            direct = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide}[op](dtype(a), dtype(b))
            assert float(direct) == value and np.signbit(direct) == np.signbit(value)


@pytest.mark.parametrize("op", ["add", "sub", "mul", "mod"])
@given(a=st.integers(-(2**63), 2**63 - 1), b=st.integers(-9, 9))
def test_folded_integers_do_not_overflow(op: str, a: int, b: int) -> None:
    value = fold(op, "i64", "i64", a, b)
    with np.errstate(all="ignore"):
        direct = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "mod": np.mod}[op](np.int64(a), np.int64(b))
    assert value is None or value == int(direct)


@given(value=NUMBERS, target=st.sampled_from(["f64", "f16", "bf16", "i64", "i32", "bool"]))
def test_cast_constants_are_the_same_number(value: float, target: str) -> None:
    found = fold_cast(value, "f32", target)
    assert found is None or (found == bool(value) if target == "bool" else found == value)
