"""`chunkc explain CODE`: what a diagnostic's code means."""

from __future__ import annotations

import textwrap

import click

from ..compiler.codes import CODES
from ..compiler.diagnostics import did_you_mean
from .report import guarded


@click.command()
@click.argument("code", required=False)
@guarded
def command(code: str | None) -> None:
    """Tell what CODE (such as CC0203) means; without CODE, list all codes."""
    if code is None:
        for known, meaning in sorted(CODES.items()):
            click.echo(f"{known}  {meaning.title}")
        return
    asked = code.upper()
    if asked not in CODES:
        raise click.UsageError(f"there is no code `{code}`; {did_you_mean(asked, CODES) or '`chunkc explain` lists them'}")
    click.echo(f"{asked}: {CODES[asked].title}\n\n{filled(CODES[asked].explanation)}")


def filled(text: str, width: int = 100) -> str:
    """Paragraphs broken anew to a width; those that are indented stay as they are."""
    paragraphs = text.strip("\n").split("\n\n")
    return "\n\n".join(p.rstrip() if p.startswith(" ") else textwrap.fill(p, width, break_on_hyphens=False) for p in paragraphs)
