"""`chunkc opt`: passes over a graph, printed as `.cc` text."""

from __future__ import annotations

import click

from .. import api
from ..compiler.diagnostics import Findings
from ..compiler.plan import plan_text
from ..passes.lower_plan import LowerPlan
from ..passes.manager import Step
from .arguments import CommandLine, bindings, model_options, parameters
from .passes import chosen, given, pass_options
from .report import guarded, tell


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
    line = CommandLine("opt", path, {"-D": defines, "--bind": binds, **given(passes)})
    stages = chosen(line, passes, level, plan=True)
    plan = bool(stages) and isinstance(stages[-1], LowerPlan)
    findings = Findings()
    graph = api.load_model(path, parameters(line), training=training, bind=bindings(line), findings=findings)
    tell(api.distinct(findings.items))

    shown: list[Step] = []

    def show(step: Step) -> None:
        shown.append(step)
        click.echo(f"# after {step.name}\n{api.print(step.after).rstrip()}\n")

    result = api.optimize(graph, stages[:-1] if plan else stages, on_pass=show if print_after_all else None)
    if plan:
        click.echo(plan_text(LowerPlan().apply(result)).rstrip())
    elif not shown:
        click.echo(api.print(result).rstrip())
