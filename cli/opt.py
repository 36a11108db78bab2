"""`chunkc opt`: passes over a graph, printed as `.cc` text."""

from __future__ import annotations

import re

import click

from .. import api
from ..compiler.diagnostics import Findings, did_you_mean
from ..compiler.ir import Graph
from ..compiler.plan import plan_text
from ..passes import pipeline
from ..passes.lower_plan import LowerPlan
from .arguments import CommandLine, F, bindings, model_options, parameters
from .report import guarded, tell

LEVELS = [name.removeprefix("O") for name in pipeline.PIPELINES]


def pass_options(command: F) -> F:
    """The options that choose passes."""
    level = click.option("-O", "level", type=click.Choice(LEVELS), help="0 runs no passes, the highest level the default ones.")
    passes = click.option("--passes", metavar="A,B", help="The passes to run, in this order.")
    return passes(level(command))


def chosen(line: CommandLine, passes: str | None, level: str | None, *, last: str = "") -> list[str] | None:
    """The names of the passes to run, None for the default ones; `last` is one more that may stand at the end.

    `CompileError` with all that are not known, or stand behind `last`.
    """
    if passes is None:
        return None if level is None else list(pipeline.PIPELINES[f"O{level}"])
    if level is not None:
        raise click.UsageError("give --passes or -O, not both")
    known = [*pipeline.PASSES, *([last] if last else [])]
    found: list[str] = []
    for _, span in line.spans("--passes"):
        for match in re.finditer(r"[^,\s]+", span.text):
            place = line.span(span.start + match.start(), span.start + match.end())
            if match[0] not in known:
                hint = did_you_mean(match[0], known) or f"there are {', '.join(known)}"
                line.findings.error("CC0709", f"there is no pass `{match[0]}`", place, label="not known", hint=hint)
            elif last in found:
                line.findings.error("CC0709", f"`{last}` makes a plan, which no pass can follow", place, label="too late")
            found.append(match[0])
    line.findings.check()
    return found


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
    level: str | None,
    training: bool,
    print_after_all: bool,
) -> None:
    """Run passes over a spec and print the graph as .cc text; `lower-plan`, which may come last, prints the plan's steps."""
    line = CommandLine("opt", path, {"-D": defines, "--bind": binds, "--passes": [passes] if passes is not None else []})
    names = chosen(line, passes, level, last=LowerPlan.name)
    plan = names is not None and names[-1:] == [LowerPlan.name]
    findings = Findings()
    graph = api.load_model(path, parameters(line), training=training, bind=bindings(line), findings=findings)
    tell(api.distinct(findings.items))

    shown: list[str] = []

    def show(name: str, after: Graph) -> None:
        shown.append(name)
        click.echo(f"# after {name}\n{api.print(after).rstrip()}\n")

    result = api.optimize(graph, names[:-1] if names and plan else names, on_pass=show if print_after_all else None)
    if plan:
        click.echo(plan_text(LowerPlan().apply(result)).rstrip())
    elif not shown:
        click.echo(api.print(result).rstrip())
