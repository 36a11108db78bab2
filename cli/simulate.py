"""`chunkc simulate`: what a spec takes on hardware that need not be here, and why."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import api
from ..compiler.diagnostics import CompileError, Diagnostic, Findings, Label, did_you_mean
from ..compiler.ir import Graph
from ..compiler.plan import plan_text
from ..compiler.profile import selections_of
from ..compiler.source import Span
from ..compiler.types import FLOATS
from ..simulator.capacity import tell_room
from ..simulator.routes import route_of
from ..simulator.target import Target
from ..simulator.target_reading import load_target
from ..simulator.workloads.trace import belongs, read_trace
from .arguments import CommandLine, bindings, model_options, outside, parameters
from .dims import demand_dims, dims_of
from .passes import chosen, given, pass_options, profile_option
from .report import guarded, progress, tell
from .run import outputs_of
from .simulated import show

if TYPE_CHECKING:
    from ..simulator.report import Report


@click.command()
@click.argument("path")
@click.option("--target", "targets", metavar="NAME", multiple=True, required=True, help="Hardware (`chunkc targets`), or more.")
@click.option("--dims", metavar="B=8,T=512", multiple=True, help="Sizes of run-time dimensions.")
@click.option("--dtype", type=click.Choice(list(FLOATS)), default="f32", help="What the module is moved to; f32 by default.")
@click.option("--routes", metavar="[PATH=]ROUTE", multiple=True, help="How selections fall: zipf(1.2) …, or a trace.npz.")
@click.option("--inputs", type=click.IntRange(1, 10**6), default=1, help="How many calls to draw; a trace has its own.")
@click.option("--seed", type=click.IntRange(min=0, max=2**63 - 1), default=0, help="Of what is drawn.")
@click.option("--launch", type=click.Choice(["eager", "graph"]), default="eager", help="Whether a host launches each call.")
@click.option("--chunks", type=click.Choice(["host", "storage"]), help="Where chunks are loaded from; by default the nearest.")
@click.option("--compare", type=click.Choice(["dense"]), help="Beside it, the same with everything computed.")
@click.option("--output", "wanted", metavar="NAME", help="Ask for this output; by default the first.")
@model_options
@pass_options
@profile_option
@click.option("--top", type=click.IntRange(0, 10**4), default=8, show_default=True, help="How many of the longest steps to tell.")
@click.option("--timeline", metavar="FILE.json[.gz]", help="Write one call as a Chrome/Perfetto trace.")
@click.option("--html", metavar="FILE.html", help="Write a page with timeline, roofline, chunks and plan.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: a report, or a list of those of several targets.")
@guarded
def command(
    path: str,
    targets: tuple[str, ...],
    dims: tuple[str, ...],
    dtype: str,
    routes: tuple[str, ...],
    inputs: int,
    seed: int,
    launch: str,
    chunks: str | None,
    compare: str | None,
    wanted: str | None,
    defines: tuple[str, ...],
    binds: tuple[str, ...],
    plugin_files: tuple[str, ...],
    profile_file: str | None,
    passes: str | None,
    level: str | None,
    top: int,
    timeline: str | None,
    html: str | None,
    as_json: bool,
) -> None:
    """Tell what a spec takes on a target without running it: time, bytes, energy, what bounds it, and whether it pays."""
    single = {"--output": wanted, "--timeline": timeline, "--html": html}
    options: dict[str, Sequence[str]] = {"--target": targets, "--dims": dims, "--routes": routes}
    options |= {option: [value] for option, value in single.items() if value is not None}
    line = CommandLine("simulate", path, {**options, "-D": defines, "--bind": binds, **given(passes, plugin_files)})
    stages = chosen(line, passes, level, profile_file)
    findings = Findings()
    graph = api.load_model(path, parameters(line), bind=bindings(line), findings=findings, outside=outside())
    tell(api.distinct(findings.items))
    told: dict[str, Any] = {"dtype": dtype, "inputs": inputs, "seed": seed, "compare": compare}
    told |= {"launch": launch, "chunks": chunks}
    hardware = targets_of(line)
    told["routes"], sizes = routes_of(graph, line)
    told["outputs"] = outputs_of(graph, line)[0] if wanted is not None else None
    check_writable(line, "--timeline", "--html")
    line.findings.check()

    graphs = {name: api.optimize(graph, api.for_target(stages, name, sizes, dtype=dtype)) for name in hardware}
    room = Findings()
    for name, target in hardware.items():
        tell_room(graphs[name], target, dtype, room)
    tell(room.items)
    reports = [api.simulate(graphs[name], target, dims=sizes, **told) for name, target in hardware.items()]
    write(reports, list(graphs.values()), told["outputs"], timeline, html)
    if as_json:
        found = [report.as_json() for report in reports]
        click.echo(json.dumps(found[0] if len(found) == 1 else found, indent=2))
    else:
        show(reports, top)


def targets_of(line: CommandLine) -> dict[str, Target]:
    """The targets by what they are asked for as; those that are not there or wrong are reported."""
    found: dict[str, Target] = {}
    warnings = Findings()
    for name, span in line.spans("--target"):
        try:
            found[name] = load_target(name, warnings)
        except OSError as error:
            line.findings.error("CC0701", f"`{name}`: {(error.strerror or str(error)).lower()}", span, label="to be read")
        except CompileError as error:
            for one in error.diagnostics:
                if one.code == "CC0721":
                    line.findings.error(one.code, one.message, span, label="not known", hint=one.hint)
                else:
                    line.findings.items.append(one)
    tell(warnings.items)
    return found


def routes_of(graph: Graph, line: CommandLine) -> tuple[Any, dict[str, int]]:
    """What `--routes` says, as `chunkc.simulate` takes it, and the sizes: those of a trace where it is one and none are given."""
    sizes = dims_of(graph, line)
    traces = []
    found: dict[str, Any] = {}
    for text, span in line.spans("--routes"):
        path, _, value = text.rpartition("=")
        if path in found:
            line.findings.error("CC0722", f"routes of {f'`{path}`' if path else 'all'} are given twice", span, label="again here")
        try:
            if not path and text.endswith(".npz"):
                traces.append(read_trace(text))
                belongs(traces[-1], graph, sizes)
            else:
                found[path] = one_route(graph, path, value, span)
        except CompileError as error:
            for one in error.diagnostics:
                line.findings.error("CC0722", one.message, span, label="these routes", hint=one.hint)
    if traces and (found or len(traces) > 1):
        line.findings.error("CC0722", "a trace says how all selections fall", line.spans("--routes")[0][1], label="beside others")
    if traces:
        sizes = {**traces[0].dims, **sizes}
    elif not line.findings.errors:
        demand_dims(graph.inputs, sizes, line.findings)
    return (traces[0] if traces else found or None), sizes


def one_route(graph: Graph, path: str, text: str, span: Span) -> Any:
    """The route, or the kept share of one selection, that a text says; `CompileError` where it says none."""
    known = selections_of(graph)
    if path and path not in known:
        hint = did_you_mean(path, known) or f"there are {', '.join(f'`{one}`' for one in known) or 'none'}"
        raise CompileError([Diagnostic("CC0722", f"there is no selection `{path}`", (Label(span),), hint)])
    try:
        share = float(text)
    except ValueError:
        return route_of(text)
    if not path:
        hint = f"write {next(iter(known), 'PATH')}={text}"
        raise CompileError([Diagnostic("CC0722", "a kept share is one selection's", (Label(span),), hint)])
    if not 0 <= share <= 1:
        raise CompileError([Diagnostic("CC0722", f"a kept share is from 0 to 1, not {text}", (Label(span),))])
    return share


def check_writable(line: CommandLine, *options: str) -> None:
    """Reports files that cannot be written, before anything is made."""
    for option in options:
        for name, span in line.spans(option):
            path = Path(name)
            if path.is_dir():
                why = "is a directory"
            elif not path.parent.is_dir():
                why = "no such directory"
            elif not os.access(path if path.exists() else path.parent, os.W_OK):
                why = "permission denied"
            else:
                continue
            line.findings.error("CC0701", f"`{name}`: {why}", span, label="to be written")


def write(reports: Sequence[Report], graphs: Sequence[Graph], wanted: str | None, timeline: str | None, html: str | None) -> None:
    """The files that are asked for."""
    if timeline is not None:
        from ..simulator.timeline import write_timeline

        write_timeline(reports, timeline)
        progress(f"wrote {timeline}")
    if html is not None:
        from ..simulator.html import page
        from ..simulator.simulation import plan_of

        plans = [plan_text(plan_of(graph, wanted)) for graph in graphs]
        Path(html).write_text(page(reports, plans), encoding="utf-8")
        progress(f"wrote {html}")
