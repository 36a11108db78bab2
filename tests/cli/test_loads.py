"""`chunkc loads`: a recorded trace beside what is predicted, and beside other budgets."""

import json
import re
from pathlib import Path

import attrs
import pytest
from click.testing import CliRunner

from chunkc.cli import group
from chunkc.compiler.loading.trace import Event, Load, LoadTrace
from chunkc.compiler.loading.trace_files import write_trace
from chunkc.simulator.constants import LoadConstants
from chunkc.simulator.target_reading import load_target
from chunkc.simulator.target_writing import target_text


@pytest.fixture
def chunkc(monkeypatch, tmp_path):
    """Runs the command in a folder with a trace of two chunks that take turns in the room of one, and a target."""
    monkeypatch.chdir(tmp_path)
    sizes = {"a": 1 << 20, "b": 1 << 20}
    calls = []
    for unit, other in (("a", ()), ("b", ("a",)), ("a", ("b",)), ("b", ("a",))):
        load = Load(unit, 1 << 20)
        calls.append(
            (
                Event("acquire", unit, seconds=2e-3, loads=(load,), gone=other),
                Event("compute", seconds=1e-3),
                Event("release", unit),
            )
        )
    write_trace(LoadTrace(tuple(calls), sizes, 1 << 20, "lru", cold=True), "trace.json")
    constants = LoadConstants(mapped=10e9, hashed=1e9, dropped=50e9, request=1e-4)
    (tmp_path / "here.toml").write_text(target_text(attrs.evolve(load_target("cpu-generic"), loading=constants)))
    return lambda *arguments: CliRunner().invoke(group, ["loads", *arguments])


def test_measured_predicted_and_what_if_stand_beside_each_other(chunkc):
    result = chunkc("trace.json", "--target", "here.toml", "--budget", "2 MiB", "--budget", "1 MiB", "--prefetch", "0")
    assert result.exit_code == 0, result.output
    rows = [line.split("\t") for line in result.stdout.splitlines()]
    assert [row[0] for row in rows[1:]] == ["measured", "predicted", "belady", "2 MiB, 0 ahead", "1 MiB, 0 ahead"]
    told = json.loads(chunkc("trace.json", "--target", "here.toml", "--budget", "2 MiB", "--json").stdout)
    measured, predicted, belady, roomy = told["rows"]
    assert measured["stalled"] == pytest.approx(8e-3) and measured["loads"] == predicted["loads"] == belady["loads"] == 4
    assert roomy["loads"] == 2 and roomy["stalled"] < predicted["stalled"]
    cold, warm, given_back = 80e-6 + (1 << 20) / 3.5e9, 1e-4 + (1 << 20) / 10e9, (1 << 20) / 50e9
    assert predicted["stalled"] == pytest.approx(2 * cold + 2 * warm + 3 * given_back, rel=1e-6)
    warmed = json.loads(chunkc("trace.json", "--target", "here.toml", "--cache", "warm", "--json").stdout)
    assert warmed["rows"][1]["stalled"] < predicted["stalled"]


def test_a_page_shows_what_lay_in_memory_when(chunkc):
    result = chunkc("trace.json", "--target", "here.toml", "--budget", "2 MiB", "--html", "page.html")
    assert result.exit_code == 0, result.output
    page = Path("page.html").read_text()
    titles = re.findall("<h3>(.*?)</h3>", page)
    assert titles == ["In numbers", "replayed: loads take what was recorded", "predicted", "belady", "2 MiB"]
    pictures = page.split("<svg")[1:]
    loads = [picture.count('class="load"') for picture in pictures]
    assert loads == [0, 4, 4, 2]  # what was recorded took no time
    assert all(picture.count('class="wait"') == count for picture, count in zip(pictures, loads))
    assert "a, 1 MiB\nloaded in" in page and "at most 1 MiB of 1 MiB" in page and "at most 2 MiB of 2 MiB" in page


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["trace.json", "--target", "cpu-generic"], 1, "CC1483"),
        (["trace.json", "--target", "cpu-generc"], 2, "did you mean `cpu-generic`"),
        (["trace.json", "--target", "here.toml", "--budget", "2 s"], 2, "`2 s` is no budget"),
        (["trace.json", "--target", "here.toml", "--budget", "2 KiB"], 1, "CC1482"),
        (["trace.json", "--target", "here.toml", "--budget", "1e400 B"], 0, "1e400 B"),
        (["trace.json", "--target", "here.toml", "--budget", "-3 MiB"], 2, "CC0722"),
        (["here.toml", "--target", "here.toml"], 1, "CC1480"),
        (["none.json", "--target", "here.toml"], 2, "none.json"),
        (["trace.json", "--target", "here.toml", "--html", "none/page.html"], 2, "no such directory"),
    ],
)
def test_wrong_use_is_told(chunkc, arguments, status, told):
    result = chunkc(*arguments)
    assert result.exit_code == status and told in result.output


def test_a_trace_without_calls_has_a_page(chunkc, tmp_path):
    write_trace(LoadTrace((), {}, 0, "lru"), "none.json")
    result = chunkc("none.json", "--target", "here.toml", "--html", "none.html")
    assert result.exit_code == 0 and "0 calls" in (tmp_path / "none.html").read_text()
