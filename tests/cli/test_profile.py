"""`chunkc profile`: what it writes and prints, and how wrong input is told."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from chunkc.cli import group
from chunkc.compiler.loading.trace_files import read_trace
from chunkc.compiler.profile_reading import read_profile

SPEC = """\
model mixture(d: int = 8, experts: int = 4) {
  input x: f32[B, T, d]
  chunk expert[experts](h) { h |> linear(d) }
  router gate {
    score = x |> linear(experts)
    keep  = top(2)
  }
  fuse y = weighted_sum(expert(x), by=gate)
  output y
}
"""


@pytest.fixture
def chunkc(monkeypatch, tmp_path):
    """Runs the command in a folder that holds `mixture.cc`."""
    (tmp_path / "mixture.cc").write_text(SPEC)
    monkeypatch.chdir(tmp_path)
    return lambda *arguments, **options: CliRunner().invoke(group, arguments, **options)


def test_a_profile_is_written_and_summed_up(chunkc):
    result = chunkc("profile", "mixture.cc", "--dims", "B=2,T=5", "--calls", "3", "-o", "p.json")
    assert result.exit_code == 0 and "wrote p.json" in result.stderr
    columns, row = (line.split("\t") for line in result.stdout.splitlines())
    assert columns[:3] == ["selection", "ways", "decisions"] and row[:3] == ["gate", "4", "30"]
    profile = read_profile("p.json")
    assert (profile.model, profile.calls) == ("mixture", 3)
    assert sum(profile.selections["gate"].kept) == 60 and profile.selections["gate"].repeats == 0
    again = chunkc("profile", "mixture.cc", "--dims", "B=2,T=5", "--calls", "3")
    assert again.stdout == Path("p.json").read_text(), "the same seed, the same profile; `-` is stdout"
    assert chunkc("profile", "mixture.cc", "--dims", "B=2,T=5", "--calls", "3", "--seed", "1").stdout != again.stdout


def test_an_input_from_a_file_is_the_same_in_every_call(chunkc):
    np.save("x.npy", np.random.default_rng(0).standard_normal((1, 6, 8)).astype(np.float32))
    result = chunkc("profile", "mixture.cc", "--calls", "4", "--input", "x=x.npy", "-o", "p.json")
    assert result.exit_code == 0
    assert read_profile("p.json").selections["gate"].repeats == 18


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--dims", "B=2"], "CC0705"),
        (["--dims", "B=2,T=2", "--output", "z"], "CC0712"),
        (["--dims", "B=2,T=2", "-D", "k=2"], "CC0702"),
        (["--dims", "B=2,T=2", "--calls", "0"], "--calls"),
        (["--dims", "B=2,T=2", "-o", "nowhere/p.json"], "CC0701"),
    ],
)
def test_wrong_use_is_told(chunkc, arguments, told):
    result = chunkc("profile", "mixture.cc", *arguments)
    assert result.exit_code == 2 and told in result.stderr and "Traceback" not in result.output


def test_passes_are_given_a_profile(chunkc):
    assert chunkc("profile", "mixture.cc", "--dims", "B=2,T=9", "--calls", "30", "-o", "p.json").exit_code == 0
    marked = chunkc("opt", "mixture.cc", "--profile", "p.json")
    assert marked.exit_code == 0 and "hot = [" in marked.stdout
    assert chunkc("opt", "mixture.cc", "--passes", "O2(specialize(profile='p.json'))").stdout == marked.stdout
    assert "hot = [" not in chunkc("opt", "mixture.cc").stdout
    ran = chunkc("run", "mixture.cc", "--dims", "B=2,T=9", "--profile", "p.json", "--json")
    assert ran.exit_code == 0
    assert json.loads(ran.stdout) == json.loads(chunkc("run", "mixture.cc", "--dims", "B=2,T=9", "--json").stdout)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--profile", "p.json", "-D", "d=4"], "CC0902"),
        (["--profile", "none.json"], "CC0901"),
        (["--profile", "mixture.cc"], "CC0901"),
        (["--profile", "p.json", "-O1"], "none of these does"),
        (["--passes", "specialize(profile=3)"], "CC0901"),
    ],
)
def test_a_profile_that_does_not_fit_is_told(chunkc, arguments, told):
    assert chunkc("profile", "mixture.cc", "--dims", "B=2,T=9", "--calls", "1", "-o", "p.json").exit_code == 0
    result = chunkc("opt", "mixture.cc", *arguments)
    assert result.exit_code in (1, 2) and told in result.stderr and "Traceback" not in result.output


def test_what_calls_load_is_recorded_for_the_simulator(chunkc):
    Path("tight.cc").write_text(SPEC.replace("  output y", "  memory { budget = 50% }\n  output y"))
    result = chunkc("profile", "tight.cc", "--dims", "B=2,T=5", "--calls", "3", "-o", "p.json", "--loads", "loads.json")
    assert result.exit_code == 0 and "wrote loads.json" in result.stderr, result.output
    trace = read_trace("loads.json")
    assert len(trace.calls) == 3 and set(trace.sizes) == {f"expert.{i}" for i in range(4)}
    assert any(event.loads for call in trace.calls for event in call)
    result = chunkc("profile", "mixture.cc", "--dims", "B=2,T=5", "--calls", "3", "--loads", "loads.json")
    assert result.exit_code == 1 and "CC1484" in result.stderr
