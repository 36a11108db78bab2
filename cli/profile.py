"""`chunkc profile`: what a spec's selections keep over some calls, written as an activity profile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from .. import api
from ..compiler.diagnostics import CompileError, Diagnostic, Findings, Label
from ..compiler.profile import Activity, Profile, profile_text
from .arguments import CommandLine, bindings, model_options, outside, parameters
from .execute import as_tensor
from .inputs import input_values
from .report import guarded, progress, table, tell
from .run import outputs_of


@click.command()
@click.argument("path")
@click.option("--dims", metavar="B=2,T=16", multiple=True, help="Sizes of run-time dimensions.")
@click.option("--calls", type=click.IntRange(min=1, max=10**6), default=20, help="How many calls, each on its own random inputs.")
@model_options
@click.option("--input", "files", metavar="NAME=FILE", multiple=True, help="Read an input from a .npy file, for every call.")
@click.option("--output", "wanted", metavar="NAME", multiple=True, help="Ask for this output; by default the first.")
@click.option("--seed", type=click.IntRange(min=0, max=2**62), default=0, help="Of weights, random inputs and draws.")
@click.option("-o", "--write-to", metavar="FILE", default="-", help="Where to write; `-`, the default, is stdout.")
@click.option("--trace", metavar="FILE.npz", help="Also write what each call kept, for `chunkc simulate --routes`.")
@click.option("--loads", metavar="FILE.json", help="Also write what each call loads and waits for, for `chunkc loads`.")
@guarded
def command(
    path: str,
    dims: tuple[str, ...],
    calls: int,
    defines: tuple[str, ...],
    binds: tuple[str, ...],
    files: tuple[str, ...],
    wanted: tuple[str, ...],
    seed: int,
    write_to: str,
    trace: str | None,
    loads: str | None,
) -> None:
    """Call a spec with fresh or stored weights, and write what its selections kept; of a module that you have,
    `chunkc.profile` does so in Python."""
    line = CommandLine("profile", path, {"--dims": dims, "-D": defines, "--bind": binds, "--input": files, "--output": wanted})
    findings, around = Findings(), outside()
    pair = api.graphs(path, parameters(line), bind=bindings(line), findings=findings, outside=around)
    tell(api.distinct(findings.items))
    graph, outputs = pair[0], outputs_of(pair[0], line)
    input_values(graph, line, seed=seed)  # what is wrong with them is told before anything is made

    def batches() -> Iterator[dict[str, Any]]:
        kinds = {str(node.attrs["name"]): node.tensor.dtype for node in graph.inputs}
        for call in range(calls):
            inputs, _ = input_values(graph, line, seed=seed + call)
            yield {name: as_tensor(array, kinds[name]) for name, array in inputs.items()}

    module = api.compile_graphs(*pair, seed=seed, outside=around, path=path)
    module.seed = seed
    if loads is not None and module.residency() is None:
        message = f"no call of `{graph.name}` loads anything: it has no budget, and nothing of it is stored"
        raise CompileError([Diagnostic("CC1484", message, (Label(graph.span, "this model"),), "add `memory { budget = 25% }`")])
    with module.record_loads() if loads is not None else nullcontext() as recorder:
        profile = api.profile(module, batches(), outputs=outputs, trace=trace)
    if loads is not None and recorder is not None:
        recorder.write(loads)
        progress(f"wrote {loads}")
    if write_to == "-":
        click.echo(profile_text(profile), nl=False)
    else:
        Path(write_to).write_text(profile_text(profile), encoding="utf-8")
        show(profile)
        progress(f"wrote {write_to}")


def show(profile: Profile) -> None:
    """A line a selection."""
    columns = ("selection", "ways", "decisions", "never kept", "most frequent set", "repeats")
    table(columns, [(path, *_line(one)) for path, one in profile.selections.items()])


def _line(one: Activity) -> tuple[str, ...]:
    listed = " ".join(map(str, one.sets[0].ways[:16])) + (" …" if len(one.sets[0].ways) > 16 else "") if one.sets else ""
    frequent = f"[{listed}] {one.sets[0].decisions / max(1, one.decisions):.1%}" if one.sets else "-"
    repeats = "-" if one.repeats is None else f"{one.repeats / max(1, one.decisions):.1%}"
    return str(one.ways), f"{one.decisions:,}", str(len(one.never)), frequent, repeats
