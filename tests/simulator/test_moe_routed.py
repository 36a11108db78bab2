"""Ragged products whose routing was recorded: loads from statistics, launches one by one, and how near measured ones it comes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shared import shared_data

from chunkc.compiler.diagnostics import CompileError
from chunkc.simulator.fitting import held_out
from chunkc.simulator.gpu.grouped_card import grouped_card_of
from chunkc.simulator.gpu.moe_routed_kind import KIND, launched, loads, predict
from chunkc.simulator.kinds import kind_of
from chunkc.simulator.tables import Table, read_table
from chunkc.simulator.target_reading import load_target
from chunkc.simulator.validation import Errors

TARGET = load_target("a800")
CARD = grouped_card_of(TARGET)
SHAPE = ("num_tokens", "num_experts_per_device", "num_tensor_parallel_workers")


@given(st.lists(st.integers(0, 300), min_size=1, max_size=128).filter(any))
@settings(max_examples=100, deadline=None)
def test_loads_have_the_statistics_that_they_are_made_of(real):
    ways, rows, mean = len(real), sum(real), sum(real) / len(real)
    hit = sum(load > 0 for load in real)
    found = np.array(loads(ways, rows, hit / ways, max(real) / mean, float(np.std(real) / mean)))
    assert (len(found), found.sum(), found[-1]) == (hit, rows, max(real))
    assert found.min() >= 0
    assert (found == np.round(found)).all()


def test_of_normal_loads_blocks_are_counted_nearly_right():
    draw = np.random.default_rng(0)
    for rows in (300, 1000, 4000, 16000):
        real = draw.multinomial(rows, np.full(128, 1 / 128))
        mean = rows / 128
        found = loads(128, rows, float((real > 0).mean()), float(real.max() / mean), float(real.std() / mean))
        for height in (16, 64):
            blocks = np.ceil(real / height).sum()
            assert sum(np.ceil(load / height) for load in found) == pytest.approx(blocks, rel=0.05)


def test_kernels_wait_for_the_thread_or_for_each_other():
    assert launched(CARD, 10.0, 1.0, 1.0, 1.0) == 31.0
    assert launched(CARD, 10.0, 100.0, 1.0, 1.0) == 112.0
    assert launched(CARD, 10.0, 1.0, 100.0, 1.0) == 121.0
    assert launched(CARD, 0.0, 1.0, 2.0, 3.0) == pytest.approx(6.0 + 3 * CARD.launch)


def test_a_width_that_workers_do_not_divide_is_told():
    columns = {column.name: np.array([8.0, 8.0]) for column in KIND.columns}
    columns["expert_hidden_dim"] = np.array([8.0, 9.0])
    with pytest.raises(CompileError, match="in row 2"):
        predict(TARGET, columns)


def test_a_table_is_of_the_kind_whose_columns_it_has(tmp_path):
    routed, fused, none = tmp_path / "routed.csv", tmp_path / "fused.csv", tmp_path / "none.csv"
    routed.write_text(",".join([*(column.name for column in KIND.columns), "latency_ms"]) + "\n")
    fused.write_text("num_tokens,latency_ms\n")
    assert kind_of("moe", routed).name == "moe_routed"
    assert kind_of("moe", fused).name == kind_of("moe", none).name == kind_of("moe").name == "moe"


def table() -> Table:
    return read_table(shared_data("measured/a800_moe_routed_bf16.csv"), KIND.columns)


def alike(measured: Table) -> list[list[int]]:
    """Rows of the same shape, of which only the routing and the run differ."""
    groups: dict[tuple[float, ...], list[int]] = {}
    for row, key in enumerate(zip(*(measured.columns[name].tolist() for name in SHAPE))):
        groups.setdefault(key, []).append(row)
    return [rows for rows in groups.values() if len(rows) > 1]


def test_routed_products_are_about_as_near_as_runs_of_one_shape_are_to_each_other():
    """The table's own spread: a row against the median of the others of its shape. It is 6%, and half that above 0.4 ms: below,
    the launches of a Python thread are what was measured."""
    measured = table()
    seconds, predicted = measured.seconds, KIND.predict(TARGET, measured.columns)
    groups = alike(measured)
    pairs = [(row, [other for other in rows if other != row]) for rows in groups for row in rows]
    spread = np.array([abs(np.median(seconds[others]) / seconds[row] - 1) for row, others in pairs])
    rows = np.array([row for row, _ in pairs])
    long = seconds[rows] > 0.4e-3
    errors = np.abs(predicted[rows] / seconds[rows] - 1)
    assert errors.mean() < 1.15 * spread.mean()
    assert spread[long].mean() < 0.04
    assert errors[long].mean() < 0.06
    assert Errors.of(predicted, seconds).mean < 0.075


def test_held_out_families_are_predicted_as_well():
    measured = table()
    assert Errors.of(held_out(KIND, TARGET, measured), measured.seconds).mean < 0.08


def test_time_follows_the_ways_hit():
    """Few rows on many experts: time and the share of experts hit go together, measured and predicted."""
    measured = table()
    columns = measured.columns
    whole = (columns["num_experts_per_device"] == 128) & (columns["num_tensor_parallel_workers"] == 1)
    few = whole & (columns["num_tokens"] <= 128)
    used, predicted = columns["expert_utilization"][few], KIND.predict(TARGET, columns)[few]
    assert np.corrcoef(used, measured.seconds[few])[0, 1] > 0.99
    assert np.corrcoef(used, predicted)[0, 1] > 0.99
