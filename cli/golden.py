"""Golden files: a graph, a line `# ---`, and exactly what a pass makes of it. `chunkc test` and the tests of chunkc run them.

The pass is named by the first line, `# pass: name(option=value)` (several with commas), or else by the folder of the file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .. import api
from ..compiler.diagnostics import CompileError, Findings
from ..compiler.equality import difference
from ..compiler.source import Source, Span
from ..grammar.elaborate import loads
from ..passes import pipeline
from ..passes.manager import Pass, PassError, Stage
from .diffs import unified
from .files import read_text
from .values import CannotRun, moved

LINE = "# ---\n"
"""Between the graph and what becomes of it."""

_NAMED = re.compile(r"# pass:[ \t]*(.+)")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one golden file."""

    path: str
    passes: str
    """As they are written."""
    status: Literal["passed", "failed", "updated"]
    message: str = ""
    """Why it failed: the difference as a diff, or words. Of one that passed: why its values could not be compared."""


def run_golden(
    path: str, *, plugins: Mapping[str, type[Pass]] | None = None, update: bool = False, colour: bool = False
) -> Outcome:
    """Runs one golden file: the text is the one expected and reads back equal, another run changes nothing, no value moves.

    With `update`, what is expected is written again. Raises `CompileError` where the file names no pass or its graph is wrong,
    `OSError` where it cannot be read or written.
    """
    text = read_text(path)
    before, line, expected = text.partition(LINE)
    written, stages = _stages(path, text, plugins)
    graph = loads(before, path=path)
    try:
        result = api.optimize(graph, stages, verify_each=True)
        found = api.print(result)
        if update and found != expected:
            Path(path).write_text(before + LINE + found, encoding="utf-8", newline="\n")
        elif not line:
            return Outcome(path, written, "failed", "nothing is expected yet: --update-golden writes what is found below `# ---`")
        elif found != expected:
            return Outcome(path, written, "failed", unified(expected, found, "expected", "found", colour=colour))
        again = api.print(api.optimize(result, stages))
        if again != found:
            message = "running it again changes the result:\n" + unified(found, again, "once", "twice", colour=colour)
            return Outcome(path, written, "failed", message)
        unlike = difference(result, loads(found))
        if unlike is not None:
            return Outcome(path, written, "failed", f"the printed graph reads back another: {unlike}")
        told = moved(graph, result)
    except PassError as error:
        return Outcome(path, written, "failed", str(error))
    except CannotRun as why:
        return Outcome(path, written, "updated" if update else "passed", f"its values were not compared: {why}")
    if told:
        return Outcome(path, written, "failed", f"the pass changes what is computed: {told}")
    return Outcome(path, written, "updated" if update and found != expected else "passed")


def _stages(path: str, text: str, plugins: Mapping[str, type[Pass]] | None) -> tuple[str, list[Stage]]:
    """The passes that a golden file is for, as written and as they are."""
    first = _NAMED.match(text)
    source, findings = Source(path, text), Findings()
    if first:
        place = Span(source, *first.span(1))
        return place.text, pipeline.ordered(pipeline.placed(place, findings, plugins=plugins), findings)
    folder = Path(path).absolute().parent.name
    try:
        return folder, pipeline.resolve([folder], plugins=plugins)
    except CompileError as error:
        top = Span(source, 0, len(text.partition("\n")[0]))
        message, label = f"this golden file names no pass, and its folder `{folder}` is none", "no `# pass: name` above it"
        findings.error("CC0709", message, top, label=label, hint="write `# pass: name(option=value)` as its first line")
        raise CompileError(findings.items) from error
