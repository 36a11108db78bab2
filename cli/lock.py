"""`chunkc lock SPEC`: what the handles of a spec stand for, written down."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import click

from .. import api
from ..compiler.diagnostics import CompileError, Diagnostic, Findings
from ..compiler.loading.handles import parse_handle
from ..compiler.loading.places import Resolved
from ..compiler.loading.signatures import stored_handles
from ..grammar import elaborate
from ..store.lockfile import Entry, Lock, beside, read_lock, text_of
from ..store.resolver import Resolver, resolver_for
from .arguments import CommandLine, bindings, parameters, spec_options
from .report import guarded, progress, table, tell
from .store_verify import counted


@click.command()
@click.argument("path", metavar="SPEC")
@spec_options
@click.option("--store", "folder", metavar="DIR", help="The store; else $CHUNKC_STORE, else chunkc-store beside the spec.")
@click.option("--weights", default="", metavar="HANDLE", help="Of the whole model, as it will be given to it.")
@click.option("--update", is_flag=True, help="Take what the handles stand for now, whatever was locked.")
@click.option("--offline", is_flag=True, help="Fetch nothing.")
@click.option("--allow-python", is_flag=True, help="Let `py:` handles be: what runs the spec imports their modules.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@guarded
def command(
    path: str,
    defines: tuple[str, ...],
    binds: tuple[str, ...],
    folder: str | None,
    weights: str,
    update: bool,
    offline: bool,
    allow_python: bool,
    as_json: bool,
) -> None:
    """Write what the externs and `from` handles of SPEC stand for to `chunkc.lock` beside it: location, size and sha256.

    What is locked already has to stand for the same, unless --update. Entries of other specs of the folder stay.
    """
    options: dict[str, Sequence[str]] = {"-D": defines, "--bind": binds}
    line = CommandLine("lock", path, options)
    given, bound, file = parameters(line), bindings(line), beside(Path(path).parent)
    resolver = resolver_for(path, folder, offline=offline, allow_python=allow_python, locked=not update)
    entries = handles_of(path, given, bound, weights, resolver)
    with alone(file.parent):
        before = read_lock(file)
        known = before.entries if before else {}
        if before and not update:
            held(before, entries)
        if text_of({**known, **entries}) != text_of(known) or before is None:
            write(file, text_of({**known, **entries}))
    show(entries, known, file, as_json)


@dataclass
class Recording:
    """A resolver that keeps what it was asked for."""

    inner: Resolver
    entries: dict[str, Entry] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)

    def resolve(self, handle: str) -> Resolved:
        if parse_handle(handle).scheme not in ("", "file") and handle not in self.entries:
            progress(f"looking for {handle}")
        try:
            found, self.entries[handle] = self.inner.entry(handle)
        except CompileError:
            self.missing.add(handle)
            raise
        return found


def handles_of(
    path: str, params: Mapping[str, object], bind: Mapping[str, str], weights: str, resolver: Resolver
) -> dict[str, Entry]:
    """What each handle stands for that a spec asks for, itself or by a model that is stored, in eval and in training. What it
    can do without, and is missing, is told and left out."""
    asked, told = Recording(resolver), list[Diagnostic]()
    for training in (False, True):
        findings = Findings()
        graph = elaborate.load(
            path, params=dict(params), training=training, bind=dict(bind), resolver=asked, weights=weights, findings=findings
        )
        for handle in stored_handles(graph, weights).values():
            if handle not in asked.entries and handle not in asked.missing:  # of a chunk that is never called
                asked.resolve(handle)
        told += findings.items
    tell(api.distinct(told))
    return dict(sorted(asked.entries.items()))


def held(lock: Lock, entries: Mapping[str, Entry]) -> None:
    """`CompileError` with every handle that stands for something else than is locked."""
    found: list[Diagnostic] = []
    for text, entry in entries.items():
        try:
            lock.check(text, entry)
        except CompileError as error:
            found += error.diagnostics
    if found:
        raise CompileError(found)


NO_LOCKS = (errno.EBADF, errno.ENOLCK, errno.EOPNOTSUPP)
"""What file systems say that know no locks of folders, as NFS does not."""


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Holds a folder: of several that lock specs of it at once, none overwrites what another has added meanwhile."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
        yield
    finally:
        os.close(handle)


def write(path: Path, text: str) -> None:
    """A file anew, whole or not at all."""
    try:
        handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(draft, 0o644)
        os.replace(draft, path)
    except BaseException:
        os.unlink(draft)
        raise


def show(entries: Mapping[str, Entry], known: Mapping[str, Entry], file: Path, as_json: bool) -> None:
    """The entries, and in a word what became of the lock."""
    if as_json:
        click.echo(json.dumps({"lock": str(file), "handles": {text: asdict(entry) for text, entry in entries.items()}}, indent=2))
    else:
        columns = ("handle", "kind", "stands for", "bytes", "sha256")
        rows = [(text, one.kind, one.location, f"{one.bytes:,}", one.sha256 or "-") for text, one in entries.items()]
        table(columns, rows)
    new = sum(text not in known for text in entries)
    changed = sum(text in known and known[text] != entry for text, entry in entries.items())
    others = len(known.keys() - entries.keys())
    kept = f"; {others} of others kept" if others else ""
    progress(f"{file}: {counted('handle', len(entries))}, {new} new, {changed} changed{kept}")
