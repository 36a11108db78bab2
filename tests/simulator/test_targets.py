"""Targets: every shipped file reads, and says what is known of the device."""

import pytest

from chunkc.simulator.target_reading import load_target, shipped


@pytest.mark.parametrize("name", shipped())
def test_shipped_targets_read(name: str) -> None:
    target = load_target(name)
    assert target.name == name and target.title
    assert target.peak_macs("bf16") > 0 and target.device_memory.name == "dram"


@pytest.mark.parametrize(("name", "tera"), [("h200", 989), ("h100", 989), ("a100", 312)])
def test_peaks_are_those_of_the_datasheets(name: str, tera: float) -> None:
    assert 2 * load_target(name).peak_macs("bf16") == pytest.approx(tera * 1e12, rel=0.002)
