"""Ragged products on a GPU: bounds, monotonicity, and how near measured layers it comes on layers that no fit has seen."""

from __future__ import annotations

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shared import shared_data

from chunkc.compiler.cost import Cost
from chunkc.compiler.diagnostics import CompileError
from chunkc.compiler.shapes import Grouped, Product
from chunkc.simulator.fitting import held_out
from chunkc.simulator.gpu.grouped import block_table, grouped_many, grouped_parts
from chunkc.simulator.gpu.grouped_card import grouped_card_of, tuned_tiles
from chunkc.simulator.gpu.grouped_tiles import GroupedCard
from chunkc.simulator.gpu.machine import GpuMachine
from chunkc.simulator.gpu.moe_kind import predict
from chunkc.simulator.gpu.moe_loads import balanced, power_law
from chunkc.simulator.kinds import kind_of
from chunkc.simulator.tables import Table, read_table
from chunkc.simulator.target_reading import load_target
from chunkc.simulator.validation import Errors

TARGETS = {name: load_target(name) for name in ("a100", "h200")}
CARDS = {name: grouped_card_of(target) for name, target in TARGETS.items()}
TILES = {name: tuned_tiles(target) for name, target in TARGETS.items()}

names = st.sampled_from(sorted(CARDS))
sizes = st.sampled_from([16, 96, 232, 768, 2048, 4096, 14336])
loads = st.lists(st.integers(0, 3000), min_size=1, max_size=40)
quick = settings(max_examples=80, deadline=None)


def parts(name: str, rows, n: float, k: float, card: GroupedCard | None = None) -> tuple[float, float, float, float]:
    return grouped_parts(card or CARDS[name], TILES[name], np.array(rows, dtype=float), float(n), float(k))


@given(names, loads, sizes, sizes)
@quick
def test_never_below_the_datasheets_roofline(name, rows, n, k):
    target, seconds = TARGETS[name], parts(name, rows, n, k)[0]
    hit = sum(load > 0 for load in rows)
    assert seconds >= sum(rows) * n * k / target.peak_macs("bf16")
    assert seconds >= 2 * (hit * n * k + sum(rows) * (n + k)) / target.device_memory.bandwidth
    assert (seconds == 0) == (hit == 0)


@given(names, loads, sizes, sizes, st.data())
@quick
def test_more_rows_of_any_way_are_never_faster(name, rows, n, k, data):
    more = list(rows)
    more[data.draw(st.integers(0, len(rows) - 1))] += data.draw(st.integers(0, 500))
    assert parts(name, more, n, k)[0] >= parts(name, rows, n, k)[0]


@given(names, loads, sizes, sizes, st.randoms())
@quick
def test_the_order_of_ways_does_not_matter(name, rows, n, k, random):
    mixed = list(rows)
    random.shuffle(mixed)
    assert parts(name, mixed, n, k) == pytest.approx(parts(name, rows, n, k), rel=1e-12)


@given(names, loads, sizes, sizes, st.sampled_from(["units", "macs", "dram_rate", "feed", "narrow", "shared", "l2"]))
@quick
def test_more_of_the_device_is_never_slower(name, rows, n, k, field):
    card = CARDS[name]
    better = card._replace(**{field: getattr(card, field) * 1.5})
    assert parts(name, rows, n, k, better)[0] <= parts(name, rows, n, k)[0] * (1 + 1e-12)


@given(names, st.floats(0.01, 1.0), st.integers(1, 64), sizes, sizes)
@quick
def test_a_load_below_one_row_is_a_chance(name, chance, ways, n, k):
    """Between no row and one, and monotone there."""
    none, one = parts(name, [0.0] * ways, n, k)[0], parts(name, [1.0] * ways, n, k)[0]
    assert none < parts(name, [chance] * ways, n, k)[0] <= one
    assert parts(name, [chance / 2] * ways, n, k)[0] <= parts(name, [chance] * ways, n, k)[0]


@given(names, st.integers(1, 60), sizes, sizes, st.integers(0, 99))
@quick
def test_many_inputs_are_priced_as_each_alone(name, ways, n, k, seed):
    drawn = np.random.default_rng(seed).integers(0, 400, (5, ways)) * np.random.default_rng(seed + 1).integers(0, 2, (5, ways))
    table = block_table(TILES[name], 400)
    found = grouped_many(CARDS[name], TILES[name], table, drawn, float(n), float(k))
    alone = np.array([parts(name, row, n, k) for row in drawn])
    assert found == pytest.approx(alone, rel=1e-12)
    machine = GpuMachine(TARGETS[name])
    many = machine.time_grouped(drawn, n, k, "bf16")
    hit, rows = (drawn > 0).sum(1), drawn.sum(1)
    costs = [Cost(float(r) * n * k, 2.0 * (h * n * k + r * (n + k)), 1, Grouped(tuple(map(int, row)), n, k, "bf16"))
             for row, h, r in zip(drawn, hit, rows)]  # fmt: skip
    for place, cost in enumerate(costs):
        one = machine.time(cost)
        assert many.seconds[place] == pytest.approx(one.seconds, rel=1e-12)
        assert many.joules[place] == pytest.approx(one.joules, rel=1e-12)
        assert many.bytes["dram"][place] == pytest.approx(one.bytes.get("dram", 0.0), rel=1e-12)
        assert many.macs[place] == one.macs


