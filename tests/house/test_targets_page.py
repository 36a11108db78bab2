"""docs/targets.md: its tables are up to date, and its targets read."""

import importlib.util
import re
from pathlib import Path

import pytest

from chunkc.compiler.diagnostics import Findings
from chunkc.simulator.target_reading import read_target

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "targets.md").read_text(encoding="utf-8")
WHOLE, PART = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def test_the_tables_are_up_to_date():
    spec = importlib.util.spec_from_file_location("make_targets", ROOT / "docs" / "make_targets.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.page(PAGE) == PAGE, "run `make docs`"


def test_the_target_of_the_page_is_one_and_short():
    findings = Findings()
    target = read_target(WHOLE, "my-npu.toml", findings)
    assert not findings.items and len(WHOLE.splitlines()) < 20
    assert (target.name, target.kind, target.matrix.units) == ("my-npu", "systolic", 2)
    assert target.device_memory.bandwidth == 34e9
    assert 2 * target.peak_macs("i8") == pytest.approx(13.1e12, rel=0.01)


def test_the_notes_of_the_page_are_kept():
    bandwidth, clock = PART.splitlines()
    text = re.sub("^clock = .*", clock, WHOLE, flags=re.MULTILINE)
    text = re.sub("^bandwidth = {.*", bandwidth, text, flags=re.MULTILINE)
    target = read_target(text + '[sources]\nds = "a datasheet"\n', "my-npu.toml")
    assert target.notes["memory.dram.bandwidth"].source == "[ds], page 2"
    assert target.notes["clock"].source.startswith("estimate")
