"""Attention on a GPU: bounds, monotonicity, and how near measured tables it comes on families of heads that no fit has seen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shared import shared_data

from chunkc.simulator.fitting import Sample, fit
from chunkc.simulator.gpu.attention import context_parts
from chunkc.simulator.gpu.attention_decode import decode_parts
from chunkc.simulator.gpu.attention_tiles import Card
from chunkc.simulator.gpu.card import card_of
from chunkc.simulator.kinds import kind_of
from chunkc.simulator.tables import read_table
from chunkc.simulator.target_reading import load_target
from chunkc.simulator.validation import Errors, folds

CARDS = {name: card_of(load_target(name)) for name in ("a100", "h200")}

heads = st.sampled_from([(1, 1), (4, 1), (8, 8), (12, 4), (64, 8), (96, 8)])
widths = st.sampled_from([64, 128, 192, 256])
lengths = st.integers(1, 5000)
batches = st.integers(1, 300)
cards = st.sampled_from(sorted(CARDS)).map(CARDS.__getitem__)
quick = settings(max_examples=60, deadline=None)


def context(card: Card, batch, pair, queries, keys, width, causal=True, kept=1.0, block=(128.0, 128.0), cached=False):
    sizes = (batch, *pair, queries, keys, width, width)
    return context_parts(card, *map(float, sizes), causal, kept, *block, cached)


def decode(card: Card, batch, pair, keys, width, kept=1.0, cached=False):
    return decode_parts(card, *map(float, (batch, *pair, 1, keys, width, width)), kept, cached)


def pairs(queries: int, keys: int, causal: bool) -> float:
    return queries * keys - (queries * (queries - 1) / 2 if causal else 0)


@given(cards, batches, heads, lengths, st.integers(0, 5000), widths, st.booleans())
@quick
def test_context_is_never_below_the_datasheets_roofline(card, batch, pair, queries, more, width, causal):
    keys = queries + more
    macs = 2 * batch * pair[0] * pairs(queries, keys, causal) * width
    moved = 4 * batch * width * (pair[0] * queries + pair[1] * keys)
    seconds = context(card, batch, pair, queries, keys, width, causal)[0]
    assert seconds >= macs / (card.units * card.macs * card.clock) + card.launch
    assert seconds >= moved / card.dram_rate


@given(cards, batches, heads, st.integers(1, 200_000), widths)
@quick
def test_decode_is_never_below_the_datasheets_roofline(card, batch, pair, keys, width):
    seconds = decode(card, batch, pair, keys, width)[0]
    assert seconds >= 2 * batch * pair[0] * keys * width / (card.units * card.macs * card.clock) + card.launch
    assert seconds >= 4 * batch * width * (pair[1] * keys + pair[0]) / card.dram_rate


def grown(card: Card, field: str, factor: float) -> Card:
    return card._replace(**{field: getattr(card, field) * factor})


@given(cards, batches, heads, lengths, widths, st.booleans(), st.integers(1, 999))
@quick
def test_more_work_takes_no_less_time(card, batch, pair, length, width, causal, more):
    once = context(card, batch, pair, length, length, width, causal)[0]
    slack = 1 + 1e-9
    assert once <= slack * context(card, batch, pair, length + more, length + more, width, causal)[0]
    assert once <= slack * context(card, batch, pair, length, length + more, width, causal)[0]
    assert once <= slack * context(card, batch + more, pair, length, length, width, causal)[0]
    step = decode(card, batch, pair, length, width)[0]
    assert step <= slack * decode(card, batch, pair, length + more, width)[0]
    assert step <= slack * decode(card, batch + more, pair, length, width)[0]


@given(cards, batches, heads, lengths, widths, st.booleans(), st.sampled_from(["dram_rate", "l2_rate", "units", "l2", "macs"]))
@quick
def test_more_of_the_machine_is_never_slower(card, batch, pair, length, width, causal, field):
    for cached in (False, True):
        for factor in (1.25, 2.0):
            more = grown(card, field, factor)
            sizes = (batch, pair, length, length, width, causal, 1.0, (128.0, 128.0), cached)
            assert context(more, *sizes)[0] <= (1 + 1e-9) * context(card, *sizes)[0]
            step = (batch, pair, length, width, 1.0, cached)
            assert decode(more, *step)[0] <= (1 + 1e-9) * decode(card, *step)[0]


@given(cards, batches, heads, lengths, st.integers(0, 3000), widths, st.floats(0, 1), st.floats(0, 1))
@quick
def test_masks_save_time(card, batch, pair, queries, more, width, one, two):
    keys = queries + more
    assert context(card, batch, pair, queries, keys, width)[0] <= context(card, batch, pair, queries, keys, width, False)[0]
    less, greater = (context(card, batch, pair, queries, keys, width, True, kept)[0] for kept in sorted((one, two)))
    assert less <= (1 + 1e-9) * greater
    assert (
        decode(card, batch, pair, keys, width, min(one, two))[0]
        <= (1 + 1e-9) * decode(card, batch, pair, keys, width, max(one, two))[0]
    )


@pytest.mark.parametrize("name", sorted(CARDS))
def test_blocks_that_are_not_kept_cost_nothing(name):
    card = CARDS[name]
    dense = context(card, 2, (8, 2), 8192, 8192, 128)
    assert context(card, 2, (8, 2), 8192, 8192, 128, kept=1.0) == dense
    half = context(card, 2, (8, 2), 8192, 8192, 128, kept=0.5)[0]
    assert 0.45 < half / dense[0] < 0.6
    none = context(card, 1, (8, 2), 256, 256, 128, kept=0.0)[0]
    assert none < card.launch + 3 * card.start + 2e-6
    fine = context(card, 2, (8, 2), 8192, 8192, 128, kept=0.5, block=(16.0, 16.0))[0]
    assert fine > 0.99 * dense[0], "a tile is computed whole where any of its blocks is kept"


@pytest.mark.parametrize("name", sorted(CARDS))
def test_a_long_decode_step_reads_its_keys_at_the_rate_of_the_memory(name):
    card, keys = CARDS[name], 131_072
    seconds = decode(card, 64, (32, 8), keys, 128)[0]
    read = 64 * 8 * keys * 128 * 4 / card.dram_rate
    assert read <= seconds <= 1.2 * read, "on Ampere two blocks take turns, and at times both compute"


def test_a_long_sequence_is_split_over_the_sms():
    card = CARDS["h200"]
    assert decode(card, 1, (8, 1), 65_536, 128)[0] < 0.2 * decode(card._replace(units=4.0), 1, (8, 1), 65_536, 128)[0]


def both_held_out(device: str) -> dict[str, Errors]:
    """Errors of each kind on families that no constant was fitted on: the three are fitted in turns, on both kinds."""
    target, kinds = load_target(device), [kind_of("generation_attention"), kind_of("context_attention")]
    tables = [read_table(shared_data(f"measured/{device}_{kind.name}_bf16.csv"), kind.columns) for kind in kinds]
    keys = [list(zip(*(table.columns[name].tolist() for name in kind.family))) for kind, table in zip(kinds, tables)]
    names = sorted({key for each in keys for key in each})
    numbers = [np.array([names.index(key) for key in each]) for each in keys]
    predicted = [np.zeros(len(table)) for table in tables]
    for held in folds(np.arange(len(names)), 3):
        out, fitted = [held[each] for each in numbers], target
        for _ in range(2):
            for kind, table, rows in zip(kinds, tables, out):
                fitted = kind.with_constants(fitted, fit(kind, [Sample.of(fitted, table, ~rows)], rounds=1))
        for kind, table, rows, values in zip(kinds, tables, out, predicted):
            values[rows] = kind.predict(fitted, Sample.of(fitted, table, rows).columns)
    return {kind.name: Errors.of(values, table.seconds) for kind, table, values in zip(kinds, tables, predicted)}


@pytest.mark.parametrize("device", ["a100", "h200"])
def test_measured_tables_on_families_not_seen(device):
    pytest.importorskip("scipy", reason="fits need scipy: pip install chunkc[fit]")
    for name, errors in both_held_out(device).items():
        assert errors.mean <= 0.10, (device, name, errors)


@pytest.mark.parametrize("device", ["a100", "h200"])
@pytest.mark.parametrize("name", ["context_attention", "generation_attention"])
def test_measured_tables_with_the_shipped_constants(device, name):
    kind = kind_of(name)
    table = read_table(shared_data(f"measured/{device}_{name}_bf16.csv"), kind.columns)
    target = load_target(device)
    predicted = kind.predict(target, table.columns)
    assert Errors.of(predicted, table.seconds).mean <= 0.10
    macs, moved = kind.work(table.columns)
    bound = np.maximum(macs / target.peak_macs("bf16"), moved / target.level("l2").bandwidth)
    assert (predicted >= bound).all()
