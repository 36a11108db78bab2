"""`chunkc validate x.cc`: what a target predicts beside what this machine takes, as a whole and step by step."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from .. import api
from ..backends.torch.measuring.runs import Timed
from ..compiler.diagnostics import Findings
from ..compiler.ir import Graph
from ..compiler.step_log import StepLog
from ..simulator.report import Report, StepReport
from ..simulator.target_reading import load_target
from ..simulator.workloads import Trace
from .arguments import CommandLine, bindings, outside, parameters
from .execute import as_tensor
from .inputs import input_values
from .passes import chosen
from .report import progress, table, tell

if TYPE_CHECKING:
    from ..store.opening import Outside

Rows = Sequence[tuple[StepReport, float]]
"""Steps as they were predicted, with the seconds that were measured."""


def validate_spec(
    path: str, hardware: str, given: Mapping[str, Sequence[str]], dtype: str, seed: int, seconds: float, as_json: bool
) -> None:
    """Compiles, runs and simulates a spec with the same decisions, and prints both."""
    line = CommandLine("validate", path, {"--dims": given["dims"], "-D": given["defines"], "--bind": given["binds"]})
    target = load_target(hardware)
    if target.kind != "cpu":
        raise click.UsageError(f"`{target.name}` is a {target.kind}; what runs here is compared with a processor's target: "
                               "`chunkc calibrate -o here.toml` makes this machine's")
    findings, around = Findings(), outside()
    stages = chosen(line, None, None)
    pair = api.graphs(path, parameters(line), bind=bindings(line), passes=stages, findings=findings, outside=around)
    tell(api.distinct(findings.items))
    arrays, sizes = input_values(pair[0], line, seed=seed)
    with threads(target.cpu.threads if target.cpu else None):
        progress(f"running {pair[0].name} in {dtype} for {seconds:g} s")
        found, trace = run(pair, (path, around), arrays, sizes, dtype, seed, seconds)
    report = api.simulate(pair[0], target, dtype=dtype, routes=trace)
    rows = step_rows(report, found.entries, found.steps)
    if as_json:
        click.echo(json.dumps(as_values(report, found, rows), indent=2))
    else:
        show(report, found, rows)


@contextmanager
def threads(count: int | None) -> Iterator[None]:
    """With as many threads as a target was measured with."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def run(
    pair: tuple[Graph, Graph],
    home: tuple[str, Outside],
    arrays: Mapping[str, Any],
    sizes: Mapping[str, int],
    dtype: str,
    seed: int,
    seconds: float,
) -> tuple[Timed, Trace]:
    """Calls of the module here: how long they take, and what they decide and find in caches. `home`: the spec's file, and what
    it may read besides."""
    import torch

    from ..backends.torch.measuring.runs import timed

    path, around = home
    module = api.compile_graphs(*pair, seed=seed, outside=around, path=path).eval()
    kinds = {str(node.attrs["name"]): node.tensor.dtype for node in pair[0].inputs}
    inputs = {name: as_tensor(array, kinds[name]) for name, array in arrays.items()}
    if dtype != "f32":
        to = {"bf16": torch.bfloat16, "f16": torch.float16, "f64": torch.float64}[dtype]
        module = module.to(to)
        inputs = {name: value.to(to) if value.is_floating_point() else value for name, value in inputs.items()}
    found = timed(module, inputs, budget=seconds)
    decisions = {name: _array(kept) for name, kept in module.decisions().items()}
    steps = {step.id: step.label for step in module.plan().block.steps}
    hits = {steps[entry.step]: entry.rows[0] for entry in found.entries if entry.kind == "probe" and not entry.path}
    trace = Trace.of(pair[0])
    trace.add(decisions, sizes, hits)
    return found, trace


def _array(kept: Any) -> Any:
    return tuple(map(_array, kept)) if isinstance(kept, tuple) else kept.numpy()


def step_rows(report: Report, entries: StepLog, seconds: Sequence[float]) -> Rows:
    """What each step that is told took: its own and, behind it, those of the bodies that it ran."""
    told = {(one.path, one.step): i for i, one in enumerate(report.steps)}
    measured, current = [0.0] * len(report.steps), 0
    for entry, spent in zip(entries, seconds):
        current = told.get((entry.path, entry.step), current)
        measured[current] += spent
    return list(zip(report.steps, measured))


def as_values(report: Report, found: Timed, rows: Rows) -> dict[str, Any]:
    """As JSON values, in milliseconds."""
    return {
        "model": report.model,
        "target": report.target,
        "dtype": report.dtype,
        "dims": dict(report.dims),
        "predicted_ms": 1e3 * report.seconds,
        "measured_ms": {"median": 1e3 * found.seconds, "low": 1e3 * found.low, "high": 1e3 * found.high, "calls": found.calls},
        "error": report.seconds / found.seconds - 1,
        "steps": [
            {"path": one.path, "step": one.step, "kind": one.kind, "label": one.label, "bound": one.bound,
             "predicted_ms": 1e3 * one.seconds, "measured_ms": 1e3 * spent}
            for one, spent in rows
        ],
    }  # fmt: skip


MOST = 24
"""How many steps are printed: those that take longest."""


def show(report: Report, found: Timed, rows: Rows) -> None:
    """The whole, then the steps that take longest, in their order."""
    off = report.seconds / found.seconds - 1
    spread = f"{1e3 * found.low:.3f} - {1e3 * found.high:.3f}"
    columns = ("model", "dtype", "predicted ms", "measured ms", "quartiles", "calls", "off")
    whole = (report.model, report.dtype, f"{1e3 * report.seconds:.3f}", f"{1e3 * found.seconds:.3f}", spread, str(found.calls))
    table(columns, [(*whole, f"{off:+.1%}")])
    click.echo()
    longest = sorted(rows, key=lambda row: -max(row[0].seconds, row[1]))[:MOST]
    lines = [
        (f"{one.path}{one.kind} {one.label}", one.bound, f"{1e3 * one.seconds:.3f}", f"{1e3 * spent:.3f}")
        for one, spent in rows
        if any(one is other for other, _ in longest)
    ]
    table(("step", "bound by", "predicted ms", "measured ms"), lines)
    if len(rows) > MOST:
        progress(f"{len(rows) - MOST} shorter steps are in --json")
