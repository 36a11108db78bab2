"""`chunkc store verify`."""

from __future__ import annotations

import json

import click

from ..compiler.render import render_json
from ..store.verifying import verify
from .report import FINDINGS, guarded, progress, tell
from .store_option import store_at, store_option


@click.command()
@store_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@guarded
def command(folder: str | None, as_json: bool) -> None:
    """Check every blob's content, every manifest and every alias; tell all that is wrong. Exit status 1 if anything is."""
    read = 0

    def told(count: int) -> None:
        nonlocal read
        if (read + count) >> 32 > read >> 32:
            progress(f"{(read + count) >> 30} GiB read")
        read += count

    found = verify(store_at(folder), told)
    if as_json:
        values = {"blobs": found.blobs, "bytes": found.bytes, "versions": found.versions, "aliases": found.aliases}
        click.echo(json.dumps({**values, "findings": render_json(found.findings)}, indent=2))
    else:
        tell(found.findings)
        verdict = f"{len(found.findings)} wrong" if found.findings else "all as written"
        counts = {"version": found.versions, "alias": found.aliases, "blob": found.blobs, "byte": found.bytes}
        click.echo(f"{', '.join(counted(*each) for each in counts.items())}: {verdict}")
    if found.findings:
        raise click.exceptions.Exit(FINDINGS)


def counted(noun: str, count: int) -> str:
    """`1 blob`, `2 blobs`, `2 aliases`."""
    plural = "" if count == 1 else "es" if noun.endswith("s") else "s"
    return f"{count:,} {noun}{plural}"
