"""`chunkc.lock`: what each handle of a spec stood for when it was locked, sorted, so that a diff tells what changed.

version = 1

[handles."models/edges@stable#encoder"]
kind = "weights"
location = "models/edges@v2#encoder"
bytes = 16781312
sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

[handles."hf:org/repo@main#layers.3"]
kind = "weights"
location = "hf:org/repo@8f0d3c…#layers.3"
bytes = 67125248
sha256 = "…"
files."model.safetensors.index.json" = "sha256:…"
files."model-00002-of-00004.safetensors" = "sha256:…"
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, get_args

from ..compiler.diagnostics import Findings
from ..compiler.loading.handles import refused
from ..compiler.loading.places import Kind, Resolved
from ..compiler.source import Source
from ..compiler.toml_places import Places, places_of
from .names import is_digest, shown
from .tables import read_toml, string

NAME = "chunkc.lock"
VERSION = 1
HEADER = "# What the handles of the specs in this folder stand for. Written by `chunkc lock`.\n"


@dataclass(frozen=True, slots=True)
class Entry:
    """What one handle stood for. `files`: the sha256 of each, by its name there; of what has a manifest in a store, none."""

    kind: str
    location: str
    bytes: int
    sha256: str
    files: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, found: Resolved, files: Mapping[str, str]) -> Entry:
        return cls(found.kind, found.location, found.bytes, found.sha256, dict(sorted(files.items())))

    def said(self) -> str:
        """What it is, in a message: the same for all members of an array."""
        return f"{self.location.partition('#')[0]} of sha256 {self.sha256 or 'unknown'}"


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock as it was read from `path`: entries by the text of their handles."""

    path: str
    entries: Mapping[str, Entry]

    def check(self, text: str, found: Entry) -> None:
        """CC1432 where a handle stands for something else than when it was locked; nothing is said of one that is not locked."""
        locked = self.entries.get(text)
        if locked is None or locked == found:
            return
        was, now = locked.said(), found.said()
        if was == now:
            was, now = (f"{one.kind}, {one.bytes:,} bytes, {', '.join(one.files) or 'no files'}" for one in (locked, found))
        message = f"`{self.path}` locks {was}; found {now}"
        hint = "if that is meant, `chunkc lock SPEC --update`; else put back what was there"
        raise refused("CC1432", message, text, label="not what was locked", hint=hint)


def beside(folder: Path) -> Path:
    """Where the lock of a spec's folder lies."""
    return folder / NAME


def read_lock(path: Path) -> Lock | None:
    """The lock in a file, None where there is none. CC1433 with all that is wrong with it, line by line."""
    try:
        raw, source = read_toml(path, "CC1433", AGAIN)
    except FileNotFoundError:
        return None
    wrong = _Wrong(source)
    if raw.get("version") != VERSION:
        wrong.add(("version",), f"a lock that is read here begins with `version = {VERSION}`")
    for key in sorted(raw.keys() - {"version", "handles"}):
        wrong.add((key,), f"a lock has `version` and a table `handles`, and no `{shown(key)}`")
    rows = raw.get("handles", {})
    if not isinstance(rows, dict):
        wrong.add(("handles",), "`handles` is no table")
        rows = {}
    entries = {text: entry for text, row in rows.items() if (entry := _entry(text, row, wrong))}
    wrong.found.check()
    return Lock(str(path), entries)


@dataclass
class _Wrong:
    """What is wrong with a lock, each thing at its place in the text, which is looked for when something is."""

    source: Source
    found: Findings = field(default_factory=Findings)

    @cached_property
    def places(self) -> Places:
        return places_of(self.source)

    def add(self, path: tuple[str, ...], message: str) -> None:
        self.found.error("CC1433", message, self.places.value(path), hint=AGAIN)


def _entry(text: str, row: Any, wrong: _Wrong) -> Entry | None:
    kinds: Mapping[str, type] = {"kind": str, "location": str, "bytes": int, "sha256": str}
    said = isinstance(row, dict) and all(type(row.get(key)) is kind for key, kind in kinds.items())
    if not said or set(row) - {*kinds, "files"} or row["kind"] not in get_args(Kind) or row["bytes"] < 0:
        wrong.add(("handles", text), f"the entry of `{shown(text)}` does not say `kind`, `location`, `bytes` and `sha256` alone")
        return None
    files = row.get("files", {})
    pins: list[Any] = [f"sha256:{row['sha256']}"] if row["sha256"] else []  # what is `py:` has none
    pins += list(files.values()) if isinstance(files, dict) else [None]
    if not all(isinstance(pin, str) and pin.startswith("sha256:") and is_digest(pin[7:]) for pin in pins):
        wrong.add(("handles", text), f"the entry of `{shown(text)}` has what is no sha256")
        return None
    plain = {name: pin[7:] for name, pin in files.items()}
    return Entry(row["kind"], row["location"], row["bytes"], row["sha256"], plain)


AGAIN = "put it back as it was, or delete it and lock the specs of its folder again: `chunkc lock SPEC`"


def text_of(entries: Mapping[str, Entry]) -> str:
    """The entries as TOML, sorted."""
    parts = [HEADER, f"version = {VERSION}\n"]
    for text, entry in sorted(entries.items()):
        parts.append(f"\n[handles.{string(text)}]\n")
        parts.append(f"kind = {string(entry.kind)}\nlocation = {string(entry.location)}\n")
        parts.append(f"bytes = {entry.bytes}\nsha256 = {string(entry.sha256)}\n")
        parts += [f"files.{string(name)} = {string(f'sha256:{pin}')}\n" for name, pin in sorted(entry.files.items())]
    return "".join(parts)
