"""`chunkc check`: everything that is wrong, at once."""

from __future__ import annotations

import json
import sys

import click

from .. import api
from ..compiler.diagnostics import Diagnostic
from ..compiler.render import render_github, render_json, render_text, summary
from .arguments import CommandLine, bindings, model_options, outside, parameters
from .files import find_specs
from .report import coloured, file_error, guarded, progress, status


@click.command()
@click.argument("paths", nargs=-1, required=True)
@model_options
@click.option("--output-format", type=click.Choice(["text", "json", "github"]), default="text", help="Form of the findings.")
@guarded
def command(paths: tuple[str, ...], defines: tuple[str, ...], binds: tuple[str, ...], output_format: str) -> None:
    """Check files, or all .cc files in folders."""
    found: list[Diagnostic] = []
    files, around = find_specs(paths), outside()
    for path in files:
        line = CommandLine("check", path, {"-D": defines, "--bind": binds})
        try:
            found += api.check_model(path, parameters(line), bind=bindings(line), outside=around)
        except OSError as error:
            found.append(file_error(error))
    if output_format == "json":
        click.echo(json.dumps(render_json(found), indent=2))
    elif output_format == "github":
        click.echo(render_github(found), nl=False)
    else:
        click.echo(render_text(found, colour=coloured(sys.stdout)), nl=False)
        progress(f"{len(files)} file{'s' * (len(files) != 1)}: {summary(found)}")
    raise click.exceptions.Exit(status(found))
