"""Targets: every shipped file reads, and says what is known of the device; what is wrong is told at its place, all at once."""

import json
import math
from pathlib import Path

import pytest
from click.testing import CliRunner

from chunkc.cli import group
from chunkc.compiler.diagnostics import CompileError, Findings
from chunkc.compiler.render import render_text
from chunkc.simulator.target import Link, Target
from chunkc.simulator.target_listing import entries, written
from chunkc.simulator.target_reading import FOLDER, load_target, read_target, shipped

TEXTS = {name: (FOLDER / f"{name}.toml").read_text(encoding="utf-8") for name in shipped()}
SMALL = """kind = "systolic"
title = "small"
clock = "1 GHz"
matrix = { units = 2, rows = 4, columns = 4, dataflow = "ws", macs = { bf16 = "16 MAC/cycle" } }
vector = { units = 1, flops = { f32 = "8 FLOP/cycle" } }
[memory]
sram = { size = "64 KiB", bandwidth = "64 B/cycle" }
dram = { size = "1 GB", bandwidth = "8 GB/s", latency = "100 ns" }
"""


def wrong(text: str) -> list[tuple[str, int]]:
    """Code and line of each error."""
    with pytest.raises(CompileError) as caught:
        read_target(text, "bad.toml")
    assert all(item.span.source.path == "bad.toml" for item in caught.value.diagnostics)
    return [(item.code, item.span.line) for item in caught.value.diagnostics if item.severity == "error"]


@pytest.mark.parametrize("name", shipped())
def test_shipped_targets_read(name: str) -> None:
    target = load_target(name)
    assert target.name == name and target.title and target.device_memory.name == "dram"
    assert target.peak_macs("bf16") > 0 and target.peak_macs("f32") > 0
    assert 0 < target.power.idle < target.power.limit < math.inf
    assert set(target.energy.mac) == set(target.matrix.macs)
    assert not [entry.path for entry in entries(target) if entry.unit and not entry.note.source and not entry.note.fitted]
    assert sum(note.fitted for note in target.notes.values()) <= 12


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


def test_routes_lead_over_links() -> None:
    host, device = load_target("h200"), load_target("jetson-orin")
    assert [link.source for link in host.route("storage", "device")] == ["storage", "host"]
    assert [link.destination for link in host.route("device", "host")] == ["host"]
    assert device.route("host", "device") == ()
    assert isinstance(device.route("storage", "device")[0], Link)
    with pytest.raises(KeyError):
        device.route("device", "storage")


# ---- what is read


def test_a_small_target_reads() -> None:
    target = read_target(SMALL, "here/small.toml")
    assert (target.name, target.kind, target.clock, target.matrix.units) == ("small", "systolic", 1e9, 2)
    assert target.level("sram").bandwidth == 64e9 and target.level("dram").latency == 1e-7
    assert target.peak_macs("bf16") == 32e9


def test_totals_and_shares_of_units_agree() -> None:
    total = SMALL.replace("16 MAC/cycle", "64 GFLOP/s").replace("64 KiB", "32 KiB/unit").replace("64 B/cycle", "32 B/cycle/unit")
    assert read_target(total, "small.toml") == read_target(SMALL, "small.toml")


def test_notes_are_kept() -> None:
    text = SMALL.replace(
        'clock = "1 GHz"', 'clock = { value = "1 GHz", source = "[book]: 3", fitted = true, means = "the clock" }'
    )
    target = read_target(text + '\n[sources]\nbook = "A Book"\n', "small.toml")
    assert target == read_target(SMALL + '\n[sources]\nbook = "A Book"\n', "small.toml")
    note = target.notes["clock"]
    assert (note.source, note.fitted, note.means) == ("[book]: 3", True, "the clock")


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(4.8e12, "B/s", "4.8 TB/s"), (52428800.0, "B", "50 MiB"), (80e9, "B", "80 GB"), (2.3e-6, "s", "2.3 us"), (0.0, "s", "0 s")],
)
def test_values_are_written_as_one_writes_them(value: float, unit: str, text: str) -> None:
    assert written(value, unit) == text


# ---- what is wrong


