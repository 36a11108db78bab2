"""Passes from outside: a Python file that the user names, or the entry-point group `chunkc.passes` of an installed package.

Nothing runs that was not asked for: a file because it was named, an entry point because a pass of its name is to run.
"""

from __future__ import annotations

import importlib.util
import re
import sys
import traceback
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import cast

from ..compiler.diagnostics import Findings
from ..compiler.source import Span
from .manager import Pass

GROUP = "chunkc.passes"
"""The entry-point group: `forget-names = "my_package.passes:ForgetNames"`."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_TAKEN = re.compile(r"fixpoint|O\d")
_FORM = 'a pass is a class with `name: ClassVar[str] = "my-pass"` and `apply(self, graph)`: docs/passes.md shows one'


def load_file(path: str, place: Span, findings: Findings) -> dict[str, type[Pass]]:
    """The passes that a Python file defines, by name; `CC0718` where it does not import, or has none. `place` names the file."""
    if not Path(path).is_file():
        findings.error("CC0701", f"`{path}`: no such file", place, label="to be read as a plugin")
        return {}
    name = f"chunkc_plugin_{Path(path).stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        findings.error("CC0718", f"`{path}` is no Python file", place, label="not .py", hint=_FORM)
        return {}
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up while it runs
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        findings.error("CC0718", f"`{path}` does not import: {where(error, path)}", place, label="to be read as a plugin")
        return {}
    found = _passes(module)
    if not found:
        findings.error("CC0718", f"`{path}` defines no pass", place, label="to be read as a plugin", hint=_FORM)
    for wrong in (one for one in found if not _NAME.fullmatch(one) or _TAKEN.fullmatch(one)):
        hint = "letters, digits and `-`, as in `forget-names`; `fixpoint` and the levels are taken"
        findings.error("CC0718", f"`{wrong}` is no name for a pass", place, label="in this plugin", hint=hint)
    return found


def _passes(module: ModuleType) -> dict[str, type[Pass]]:
    """The passes that a module defines itself."""
    kinds = (value for value in vars(module).values() if isinstance(value, type) and value.__module__ == module.__name__)
    return {cast("type[Pass]", kind).name: kind for kind in kinds if is_pass(kind)}


def is_pass(kind: object) -> bool:
    """Whether a class has what a pass needs: a name, and `apply`."""
    return isinstance(kind, type) and isinstance(getattr(kind, "name", None), str) and callable(getattr(kind, "apply", None))


def installed() -> dict[str, EntryPoint]:
    """The passes of installed packages, not imported yet."""
    return {one.name: one for one in entry_points(group=GROUP)}


def load_installed(name: str, entry: EntryPoint, place: Span, findings: Findings) -> type[Pass]:
    """The pass behind an entry point; `CC0718`, and `Abort`, where it does not import or is none."""
    package = entry.dist.name if entry.dist is not None else entry.value
    try:
        kind = entry.load()
    except Exception as error:
        message = f"the pass `{name}` of the package `{package}` does not import: {where(error)}"
        raise findings.error("CC0718", message, place, label="asked for here") from error
    if not is_pass(kind) or kind.name != name:
        message = f"the entry point `{entry.value}` of the package `{package}` is no pass called `{name}`"
        raise findings.error("CC0718", message, place, label="asked for here", hint=_FORM)
    found: type[Pass] = kind
    return found


def where(error: BaseException, path: str = "") -> str:
    """An error in a line, with the last place in a file that it passed through, if it did."""
    home = Path(path).resolve()
    words = traceback.format_exception_only(error)[-1].strip()
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not path or Path(frame.filename).resolve() == home]
    if isinstance(error, SyntaxError) and error.lineno:
        return f"{words} (line {error.lineno})"
    return f"{words} (line {frames[-1].lineno})" if frames and path else words
