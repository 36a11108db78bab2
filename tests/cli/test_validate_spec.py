"""`chunkc validate x.cc`: a spec that runs here beside what the target of a machine predicts, and what is said of wrong use."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from chunkc.cli import group
from chunkc.simulator.calibration import Facts, target_text
from chunkc.simulator.constants import Axis, Kernel
from chunkc.simulator.target_reading import read_target

MOE = str(Path(__file__).parents[2] / "specs" / "moe.cc")
SMALL = ("-D", "d=16", "-D", "experts=4", "--dims", "B=2,T=8", "--seconds", "0.02")


@pytest.fixture
def here(tmp_path):
    """A target of a processor on which next to everything takes 2 us."""
    axes = dict.fromkeys(("copy", "add", "mul"), ("elements",)) | {"linear": ("m", "n", "k"), "sum": ("rows", "length")}
    kernels = [
        Kernel(op, tuple(Axis(name, (1, 4096)) for name in names), (2.0,) * 2 ** len(names), "f32") for op, names in axes.items()
    ]
    path = tmp_path / "here.toml"
    path.write_text(target_text(Facts("toy", 2e9, 1, (("l1", 2.0**15),), 2.0**33, 1e-5, 2e-6), kernels))
    return str(path)


def invoke(*arguments):
    return CliRunner().invoke(group, ["validate", *arguments])


def test_both_are_told_step_by_step(here):
    result = invoke(MOE, "--target", here, *SMALL, "--json")
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    assert said["model"] == "moe" and said["dims"] == {"B": 2, "T": 8} and said["measured_ms"]["calls"] >= 5
    assert said["error"] == pytest.approx(said["predicted_ms"] / said["measured_ms"]["median"] - 1)
    assert sum(step["predicted_ms"] for step in said["steps"]) == pytest.approx(said["predicted_ms"])
    assert all(step["measured_ms"] > 0 for step in said["steps"] if step["kind"] in ("select", "dispatch", "combine"))


def test_the_tables_name_the_steps(here):
    result = invoke(MOE, "--target", here, *SMALL, "--dtype", "bf16")
    assert result.exit_code == 0, result.output
    assert "bf16" in result.stdout and "each expert" in result.stdout and "select gate" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((MOE,), "a spec needs `--target`"),
        ((MOE, "--target", "h200"), "`h200` is a gpu"),
        (("shapes.csv",), "say by `--kind` what its rows are"),
        ((MOE, "--target", "cpu-generic", "--compat", "scalesim"), "--compat goes with a table"),
        ((MOE, "--target", "cpu-generic"), "the size of `B`, `T` is not given"),
        (("missing.cc", "--target", "cpu-generic"), "missing.cc"),
        ((MOE, "--target", "cpu-generik"), "cpu-generic"),
    ],
)
def test_wrong_use_is_told(arguments, said):
    result = invoke(*arguments)
    assert result.exit_code == 2 and said in result.output and "Traceback" not in result.output


def test_a_place_that_cannot_be_written_is_told_before_anything_is_measured(tmp_path):
    result = CliRunner().invoke(group, ["calibrate", "-o", str(tmp_path / "nowhere" / "here.toml")])
    assert result.exit_code == 2 and "CC0701" in result.output and "measuring" not in result.output


@pytest.mark.slow
def test_this_machine_becomes_a_target(tmp_path):
    path = tmp_path / "here.toml"
    result = CliRunner().invoke(group, ["calibrate", "-o", str(path), "--threads", "1"])
    assert result.exit_code == 0, result.output
    target = read_target(path.read_text(), str(path))
    assert target.kind == "cpu" and target.cpu is not None and target.cpu.threads == 1 and target.cpu.call > 0
    assert {"linear", "matmul", "conv2d", "attention", "gather", "sort", "launch", "lookup"} <= {k.op for k in target.cpu.kernels}
    assert target.peak_macs("f32") > 1e9 and "measuring linear f32" in result.stderr
