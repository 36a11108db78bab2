"""Collects `<pass>/<case>.cc` beside this file: golden files, run as `chunkc test` runs them (`cli/golden.py`).

`--update-golden` writes again what they expect.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

import pytest

from chunkc.cli.golden import run_golden


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    return Golden.from_parent(parent, path=file_path) if file_path.suffix == ".cc" else None


class Golden(pytest.File):
    def collect(self) -> Iterable[pytest.Item]:
        yield Case.from_parent(self, name=self.path.parent.name)


class Failed(AssertionError):
    """The pass did not do what the file says."""


class Case(pytest.Item):
    """One file: the item's name is the pass."""

    def runtest(self) -> None:
        with contextlib.chdir(self.config.rootpath):  # files that options name stand there
            outcome = run_golden(str(self.path), update=self.config.getoption("--update-golden"))
        if outcome.status == "failed":
            raise Failed(outcome.message)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException]) -> str:  # type: ignore[override]
        return str(excinfo.value) if isinstance(excinfo.value, Failed) else str(super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, f"{self.name}/{self.path.name}"
