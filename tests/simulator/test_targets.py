"""Targets: every shipped file reads, and says what is known of the device."""

import pytest

from chunkc.simulator.target_reading import load_target, shipped


@pytest.mark.parametrize("name", shipped())
def test_shipped_targets_read(name: str) -> None:
    target = load_target(name)
    assert target.name == name and target.title
    assert target.peak_macs("bf16") > 0 and target.device_memory.name == "dram"


@pytest.mark.parametrize(
    ("name", "dtype", "tera"),
    [
        ("h200", "bf16", 989.4),
        ("h200", "f8", 1978.9),
        ("h100", "tf32", 494.7),
        ("a100", "bf16", 312),
        ("a100", "f32", 19.5),
        ("a100", "i8", 624),
        ("l40s", "f32", 91.6),
        ("l40s", "bf16", 366.4),
        ("jetson-orin", "f32", 5.32),
        ("jetson-orin", "i8", 85.2),
        ("tpu-v4-like", "bf16", 275),
        ("edge-npu-32x32", "i8", 2.048),
        ("cpu-generic", "f32", 0.896),
    ],
)
def test_peaks_are_those_of_the_datasheets(name: str, dtype: str, tera: float) -> None:
    assert 2 * load_target(name).peak_macs(dtype) == pytest.approx(tera * 1e12, rel=0.002)


def test_all_of_the_issue_are_shipped() -> None:
    named = {"h200", "h100", "a100", "l40s", "jetson-orin", "tpu-v4-like", "edge-npu-32x32", "cpu-generic"}
    assert named <= set(shipped())
