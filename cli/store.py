"""`chunkc store`: chunks by name, version and content. A subcommand is a row here and a file `cli/store_NAME.py`."""

from __future__ import annotations

import click

from .lazy import LazyGroup

COMMANDS = {
    "add": "Store a file as a version.",
    "import": "Store a checkpoint, split into chunks.",
    "list": "List what is stored.",
    "alias": "Let an alias stand for a version, move or remove it.",
    "verify": "Check every blob, manifest and alias.",
    "gc": "Delete what no version refers to.",
}


@click.group(cls=LazyGroup, commands_in=COMMANDS, prefix="store_")
def command() -> None:
    """Keep chunks by name, version and content.

    The store is `--store DIR`, else `$CHUNKC_STORE`, else the folder `chunkc-store` where you are.
    """
