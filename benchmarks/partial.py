"""`python -m benchmarks.partial`: what is read of weights under a mask of neurons when only kept rows are loaded, beside whole
loads of the same model in the same run, and what no implementation can do without. Prints a table.

The model is `neuron_layers.cc` in a store on disk, a fifth of it in memory. *Cold*: what is not in the process is dropped from
the page cache before each call. The floor: bytes of the kept rows and of all other weights, and the time of reading these with
nothing else to do (one `preadv` a run of rows). A call keeps the rows that any sample of its batch does.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import torch

import chunkc
from chunkc.backends.torch.emission import emit
from chunkc.backends.torch.module import build
from chunkc.backends.torch.residing.rows import runs_of
from chunkc.compiler.loading.places import TensorPlace

SPEC = Path(__file__).resolve().parent / "neuron_layers.cc"
MIB = 1 << 20
HEAD = """| batch | floor MiB | partial | whole | warm: partial | whole | floor | cold: partial | whole | floor | in memory |
| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"""


@dataclass(frozen=True, slots=True)
class Models:
    """The same weights loaded by kept rows, loaded whole, and in memory."""

    partial: Any
    whole: Any
    resident: Any


@contextmanager
def models(d: int, layers: int, share: float) -> Iterator[Models]:
    """In a store of their own, which goes in the end. Each weight has 16 MiB, whatever `d` is."""
    neurons = (4 << 20) // d
    sizes = {"d": d, "neurons": neurons, "kept": max(1, round(share * neurons)), "layers": layers}
    with tempfile.TemporaryDirectory() as folder:
        source = chunkc.compile(SPEC, **sizes).eval()
        chunkc.import_checkpoint(source, "models/neurons@v1", store=folder)
        partial = chunkc.compile(SPEC, store=folder, weights="models/neurons@v1", **sizes).eval()
        versions = partial._memory.versions
        whole = build(emit(partial.graph, partial.train_graph), partial.graph, partial.train_graph, 0, versions=versions).eval()
        resident = chunkc.compile(SPEC, passes="O2", **sizes).eval()
        resident.load_state_dict(source.state_dict())
        yield Models(partial, whole, resident)


def places_of(module: Any) -> dict[str, TensorPlace]:
    """Where the parameters lie, by path."""
    found: dict[str, TensorPlace] = {}
    for chunk, stored in module._memory.versions.now().items():
        found.update({f"{chunk}.{name}" if chunk else name: place for name, place in stored.tensors.items()})
    return found


def drop(places: Mapping[str, TensorPlace]) -> None:
    """Out of the page cache, but for what is mapped."""
    for path in {place.blob.path for place in places.values()}:
        file = os.open(path, os.O_RDONLY)
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(file)


def floor_reads(module: Any, places: Mapping[str, TensorPlace]) -> dict[str, list[tuple[int, int]]]:
    """By file the runs of bytes that the module's last call cannot do without: kept rows of masked weights, all of the others."""
    decisions = module.decisions()
    found: dict[str, list[tuple[int, int]]] = {}
    for name, place in places.items():
        runs = [(place.start, place.bytes)]
        if name in module.sources.partial:
            row = place.bytes // place.shape[0]
            kept = decisions[f"{name.rpartition('.')[0]}.live"].flatten(0, -2).any(0).numpy()
            runs = [(place.start + start * row, (end - start) * row) for start, end in runs_of(kept)]
        found.setdefault(place.blob.path, []).extend(runs)
    return found


def read(runs: Mapping[str, list[tuple[int, int]]], into: memoryview) -> None:
    """All of these, one behind the other."""
    for path, parts in runs.items():
        file = os.open(path, os.O_RDONLY)
        for start, size in parts:
            os.preadv(file, [into[:size]], start)
        os.close(file)


def median_ms(call: Callable[[], object], before: Callable[[], object], rounds: int) -> float:
    """Of the wall time of a call, `before` each of which something is done that does not count."""
    times = []
    for _ in range(rounds):
        before()
        begun = time.perf_counter()
        call()
        times.append(1e3 * (time.perf_counter() - begun))
    return statistics.median(times)


def row(found: Models, rows: int, d: int, rounds: int) -> str:
    """One batch size as a line of the table."""
    torch.manual_seed(rows)
    x = torch.randn(rows, d)
    places = places_of(found.partial)
    same = torch.equal(found.partial(x), found.resident(x)) and torch.equal(found.whole(x), found.resident(x))
    if not same:
        raise SystemExit(f"the outputs for {rows} rows differ")
    runs = floor_reads(found.partial, places)
    needed = sum(size for parts in runs.values() for _, size in parts)
    buffer = memoryview(bytearray(max(size for parts in runs.values() for _, size in parts)))
    calls = {
        "partial": lambda: found.partial(x),
        "whole": lambda: found.whole(x),
        "floor": lambda: read(runs, buffer),
    }
    cells = [f"{needed / MIB:.0f}"]
    for module in (found.partial, found.whole):
        before = module.residency()
        module(x)
        after = module.residency()
        # What is still there from the call before is not loaded: as if nothing were.
        share = (after.loads - before.loads) / len(module._memory.residents.units)
        cells.append(f"{(after.bytes - before.bytes) / share / MIB:.0f}")
    for prepare in (lambda: None, lambda: drop(places)):
        cells += [f"{median_ms(call, prepare, rounds):.0f}" for call in calls.values()]
    cells.append(f"{median_ms(lambda: found.resident(x), lambda: None, rounds):.0f}")
    return f"| {rows} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--d", type=int, nargs="+", default=[4096, 1024])
    parser.add_argument("--share", type=float, nargs="+", default=[0.125, 0.03])
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--rows", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    for d, share in product(options.d, options.share):
        with torch.inference_mode(), models(d, options.layers, share) as found:
            total = sum(place.bytes for place in places_of(found.partial).values()) / MIB
            print(f"\n{total:.0f} MiB in {options.layers} layers; {share:.1%} of rows of {d // 256} KiB; MiB and ms a call\n")
            print(HEAD)
            for rows in options.rows:
                print(row(found, rows, d, options.rounds), flush=True)


if __name__ == "__main__":
    main()