@pytest.mark.parametrize("name", sorted(CARDS))
def test_few_rows_cost_what_the_ways_hit_cost(name):
    """With few rows time follows the ways hit: all rows on one way are faster than each on its own. With many, the other way."""
    spread, one = parts(name, [1] * 64, 4096, 4096)[0], parts(name, [64] + [0] * 63, 4096, 4096)[0]
    assert spread > 5 * one
    even, skewed = parts(name, [512] * 64, 4096, 4096)[0], parts(name, [32768] + [0] * 63, 4096, 4096)[0]
    assert skewed == pytest.approx(even, rel=0.15)
    ragged = parts(name, [*[449] * 63, 4481], 4096, 4096)[0]
    assert ragged > even


@pytest.mark.parametrize("name", sorted(CARDS))
@pytest.mark.parametrize("rows", [1, 16, 256, 4096])
def test_one_way_costs_about_what_a_product_costs(name, rows):
    """Triton's kernel for many ways is not faster than a library's for one, and not much slower."""
    machine, size = GpuMachine(TARGETS[name]), 4096
    work = (float(rows * size * size), 2.0 * (size * size + 2 * rows * size), 1)
    one = machine.time(Cost(*work, Grouped((float(rows),), size, size, "bf16"))).seconds
    product = machine.time(Cost(*work, Product(rows, size, size, 1, "bf16"))).seconds
    assert 0.9 * product < one < 2.1 * product


@pytest.mark.parametrize("name", sorted(CARDS))
def test_rows_that_are_not_aligned_load_slowly(name):
    many = [512] * 32
    assert parts(name, many, 2688, 232)[0] > 1.5 * parts(name, many, 2688, 240)[0]


@given(st.integers(1, 400), st.sampled_from([(8, 2), (128, 6), (128, 8), (512, 22)]), st.sampled_from([1, 2, 8]), st.booleans())
@quick
def test_drawn_loads_are_those_of_whole_tokens(tokens, layer, devices, spread):
    ways, keep = layer
    drawn = power_law(tokens, ways, keep, devices, 1.2, spread, np.random.default_rng(0))
    for found in (drawn, balanced(tokens, ways, keep)):
        assert found.sum() == tokens * keep
        assert found.min() >= 0
        assert found.max() <= tokens
    own = drawn.reshape(devices, -1).sum(axis=1)
    assert own[0] == own.max()


def test_a_row_that_no_layer_can_have_is_told():
    names = ("num_tokens", "hidden_size", "inter_size", "topk", "num_experts", "moe_tp_size", "moe_ep_size")
    rows = np.array([[8.0, 64, 64, 2, 8, 1, 1], [8, 64, 64, 9, 8, 1, 1], [8, 64, 65, 2, 8, 2, 1], [8, 64, 64, 2, 8, 1, 3]])
    columns = dict(zip(names, rows.T)) | {"distribution": np.array(["powerlaw", "balanced", "balanced", "balanced"])}
    with pytest.raises(CompileError) as error:
        predict(TARGETS["h200"], columns)
    assert [each.message.rsplit("in row ", 1)[1] for each in error.value.diagnostics] == ["1", "2", "3", "4"]
    columns["distribution"][0] = "balanced"
    fine = {name: values[:1] for name, values in columns.items()}
    assert predict(TARGETS["h200"], fine) > 0


def table(device: str) -> Table:
    return read_table(shared_data(f"measured/{device}_moe_bf16.csv"), kind_of("moe").columns)


@pytest.mark.parametrize("device", ["a100", "h200"])
def test_mixture_layers_are_within_a_tenth_of_what_was_measured(device):
    """On layers that the constants were not fitted on; and fitting finds about what the target holds."""
    kind, measured, target = kind_of("moe"), table(device), TARGETS[device]
    errors = Errors.of(held_out(kind, target, measured), measured.seconds)
    assert errors.mean < 0.10
    assert errors.median < 0.09
    assert Errors.of(kind.predict(target, measured.columns), measured.seconds).mean < 0.095


def test_the_effect_of_skew_has_the_right_sign():
    """Power law against balanced in layers else alike, where they differ by more than a tenth."""
    measured, target = table("h200"), TARGETS["h200"]
    columns = measured.columns
    predicted = predict(target, columns)
    keys = list(zip(*(columns[column.name].tolist() for column in kind_of("moe").columns if not column.word)))
    even = {key: row for row, key in enumerate(keys) if columns["distribution"][row] == "balanced"}
    pairs = [(row, even[key]) for row, key in enumerate(keys) if key in even and columns["distribution"][row] != "balanced"]
    effects = np.array([(measured.seconds[a] / measured.seconds[b], predicted[a] / predicted[b]) for a, b in pairs])
    clear = np.abs(np.log(effects[:, 0])) > np.log(1.1)
    right = (effects[clear, 0] > 1) == (effects[clear, 1] > 1)
    assert clear.sum() > 300
    assert right.mean() > 0.95


def test_a_target_that_says_nothing_of_ragged_products_has_constants_too():
    bare = attrs.evolve(TARGETS["a100"], grouped=None)
    assert grouped_card_of(bare).feed > 0
