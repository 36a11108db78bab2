"""What commands share about passes: the options that choose them, read so that slips are underlined."""

from __future__ import annotations

import click

from ..passes import pipeline
from ..passes.manager import Stage
from .arguments import CommandLine, F

LEVELS = [name.removeprefix("O") for name in pipeline.PIPELINES]


def pass_options(command: F) -> F:
    """The options that choose passes."""
    level = click.option("-O", "level", type=click.Choice(LEVELS), help="0 runs no passes, the highest level the default ones.")
    passes = click.option("--passes", metavar="A,B(k=2)", help="The passes to run, in this order.")
    return passes(level(command))


def given(passes: str | None) -> dict[str, list[str]]:
    """These options as `CommandLine` shows them."""
    return {"--passes": [passes] if passes is not None else []}


def chosen(line: CommandLine, passes: str | None, level: str | None, *, plan: bool = False) -> list[Stage]:
    """The stages to run; with `plan` the last may be `lower-plan`. `CompileError` with all that is unknown or out of order."""
    if passes is not None and level is not None:
        raise click.UsageError("give --passes or -O, not both")
    if passes is None:
        return pipeline.resolve(pipeline.DEFAULT if level is None else [f"O{level}"])
    found = [one for _, span in line.spans("--passes") for one in pipeline.placed(span, line.findings, plan=plan)]
    return pipeline.ordered(found, line.findings)
