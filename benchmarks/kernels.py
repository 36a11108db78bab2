"""`python -m benchmarks.kernels`: what `choose-kernels` chooses, beside every kernel that it chooses from, on a grid.

Mixtures (`specs/moe.cc`) by tokens, experts, kept ones and width, and neuron masks (`neurons.cc`) by samples and kept share, in
f32 on one thread. The contenders of a cell have the same parameters, at the same place in memory, and take turns in random order.
Writes `results/kernels.json` and the table of `docs/passes.md`.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

import chunkc
from chunkc.backends.torch import compile as lower
from chunkc.compiler.cost import CPU, CostModel
from chunkc.passes.choose_kernels import ChooseKernels

from .timing import Timing, interleaved

ROOT = Path(__file__).resolve().parent
PAGE = ROOT.parent / "docs" / "passes.md"
START, END = "<!-- measured: python -m benchmarks.kernels -->\n", "<!-- /measured -->\n"
SECONDS, ROUNDS, TRIES = 0.5, 15, 3
NEAR = 0.03
"""How far the chosen kernel may be measured from itself, forced, before the cell is measured again."""
COLUMNS = ("dense", "gather", "grouped", "union", "chosen")

TOKENS, EXPERTS, WIDTHS = (1, 16, 128, 512), ((2, 1), (8, 2), (16, 2), (8, 7)), (64, 256)
SAMPLES, SHARES = (1, 8), (0.1, 0.25, 0.5, 0.9)


@dataclass(frozen=True, slots=True)
class Cell:
    """One place of the grid: a spec, its parameters and sizes, and what no kernel can do without."""

    title: str
    spec: Path
    params: dict[str, Any]
    dims: dict[str, int]
    mflop: float
    """Of what is kept: two for a multiply-add; routers and predictors are not counted."""
    mb: float
    """Weights that are reached, and tokens in and out."""
    kernels: tuple[str, ...]


def mixture(tokens: int, experts: int, kept: int, d: int) -> Cell:
    reached = min(experts, tokens * kept)
    floor = (2 * tokens * kept * 8 * d * d / 1e6, 4 * (reached * 8 * d * d + 2 * tokens * d) / 1e6)
    params = {"d": d, "experts": experts, "k": kept}
    title = f"{tokens} tokens, {kept} of {experts} experts, d {d}"
    return Cell(title, ROOT.parent / "specs" / "moe.cc", params, {"B": 1, "T": tokens}, *floor, ("dense", "gather", "grouped"))


def mask(samples: int, share: float, d: int = 256, length: int = 64) -> Cell:
    rows, neurons = samples * length, share * 4 * d
    floor = (2 * rows * (neurons * d + 4 * d * d) / 1e6, 4 * (neurons * d + 4 * d * d + 2 * rows * d) / 1e6)
    title = f"{samples} × {length} tokens, {share:.0%} of {4 * d} neurons"
    kernels = ("dense", "union") if samples == 1 else ("dense", "union", "gather")
    return Cell(title, ROOT / "neurons.cc", {"d": d, "kept": share}, {"B": samples, "T": length}, *floor, kernels)


def grid() -> Iterator[Cell]:
    """All cells, small ones first."""
    for d, tokens, (experts, kept) in itertools.product(WIDTHS, TOKENS, EXPERTS):
        if tokens * experts * d * d <= 512 * 8 * 256 * 256:
            yield mixture(tokens, experts, kept, d)
    for samples, share in itertools.product(SAMPLES, SHARES):
        yield mask(samples, share)


def contenders(cell: Cell, model: CostModel = CPU) -> tuple[str, dict[str, Callable[[], object]]]:
    """The kernel that is chosen, and the calls to time, after they were seen to agree."""
    torch.manual_seed(0)
    graph = chunkc.optimize(chunkc.load(cell.spec, **cell.params), ["group-chunks"])
    sizes = ",".join(f"{name}={size}" for name, size in cell.dims.items())
    passes = {kernel: ChooseKernels(force=kernel) for kernel in cell.kernels}  # type: ignore[arg-type]
    passes["chosen"] = ChooseKernels(dims=sizes, model=model)
    models, x = {}, torch.randn(cell.dims["B"], cell.dims["T"], cell.params["d"])
    first = None
    for name, one in passes.items():
        chosen = one.apply(graph)
        models[name] = lower(chosen).eval()
        if first is not None:
            models[name].load_state_dict(first.state_dict(), assign=True)
            torch.testing.assert_close(models[name](x), first(x), rtol=1e-4, atol=1e-4)
        first = first or models[name]
    (kernel,) = {str(node.attrs["kernel"]) for node in chosen.nodes if "kernel" in node.attrs}
    return kernel, {name: (lambda model=model: model(x)) for name, model in models.items()}


def measure(cell: Cell, seconds: float, rounds: int, tries: int, model: CostModel = CPU) -> dict[str, Any]:
    """The timings of a cell: of a few runs the one in which the chosen kernel and itself, forced, were nearest."""
    with torch.inference_mode():
        kernel, calls = contenders(cell, model)
        found: list[dict[str, Timing]] = []
        for _ in range(tries):
            found.append(interleaved(calls, seconds=seconds, least=rounds))
            if apart(found[-1], kernel) < NEAR:
                break
    best = min(found, key=lambda timings: apart(timings, kernel))
    timings = {name: asdict(timing) for name, timing in best.items()}
    return {"case": cell.title, "chosen": kernel, "floor": {"mflop": cell.mflop, "mb": cell.mb}, "timings": timings}


def apart(timings: dict[str, Timing], kernel: str) -> float:
    """How far the same program was measured from itself: what a comparison in this run is worth."""
    return abs(timings["chosen"].cpu / timings[kernel].cpu - 1)


def table(cells: list[dict[str, Any]]) -> list[str]:
    """The grid as a Markdown table."""
    lines = ["| | floor MFLOP | MB | dense | gather | grouped | union | chosen | | ratio |"]
    lines.append("| --- " + "| ---: " * 7 + "| --- | ---: |")
    for cell in cells:
        cpu = {name: numbers["cpu"] for name, numbers in cell["timings"].items()}
        times = " | ".join(f"{cpu[name]:.3f}" if name in cpu else "" for name in COLUMNS)
        floor = f"{cell['floor']['mflop']:.2f} | {cell['floor']['mb']:.2f}"
        lines.append(f"| {cell['case']} | {floor} | {times} | {cell['chosen']} | {ratio(cell):.2f} |")
    most, case = max((ratio(cell, ("dense", "gather")), cell["case"]) for cell in cells)
    return [*lines, "", f"Against dense and gather alone the chosen one is at most {most:.2f} ({case})."]


def ratio(cell: dict[str, Any], others: tuple[str, ...] = COLUMNS[:-1]) -> float:
    """The time of the chosen kernel over that of the fastest of these."""
    cpu = {name: float(numbers["cpu"]) for name, numbers in cell["timings"].items()}
    return cpu["chosen"] / min(cpu[name] for name in others if name in cpu)


def main() -> None:
    """Measures, prints, then writes."""
    parser = argparse.ArgumentParser(description="Time what choose-kernels chooses beside what it chooses from.")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="for each cell")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="at least, for each cell")
    parser.add_argument("--tries", type=int, default=TRIES, help="at most, where the same program differs from itself")
    parser.add_argument("--dry", action="store_true", help="write nothing")
    given = parser.parse_args()
    torch.set_num_threads(1)
    cells = []
    for cell in grid():
        cells.append(measure(cell, given.seconds, given.rounds, given.tries))
        print(f"{ratio(cells[-1]):.2f} {cells[-1]['chosen']:<8} {cell.title}", flush=True)
    if given.dry:
        return
    about = {"torch": torch.__version__, "threads": "1", "model": asdict(CPU)}
    text = json.dumps({"machine": about, "cases": cells}, indent=2)
    (ROOT / "results" / "kernels.json").write_text(text + "\n", encoding="utf-8")
    write(cells)


def write(cells: list[dict[str, Any]]) -> None:
    """The table into the page."""
    before, rest = PAGE.read_text(encoding="utf-8").split(START)
    after = rest.split(END)[1]
    PAGE.write_text(before + START + "\n".join(table(cells)) + "\n" + END + after, encoding="utf-8")


if __name__ == "__main__":
    main()
