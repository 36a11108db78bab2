"""`python -m benchmarks.run`: times everything, prints it, and writes `results/*.json` and the tables of `docs/benchmarks.md`."""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from . import mixtral, moe
from .timing import Timing, settled

ROOT = Path(__file__).resolve().parent
PAGE = ROOT.parent / "docs" / "benchmarks.md"
INTRODUCTION = """# Benchmarks

Written by `make bench`, which measures again: medians of a run in which the contenders take turns, in random order (of a few
runs the calmest). *wall*, its *quartiles* and *least*, and *CPU* (of all threads) are milliseconds. The ratios are to the ideal:
dense products of as many multiply-adds as were kept, without any routing. `benchmarks/moe.py` says what each contender is. The
floor is what no implementation can do without: floating-point operations of the kept experts, and bytes of the weights and
tokens once.
"""


@dataclass(frozen=True, slots=True)
class Length:
    """How long each case is measured: until both are over; and how often at most, if the machine is busy."""

    seconds: float
    rounds: int
    tries: int


def measure(title: str, floor: dict[str, float], calls: dict[str, Callable[[], object]], length: Length) -> dict[str, Any]:
    """One row group: all contenders of one case, printed as they come."""
    with torch.inference_mode():
        timings = settled(calls, seconds=length.seconds, least=length.rounds, tries=length.tries)
    result = {"case": title, "floor": floor, "timings": {name: asdict(timing) for name, timing in timings.items()}}
    print("\n".join(table(result)), flush=True)
    return result


def table(result: dict[str, Any]) -> list[str]:
    """A case as a Markdown table."""
    timings = {name: Timing(**numbers) for name, numbers in result["timings"].items()}
    ideal, floor = timings["ideal"], result["floor"]
    lines = [
        "",
        f"### {result['case']}",
        "",
        f"Floor: {floor['gflop']:.2f} GFLOP, {floor['mb']:.1f} MB. {ideal.rounds} rounds.",
        "",
        "| | wall | quartiles | least | CPU | ratio | CPU ratio |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, timing in timings.items():
        quartiles = f"{timing.low:.2f} – {timing.high:.2f}"
        ratios = f"{timing.wall / ideal.wall:.2f} | {timing.cpu / ideal.cpu:.2f}"
        lines.append(f"| {name} | {timing.wall:.2f} | {quartiles} | {timing.best:.2f} | {timing.cpu:.2f} | {ratios} |")
    return lines


def machine() -> dict[str, str]:
    """What the numbers belong to."""
    return {
        "processor": platform.processor() or platform.machine(),
        "threads": str(torch.get_num_threads()),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def run(length: Length) -> dict[str, list[dict[str, Any]]]:
    """All cases of all benchmarks."""
    results: dict[str, list[dict[str, Any]]] = {"moe": [], "mixtral": []}
    for tokens in moe.TOKENS:
        for dtype in moe.DTYPES:
            case = moe.Case(tokens, dtype)
            floor = {"gflop": case.flops / 1e9, "mb": case.bytes / 1e6}
            title = f"{tokens} tokens, {dtype}"
            results["moe"].append(measure(f"moe, {title}", floor, moe.contenders(case), length))
            # SwiGLU has three products in the place of two.
            floor = {"gflop": case.flops * 1.5 / 1e9, "mb": case.bytes * 1.5 / 1e6}
            results["mixtral"].append(measure(f"Mixtral block, {title}", floor, mixtral.contenders(tokens, dtype), length))
    return results


def main() -> None:
    """Measures, then writes."""
    parser = argparse.ArgumentParser(description="Time compiled specs beside what they could be.")
    parser.add_argument("--seconds", type=float, default=4.0, help="for each case")
    parser.add_argument("--rounds", type=int, default=20, help="at least, for each case")
    parser.add_argument("--tries", type=int, default=3, help="at most, for a case whose rounds differ widely")
    parser.add_argument("--dry", action="store_true", help="write nothing")
    given = parser.parse_args()
    results, about = run(Length(given.seconds, given.rounds, given.tries)), machine()
    if given.dry:
        return
    (ROOT / "results").mkdir(exist_ok=True)
    for name, cases in results.items():
        text = json.dumps({"machine": about, "cases": cases}, indent=2)
        (ROOT / "results" / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    lines = [INTRODUCTION, f"Measured with {', '.join(f'{key} {value}' for key, value in about.items())}."]
    for cases in results.values():
        lines += [line for case in cases for line in table(case)]
    PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
