"""Finding and reading `.cc` files."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from ..compiler.diagnostics import CompileError, Diagnostic, Label
from ..compiler.source import NOWHERE


def find_specs(paths: Iterable[str]) -> list[str]:
    """The files among the paths, and every `.cc` file in the folders among them, each once; hidden folders are left out."""
    found: dict[str, None] = {}
    for given in paths:
        path = Path(given)
        if path.is_dir():
            found.update((str(p), None) for p in sorted(path.rglob("*.cc")) if p.is_file() and not _hidden(p.relative_to(path)))
        else:
            found[given] = None
    return list(found)


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def read_text(path: str) -> str:
    """A file's text (stdin's for `-`) with its line ends as they are; `CompileError` if it is not UTF-8."""
    data = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        name = "stdin" if path == "-" else f"`{path}`"
        finding = Diagnostic("CC0701", f"{name} is not UTF-8 text (byte {error.start})", (Label(NOWHERE),))
        raise CompileError([finding]) from error
