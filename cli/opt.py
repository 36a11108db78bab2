"""`chunkc opt`: passes over a graph, printed as `.cc` text, timed, compared step by step, or searched for one that is wrong."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

import click

from .. import api
from ..compiler.bodies import body_order
from ..compiler.diagnostics import Findings
from ..compiler.ir import Graph
from ..compiler.plan import plan_text
from ..passes.lower_plan import LowerPlan
from ..passes.manager import Step
from .arguments import CommandLine, bindings, model_options, outside, parameters
from .bisect import VALUES, Verdict, bisect, command_check, values_check
from .diffs import renumbered, unified
from .passes import chosen, for_target, given, pass_options, profile_option, target_options
from .report import FINDINGS, coloured, guarded, table, tell


@click.command()
@click.argument("path")
@model_options
@pass_options
@profile_option
@target_options
@click.option("--training", is_flag=True, help="The graph for training instead of the one for eval.")
@click.option("--print-after-all", is_flag=True, help="Print what each pass changed, as a diff.")
@click.option("--full", is_flag=True, help="With --print-after-all, the whole graph after each pass.")
@click.option("--time-passes", is_flag=True, help="Tell the processor time of each pass, and what it changed, on stderr.")
@click.option("--verify-each", is_flag=True, help="Verify the graph after each pass, not the last one only.")
@click.option("--bisect", "check", metavar="CMD", help="First pass after which CMD fails ({}: a file), or `values` move.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@guarded
def command(
    path: str,
    defines: tuple[str, ...],
    binds: tuple[str, ...],
    plugin_files: tuple[str, ...],
    profile_file: str | None,
    passes: str | None,
    level: str | None,
    target: str | None,
    dims: tuple[str, ...],
    training: bool,
    print_after_all: bool,
    full: bool,
    time_passes: bool,
    verify_each: bool,
    check: str | None,
    as_json: bool,
) -> None:
    """Run passes over a spec and print the graph as .cc text; `lower-plan`, which may come last, prints the plan's steps."""
    line = CommandLine("opt", path, {"-D": defines, "--bind": binds, "--dims": dims, **given(passes, plugin_files)})
    stages = chosen(line, passes, level, profile_file, plan=True)
    plan = bool(stages) and isinstance(stages[-1], LowerPlan)
    if check is not None and (plan or print_after_all):
        raise click.UsageError("--bisect prints its finding only: leave out --print-after-all and lower-plan")
    findings = Findings()
    graph = api.load_model(path, parameters(line), training=training, bind=bindings(line), findings=findings, outside=outside())
    tell(api.distinct(findings.items))
    stages = for_target(stages, graph, line, target)

    steps: list[Step] = []

    def done(step: Step) -> None:
        steps.append(step)
        if print_after_all and not as_json:
            show(step, full)

    watched = done if print_after_all or time_passes or as_json or check is not None else None
    result = api.optimize(graph, stages[:-1] if plan else stages, on_pass=watched, verify_each=verify_each)
    if check is not None:
        found = search(graph, steps, check, as_json)
        raise click.exceptions.Exit(FINDINGS if found else 0)
    shown = plan_text(LowerPlan().apply(result)) if plan else api.print(result)
    if as_json:
        click.echo(json.dumps({"plan" if plan else "graph": shown, "passes": [as_values(step) for step in steps]}, indent=2))
    elif plan or not print_after_all:
        click.echo(shown.rstrip())
    if time_passes and not as_json:
        show_times(steps)


def show(step: Step, full: bool) -> None:
    """What one step did to the text of the graph: a line, and under it the diff or the whole graph."""
    named = f"{step.name}, round {step.round}" if step.round > 1 else step.name
    before, after = api.print(step.before), api.print(step.after)
    title = f"# after {named}" + ("" if before != after else ": unchanged")
    click.echo(click.style(title, bold=True) if coloured(sys.stdout) else title)
    if full:
        click.echo(after.rstrip() + "\n")
    elif before != after:
        difference = unified(before, renumbered(before, after), f"before {named}", f"after {named}", colour=coloured(sys.stdout))
        click.echo(difference or "(another order of the same values)\n")


def size(graph: Graph) -> int:
    """The nodes of a graph and of the bodies under it, each body once."""
    return sum(len(one.nodes) for one in (graph, *body_order(graph)))


def as_values(step: Step) -> dict[str, Any]:
    """A step as JSON values."""
    return {
        "pass": step.name,
        "round": step.round,
        "milliseconds": round(1e3 * step.seconds, 3),
        "nodes_before": size(step.before),
        "nodes_after": size(step.after),
        "changed": step.changed,
    }


def show_times(steps: Sequence[Step]) -> None:
    """The table of `--time-passes`; rounds of a fixpoint are rows of their own."""
    rows = [
        (
            step.name + (f" ({step.round})" if step.round else ""),
            f"{1e3 * step.seconds:.2f}",
            str(size(step.before)),
            str(size(step.after)),
            "yes" if step.changed else "no",
        )
        for step in steps
    ]
    if steps:
        spent = f"{1e3 * sum(step.seconds for step in steps):.2f}"
        changed = "yes" if any(step.changed for step in steps) else "no"
        rows.append(("all", spent, str(size(steps[0].before)), str(size(steps[-1].after)), changed))
    table(("pass", "CPU ms", "nodes before", "nodes after", "changed"), rows, err=True)


def search(graph: Graph, steps: Sequence[Step], check: str, as_json: bool) -> bool:
    """Bisects, and tells what was found; whether the check fails anywhere."""
    given = values_check(graph) if check == VALUES else command_check(check, api.print)
    verdict = bisect(graph, steps, given)
    culprit = steps[verdict.step - 1] if verdict.step else None
    if as_json:
        found = {
            "pass": culprit.name if culprit else None,
            "step": verdict.step,
            "steps": len(steps),
            "status": verdict.status,
            "checks": verdict.checks,
        }
        click.echo(json.dumps(found, indent=2))
    else:
        click.echo(in_words(verdict, culprit, steps))
    return verdict.step is not None


def in_words(verdict: Verdict, culprit: Step | None, steps: Sequence[Step]) -> str:
    """A verdict as a sentence."""
    if verdict.step is None:
        return f"the check holds after all {len(steps)} steps"
    if culprit is None:
        return f"the check fails (exit status {verdict.status}) on the graph before any pass"
    turn = f", round {culprit.round} of its fixpoint" if culprit.round else ""
    where = f"step {verdict.step} of {len(steps)}{turn}"
    return f"{culprit.name} ({where}) is the first pass after which the check fails (exit status {verdict.status})"
