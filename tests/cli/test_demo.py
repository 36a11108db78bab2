"""The demo goes the whole way, and its two computations agree."""

import re

import pytest
from click.testing import CliRunner

from chunkc.cli import demo, group

pytest.importorskip("sklearn")


def test_demo_trains_routes_and_compares():
    result = CliRunner().invoke(group, ["demo", "--steps", "30", "--seconds", "30"])
    assert result.exit_code == 0, result.output
    assert "specs/digits.cc: no findings" in result.stdout
    assert 'select "gate"' in result.stdout
    assert "trained for " in result.stdout
    rows = {line.split("\t")[0]: line.split("\t") for line in result.stdout.splitlines()}
    dense, sparse = rows["all experts (reference, f64)"], rows["only those kept (torch, f32)"]
    assert dense[1:4] == ["2,880", "96,261,120", "100.0%"]
    assert sparse[1] == "720" and float(sparse[3].rstrip("%")) < 30
    assert dense[4] == sparse[4]
    simulated = result.stdout.partition("target\tcomputed")[2].splitlines()
    assert [line.split("\t")[0] for line in simulated[1:6:2]] == ["h200", "cpu-generic", "edge-npu-32x32"]
    assert all(line.split("\t")[5] for line in simulated[2:7:2]) and simulated[6].split("\t")[5].startswith("yes, ")
    assert re.search(r"largest difference between the two: \d\.\de-\d\d .*they agree", result.stdout)


def test_demo_fails_where_the_two_differ(monkeypatch):
    monkeypatch.setattr(demo, "TOLERANCE", 0.0)
    result = CliRunner().invoke(group, ["demo", "--steps", "1"])
    assert result.exit_code == 1 and "THEY DIFFER" in result.stdout