def test_everything_that_is_wrong_is_told_at_once(golden) -> None:
    text = (Path(__file__).parent / "targets" / "bad.toml").read_text(encoding="utf-8")
    with pytest.raises(CompileError) as caught:
        read_target(text, "bad.toml")
    findings = caught.value.diagnostics
    golden("targets/bad.txt", render_text(sorted(findings, key=lambda item: item.span.start)))
    marked = [(line.rpartition("# ")[2], at) for at, line in enumerate(text.splitlines(), 1) if "# CC" in line]
    expected = [(code, at) for codes, at in marked for code in codes.split()]
    assert sorted(expected) == sorted((item.code, item.span.line) for item in findings)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("rows = 4, ", "", "`matrix` has no `rows`"),
        ('"ws"', '""', "`matrix.dataflow` is one of 3 words"),
        ("16 MAC", "17 MAC", "an array does at most 16 multiply-adds a cycle"),
        ('bf16 = "16 MAC/cycle"', "", "`matrix` has no `macs`"),
        ("units = 2", "units = 0", "`matrix.units` is nothing"),
        ("systolic", "cpu", "`matrix.rows` is of systolic arrays"),
        ("8 GB/s", "80 GB/s", "`dram` is faster than `sram`, which is nearer"),
        ("1 GB", "1 kB", "`dram` is smaller than `sram`, which is nearer"),
        ('"64 B/cycle"', '"64 B/cycle", latency = "1 ms"', "`dram` answers sooner than `sram`, which is nearer"),
        ("dram", "host", "no link leads from `host`"),
        (
            "[memory]",
            '[[links]]\nsource="dram"\ndestination="dram"\nbandwidth="1 B/s"\n[memory]',
            "a link leads from `dram` to itself",
        ),
        ("[memory]", "[cpu]\n[memory]", "`cpu` is for targets that are a cpu"),
        ("[memory]", "[energy]\nmac = { f32 = '1 pJ/MAC' }\n[memory]", "`energy.mac` says nothing of `bf16`"),
        ("[memory]", "[energy]\nbyte = { l9 = '1 pJ/B' }\n[memory]", "there is no level `l9`"),
        ("[memory]", "[power]\nlimit = '1 W'\nidle = '2 W'\n[memory]", "the most power is less than that of waiting"),
        ("1 GHz", "1e300 GHz", "`clock` is too large"),
        ("1 GHz", "1 GHz GHz", "`clock`: `GHz GHz` is no unit"),
        ("1 GHz", "1 s", "`clock`: `s` is a time, and this is a frequency"),
        ("[memory]", "[memory.l3]\nvalue = 3\n[memory]", "`memory.l3` is a table"),
        ("[memory]", "[sources]\na = 3\n[memory]", "`sources.a` is text"),
        ("[memory]", "links = 3\n[memory]", "`links` is an array"),
    ],
)
def test_contradictions_are_told(old: str, new: str, said: str) -> None:
    with pytest.raises(CompileError) as caught:
        read_target(SMALL.replace(old, new, 1), "bad.toml")
    assert said in [item.message for item in caught.value.diagnostics]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("clock = 1 GHz", 1),
        ('kind = "gpu\n', 1),
        ("a = 1\nb = [1,\n", 2),
        ("", None),
        ("a = 1\na = 2", 2),
        (f"a = {'1' * 5000}", 1),
        (f"a = {'[' * 5000}", 1),
        ("a = 1979-13-01", 1),
    ],
)
def test_what_is_no_toml_is_told(text: str, line: int | None) -> None:
    found = wrong(text)
    assert line is None or found == [("CC1201", line)]


def test_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(b'title = "\xff"')
    with pytest.raises(CompileError, match="UTF-8"):
        load_target(str(path))


def test_too_many_fitted_values_are_told() -> None:
    fitted = '", fitted = true, means = "a rate" }'
    lines = [line if "fitted" in line else line.replace('" }', fitted) for line in TEXTS["a100"].splitlines()]
    many = [at for at, line in enumerate(lines, 1) if "fitted" in line]
    assert wrong("\n".join(lines)) == [("CC1207", many[12])]


def test_a_gpu_without_constants_is_told() -> None:
    text = SMALL.replace('rows = 4, columns = 4, dataflow = "ws", ', "").replace("systolic", "gpu")
    findings = Findings()
    assert isinstance(read_target(text, "small.toml", findings), Target)
    assert [(item.code, item.severity) for item in findings.items] == [("CC1208", "warning")]


# ---- the command


def test_the_command_lists_and_tells() -> None:
    listed = CliRunner().invoke(group, ["targets"])
    assert listed.exit_code == 0 and "h200\tgpu\t989.4 TFLOP/s\t61.84 TFLOP/s\t141 GB\t4.8 TB/s\t700 W\n" in listed.stdout
    assert len(json.loads(CliRunner().invoke(group, ["targets", "--json"]).stdout)) == len(shipped())
    told = CliRunner().invoke(group, ["targets", "h200"])
    assert told.exit_code == 0 and "memory.dram.bandwidth\t4.8 TB/s\t[ds]\n" in told.stdout
    values = json.loads(CliRunner().invoke(group, ["targets", "h200", "--json"]).stdout)["values"]
    assert values["memory.dram.bandwidth"] == {"value": 4.8e12, "unit": "B/s", "source": "[ds]"}


def test_the_command_tells_what_is_wrong(tmp_path: Path) -> None:
    result = CliRunner().invoke(group, ["targets", "h20"])
    assert result.exit_code == 2 and "did you mean `h200`?" in result.stderr
    result = CliRunner().invoke(group, ["targets", str(tmp_path / "none.toml")])
    assert result.exit_code == 2 and "CC0701" in result.stderr
    (tmp_path / "bad.toml").write_text("title = 3\n")
    result = CliRunner().invoke(group, ["targets", str(tmp_path / "bad.toml")])
    assert result.exit_code == 1 and "CC1204" in result.stderr and "CC1203" in result.stderr
