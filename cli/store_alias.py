"""`chunkc store alias NAME@ALIAS VERSION`."""

from __future__ import annotations

import click

from ..store.names import name_and_version
from .report import guarded
from .store_option import store_at, store_option


@click.command()
@click.argument("named", metavar="NAME@ALIAS")
@click.argument("version", required=False)
@click.option("--remove", is_flag=True, help="Remove it.")
@store_option
@guarded
def command(named: str, version: str | None, remove: bool, folder: str | None) -> None:
    """Let ALIAS stand for VERSION of NAME (or for what another alias stands for) from now on.

    Models that serve take the new version for new calls; calls that run finish on the old one.
    """
    if remove == (version is not None):
        raise click.UsageError("say the VERSION that it stands for, or --remove")
    name, alias = name_and_version(named, "alias")
    store = store_at(folder).there()
    if version is None:
        store.remove_alias(name, alias)
        click.echo(f"{name}@{alias} is removed")
    else:
        store.alias(name, alias, version)
        click.echo(f"{name}@{alias} -> {store.version(name, alias).location}")
