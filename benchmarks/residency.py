"""`python -m benchmarks.residency`: models of 4 GiB under a budget, beside the same model resident and offloaded by accelerate.

Makes both giants (`--folder`: 25 GiB of disk for the checkpoints, the store and accelerate's files; kept for the next time),
runs each case in a process of its own, compares the bits of every output with the resident model's, and writes
`results/residency.json` and `docs/residency.md`. Memory is the peak of resident pages (anonymous and of mapped files) over what
was there before the first call. `--quick`: models of 1/64 of the size, and few inputs.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from chunkc.backends.torch.residing.direct import Regions, read_past
from chunkc.backends.torch.residing.mapping import Extent, Held

from .giant_model import EXPERTS, LAYERS, Giant, add, write_mapped, write_shards
from .memory import drop_cache
from .residency_page import page

ROOT = Path(__file__).resolve().parent
PAGE = ROOT.parent / "docs" / "residency.md"
MIB = 1 << 20
ROUNDS = 2


def _mapped(file: Path) -> int:
    handle = os.open(file, os.O_RDONLY)
    try:
        held = Held()
        held.read(handle, [Extent(0, size := os.fstat(handle).st_size)], lambda: None)
        held.drop()
        return size
    finally:
        os.close(handle)


def _direct(file: Path) -> int:
    handle = os.open(file, os.O_RDONLY)
    try:
        size = os.fstat(handle).st_size
        if read_past(handle, 0, size, REGIONS, lambda: None) is None:
            raise SystemExit(f"the file system of {file} reads nothing past the page cache")
        return size
    finally:
        os.close(handle)


REGIONS = Regions()
READERS = {"mapped": _mapped, "direct": _direct}


@dataclass(frozen=True, slots=True)
class Bench:
    """Where everything lies, and how large it is."""

    folder: Path
    d: int
    count: int
    inputs: int

    @property
    def chunk(self) -> int:
        """About the bytes of one chunk."""
        return 64 * self.d * self.d

    def defines(self, giant: Giant, budget: int, **more: int) -> list[str]:
        number = {"experts" if giant.routed else "layers": self.count}
        return [f"--define={name}={value}" for name, value in {"d": self.d, **number, "budget": budget, **more}.items()]

    def child(self, command: list[str]) -> Any:
        """What a process of its own printed."""
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT.parent)
        if done.returncode:
            raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
        return json.loads(done.stdout.splitlines()[-1])

    def run(self, giant: Giant, mode: str, shape: str, inputs: int, budget: int, *options: str, **more: int) -> dict[str, Any]:
        """One child, and what it printed."""
        command = [sys.executable, "-m", "benchmarks.giant_child", mode, "--spec", giant.spec, "--weights", giant.handle]
        command += ["--store", str(self.folder / "store"), "--shape", shape, "--inputs", str(inputs), *options]
        command += [f"--drop={self.folder / name}" for name in ("store", giant.name, f"offload-{giant.name}")]
        if mode.startswith("accelerate"):
            command += ["--offload", str(self.folder / f"offload-{giant.name}")]
        command += self.defines(giant, budget, **more)
        found: dict[str, Any] = self.child(command)
        found["first"], found["median"] = found["seconds"][0], statistics.median(found["seconds"])
        print(
            f"{giant.name:13} {mode:24} {' '.join(options):20} budget {budget // MIB:5} MiB  peak {found['peak'] / MIB:7.1f} MiB"
            f"  first {found['first']:7.2f} s  median {1e3 * found['median']:8.2f} ms",
            flush=True,
        )
        return found


def make(bench: Bench) -> None:
    """Whatever is not there yet."""
    for giant in (EXPERTS, LAYERS):
        shards = bench.folder / giant.name
        if not (shards / "model.safetensors.index.json").exists():
            print(f"writing {shards}", flush=True)
            write_shards(giant, shards, d=bench.d, count=bench.count)
            add(giant, shards, bench.folder / "store")
        write_mapped(shards, bench.folder / f"offload-{giant.name}")


def same_bits(bench: Bench) -> list[dict[str, Any]]:
    """The routed giant on all inputs: resident, under the budget cold and warm, and twelve calls at once."""
    shape, budget = f"1,{bench.d}", 8 * bench.chunk
    whole = bench.run(EXPERTS, "resident", shape, bench.inputs, budget)
    rows = [{"case": "resident", **whole}]
    cold = max(10, bench.inputs // 10)
    for name, count, options in (
        ("budget, warm page cache", bench.inputs, ()),
        ("budget, warm, 12 threads", bench.inputs, ("--threads=12",)),
        ("budget, cold page cache", cold, ("--cold",)),
    ):
        row = bench.run(EXPERTS, "budget", shape, count, budget, *options)
        row |= {"case": name, "budget": budget, "same": row["digest"] == whole["digest"][:count]}
        rows.append(row)
    return [{key: value for key, value in row.items() if key not in ("digest", "sample", "seconds")} for row in rows]


def beside_accelerate(bench: Bench) -> list[dict[str, Any]]:
    """Both giants, cold and warm, in `ROUNDS` rounds: accelerate's offload, then ours in as much memory, and in 512 MiB. What
    lies in the store is hashed when it is loaded first; the calls that are timed come after that."""
    rows = []
    cases = ((EXPERTS, f"1,{bench.d}", 30, 4 * bench.count), (LAYERS, f"1,8,{bench.d}", 3, 1), (LAYERS, f"1,64,{bench.d}", 3, 1))
    for (giant, shape, count, warmup), options in product(cases, (("--cold",), ())):
        rounds = [_beside(bench, giant, shape, count, warmup, options) for _ in range(ROUNDS)]
        read = sum(row["residency"]["bytes"] for row in rounds[0][2:3]) / (count + warmup)
        about = {"model": giant.name, "shape": shape, "cache": "cold" if options else "warm", "read": read}
        for contender in zip(*rounds):
            ratios = sorted(one[0]["median"] / row["median"] for one, row in zip(rounds, contender))
            agree = all(np.allclose(row["sample"], rounds[0][0]["sample"], atol=1e-4) for row in contender)
            said = {"mode": contender[0]["mode"], "same": agree, "peak": max(row["peak"] for row in contender)}
            said |= {"median": statistics.median(row["median"] for row in contender)}
            rows.append({**about, **said, "ratio": statistics.median(ratios), "ratios": [ratios[0], ratios[-1]]})
    return rows


def _beside(
    bench: Bench, giant: Giant, shape: str, count: int, warmup: int, options: tuple[str, ...]
) -> list[dict[str, Any]]:
    """One round of the contenders, accelerate first: its memory is our first budget."""
    modes = ("accelerate", "accelerate-safetensors")
    found = [bench.run(giant, mode, shape, count, 8 * bench.chunk, "--warmup=1", *options) for mode in modes]
    for budget in (max(2 * bench.chunk + bench.chunk // 8, found[0]["peak"]), 8 * bench.chunk):
        found.append(bench.run(giant, "budget", shape, count, budget, f"--warmup={warmup}", *options))
    return found


def overlap(bench: Bench) -> list[dict[str, Any]]:
    """The stack at growing numbers of tokens (`giant_overlap`)."""
    command = [sys.executable, "-m", "benchmarks.giant_overlap", "--spec", LAYERS.spec, "--weights", LAYERS.handle]
    command += ["--store", str(bench.folder / "store"), f"--d={bench.d}", *bench.defines(LAYERS, 4 * bench.chunk)]
    return bench.child(command)


def disk(bench: Bench) -> list[dict[str, Any]]:
    """What the disk gives to the loader, in GB/s: files of the checkpoint mapped, and read past the page cache."""
    files = sorted((bench.folder / LAYERS.name).glob("*.safetensors"))[:16]
    rates: dict[str, list[float]] = {"mapped": [], "direct": []}
    for _ in range(6):
        for name in random.sample(list(rates), len(rates)):
            drop_cache(files)
            begun = time.perf_counter()
            size = sum(READERS[name](file) for file in files)
            rates[name].append(size / (time.perf_counter() - begun) / 1e9)
    return [{"how": name, "rate": statistics.median(found), "rates": [min(found), max(found)]} for name, found in rates.items()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="keeps the models here; a temporary folder otherwise")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--dry", action="store_true", help="write nothing")
    parser.add_argument("--only", choices=["disk", "bits", "accelerate", "overlap"], action="append")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as spare:
        folder = args.folder or Path(spare)
        bench = Bench(folder, 128, 64, 50) if args.quick else Bench(folder, 1024, 64, 1000)
        make(bench)
        parts = {"disk": disk, "bits": same_bits, "accelerate": beside_accelerate, "overlap": overlap}
        results = ROOT / "results" / "residency.json"
        found = json.loads(results.read_text(encoding="utf-8")) if args.only and results.exists() else {}
        found |= {name: part(bench) for name, part in parts.items() if not args.only or name in args.only}
    if not args.dry:
        results.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        PAGE.write_text(page(found), encoding="utf-8")


if __name__ == "__main__":
    main()
