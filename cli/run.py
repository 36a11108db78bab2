"""`chunkc run`: one call of a spec, and what it skipped."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import click

from .. import api
from ..compiler.bodies import body_order
from ..compiler.diagnostics import CompileError, Diagnostic, Findings, Label, did_you_mean
from ..compiler.dims import evaluate
from ..compiler.init import initial
from ..compiler.ir import Graph, Node
from ..store.opening import values_of
from .arguments import CommandLine, bindings, model_options, outside, parameters
from .execute import Execution, Kept, asked, run_reference, run_torch
from .inputs import Array, input_values
from .passes import chosen, given, pass_options, profile_option
from .report import guarded, table, tell


@click.command()
@click.argument("path")
@click.option("--dims", metavar="B=2,T=16", multiple=True, help="Sizes of run-time dimensions.")
@model_options
@pass_options
@profile_option
@click.option("--input", "files", metavar="NAME=FILE", multiple=True, help="Read an input from a .npy file; others are random.")
@click.option("--output", "wanted", metavar="NAME", multiple=True, help="Ask for this output; by default the first.")
@click.option("--backend", type=click.Choice(["torch", "reference"]), default="torch", help="What runs it.")
@click.option("--seed", type=click.IntRange(min=0, max=2**63 - 1), default=0, help="Of weights, random inputs and draws.")
@click.option("--train", is_flag=True, help="A call in training, with its losses.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@guarded
def command(
    path: str,
    dims: tuple[str, ...],
    defines: tuple[str, ...],
    binds: tuple[str, ...],
    plugin_files: tuple[str, ...],
    profile_file: str | None,
    passes: str | None,
    level: str | None,
    files: tuple[str, ...],
    wanted: tuple[str, ...],
    backend: str,
    seed: int,
    train: bool,
    as_json: bool,
) -> None:
    """Run a spec once with fresh or stored weights; print shapes, what selections kept, and how much of the dense work ran."""
    options: dict[str, Sequence[str]] = {"--dims": dims, "-D": defines, "--bind": binds, "--input": files, "--output": wanted}
    options |= given(passes, plugin_files)
    line = CommandLine("run", path, options)
    findings, around = Findings(), outside()
    stages = chosen(line, passes, level, profile_file)
    pair = api.graphs(path, parameters(line), bind=bindings(line), passes=stages, findings=findings, outside=around)
    tell(api.distinct(findings.items))
    graph = asked(pair[train], outputs_of(pair[train], line))
    inputs, sizes = input_values(graph, line, seed=seed)
    if backend == "torch":
        done = run_torch(api.compile_graphs(*pair, seed=seed, outside=around, path=path), graph, inputs, sizes, seed=seed)
    else:
        told_by_reference(graph)
        params = {parameter.path: initial(parameter, seed) for parameter in graph.parameters}
        params |= values_of(graph, around.versions(graph, path))
        done = run_reference(graph, inputs, params, sizes, seed=seed)
    if as_json:
        click.echo(json.dumps(as_values(graph, inputs, sizes, done), indent=2))
    else:
        show(graph, sizes, done)


TORCH = "run it by `--backend torch`, or put a written chunk in its place: `--bind NAME=FILE`"


def told_by_reference(graph: Graph) -> None:
    """`CompileError` where something else would have to run a part of it."""
    wrong = [
        Diagnostic("CC1449", f"the reference does not run what `{node.attrs['kind']}:` does", (Label(node.span),), TORCH)
        for body in body_order(graph)
        for node in body.nodes
        if node.op == "foreign"
    ]
    if wrong:
        raise CompileError(wrong)


def outputs_of(graph: Graph, line: CommandLine) -> list[str]:
    """The outputs that `--output` asks for, or the first; what is not known is reported with what is wrong in the inputs."""
    known = [name for name, _ in graph.outputs]
    found = []
    for name, span in line.spans("--output"):
        if name in known:
            found.append(name)
        else:
            hint = did_you_mean(name, known) or f"it has {', '.join(f'`{one}`' for one in known)}"
            line.findings.error("CC0712", f"the model has no output `{name}`", span, label="not known", hint=hint)
    return list(dict.fromkeys(found)) or known[:1]


def as_values(graph: Graph, inputs: dict[str, Array], sizes: dict[str, int], done: Execution) -> dict[str, Any]:
    """What `run` found as JSON values."""
    return {
        "model": graph.name,
        "training": graph.training,
        "dims": sizes,
        "inputs": {n: {"dtype": node.tensor.dtype, "shape": list(inputs[n].shape)} for n, node in _named(graph)},
        "outputs": {n: {"dtype": node.tensor.dtype, "shape": list(done.outputs[n].shape)} for n, node in graph.outputs},
        "selections": {
            path: {"decisions": s.decisions, "ways": s.ways, "kept": s.kept, "skipped": s.skipped, "load": list(s.load)}
            for path, s in done.selections.items()
        },
        "losses": {name: value if math.isfinite(value) else None for name, value in done.losses.items()},
        "multiply_adds": {"dense": done.dense, "ran": done.macs, "share": done.share},
        **({"memory": dict(done.memory)} if done.memory else {}),
    }


def _named(graph: Graph) -> list[tuple[str, Node]]:
    return [(str(node.attrs["name"]), node) for node in graph.inputs]


def show(graph: Graph, sizes: dict[str, int], done: Execution) -> None:
    """What `run` found as tables."""
    shapes = [("input", n, str(node.type), _shape(node.shape, sizes)) for n, node in _named(graph)]
    shapes += [("output", n, str(node.type), str(list(done.outputs[n].shape))) for n, node in graph.outputs]
    table(("value", "name", "type", "shape"), shapes)
    if done.selections:
        click.echo()
        columns = ("selection", "kept", "skipped", "share kept", "kept by each way")
        table(columns, [_selection(*item) for item in done.selections.items()])
    if done.losses:
        click.echo()
        table(("loss", "value"), [(name, f"{value:.6g}") for name, value in done.losses.items()])
    if done.memory:
        click.echo()
        words = {"room": "room for chunks", "peak": "most resident", "loaded": "loaded"}
        table(("memory", "bytes"), [(text, f"{done.memory[name]:,}") for name, text in words.items()])
    click.echo()
    table(("multiply-adds", "count"), [("dense", f"{done.dense:,}"), ("ran", f"{done.macs:,}"), ("share", f"{done.share:.1%}")])


def _shape(shape: tuple[Any, ...], sizes: dict[str, int]) -> str:
    return str([evaluate(size, sizes) for size in shape])


def _selection(path: str, s: Kept) -> tuple[str, ...]:
    total = s.decisions * s.ways
    load = " ".join(map(str, s.load[:16])) + (" …" if len(s.load) > 16 else "")
    return path, f"{s.kept:,}", f"{s.skipped:,}", f"{s.kept / total:.1%}" if total else "-", load
