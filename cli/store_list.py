"""`chunkc store list`."""

from __future__ import annotations

import json

import click

from ..compiler.diagnostics import CompileError, Diagnostic
from ..store.store import Store
from .report import FINDINGS, guarded, table, tell
from .store_add import as_values
from .store_option import store_at, store_option


@click.command()
@click.argument("name", required=False)
@store_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@guarded
def command(name: str | None, folder: str | None, as_json: bool) -> None:
    """List the versions that are stored, or those of NAME, with what stands for them and their content."""
    store = store_at(folder)
    if name is not None:
        name = name.partition("@")[0]
        store.versions(name)
    found: list[Diagnostic] = []
    entries = [entry for each in store.names() if name in (None, each) for entry in versions(store, each, found)]
    if as_json:
        click.echo(json.dumps(entries, indent=2))
    else:
        columns = ("version", "stands for it", "kind", "parts", "bytes", "content")
        table(columns, [line(entry) for entry in entries])
    if found:
        tell(found)
        raise click.exceptions.Exit(FINDINGS)


def versions(store: Store, name: str, found: list[Diagnostic]) -> list[dict[str, object]]:
    """The versions of a name as JSON values, without those that cannot be read, which are told."""
    entries = []
    try:
        aliases = store.aliases_of(name)
    except CompileError as error:  # what is named by its version is served, and listed
        aliases = {}
        found += [one for one in error.diagnostics if str(one) not in map(str, found)]
    for version in store.versions(name):
        try:
            values = as_values(store.version(name, version))
        except CompileError as error:
            found += error.diagnostics
        else:
            entries.append({**values, "aliases": sorted(alias for alias, ends in aliases.items() if ends == version)})
    return entries


def line(entry: dict[str, object]) -> tuple[str, ...]:
    """A version as a row."""
    aliases, parts = entry["aliases"], entry["parts"]
    assert isinstance(aliases, list) and isinstance(parts, dict)
    first = f"{entry['name']}@{entry['version']}"
    return (
        first,
        " ".join(aliases) or "-",
        str(entry["kind"]),
        str(len(parts)),
        f"{entry['bytes']:,}",
        f"sha256:{entry['sha256']}",
    )
