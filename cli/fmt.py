"""`chunkc fmt`: files in the one layout."""

from __future__ import annotations

import difflib
from pathlib import Path

import click

from ..compiler.diagnostics import CompileError, Diagnostic
from ..grammar.format import format_source
from .files import find_specs, read_text
from .report import FINDINGS, file_error, guarded, progress, status, tell


@click.command()
@click.argument("paths", nargs=-1, required=True)
@click.option("--check", is_flag=True, help="Change nothing; exit 1 if a file would change.")
@click.option("--diff", is_flag=True, help="Change nothing; print what would change, and exit 1 if anything would.")
@guarded
def command(paths: tuple[str, ...], check: bool, diff: bool) -> None:
    """Format files, or all .cc files in folders; `-` formats stdin to stdout."""
    found: list[Diagnostic] = []
    changed = False
    for path in ["-"] if paths == ("-",) else find_specs(paths):
        try:
            changed |= _format(path, check=check, diff=diff)
        except CompileError as error:
            found += error.diagnostics
        except OSError as error:
            found.append(file_error(error))
    tell(found)
    raise click.exceptions.Exit(max(status(found), FINDINGS if changed and (check or diff) else 0))


def _format(path: str, *, check: bool, diff: bool) -> bool:
    """Formats one file, or tells what formatting would do; whether its text changes."""
    shown = "<stdin>" if path == "-" else path
    text = read_text(path)
    new = format_source(text, shown)
    if diff:
        for line in difflib.unified_diff(text.splitlines(True), new.splitlines(True), shown, f"{shown} (formatted)"):
            click.echo(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n", nl=False)
    elif check:
        if new != text:
            progress(f"would format {shown}")
    elif path == "-":
        click.echo(new, nl=False)
    elif new != text:
        Path(path).write_text(new, encoding="utf-8", newline="\n")
        progress(f"formatted {shown}")
    return new != text
