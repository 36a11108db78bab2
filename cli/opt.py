"""`chunkc opt`: passes over a graph, printed as `.cc` text."""

from __future__ import annotations

import re

import click

from .. import api
from ..compiler.diagnostics import Findings, did_you_mean
from ..compiler.ir import Graph
from ..passes import pipeline
from .arguments import CommandLine, F, bindings, model_options, parameters
from .report import guarded, tell


def pass_options(command: F) -> F:
    """The options that choose passes."""
    level = click.option("-O", "level", type=click.IntRange(0, 3), help="0: no passes; 1 to 3: the default ones.")
    passes = click.option("--passes", metavar="A,B", help="The passes to run, in this order.")
    return passes(level(command))


def chosen(line: CommandLine, passes: str | None, level: int | None) -> list[str] | None:
    """The names of the passes to run, None for the default ones; `CompileError` with all that are not known."""
    if passes is None:
        return [] if level == 0 else None
    if level is not None:
        raise click.UsageError("give --passes or -O, not both")
    for _, span in line.spans("--passes"):
        for match in re.finditer(r"[^,\s]+", span.text):
            if match[0] not in pipeline.PASSES:
                place = line.span(span.start + match.start(), span.start + match.end())
                hint = did_you_mean(match[0], pipeline.PASSES) or f"there are {', '.join(pipeline.PASSES)}"
                line.findings.error("CC0709", f"there is no pass `{match[0]}`", place, label="not known", hint=hint)
    line.findings.check()
    return re.findall(r"[^,\s]+", passes)


@click.command()
@click.argument("path")
@model_options
@pass_options
@click.option("--training", is_flag=True, help="The graph for training instead of the one for eval.")
@click.option("--print-after-all", is_flag=True, help="Print the graph after each pass.")
@guarded
def command(
    path: str,
    defines: tuple[str, ...],
    binds: tuple[str, ...],
    passes: str | None,
    level: int | None,
    training: bool,
    print_after_all: bool,
) -> None:
    """Run passes over a spec and print the graph as .cc text."""
    line = CommandLine("opt", path, {"-D": defines, "--bind": binds, "--passes": [passes] if passes is not None else []})
    names = chosen(line, passes, level)
    findings = Findings()
    graph = api.load_model(path, parameters(line), training=training, bind=bindings(line), findings=findings)
    tell(api.distinct(findings.items))

    shown: list[str] = []

    def show(name: str, after: Graph) -> None:
        shown.append(name)
        click.echo(f"# after {name}\n{api.print(after).rstrip()}\n")

    result = api.optimize(graph, names, on_pass=show if print_after_all else None)
    if not shown:
        click.echo(api.print(result).rstrip())
