"""`python -m benchmarks.loads`: what calls wait for chunks that come from files, beside what the simulator predicts of it.

A model of 1 GiB in 32 chunks lies in a store and runs in a quarter of that, layer after layer or as a mixture of experts: the
first time in the process (files are hashed), from the disk, and out of the page cache; but for the first time the least disturbed
of some repeats is told. What loads take is measured just before, on other files, as `chunkc calibrate` does; the disk is that of
`--folder`. Writes `results/loads.json` and, with `--page`, the table in `docs/loads.md`. It takes about a minute, and wants a
machine that does nothing else.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import attrs
import numpy as np
import torch

from chunkc import api
from chunkc.backends.torch import compile
from chunkc.backends.torch.measuring.loads import LoadRates, measure_loads
from chunkc.backends.torch.residing.mapping import Extent, Held
from chunkc.compiler.loading.trace import LoadTrace
from chunkc.compiler.loading.trace_files import write_trace
from chunkc.grammar.elaborate import loads
from chunkc.simulator.constants import LoadConstants
from chunkc.simulator.loading import decided, disk_at, replay
from chunkc.simulator.loading.replay import measured
from chunkc.simulator.target import Link, Target
from chunkc.simulator.target_reading import load_target
from chunkc.simulator.target_writing import target_text
from chunkc.store.manifest import Part
from chunkc.store.resolver import Resolver
from chunkc.store.serving import Serving
from chunkc.store.store import Store
from chunkc.store.writing import Tensor

ROOT = Path(__file__).resolve().parent
PAGE = ROOT.parent / "docs" / "loads.md"
MARKS = ("<!-- measured: made by benchmarks/loads.py -->\n", "<!-- end of measured -->")
LAYERS = """
model layers(d: int = 2048, chunks: int = 32) {
  input x: f32[B, d]
  chunk part[chunks](h) { h |> linear(d) |> gelu |> linear(d) }
  h = x
  for i in 0..chunks { h = part[i](h) }
  memory { budget = 25%  prefetch = 1 }
  output h
}
"""
EXPERTS = """
model experts(d: int = 2048, chunks: int = 32) {
  input x: f32[B, d]
  chunk part[chunks](h) { h |> linear(d) |> gelu |> linear(d) }
  router gate { score = x |> linear(chunks)  weight = softmax  keep = top(2) }
  fuse y = weighted_sum(part(x), by=gate)
  memory { budget = 25%  prefetch = 1 }
  output y
}
"""
MODELS = {"layer after layer": (LAYERS, 24), "mixture of experts": (EXPERTS, 4)}
"""The spec, and how many rows a call has."""


@dataclass(frozen=True, slots=True)
class Row:
    """One recorded run, in seconds: what was computed, what loads took in their thread, and what was waited for them; `replayed`:
    what would be if loads took as long as they did; `predicted`: as long as the model says. `floor`: bytes from the disk at its
    bandwidth; `belady`: predicted under an eviction that knows what comes."""

    model: str
    state: str
    calls: int
    bytes: int
    computed: float
    loading: float
    predicted_loading: float
    measured: float
    replayed: float
    predicted: float
    floor: float
    belady: float

    @property
    def off(self) -> float:
        """Of what was waited."""
        return self.predicted / self.measured - 1

    @property
    def whole_off(self) -> float:
        """Of the calls as a whole."""
        return (self.computed + self.predicted) / (self.computed + self.measured) - 1


def stored(store: Store, name: str, width: int, chunks: int) -> None:
    """Random weights, chunk by chunk: as many parts of one version."""
    made = np.random.default_rng(0)

    def tensor(name: str, *shape: int) -> Tensor:
        size = 4 * int(np.prod(shape))
        scale = np.float32(shape[-1] ** -0.5)

        def read() -> Iterator[bytes]:
            yield (made.standard_normal(shape, np.float32) * scale).tobytes()

        return Tensor(name, "f32", shape, size, read)

    with store.writing() as writer:
        parts = {}
        for chunk in range(chunks):
            both = ("linear_1", "linear_2")
            made_of = [tensor(f"{one}.weight", width, width) for one in both] + [tensor(f"{one}.bias", width) for one in both]
            parts[f"part.{chunk}"] = Part(writer.put_tensors(made_of))
        writer.publish(name, "v1", parts)


def cache(store: Store, held: bool) -> None:
    """The page cache holds all blobs as after earlier loads, or none (none may be mapped then)."""
    gc.collect()
    for path in store.root.glob("blobs/sha256/*/*"):
        with path.open("rb", buffering=0) as file:
            os.fsync(file.fileno())
            for _ in range(2 if held else 0):
                loaded = Held()
                loaded.read(file.fileno(), [Extent(0, path.stat().st_size)], lambda: None)
                loaded.drop()
            if not held:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


STATES = ("first, from the disk", "from the disk", "in the page cache")


def runs(
    store: Store, name: str, spec: str, rows: int, width: int, chunks: int, calls: int, repeats: int
) -> Iterator[tuple[str, LoadTrace]]:
    """The traces of the first call, of calls from the disk, and of calls out of the page cache: of repeats the shortest."""
    graph = api.optimize(loads(spec, d=width, chunks=chunks))
    handles = {f"part.{chunk}": f"{name}@v1#part.{chunk}" for chunk in range(chunks)}
    torch.manual_seed(0)
    for state in STATES:
        given = [torch.randn(rows, width) for _ in range(calls if state == STATES[2] else 1)]
        traces = []
        for _ in range(1 if state == STATES[0] else repeats):
            module = compile(graph, versions=Serving(Resolver(store, store.root), handles)).eval()
            cache(store, held=state == STATES[2])
            with torch.no_grad(), module.record_loads() as recorder:
                for x in given:
                    module(x)
            traces.append(recorder.trace())
            del module, recorder
        yield state, min(traces, key=lambda trace: measured(trace).seconds)


def target_of(rates: LoadRates) -> Target:
    """A target of which only what loads take is asked."""
    base = load_target("cpu-generic")
    links = (Link("storage", "dram", rates.cold, rates.latency),)
    loading = LoadConstants(rates.mapped, rates.hashed, rates.dropped, rates.request, rates.past)
    return attrs.evolve(base, links=links, loading=loading)


def row(model: str, state: str, trace: LoadTrace, target: Target) -> Row:
    """One trace, measured and predicted."""
    found, said = replay(trace, disk_at(trace, target, trace.cold)), measured(trace)
    best = decided(trace, policy="belady")
    first = {load.unit: load.bytes for call in trace.calls for event in call for load in event.loads}
    (link,) = target.links
    floor = sum(first.values()) / link.bandwidth if trace.cold else 0.0
    belady = replay(best, disk_at(best, target, trace.cold)).stalled
    return Row(
        model=model,
        state=state,
        calls=len(trace.calls),
        bytes=said.bytes,
        computed=said.seconds - said.stalled,
        loading=said.loading,
        predicted_loading=found.loading,
        measured=said.stalled,
        replayed=replay(trace, None).stalled,
        predicted=found.stalled,
        floor=floor,
        belady=belady,
    )


def page(rates: LoadRates, found: Sequence[Row], cores: int, load: float) -> str:
    """What was measured, as text of a page. `load`: of the minute before."""
    said = (
        f"`python -m benchmarks.loads --page`: {cores} cores, torch {torch.__version__}, threads: {torch.get_num_threads()}.",
        f"Measured just before: {rates.cold / 1e9:.2f} GB/s from the disk after {rates.latency * 1e6:.0f} us,",
        f"{rates.past / 1e9:.2f} GB/s past the page cache,",
        f"{rates.mapped / 1e9:.1f} GB/s mapped out of the page cache, {rates.hashed / 1e9:.2f} GB/s hashed,",
        f"{rates.dropped / 1e9:.0f} GB/s given back, {rates.request * 1e6:.0f} us a load.",
        f"Others kept {load:.1f} cores busy meanwhile." if load > 0.5 else "The machine did nothing else.",
    )
    columns = (
        "model",
        "files",
        "calls",
        "GB",
        "computed",
        "loads took",
        "predicted",
        "waited",
        "replayed",
        "predicted",
        "off",
        "calls off",
    )
    lines = [columns + ("disk alone", "with Belady"), ("---", "---", *["---:"] * 12)]
    for one in found:
        took = [one.computed, one.loading, one.predicted_loading, one.measured, one.replayed, one.predicted]
        floor = f"{one.floor:.3f}" if one.floor else "-"
        own = (one.model, one.state, f"{one.calls}", f"{one.bytes / 1e9:.2f}", *(f"{seconds:.3f}" for seconds in took))
        lines.append((*own, f"{one.off:+.0%}", f"{one.whole_off:+.0%}", floor, f"{one.belady:.3f}"))
    return "\n".join(said) + "\n\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=2048, help="a chunk has 8 times its square in bytes")
    parser.add_argument("--chunks", type=int, default=32)
    parser.add_argument("--calls", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--folder", default=None, help="on the disk that is measured")
    parser.add_argument("--keep", default=None, help="a folder for the last trace and the disk as a target, for `chunkc loads`")
    parser.add_argument("--page", action="store_true", help="write the table into docs/loads.md")
    given = parser.parse_args()
    found: list[Row] = []
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        rates = measure_loads(folder)
        for number, (model, (spec, rows)) in enumerate(MODELS.items()):
            store = Store(Path(folder) / f"store-{number}")
            stored(store, "model", given.width, given.chunks)
            for state, trace in runs(store, "model", spec, rows, given.width, given.chunks, given.calls, given.repeats):
                found.append(row(model, state, trace, target_of(rates)))
                print(f"{model}, {state}: waited {found[-1].measured:.3f} s, predicted {found[-1].predicted:.3f} s")
    if given.keep:
        write_trace(trace, Path(given.keep) / "trace.json")
        (Path(given.keep) / "here.toml").write_text(target_text(target_of(rates)), encoding="utf-8")
    (ROOT / "results").mkdir(exist_ok=True)
    said = {"rates": asdict(rates), "rows": [asdict(one) for one in found]}
    (ROOT / "results" / "loads.json").write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
    text = page(rates, found, os.cpu_count() or 1, load)
    print(text)
    if given.page:
        before, _, rest = PAGE.read_text(encoding="utf-8").partition(MARKS[0])
        PAGE.write_text(before + MARKS[0] + text + MARKS[1] + rest.partition(MARKS[1])[2], encoding="utf-8")


if __name__ == "__main__":
    main()
