"""`chunkc store gc`."""

from __future__ import annotations

import click

from ..store.collecting import collect
from .report import guarded, progress
from .store_option import store_at, store_option
from .store_verify import counted


@click.command()
@click.option("--dry-run", is_flag=True, help="Only tell what would be deleted.")
@store_option
@guarded
def command(dry_run: bool, folder: str | None) -> None:
    """Delete blobs that no version refers to, and what writers that were killed left behind.

    A version is removed by deleting its line in index.toml. What was fetched from elsewhere stays while fetched.toml has it.
    """
    found = collect(store_at(folder), lambda: progress("waiting for who is writing to the store"), dry=dry_run)
    for name in (*found.blobs, *found.drafts):
        click.echo(name)
    verb = "would go" if dry_run else "gone"
    what = f"{counted('blob', len(found.blobs))} and {counted('draft', len(found.drafts))}"
    progress(f"{what} {verb}, {counted('byte', found.bytes)}")
