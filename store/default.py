"""Which store is meant where none is said."""

from __future__ import annotations

import os
from pathlib import Path

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
