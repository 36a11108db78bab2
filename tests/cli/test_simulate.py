"""`chunkc simulate`: tables and JSON, several targets beside each other, files, and wrong input told all at once."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

import chunkc as package
from chunkc.cli import group
from chunkc.simulator.workloads import Trace

MIXTURE = """\
model mixture(d: int = 64, experts: int = 4) {
  input x: f32[B, T, d]
  chunk expert[experts](h) { h |> linear(4 * d) |> gelu |> linear(d) }
  router gate {
    score = x |> linear(experts)
    keep  = top(1)
  }
  fuse y = weighted_sum(expert(x), by=gate)
  output y
  output importance = gate.weight
}
"""


@pytest.fixture
def chunkc(monkeypatch, tmp_path):
    """Runs the command in a folder that holds `mixture.cc`."""
    (tmp_path / "mixture.cc").write_text(MIXTURE)
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(group, ["simulate", "mixture.cc", *arguments])


SIZES = ("--dims", "B=2,T=64")


def tables(result):
    """Each table as rows of cells."""
    assert result.exit_code == 0, result.output
    return [[line.split("\t") for line in part.split("\n")] for part in result.stdout.strip().split("\n\n")]


def test_it_tells_the_whole_the_longest_steps_and_where_it_was_won(chunkc):
    told = ("-D", "d=256", "--compare", "dense", "--routes", "zipf(1.2)")
    whole, steps, parts = tables(chunkc("--target", "cpu-generic", *SIZES, *told))
    said = dict(whole)
    assert said["simulated"] == "cpu-generic" and said["model"] == "mixture B=2,T=64" and said["routes"] == "zipf(1.2)"
    assert said["does it pay?"].startswith("yes, ") and "of dense" in said["multiply-adds"]
    assert {"time", "time, dense", "bound by", "in use", "cycles", "FLOPs", "energy"} <= set(said)
    assert any(name.startswith("bytes, ") for name in said)
    assert steps[0][0] == "step on cpu-generic" and any(row[0] == "each expert" for row in steps)
    assert [row[0] for row in parts[:2]] == ["part on cpu-generic", "expert"] and parts[1][3].startswith("+")


def test_many_inputs_have_percentiles(chunkc):
    said = dict(tables(chunkc("--target", "h200", *SIZES, "--inputs", "20", "--routes", "zipf(1.5)", "--top", "0"))[0])
    assert len(said["p50, p90, p99"].split(", ")) == 3 and said["run"] == "f32, eager, 20 inputs"


def test_several_targets_stand_beside_each_other(chunkc):
    names = ("h200", "edge-npu-32x32")
    whole = tables(chunkc("--target", names[0], "--target", names[1], *SIZES, "--dtype", "bf16"))[0]
    assert whole[0] == ["simulated", *names]
    assert all(len(row) == 3 for row in whole)


def test_json_is_the_report_or_a_list_of_several(chunkc):
    one = json.loads(chunkc("--target", "h200", *SIZES, "--json", "--compare", "dense").stdout)
    assert one["format"] == "chunkc report" and one["target"] == "h200" and one["dense"]["ratio"] > 0
    assert sum(step["seconds"] for step in one["steps"]) == pytest.approx(one["seconds"])
    assert sum(step["flops"] for step in one["steps"]) == pytest.approx(one["flops"]) and one["flops"] > 2 * one["macs"]
    both = json.loads(chunkc("--target", "h200", "--target", "a100", *SIZES, "--json").stdout)
    assert [each["target"] for each in both] == ["h200", "a100"]


def test_the_command_times_what_the_package_times(chunkc):
    told = json.loads(chunkc("--target", "h200", *SIZES, "--json", "-O", "1", "--launch", "graph").stdout)
    found = package.simulate("mixture.cc", "h200", dims={"B": 2, "T": 64}, passes="O1", launch="graph")
    assert told == json.loads(json.dumps(found.as_json()))


def test_a_timeline_is_written(chunkc, tmp_path):
    result = chunkc("--target", "h200", *SIZES, "--timeline", "t.json")
    assert result.exit_code == 0 and "wrote t.json" in result.stderr
    assert json.loads((tmp_path / "t.json").read_text())["traceEvents"]


def test_a_page_is_written(chunkc, tmp_path):
    result = chunkc("--target", "h200", "--target", "a100", *SIZES, "--html", "r.html", "--compare", "dense")
    assert result.exit_code == 0 and "wrote r.html" in result.stderr
    text = (tmp_path / "r.html").read_text()
    assert "mixture on h200, a100" in text and "plan mixture" in text


def test_the_share_of_a_selection_and_another_output(chunkc):
    plain = json.loads(chunkc("--target", "h200", *SIZES, "--json", "--output", "importance").stdout)
    assert not any(step["kind"] == "each" for step in plain["steps"])
    assert chunkc("--target", "h200", *SIZES, "--routes", "balanced", "--routes", "gate=zipf(2)").exit_code == 0


def test_a_trace_says_sizes_inputs_and_routes(chunkc, tmp_path):
    trace = Trace.of(package.load("mixture.cc"))
    for way in (0, 1, 3):
        trace.add({"gate": np.eye(4, dtype=bool)[np.full((2, 8), way)]}, {"B": 2, "T": 8})
    trace.write(tmp_path / "t.npz")
    told = json.loads(chunkc("--target", "h200", "--routes", "t.npz", "--json").stdout)
    assert (told["inputs"], told["routes"], told["dims"]) == (3, "recorded", {"B": 2, "T": 8})
    result = chunkc("--target", "h200", "--routes", "t.npz", "--dims", "B=2,T=16")
    assert result.exit_code == 2 and "the trace was recorded with T=8" in result.stderr
    result = chunkc("--target", "h200", "--routes", "t.npz", "-D", "experts=5")
    assert result.exit_code == 2 and "recorded of another model" in result.stderr
    result = chunkc("--target", "h200", "--routes", "t.npz", "--routes", "balanced")
    assert result.exit_code == 2 and "a trace says how all selections fall" in result.stderr


def test_a_dtype_that_a_target_has_no_rate_for_is_told(chunkc):
    result = chunkc("--target", "edge-npu-32x32", *SIZES, "--dtype", "f64")
    assert result.exit_code == 1 and "`edge-npu-32x32` has no rate of products in f64" in result.stderr


def test_weights_that_do_not_fit_are_told_and_timed_all_the_same(chunkc, tmp_path):
    large = ("--target", "edge-npu-32x32", "--target", "h200", *SIZES, "-D", "d=16384")
    result = chunkc(*large)
    assert result.exit_code == 0 and result.stderr.count("warning[CC1306]") == 1
    assert "take 34.4 GB in f32, and `edge-npu-32x32` has 4 GB" in result.stderr
    (tmp_path / "mixture.cc").write_text(MIXTURE.replace("  output y\n", "  memory { budget = 3 GB }\n  output y\n", 1))
    assert "CC1306" not in chunkc(*SIZES, "--target", "edge-npu-32x32", "-D", "d=8192").stderr


def test_where_chunks_are_loaded_from(chunkc, tmp_path):
    (tmp_path / "mixture.cc").write_text(MIXTURE.replace("  output y\n", "  memory { budget = 60% }\n  output y\n", 1))
    near, far = (
        json.loads(chunkc("--target", "h200", *SIZES, "--json", "--chunks", place).stdout) for place in ("host", "storage")
    )
    assert near["loads"]["bytes"] == far["loads"]["bytes"] > 0 and near["seconds"] < far["seconds"]


def test_wrong_input_is_told_all_at_once(chunkc):
    wrong = ["--target", "h20", "--target", "none.toml", "--dims", "B=0,Q=3", "--routes", "zip(3)", "--routes", "gat=0.3"]
    result = chunkc(*wrong, "--timeline", "no/where.json", "--html", ".", "--output", "z")
    assert result.exit_code == 2 and result.stdout == ""
    for text in (
        "there is no target `h20`",
        "`none.toml`: no such file",
        "`B` takes a whole number from 1",
        "no input has a dimension `Q`",
        "`zip(3)` is no route",
        "there is no selection `gat`",
        "`no/where.json`: no such directory",
        "`.`: is a directory",
        "no output `z`",
    ):
        assert text in result.stderr
    assert "9 errors" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--target", "h200"), "the size of `B`, `T` is not given"),
        (("--target", "h200", *SIZES, "--routes", "0.2"), "a kept share is one selection's"),
        (("--target", "h200", *SIZES, "--routes", "gate=1.5"), "a kept share is from 0 to 1"),
        (("--target", "h200", *SIZES, "--routes", "none.npz"), "cannot be read"),
        (("--target", "h200", *SIZES, "--routes", "balanced", "--routes", "uniform"), "routes of all are given twice"),
        (("--target", "h200", *SIZES, "--timeline", "."), "`.`: is a directory"),
        (("--target", "h200", *SIZES, "--inputs", "0"), "--inputs"),
        (("--target", "h200", *SIZES, "--dtype", "f7"), "--dtype"),
        ((), "--target"),
    ],
)
def test_wrong_input(chunkc, arguments, text):
    result = chunkc(*arguments)
    assert result.exit_code == 2 and text in result.stderr and "Traceback" not in result.output
