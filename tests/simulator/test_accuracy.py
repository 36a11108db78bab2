"""The page on accuracy: its maker runs on any folder of tables, and its plots and baselines are what they say."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from chunkc.simulator.baselines import best_roofline, datasheet_roofline, roofline
from chunkc.simulator.gpu.gemm_kind import KIND, work
from chunkc.simulator.kinds import all_kinds
from chunkc.simulator.target_reading import load_target

ROOT = Path(__file__).resolve().parents[2]

SHAPES = {
    name: np.array(values, dtype=np.float64)
    for name, values in zip(
        "mnk", zip(*((m, n, k) for n, k in ((64, 512), (4096, 4096), (8192, 512), (512, 8192), (96, 96)) for m in (1, 70, 3000)))
    )
}


def test_the_page_is_made_from_a_folder_of_tables(tmp_path):
    pytest.importorskip("scipy", reason="fits need scipy: pip install chunkc[fit]")
    seconds = KIND.predict(load_target("h200"), SHAPES)
    rows = [f"{m:.0f},{n:.0f},{k:.0f},{1e3 * s}" for m, n, k, s in zip(*SHAPES.values(), seconds)]
    (tmp_path / "h200_gemm_bf16.csv").write_text("\n".join(["m,n,k,latency_ms", *rows]))
    page = tmp_path / "accuracy.md"
    command = [sys.executable, str(ROOT / "docs" / "make_accuracy.py"), "--data", str(tmp_path), "--to", str(page)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    text = page.read_text()
    assert "## Dense products" in text and "| `h200` | **not seen** | 15 |" in text and "accuracy/gemm-h200.svg" in text
    plot = ET.fromstring((tmp_path / "accuracy" / "gemm-h200.svg").read_text())
    dots = [path.get("d") for path in plot.iter("{http://www.w3.org/2000/svg}path") if path.get("stroke-linecap")]
    assert dots[0].count("M") > 5
    nothing = subprocess.run([*command[:3], str(tmp_path / "accuracy")], capture_output=True, text=True)
    assert nothing.returncode == 2 and "no tables" in nothing.stderr


def test_the_page_that_stands_tells_of_every_kind():
    text = (ROOT / "docs" / "accuracy.md").read_text()
    for kind in all_kinds():
        assert f"## {kind.title[0].upper()}{kind.title[1:]}\n" in text, f"`make accuracy` has to be run for {kind.name}"


def test_rooflines():
    pytest.importorskip("scipy", reason="fits need scipy: pip install chunkc[fit]")
    target = load_target("h100")
    macs, moved = work(SHAPES)
    rates = (0.5 * target.peak_macs("bf16"), 0.7 * target.device_memory.bandwidth, 3e-6)
    found = best_roofline(target, macs, moved, roofline(rates, macs, moved))
    assert np.allclose(found, rates, rtol=0.05)
    assert (datasheet_roofline(target, macs, moved) <= KIND.predict(load_target("h100"), SHAPES)).all()
