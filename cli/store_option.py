"""`--store DIR`, and the store that it means."""

from __future__ import annotations

from pathlib import Path

import click

from ..store.default import FOLDER, store_for
from ..store.store import Store

store_option = click.option("--store", "folder", metavar="DIR", help="The store; else $CHUNKC_STORE, else chunkc-store here.")


def store_at(folder: str | None) -> Store:
    """The store that is meant, there or not."""
    return store_for(folder) or Store(Path(FOLDER))
