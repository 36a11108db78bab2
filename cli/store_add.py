"""`chunkc store add FILE --as NAME@VERSION`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ..store.adding import add
from ..store.manifest import Manifest
from ..store.names import name_and_version
from .report import guarded
from .store_option import store_at, store_option


@click.command()
@click.argument("file")
@click.option("--as", "named", metavar="NAME@VERSION", required=True, help="What it is called from now on.")
@click.option("--weights", metavar="FILE", help="Of a .cc file: the safetensors file of its parameters, by path.")
@store_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@guarded
def command(file: str, named: str, weights: str | None, folder: str | None, as_json: bool) -> None:
    """Store FILE (.safetensors, .cc, .onnx or .pt2) as a version, which never changes.

    A .cc file is stored with the weights of its model: they must fit its parameters.
    """
    name, version = name_and_version(named)
    store = store_at(folder)
    if file.endswith(".cc"):
        from .store_programs import fitting

        fitting(Path(file), Path(weights) if weights else None, store)
    show(add(store, file, name, version, weights), as_json)


def show(manifest: Manifest, as_json: bool) -> None:
    """What was stored, in a line."""
    if as_json:
        click.echo(json.dumps(as_values(manifest)))
    else:
        click.echo(f"{manifest.location}  {manifest.kind}  {manifest.bytes:,} bytes  sha256:{manifest.sha256}")


def as_values(manifest: Manifest) -> dict[str, object]:
    """A version as JSON values."""
    return {
        "name": manifest.name,
        "version": manifest.version,
        "kind": manifest.kind,
        "sha256": manifest.sha256,
        "bytes": manifest.bytes,
        "parts": {name: {"sha256": part.blob.sha256, "bytes": part.blob.bytes} for name, part in manifest.parts.items()},
    }
