"""Collects `<pass>/<case>.cc` beside this file: a graph, a line `# ---`, and exactly what the pass of that name makes of it.

`--update-golden` writes the part below the line again. The graph is a `core`, or a model in the surface language.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

import pytest

from chunkc.compiler.equality import difference
from chunkc.grammar.elaborate import loads
from chunkc.grammar.print_core import print_graph
from chunkc.passes import pipeline

LINE = "# ---\n"


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    return Golden.from_parent(parent, path=file_path) if file_path.suffix == ".cc" else None


class Golden(pytest.File):
    def collect(self) -> Iterable[pytest.Item]:
        yield Case.from_parent(self, name=self.path.parent.name)


class Mismatch(AssertionError):
    """What the pass made is not what the file says."""


class Case(pytest.Item):
    """One file: the item's name is the pass."""

    def runtest(self) -> None:
        before, _, expected = self.path.read_text(encoding="utf-8").partition(LINE)
        graph = loads(before, path=str(self.path))
        result = pipeline.run(graph, [self.name])
        found = print_graph(result)
        if self.config.getoption("--update-golden"):
            self.path.write_text(before + LINE + found, encoding="utf-8")
            return
        if found != expected:
            lines = difflib.unified_diff(expected.splitlines(), found.splitlines(), "expected", "found", lineterm="")
            raise Mismatch("\n".join(lines))
        assert print_graph(pipeline.run(result, [self.name])) == found, "running the pass again changes its result"
        assert difference(result, loads(found)) is None

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException]) -> str:  # type: ignore[override]
        return str(excinfo.value) if isinstance(excinfo.value, Mismatch) else str(super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, f"{self.name}/{self.path.name}"
