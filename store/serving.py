"""What the stored parts of a model are now, while it serves: an alias that moves gives a new snapshot, whole or not at all.

A call takes one snapshot and runs on it to its end. Whether anything moved is told by `stat` of the store's two tables (each
change is a new file) and of the few files that are not in the store. A snapshot is made between two equal looks at these, so
that none holds the old version of one member of an array and the new one of another.
"""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from ..compiler.diagnostics import CompileError, Diagnostic, Label
from ..compiler.loading.fitting import said
from ..compiler.loading.handles import parse_handle, place_of
from ..compiler.loading.places import Resolved
from ..compiler.loading.verified import Looks, look_at
from .blobs import place
from .resolver import Resolver
from .store import Store
from .versions import find

TRIES = 20
"""How often the tables are looked at again while somebody changes them without pause."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """A snapshot; the paths that were looked at for it and how they were (None: look again); why handles stand for nothing."""

    parts: Mapping[str, Resolved]
    watched: tuple[str, ...] = ()
    stamp: Looks | None = None
    missing: Mapping[str, tuple[Diagnostic, ...]] = field(default_factory=dict)


class Serving:
    """`compiler.loading.places.Versions` of one model. Several threads may ask at once.

    - `handles`: by the path of a chunk (`""`: the whole model);
    - `first`: the snapshot that the model was compiled with; without it what the handles stand for now, `CompileError` where one
      stands for nothing that is not `optional` (those are left out until they stand for something).

    A version that does not fit the first one (other tensors, dtypes, shapes or program), or cannot be found, is not served: the
    snapshot before stays, with a warning that says why, once for each reason.
    """

    def __init__(
        self,
        resolver: Resolver,
        handles: Mapping[str, str],
        first: Mapping[str, Resolved] | None = None,
        optional: Collection[str] = (),
    ):
        self.resolver, self.handles = resolver, dict(handles)
        self._lock, self._told = threading.Lock(), set[str]()
        self._fits: dict[str, Resolved] = {}
        seen = None if first is None else _Seen(MappingProxyType(dict(first)))
        while seen is None:
            seen = self._looked()
        wrong = [one for path, found in seen.missing.items() if path not in optional for one in found]
        if wrong:
            raise CompileError(wrong)
        self._seen = seen
        self._fits.update(seen.parts)

    def now(self) -> Mapping[str, Resolved]:
        """The snapshot: the same object as before unless something moved, and moved to what fits."""
        seen = self._seen
        if seen.stamp is None or look_at(seen.watched) != seen.stamp:
            with self._lock:
                if self._seen is seen:
                    self._move()
        return self._seen.parts

    def missing(self) -> Mapping[str, tuple[Diagnostic, ...]]:
        """Why each chunk that is not in the snapshot is not there."""
        return self._seen.missing

    def refresh(self) -> None:
        """Looks at everything again for the next call."""
        with self._lock:
            seen = self._seen
            self._seen = _Seen(seen.parts, missing=seen.missing)
            self._told.clear()

    # ---- moving

    def _move(self) -> None:
        """Takes what is there now, if all of it fits."""
        before, after = self._seen.parts, self._looked()
        if after is None:
            return  # still moving: the next call looks again
        wrong = [one for path, found in after.missing.items() if path in before for one in found]
        for path, part in after.parts.items():
            wrong += unlike(path, self._fits.get(path, part), part)
        if wrong or _same(before, after.parts):
            missing = {path: why for path, why in after.missing.items() if path not in before}
            after = _Seen(before, after.watched, after.stamp, missing)
        self._seen = after
        self._fits = {**after.parts, **self._fits}
        self._tell(wrong)

    def _tell(self, wrong: list[Diagnostic]) -> None:
        for one in wrong:
            place = "" if one.span.source.path.startswith("<") else f" ({one.span})"  # the line of a table
            hint = f"\n  hint: {one.hint}" if one.hint else ""
            text = f"{one.code}: {one.message}{place}; the version before stays{hint}"
            if text not in self._told:
                self._told.add(text)
                warnings.warn(text, RuntimeWarning, stacklevel=4)

    def _looked(self) -> _Seen | None:
        """All handles resolved between two equal looks at what they are resolved by; None: it does not stand still."""
        watched = self._tables()
        for _ in range(TRIES):
            before = look_at(watched)
            parts: dict[str, Resolved] = {}
            missing: dict[str, tuple[Diagnostic, ...]] = {}
            for path, handle in self.handles.items():
                try:
                    parts[path] = self.resolver.resolve(handle)
                except CompileError as error:
                    missing[path] = error.diagnostics
            wider = (*self._tables(), *self._files(parts, missing))
            if watched == wider and look_at(watched) == before:
                return _Seen(MappingProxyType(parts), watched, before, MappingProxyType(missing))
            watched = wider
        return None

    # ---- what is watched

    def _tables(self) -> tuple[str, ...]:
        store = self.resolver.store
        return (str(store.index.path), str(store.aliases.path)) if store else ()

    def _files(self, parts: Mapping[str, Resolved], missing: Collection[str]) -> tuple[str, ...]:
        """Files outside of the store, which may be written again; and those for want of which something is missing."""
        store = self.resolver.store
        inside = str(store.root / "blobs") + os.sep if store else "\0"
        found = {blob.path for part in parts.values() for blob in part.blobs if not blob.path.startswith(inside)}
        for path in missing:
            handle = parse_handle(self.handles[path])
            if handle.scheme == "file":
                found.add(str(self.resolver.folder / handle.name))
            elif not handle.scheme and store:
                found.update(_needed(store, handle.name, handle.version))
        return tuple(sorted(found))


def _needed(store: Store, name: str, version: str) -> list[str]:
    """The files of a version, there or not, as far as they can be told."""
    known: list[str] = []
    try:
        _, sha256 = find(store.index.read(), store.aliases.read, name, version)
        known.append(str(place(store.root, sha256)))
        known += [blob.path for blob in store.version(name, version).blobs]
    except CompileError:
        pass  # so far they can be told
    return known


def unlike(path: str, first: Resolved, part: Resolved) -> list[Diagnostic]:
    """CC1415 for all in which a version departs from the first that was served at a path of the model."""
    if part is first:
        return []
    where = f"the chunk `{path}`" if path else "the model"
    place = Label(place_of(part.handle.text), f"{part.location} now")
    wrong = []
    if part.kind != first.kind:
        wrong.append(f"is of kind {part.kind}, not {first.kind}")
    if (part.program and part.program.text) != (first.program and first.program.text):
        wrong.append("has another program")
    for name in sorted({*part.tensors, *first.tensors}):
        old, new = (said(each.tensors[name]) if name in each.tensors else "" for each in (first, part))
        if old != new:
            wrong.append(f"has `{name}` as {new}, not {old}" if old and new else f"has `{name}`" if new else f"has no `{name}`")
    hint = f"move the alias back to {first.location}, or compile the model again" if part.location != first.location else ""
    hint = hint or "put back what was there, or compile the model again"
    more = f"; and {len(wrong) - 3} more" if len(wrong) > 3 else ""
    message = f"{where} cannot take `{part.location}`, which {'; '.join(wrong[:3])}{more}"
    return [Diagnostic("CC1415", message, (place,), hint)] if wrong else []


def _same(before: Mapping[str, Resolved], after: Mapping[str, Resolved]) -> bool:
    """Whether two snapshots hold the same content."""
    return before.keys() == after.keys() and all(_content(before[path]) == _content(after[path]) for path in before)


def _content(part: Resolved) -> tuple[object, ...]:
    return (part.kind, part.sha256, part.part, part.location if part.kind == "py" else "")
