"""Quantities: text with a unit becomes a number in the unit of its field, and what is wrong with one is said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chunkc.simulator.target_listing import written
from chunkc.simulator.units import USUAL, Scale, UnitError, convert

SCALE = Scale(clock=2e9, units=100)


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("4.8 TB/s", "B/s", 4.8e12),
        ("4.8TB/s", "B/s", 4.8e12),
        (" 2.3 us ", "s", 2.3e-6),
        ("2.3 µs", "s", 2.3e-6),
        ("1_000 ns", "s", 1e-6),
        ("1e-3 s", "s", 1e-3),
        ("50 MiB", "B", 50 * 2**20),
        ("80 kB", "B", 80e3),
        ("900 Gbit/s", "B/s", 112.5e9),
        ("64 B/cycle", "B/s", 128e9),
        ("128 B/cycle/unit", "B/s", 25.6e12),
        ("256 KiB/unit", "B", 25600 * 2**10),
        ("29 cycles", "s", 14.5e-9),
        ("1 us", "cycle", 2000),
        ("1024 MAC/cycle", "MAC/cycle", 1024),
        ("1024 MAC/cycle/unit", "MAC/cycle", 1024),
        ("2048 FLOP/cycle", "MAC/cycle", 1024),
        ("400 TFLOP/s", "MAC/cycle", 1000),
        ("4 TMAC/s/unit", "MAC/cycle", 2000),
        ("400 TOP/s", "FLOP/cycle", 2000),
        ("0.4 pJ/FLOP", "J/MAC", 0.8e-12),
        ("4 pJ/bit", "J/B", 32e-12),
        ("2 J/s", "W", 2),
        ("700 W", "W", 700),
        ("0.93", "1", 0.93),
    ],
)
def test_quantities_become_numbers(text: str, unit: str, value: float) -> None:
    assert convert(text, unit, SCALE) == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize(
    ("text", "unit", "said", "hint"),
    [
        ("4.8", "B/s", "no unit", "4.8 TB/s"),
        ("fast", "B/s", "no number with a unit", "4.8 TB/s"),
        ("", "B/s", "no number with a unit", "4.8 TB/s"),
        ("4.8 TB", "B/s", "`TB` is a number of bytes, and this is a bandwidth", "4.8 TB/s"),
        ("4 B/s", "B", "`B/s` is a bandwidth, and this is a number of bytes", "50 MiB"),
        ("4 KB", "B", "`KB` is no unit", "`kB` for thousands or `KiB` for 1024s"),
        ("4 TFLOPS", "MAC/cycle", "`TFLOPS` is no unit", "`TFLOP/s`"),
        ("4 Gb/s", "B/s", "`Gb` is no unit", "`Gbit` or `GB`"),
        ("4 GBps", "B/s", "`GBps` is no unit", "`/s` for a rate"),
        ("4 furlong", "B", "`furlong` is no unit", "50 MiB"),
        ("4 MAC/s", "FLOP/cycle", "`MAC/s` is a rate of multiply-adds, and this is a rate of operations", "256 FLOP/cycle"),
        ("4 unit", "B", "`unit` is something else, and this is a number of bytes", "50 MiB"),
        ("4 B/unit/unit", "B", "`B/unit/unit` is something else, and this is a number of bytes", "50 MiB"),
        ("3 s", "1", "`s` is a time, and this is a plain number", "1"),
        ("nan B", "B", "no number with a unit", "50 MiB"),
        ("0x10 B", "B", "`x10 B` is no unit", "50 MiB"),
        ("1" * 5000 + " B", "B", "no number with a unit", "50 MiB"),
    ],
)
def test_what_is_no_quantity_is_said(text: str, unit: str, said: str, hint: str) -> None:
    with pytest.raises(UnitError) as caught:
        convert(text, unit, SCALE)
    assert str(caught.value) == said and hint in caught.value.hint


def test_numbers_beyond_floats_are_infinite() -> None:
    assert convert("1e999 B", "B", SCALE) == float("inf")


@given(st.floats(1e-18, 1e21), st.sampled_from(sorted(USUAL)))
def test_what_is_written_reads_to_four_digits(value: float, unit: str) -> None:
    assert convert(written(value, unit), unit, SCALE) == pytest.approx(value, rel=6e-4)


@given(st.text(max_size=20), st.sampled_from(sorted(USUAL)))
def test_any_text_is_read_or_refused(text: str, unit: str) -> None:
    try:
        assert convert(text, unit, SCALE) is not None
    except UnitError as error:
        assert str(error)


@given(st.from_regex(r"[0-9.eE_+-]{1,8} ?[kKMGTPEimunpfµ]{0,2}[sBJWbit]{0,3}(/[a-zA-Z]{1,5}){0,2}", fullmatch=True))
def test_any_likely_text_is_read_or_refused(text: str) -> None:
    for unit in USUAL:
        try:
            assert isinstance(convert(text, unit, SCALE), float)
        except UnitError as error:
            assert str(error)
