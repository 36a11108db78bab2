"""Files: read, parsed once, `use` followed within the folder of the main file, the standard library beneath them all."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from ...compiler.diagnostics import Abort, Findings, did_you_mean
from ...compiler.source import NOWHERE, Source, Span
from .. import tree
from ..parse import parse
from .env import Scope, label
from .limits import LONGEST_FILE, MOST_FILES
from .values import Template

STANDARD = Path(__file__).parents[2] / "specs" / "std.cc"


@dataclass
class Library:
    """The files of one elaboration."""

    findings: Findings
    root: Path
    closed: bool = False
    """A stored text, which stands alone."""
    chunks: list[tuple[Scope, tree.Chunk]] = field(default_factory=list)
    known: dict[Path, tuple[tree.File, Scope]] = field(default_factory=dict)
    reading: list[Path] = field(default_factory=list)

    def open(self, path: Path, place: Span | None = None) -> tuple[tree.File, Scope]:
        """A file and the names of its models; read once."""
        key = path.resolve()
        if key in self.reading:
            raise self.findings.error(
                "CC0206", f"`{path.name}` uses itself", place or NOWHERE, hint="move what both need to a third file"
            )
        if key not in self.known:
            if len(self.known) >= MOST_FILES:
                raise self.findings.error("CC1001", f"more than {MOST_FILES} files are used", place or NOWHERE)
            self.reading.append(key)
            try:
                self.known[key] = self._read(path, place)
            finally:
                self.reading.pop()
        return self.known[key]

    def _read(self, path: Path, place: Span | None) -> tuple[tree.File, Scope]:
        try:
            if path.stat().st_size > LONGEST_FILE or not path.is_file():
                message = f"`{path.name}` is no file of at most {LONGEST_FILE >> 20} MiB"
                raise self.findings.error("CC0207", message, place or Span(Source(str(path), ""), 0, 0))
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as problem:
            where = place or Span(Source(str(path), ""), 0, 0)
            raise self.findings.error("CC0207", f"`{path}` is not UTF-8 text: {problem.reason}", where) from None
        except OSError as problem:
            if place is None:
                raise
            raise self.findings.error("CC0207", f"cannot read `{path.name}`: {problem.strerror}", place) from None
        return self.enter(parse(Source(str(path), text), self.findings), path.parent)

    def enter(self, file: tree.File, folder: Path) -> tuple[tree.File, Scope]:
        """The names that a parsed file declares and uses."""
        scope = Scope(parent=standard())
        for item in file.items:
            try:
                if isinstance(item, tree.Use):
                    self._use(scope, item, folder)
                elif isinstance(item, tree.Model):
                    self._declare(scope, item.name, Template(item, scope))
                elif isinstance(item, tree.Chunk):
                    self.chunks.append((scope, item))
            except Abort:
                continue
        return file, scope

    def _use(self, scope: Scope, item: tree.Use, folder: Path) -> None:
        if self.closed:
            hint = "write what it uses into it"
            raise self.findings.error("CC0207", "a stored text uses no other file", item.path.span, hint=hint)
        if "\0" in item.path.value:
            raise self.findings.error("CC0207", "no file has a name with a null character", item.path.span)
        target = (folder / item.path.value).resolve()
        if Path(item.path.value).is_absolute() or not target.is_relative_to(self.root):
            raise self.findings.error("CC0207", f"`{item.path.value}` lies outside the folder of the main file", item.path.span)
        file, inner = self.open(target, item.path.span)
        for name, (value, _) in inner.names.items():
            if isinstance(value, Template) and value.scope is inner:
                self._declare(scope, tree.Name(item.span, name), value)
        for home, chunk in list(self.chunks):
            if home is inner and chunk in file.items:
                self.chunks.append((scope, chunk))

    def _declare(self, scope: Scope, name: tree.Name, value: Template) -> None:
        if name.text in scope.names:
            also = [label(scope.names[name.text][1], "first declared here")]
            raise self.findings.error("CC0202", f"there are two models `{name.text}`", name.span, also=also)
        scope.names[name.text] = (value, name.span)


@lru_cache(maxsize=1)
def standard() -> Scope:
    """The names of `std.cc`."""
    findings = Findings()
    file = parse(Source("std.cc", STANDARD.read_text(encoding="utf-8")), findings)
    findings.check()
    scope = Scope()
    for item in file.items:
        assert isinstance(item, tree.Model)
        scope.names[item.name.text] = (Template(item, scope), item.name.span)
    return scope


def main_model(findings: Findings, file: tree.File, wanted: str | None) -> tree.Model:
    """The model that a file is about: the one asked for, or its last."""
    models = [item for item in file.items if isinstance(item, tree.Model)]
    if not models:
        if findings.errors:
            raise Abort  # it may stand in what was left out
        raise findings.error("CC0208", "the file has no model", Span(file.span.source, 0, 0), hint="write `model name { … }`")
    if wanted is None:
        return models[-1]
    for model in models:
        if model.name.text == wanted:
            return model
    hint = did_you_mean(wanted, [model.name.text for model in models])
    raise findings.error("CC0208", f"the file has no model `{wanted}`", Span(file.span.source, 0, 0), hint=hint)
