"""`chunkc test`: golden files of passes, one's own and chunkc's."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

import click

from ..compiler.diagnostics import CompileError, Diagnostic
from .arguments import CommandLine
from .files import find_specs
from .golden import Outcome, run_golden
from .passes import plugin_option, plugins
from .report import FINDINGS, coloured, file_error, guarded, progress, status, tell


@click.command()
@click.argument("paths", nargs=-1, required=True)
@plugin_option
@click.option("--update-golden", is_flag=True, help="Write what is found as what is expected; read the diff before you keep it.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@guarded
def command(paths: tuple[str, ...], plugin_files: tuple[str, ...], update_golden: bool, as_json: bool) -> None:
    """Run golden files, or all .cc files in folders: a graph, a line `# ---`, and exactly what a pass makes of it.

    The pass is named by the first line, `# pass: name(option=value)`, or by the folder. Besides the text, these must hold: the
    text reads back to an equal graph, running the pass again changes nothing, and the outputs on random values do not move.
    """
    known = plugins(CommandLine("test", paths[0], {"--plugin": plugin_files}))
    outcomes: list[Outcome] = []
    wrong: list[Diagnostic] = []
    files = find_specs(paths)
    for path in files:
        try:
            outcome = run_golden(path, plugins=known, update=update_golden, colour=coloured(sys.stdout) and not as_json)
        except CompileError as error:
            wrong += error.diagnostics
            continue
        except OSError as error:
            wrong.append(file_error(error))
            continue
        outcomes.append(outcome)
        if not as_json:
            show(outcome)
    tell(wrong)
    if as_json:
        click.echo(json.dumps(as_values(outcomes, len(files)), indent=2))
    else:
        progress(in_words(outcomes, len(files)))
    failed = any(one.status == "failed" for one in outcomes)
    raise click.exceptions.Exit(max(status(wrong), FINDINGS if failed else 0))


def show(outcome: Outcome) -> None:
    """Prints what failed, and why; tells what was written anew."""
    if outcome.status == "failed":
        title = f"FAILED {outcome.path} ({outcome.passes})"
        click.echo(click.style(title, fg="red", bold=True) if coloured(sys.stdout) else title)
        click.echo(outcome.message.rstrip() + "\n")
    elif outcome.status == "updated":
        progress(f"wrote {outcome.path}")


def counts(outcomes: Sequence[Outcome], files: int) -> dict[str, int]:
    """How many files passed, failed, were written anew, could not be run, and of those that passed were not compared in value."""
    found = {name: sum(one.status == name for one in outcomes) for name in ("passed", "failed", "updated")}
    return {
        **found,
        "broken": files - len(outcomes),
        "not_compared": sum(one.status == "passed" and bool(one.message) for one in outcomes),
    }


def in_words(outcomes: Sequence[Outcome], files: int) -> str:
    """The counts in a line."""
    found = counts(outcomes, files)
    words = [f"{found['passed']} passed"] + [f"{found[name]} {name}" for name in ("failed", "updated", "broken") if found[name]]
    if found["not_compared"]:
        words.append(f"of {found['not_compared']} the values were not compared")
    return ", ".join(words)


def as_values(outcomes: Sequence[Outcome], files: int) -> dict[str, object]:
    """The outcomes as JSON values."""
    cases = [{"path": one.path, "passes": one.passes, "status": one.status, "message": one.message} for one in outcomes]
    return {**counts(outcomes, files), "cases": cases}
