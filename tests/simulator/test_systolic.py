"""Closed forms of systolic arrays against the array that is stepped, and against what SCALE-Sim reports."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shared import shared_data

from chunkc.compiler.diagnostics import CompileError
from chunkc.simulator.systolic.closed import (
    DATAFLOWS,
    compute_cycles,
    kept_length,
    layerwise_cycles,
    rowwise_cycles,
)
from chunkc.simulator.systolic.scalesim import check_table
from chunkc.simulator.systolic.stepped import step_product, step_sparse

SIZES = st.integers(1, 12)
ARRAY = st.integers(1, 6)


def whole(*shape, seed=0):
    return np.random.default_rng(seed).integers(-9, 10, shape)


@pytest.mark.parametrize("dataflow", DATAFLOWS)
@given(m=SIZES, n=SIZES, k=SIZES, rows=ARRAY, columns=ARRAY)
def test_the_stepped_array_computes_the_product_in_the_cycles_of_the_closed_form(dataflow, m, n, k, rows, columns):
    a, b = whole(m, k), whole(k, n, seed=1)
    stepped = step_product(dataflow, a, b, rows, columns)
    assert np.array_equal(stepped.product, a @ b)
    assert stepped.cycles == compute_cycles(dataflow, m, n, k, rows, columns)


@given(m=SIZES, n=SIZES, k=SIZES, rows=ARRAY, columns=ARRAY, kept=st.integers(1, 4), more=st.integers(0, 3))
def test_a_sparse_array_skips_what_is_not_kept(m, n, k, rows, columns, kept, more):
    block = kept + more
    weights = whole(k, n, seed=1)
    for start in range(0, k, block):
        part = weights[start : start + block]
        part[np.argsort(np.random.default_rng(start).random(part.shape), axis=0) >= kept] = 0
    a = whole(m, k)
    stepped = step_sparse(a, weights, kept, block, rows, columns)
    assert np.array_equal(stepped.product, a @ weights)
    assert stepped.cycles == layerwise_cycles(m, n, k, rows, columns, kept, block)


def test_one_fold_by_hand():
    # 2 x 2, outputs stay, K = 3: the far corner gets its first pair in the third cycle and its last in the fifth.
    assert compute_cycles("os", 2, 2, 3, 2, 2) == 4
    # Weights stay, M = 3: two cycles shift in; the last row enters array row 2 in the sixth and leaves column 2 in the seventh.
    assert compute_cycles("ws", 3, 2, 2, 2, 2) == 6


def test_floats_are_the_product_too():
    random = np.random.default_rng(0)
    a, b = random.normal(size=(9, 17)), random.normal(size=(17, 5))
    for dataflow in DATAFLOWS:
        np.testing.assert_allclose(step_product(dataflow, a, b, 4, 3).product, a @ b, atol=1e-12)


def test_sizes_and_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="no product"):
        step_product("os", whole(2, 3), whole(2, 3), 2, 2)
    with pytest.raises(ValueError, match="at least 1"):
        compute_cycles("ws", 0, 1, 1, 4, 4)
    with pytest.raises(ValueError, match="keeps more than 1 of 2"):
        step_sparse(np.ones((1, 2)), np.ones((2, 1)), 1, 2, 2, 2)
    with pytest.raises(ValueError, match="at least 1 of m"):
        kept_length(8, 5, 4)


@given(m=SIZES, n=SIZES, k=st.integers(1, 40), rows=ARRAY, columns=ARRAY, block=st.integers(1, 8), data=st.data())
def test_rows_of_their_own_sparsity_lie_between_the_fullest_and_the_emptiest(m, n, k, rows, columns, block, data):
    kept = data.draw(st.lists(st.integers(1, block), min_size=n, max_size=n))
    own = rowwise_cycles(m, k, rows, columns, kept, block)
    assert layerwise_cycles(m, n, k, rows, columns, min(kept), block) <= own
    assert own <= layerwise_cycles(m, n, k, rows, columns, max(kept), block)
    if len(set(kept)) == 1:
        assert own == layerwise_cycles(m, n, k, rows, columns, kept[0], block)


def test_every_row_of_scalesim_is_met_to_the_cycle():
    table = shared_data("scalesim_3.0.0.csv")
    plain, compat = check_table(table).runs, check_table(table, "scalesim").runs
    assert [run.sparsity for run in plain].count("dense") == 67
    assert all(run.error == 0 for run in plain if run.sparsity != "row-wise")
    assert all(run.error == 0 for run in compat) and len(compat) == 77
    # SCALE-Sim halves K where 1 of 4 is kept in each row; that would be a quarter.
    quirks = [run for run in plain if run.error]
    assert [run.sparsity for run in quirks] == ["row-wise"] and quirks[0].predicted < 0.51 * quirks[0].reported


TABLE = """dataflow,array_h,array_w,M,N,K,sparsity_nm,sparsity_row_opt_mapping,compute_cycles
os,2,2,2,2,3,,,4
ws,32,32,128,128,128,2:4,False,1775
ws,32,32,128,128,128,1:4,True,1775
"""


def test_a_table_of_runs_is_checked(tmp_path):
    path = tmp_path / "runs.csv"
    path.write_text(TABLE, encoding="utf-8")
    assert [(run.predicted, run.sparsity) for run in check_table(path).runs] == [
        (4, "dense"),
        (1775, "layer-wise"),
        (887, "row-wise"),
    ]
    assert [run.predicted for run in check_table(path, "scalesim").runs] == [4, 1775, 1775]
    assert check_table(path).text().splitlines()[0].endswith("compute_cycles,predicted_cycles")
    path.write_text("dataflow,array_h,array_w,M,N,K,compute_cycles\nos,2,2,2,2,3,4\n", encoding="utf-8")
    assert [run.error for run in check_table(path).runs] == [0]


def test_all_that_is_wrong_with_a_table_is_told(tmp_path):
    path = tmp_path / "runs.csv"
    path.write_text(TABLE.replace("os,2", "rs,2").replace("2:4", "half").replace("1:4", "0:4"), encoding="utf-8")
    with pytest.raises(CompileError) as raised:
        check_table(path)
    assert len(raised.value.diagnostics) == 3
    assert "`dataflow` is os, ws or is, not `rs`" in raised.value.diagnostics[0].message
