"""`python -m benchmarks.machine --target here.toml`: what the target of this machine predicts, beside what is measured here.

`chunkc calibrate -o here.toml` makes the target. Specs are run in f32 and bf16 with as many threads as it was measured with, and
simulated with the decisions that they took; then each cell of the grid of `benchmarks.kernels` is run with the kernel that the
target chooses, beside all others. Writes `results/machine.json` and `docs/machine.md`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from chunkc.simulator.model import model_of
from chunkc.simulator.target import Target
from chunkc.simulator.target_reading import load_target

from .kernels import grid, measure, ratio

ROOT = Path(__file__).resolve().parent
PAGE = ROOT.parent / "docs" / "machine.md"
SPECS = ROOT.parent / "specs"
WITHIN = 0.05
"""How near to the fastest a choice is as good as it."""


@dataclass(frozen=True, slots=True)
class Case:
    """A spec with its parameters, at sizes that users have."""

    spec: str
    dims: dict[str, int]
    params: dict[str, int]


CASES = (
    Case("moe", {"B": 4, "T": 128}, {}),
    Case("moe", {"B": 1, "T": 32}, {}),
    Case("dynamic_sparsity", {"B": 64}, {}),
    Case("dynamic_sparsity", {"B": 8}, {}),
    Case("translation_attention", {"B": 2, "S": 64, "T": 64}, {}),
    Case("translation_attention", {"B": 1, "S": 128, "T": 128}, {}),
    Case("gpt", {"B": 1, "T": 64}, {"layers": 4}),
    Case("gpt", {"B": 2, "T": 128}, {"layers": 4}),
    Case("resnet18", {"B": 2, "H": 64, "W": 64}, {}),
    Case("resnet18", {"B": 1, "H": 224, "W": 224}, {}),
)


def case(target: str, one: Case, dtype: str, seconds: float) -> dict[str, Any]:
    """What `chunkc validate` says of one spec in one dtype, in a process of its own, in which no other has left its memory."""
    command = [sys.executable, "-m", "chunkc", "validate", str(SPECS / f"{one.spec}.cc"), "--target", target, "--json"]
    command += ["--dims", ",".join(f"{name}={size}" for name, size in one.dims.items()), "--dtype", dtype]
    command += [f"--seconds={seconds}", *(f"-D{name}={size}" for name, size in one.params.items())]
    said = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return {"case": asdict(one), "dtype": dtype, "predicted": said["predicted_ms"], "measured": said["measured_ms"]}


def off(row: dict[str, Any]) -> float:
    """How far the prediction is from the median, as a share of it."""
    return float(row["predicted"] / row["measured"]["median"] - 1)


def page(target: Target, rows: list[dict[str, Any]], cells: list[dict[str, Any]]) -> str:
    """The page of docs."""
    count = target.cpu.threads if target.cpu else 1
    near = sum(abs(off(row)) <= 0.15 for row in rows)
    lines = [
        "# This machine",
        "",
        f"Written by `python -m benchmarks.machine`: {target.title}, torch {torch.__version__}, threads: {count}.",
        "`chunkc calibrate` measured the kernels of torch, `chunkc validate` ran the specs beside what that predicts.",
        "",
        f"{near} of {len(rows)} are within 15% of the median.",
        "",
        "| spec | sizes | dtype | predicted ms | measured ms | quartiles | off |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        one, found = row["case"], row["measured"]
        sizes = ", ".join(f"{name} {size}" for name, size in (*one["dims"].items(), *one["params"].items()))
        times = f"{row['predicted']:.3f} | {found['median']:.3f} | {found['low']:.3f} – {found['high']:.3f}"
        lines.append(f"| {one['spec']} | {sizes} | {row['dtype']} | {times} | {off(row):+.1%} |")
    if cells:
        good = sum(ratio(cell) <= 1 + WITHIN for cell in cells)
        worst = max(cells, key=ratio)
        lines += [
            "",
            "## Kernels that it chooses",
            "",
            "On the grid of `benchmarks.kernels`, f32, one thread: the kernel that `choose-kernels` takes with this target is",
            f"the fastest, or within {WITHIN:.0%} of it, in {good} of {len(cells)} cells; at worst {ratio(worst):.2f}",
            f"({worst['case']}).",
        ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measures, prints, then writes."""
    parser = argparse.ArgumentParser(description="Compare what the target of this machine predicts with what runs.")
    parser.add_argument("--target", required=True, help="the file that `chunkc calibrate -o` wrote")
    parser.add_argument("--seconds", type=float, default=1.5, help="for each spec")
    parser.add_argument("--no-grid", action="store_true", help="leave the choices out")
    parser.add_argument("--dry", action="store_true", help="write nothing")
    given = parser.parse_args()
    target = load_target(given.target)
    rows = []
    for dtype in ("f32", "bf16"):
        for one in CASES:
            rows.append(case(given.target, one, dtype, given.seconds))
            print(f"{off(rows[-1]):+7.1%} {rows[-1]['predicted']:9.3f} {one.spec} {one.dims} {dtype}", flush=True)
    cells = []
    torch.set_num_threads(1)
    for cell in grid() if not given.no_grid else ():
        cells.append(measure(cell, 0.3, 9, 2, model_of(given.target)))
        print(f"{ratio(cells[-1]):.2f} {cells[-1]['chosen']:<8} {cell.title}", flush=True)
    if not given.dry:
        found = {"target": target.title, "torch": torch.__version__, "specs": rows, "choices": cells}
        (ROOT / "results" / "machine.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        PAGE.write_text(page(target, rows, cells), encoding="utf-8")


if __name__ == "__main__":
    main()
