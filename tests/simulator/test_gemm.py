"""Dense products on a GPU: never faster than the datasheet, never slower on a better device, and near what was measured."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shared import shared_data

from chunkc.compiler.cost import Cost
from chunkc.compiler.shapes import Product
from chunkc.simulator.fitting import Sample, held_out_errors, unseen
from chunkc.simulator.gpu.gemm import gemm_parts, warm_share
from chunkc.simulator.gpu.gemm_kind import KIND
from chunkc.simulator.gpu.gemm_tiles import SPLITS
from chunkc.simulator.gpu.machine import GpuMachine
from chunkc.simulator.gpu.products import Products, gemm_card
from chunkc.simulator.tables import Table, read_table
from chunkc.simulator.target_reading import load_target
from chunkc.simulator.validation import Errors

NAMES = ("a100", "h100", "h200", "l40s", "jetson-orin")
TARGETS = {name: load_target(name) for name in NAMES}

targets = st.sampled_from(NAMES).map(TARGETS.__getitem__)
sizes = st.one_of(st.integers(1, 300), st.integers(1, 40_000), st.sampled_from([128, 256, 4096, 8192, 16384]))
batches = st.sampled_from([1, 2, 7, 64])
quick = settings(max_examples=100, deadline=None)


def seconds(target, m, n, k, batch=1.0, turns=0.0, runs=1.0, **changes):
    card, generation = gemm_card(target)
    card = card._replace(**{name: getattr(card, name) * times for name, times in changes.items()})
    return gemm_parts(card, generation.tiles, SPLITS, float(m), float(n), float(k), float(batch), 1.0, turns, runs)[0]


@given(targets, sizes, sizes, sizes, batches)
@quick
def test_no_product_beats_the_datasheet(target, m, n, k, batch):
    found = Products(target).time(m, n, k, batch=batch)
    bytes_ = 2 * batch * (m * n + n * k + m * k)
    assert found.seconds >= target.launch.device + batch * m * n * k / target.peak_macs("bf16")
    assert found.seconds >= target.launch.device + bytes_ / target.device_memory.bandwidth
    assert found.dram == pytest.approx(bytes_) and found.l2 >= 2 * batch * m * n
    assert found.seconds >= max(found.compute, found.memory)


@given(targets, sizes, sizes, sizes, batches, st.floats(1.01, 4))
@quick
def test_a_better_device_is_never_slower(target, m, n, k, batch, times):
    for turns, runs in ((0.0, 1.0), (6.0, 54.0)):
        before = seconds(target, m, n, k, batch, turns, runs)
        for name in ("units", "peak", "port", "l2", "tensor", "sustained"):
            factor = float(int(target.matrix.units * times)) / target.matrix.units if name == "units" else times
            assert seconds(target, m, n, k, batch, turns, runs, **{name: factor}) <= before * (1 + 1e-9), name
        assert seconds(target, m, n, k, batch, turns, runs, dram=times, dram_peak=times) <= before * (1 + 1e-9)
        for name in ("launch", "fill", "step", "far"):
            assert seconds(target, m, n, k, batch, turns, runs, **{name: times}) >= before * (1 - 1e-9), name


@given(targets, sizes, sizes, sizes, batches)
@quick
def test_many_products_take_no_less_than_one(target, m, n, k, batch):
    one, many = seconds(target, m, n, k), seconds(target, m, n, k, batch)
    assert one <= many * (1 + 1e-9)
    assert seconds(target, m, n, k, 1.0, 6.0) <= one * (1 + 1e-9), "what the L2 keeps is not read again"


def test_one_tile_by_hand():
    card, generation = gemm_card(TARGETS["h200"])
    found = gemm_parts(card, generation.tiles, SPLITS, 8.0, 8.0, 60.0, 1.0, 1.0, 6.0, 1.0)[0]
    assert found == pytest.approx(card.launch + card.fill + card.step + 2 * 8 * 8 * 2 / card.port)
    waves = [seconds(TARGETS["a100"], 128, 128 * count, 4096, turns=1e-9) for count in (108, 109)]
    assert waves[1] > 1.2 * waves[0], "one tile more than SMs"


def test_nothing_to_do_is_a_launch():
    for m, n, k in ((0, 5, 5), (5, 0, 5), (5, 5, 0)):
        assert Products(TARGETS["a100"]).time(m, n, k).seconds == TARGETS["a100"].launch.device


def test_what_the_l2_keeps():
    card = gemm_card(TARGETS["h100"])[0]
    shares = [warm_share(card.l2, amount) for amount in np.linspace(0, 2 * card.l2, 50)]
    assert shares[0] == 1 and shares[-1] == 0 and all(a >= b for a, b in zip(shares, shares[1:]))


def test_a_convolution_reads_its_input_once():
    products = Products(TARGETS["h200"])
    assert products.time(100_000, 64, 576, window=9).dram < products.time(100_000, 64, 576).dram / 3


def test_other_dtypes():
    products = Products(TARGETS["h200"])
    single, half, eighth = (products.time(4096, 4096, 4096, dtype=dtype).seconds for dtype in ("f32", "bf16", "f8"))
    assert single > 5 * half and half > 1.5 * eighth


def test_the_machine_prices_products():
    machine = GpuMachine(TARGETS["h200"])
    call = Cost(4096**3, 2 * 3 * 4096**2, 1, Product(4096, 4096, 4096, dtype="bf16"))
    timing = machine.time(call)
    assert timing.seconds == pytest.approx(Products(TARGETS["h200"]).time(4096, 4096, 4096).seconds)
    assert timing.bound == "compute" and machine.time(call) is timing
    thin = machine.time(Cost(4096**2, 2 * 4096**2, 1, Product(1, 4096, 4096, dtype="bf16")))
    assert thin.bound == "memory" and thin.bytes["dram"] >= 2 * 4096**2


def test_a_miss_takes_microseconds():
    card, generation = gemm_card(TARGETS["h200"])
    shapes = np.random.default_rng(0).integers(1, 20_000, (2000, 3)).astype(np.float64)
    gemm_parts(card, generation.tiles, SPLITS, 5.0, 5.0, 5.0, 1.0, 1.0, 0.0, 1.0)
    columns = dict(zip("mnk", shapes.T.copy()))
    KIND.predict(TARGETS["h200"], columns)
    begun = time.process_time()
    KIND.predict(TARGETS["h200"], columns)
    assert (time.process_time() - begun) / 2000 < 20e-6, "5 on a machine that does nothing else"


def measured(name: str) -> Table:
    return read_table(shared_data(f"measured/{name}_gemm_bf16.csv"), KIND.columns)


@pytest.mark.parametrize(("name", "mean", "p95"), [("h200", 0.06, 0.20), ("h100", 0.06, 0.20), ("a100", 0.07, 0.21)])
def test_measured_products(name, mean, p95):
    table = measured(name)
    errors = Errors.of(KIND.predict(TARGETS[name], table.columns), table.seconds)
    assert errors.mean <= mean and errors.p95 <= p95


@pytest.mark.slow
@pytest.mark.parametrize(("name", "mean", "p95"), [("h200", 0.06, 0.20), ("h100", 0.06, 0.20), ("a100", 0.075, 0.22)])
def test_measured_products_of_families_that_were_not_seen(name, mean, p95):
    pytest.importorskip("scipy", reason="fits need scipy: pip install chunkc[fit]")
    errors = held_out_errors(KIND, TARGETS[name], measured(name))
    assert errors.mean <= mean and errors.p95 <= p95


@pytest.mark.parametrize("seen", [("h100",), ("a100", "h100")])
def test_the_h200_from_its_datasheet_alone(seen):
    pytest.importorskip("scipy", reason="fits need scipy: pip install chunkc[fit]")
    table = measured("h200")
    predicted = unseen(KIND, [Sample.of(TARGETS[name], measured(name)) for name in seen], TARGETS["h200"], table.columns)
    assert Errors.of(predicted, table.seconds).mean <= 0.12
