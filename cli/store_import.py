"""`chunkc store import SOURCE --as NAME@VERSION`."""

from __future__ import annotations

import click

from ..store.importing import import_checkpoint
from .report import guarded, progress
from .store_add import show
from .store_option import store_at, store_option


@click.command()
@click.argument("source")
@click.option("--as", "named", metavar="NAME@VERSION", required=True, help="What it is called from now on.")
@click.option("--split", default="", metavar="PATTERN", help="What is a chunk: `layers.{layer}`, several with commas, or `auto`.")
@click.option("--rename", "renames", metavar="OLD=NEW", multiple=True, help="Call tensors else: `h.{i}.mlp=layers.{i}`.")
@store_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@guarded
def command(source: str, named: str, split: str, renames: tuple[str, ...], folder: str | None, as_json: bool) -> None:
    """Store a checkpoint as a version, split into chunks by layer, sub-network or expert.

    SOURCE is a .safetensors file, a `model.safetensors.index.json` with its shards, a folder with either, `hf:org/repo@revision`
    or a URL. It is copied in pieces; memory holds one of them.
    """

    def tell(part: str, done: int, total: int) -> None:
        progress(f"{done / max(total, 1):4.0%}  {part or 'what is in no other part'}")

    pairs = [one.partition("=") for one in renames]
    rename = {old: new for old, _, new in pairs}
    if not all(equals for _, equals, _ in pairs) or len(rename) < len(pairs):
        raise click.UsageError("--rename takes OLD=NEW, each OLD once")
    show(import_checkpoint(store_at(folder), source, named, split, rename=rename, progress=tell), as_json)
