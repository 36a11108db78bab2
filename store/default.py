"""Which store is meant where none is said."""

from __future__ import annotations

import os
from pathlib import Path

from ..compiler.loading.handles import refused
from .store import Store

FOLDER = "chunkc-store"
VARIABLE = "CHUNKC_STORE"


def store_for(given: str | Path | None, folder: str | Path = ".") -> Store | None:
    """The store that is given; else that of `$CHUNKC_STORE`; else the folder `chunkc-store` in `folder`, if it is there."""
    named = given or os.environ.get(VARIABLE)
    if named:
        return Store(named)
    beside = Path(folder) / FOLDER
    return Store(beside) if beside.is_dir() else None


def needed_store(given: str | Path | None, folder: str | Path = ".") -> Store:
    """The same; CC1427 where there is none."""
    found = store_for(given, folder)
    if found is None:
        raise refused("CC1427", "no store is given, and none lies here", str(folder), hint=GIVE_ONE, what="folder")
    return found


GIVE_ONE = "give one by `--store DIR`, `store=` or CHUNKC_STORE, or make the folder `chunkc-store` beside the spec"
