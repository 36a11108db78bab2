"""The tables of a store: `index.toml`, `aliases.toml`, `fetched.toml`. One line an entry, sorted, so that a diff tells what
changed and a person can edit them.

    ["models/edges"]                            # index.toml: a version, and the manifest that it is
    v1 = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

    ["models/edges"]                            # aliases.toml: an alias, and the version or alias that it stands for
    stable = "v1"
"""

from __future__ import annotations

import json
import os
import re
import stat
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ..compiler.diagnostics import CompileError, Diagnostic, Findings, Label
from ..compiler.loading.handles import refused
from ..compiler.source import Source, Span
from ..compiler.toml_places import Places, decode_error, places_of
from .blobs import replace_text
from .names import is_digest, is_name, is_version, shown

Rows = dict[str, dict[str, str]]
_BARE = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Table:
    """A file as it was read. `rows`: by name, by version or alias; of each entry the `places` tell where it stands."""

    rows: Mapping[str, Mapping[str, str]]
    source: Source
    stamp: tuple[int, ...] | None

    @cached_property
    def places(self) -> Places:
        """Found when something is to be said of them: that takes longer than reading."""
        return places_of(self.source)

    def span(self, name: str, key: str) -> Span:
        """Where an entry's value stands."""
        return self.places.value((name, key))


@dataclass
class TableFile:
    """One of the files, read again where it has changed. `header`: the comment that it begins with; `value`: what is wrong with a
    value, or nothing."""

    root: Path
    name: str
    header: str
    value: Callable[[str], str]
    is_name: Callable[[str], bool] = is_name
    _read: Table | None = None

    @property
    def path(self) -> Path:
        return self.root / self.name

    def stamp(self) -> tuple[int, ...] | None:
        """What changes when the file is replaced: cheap enough for each call. None: there is none."""
        try:
            found = os.stat(self.path)
        except FileNotFoundError:
            return None
        return (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)

    def read(self) -> Table:
        """The table as it is now. CC1401 with all that is wrong with it."""
        stamp, known = self.stamp(), self._read
        if known is None or known.stamp != stamp:
            self._read = known = self._parsed(stamp)
        return known

    def write(self, rows: Mapping[str, Mapping[str, str]]) -> None:
        """Puts other rows in the file. Who calls holds the lock `tables` since they were read."""
        replace_text(self.root, self.path, self.header + text_of(rows))

    def _parsed(self, stamp: tuple[int, ...] | None) -> Table:
        raw, source = ({}, Source(str(self.path), "")) if stamp is None else read_toml(self.path, "CC1401", REPAIRED)
        table, found = Table(raw, source, stamp), Findings()
        for name, entries in table.rows.items():
            self._check(name, entries, table, found)
        found.check()
        return table

    def _check(self, name: str, entries: object, table: Table, found: Findings) -> None:
        if not self.is_name(name) or not isinstance(entries, dict):
            found.error("CC1401", f"no table of entries is called `{shown(name)}` here", table.places.key((name,)), hint=REPAIRED)
            return
        for key, value in entries.items():
            if not is_version(key):
                found.error("CC1401", "this is no version or alias", table.places.key((name, key)), hint=REPAIRED)
            why = self.value(value) if isinstance(value, str) else "this is no text"
            if why:
                found.error("CC1401", why, table.places.value((name, key)), hint=REPAIRED)


REPAIRED = "correct the line, or delete it: no blob is lost by that until `chunkc store gc`"


def read_toml(path: Path, code: str, hint: str) -> tuple[dict[str, Any], Source]:
    """What a file of TOML says, and its text; `code` at the place where it is none, `FileNotFoundError` where it is not there."""
    if not stat.S_ISREG(os.stat(path).st_mode):  # a pipe would be waited for
        raise refused(code, f"`{path}` is no file", str(path), hint="move away what stands in its place", what="file")
    data = path.read_bytes()
    source = Source(str(path), data.decode("utf-8", "replace"))
    try:
        return tomllib.loads(data.decode("utf-8")), source
    except UnicodeDecodeError as error:
        message, span = f"it is not UTF-8 text (byte {error.start})", Span(source, 0, 1)
        raise CompileError([Diagnostic(code, message, (Label(span),), hint)]) from error
    except (ValueError, RecursionError) as error:
        message, span = decode_error(error, source)
        raise CompileError([Diagnostic(code, f"no TOML: {message}", (Label(span),), hint)]) from error


def is_pin(value: str) -> str:
    """What is wrong with a value that should be `sha256:…`."""
    return "" if value.startswith("sha256:") and is_digest(value[7:]) else "this is no `sha256:` with 64 hexadecimal digits"


def is_target(value: str) -> str:
    """What is wrong with a value that should be a version or an alias."""
    return "" if is_version(value) else "this is no version or alias"


def text_of(rows: Mapping[str, Mapping[str, str]]) -> str:
    """The rows as TOML, in order."""
    parts = [f"\n[{quoted(name)}]\n" + "".join(lines(entries)) for name, entries in sorted(rows.items()) if entries]
    return "".join(parts)


def lines(entries: Mapping[str, str]) -> list[str]:
    """A line an entry, in order."""
    return [f"{quoted(key)} = {string(value)}\n" for key, value in sorted(entries.items())]


def quoted(key: str) -> str:
    """A key of TOML."""
    return key if _BARE.fullmatch(key) else string(key)


def string(text: str) -> str:
    """A string of TOML: JSON's, but that DEL is escaped too."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
