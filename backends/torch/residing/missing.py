"""Chunks that cannot be loaded, and that calls do without because the spec says so (`on_missing = skip | zero`)."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ....compiler.diagnostics import Diagnostic
from ....compiler.loading.places import Resolved, Unloadable
from ....compiler.loading.verified import Looks, look_at


@dataclass(frozen=True, slots=True)
class _Noted:
    """Why a chunk is missing, of which version, and how its files were then."""

    why: Diagnostic
    stored: Resolved
    files: tuple[str, ...]
    looked: Looks


class Missing:
    """Of one module. `optional`: the paths of chunks that calls can do without."""

    def __init__(self, optional: Collection[str]) -> None:
        self.optional = frozenset(optional)
        self.lock = threading.Lock()
        self.known: dict[str, _Noted] = {}
        self.here = threading.local()
        """What the last call of a thread ran on."""

    def now(self, snapshot: Mapping[str, Resolved]) -> frozenset[str]:
        """What a call that begins now does without: nothing whose version or whose files have changed since they were missed."""
        self.here.snapshot = snapshot
        if not self.optional:
            return frozenset()
        with self.lock:
            for path, one in list(self.known.items()):
                if snapshot.get(path) is not one.stored or look_at(one.files) != one.looked:
                    del self.known[path]
            return frozenset(self.known).union(self.optional.difference(snapshot))

    def note(self, error: Unloadable, files: Collection[str]) -> str | None:
        """The chunk to be done without from now on, where one that could not be loaded is in it. Says so, once."""
        around = (one for one in self.optional if f"{error.path}.".startswith(f"{one}."))
        path = max(around, key=len, default=None)
        snapshot: Mapping[str, Resolved] = getattr(self.here, "snapshot", {})
        if path is None or path not in snapshot:
            return None
        with self.lock:
            if path not in self.known:
                told = f"CC1454: the chunk `{path}` is missing, and calls do without it, as `on_missing` says: {error}"
                warnings.warn(told, RuntimeWarning, stacklevel=2)
            ordered = tuple(sorted({*files, *(blob.path for blob in snapshot[path].blobs)}))
            self.known[path] = _Noted(error.diagnostic, snapshot[path], ordered, look_at(ordered))
        return path

    def told(self, unresolved: Mapping[str, tuple[Diagnostic, ...]]) -> dict[str, tuple[Diagnostic, ...]]:
        """Why each missing chunk is. `unresolved`: those whose handles stand for nothing."""
        with self.lock:
            return {**unresolved, **{path: (one.why,) for path, one in self.known.items()}}

    def forget(self) -> None:
        """All are tried again."""
        with self.lock:
            self.known.clear()
