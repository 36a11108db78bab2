"""`chunkc opt --bisect CMD`: the first pass after which a check of the user's own fails."""

from __future__ import annotations

import shlex
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..compiler.diagnostics import CompileError, Diagnostic, Label
from ..compiler.ir import Graph
from ..compiler.source import NOWHERE
from ..passes.manager import Step
from .report import progress
from .values import CannotRun, moved

Check = Callable[[Graph], int]
"""The exit status of a check of a graph; 0 is good."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a bisection found. `step` counts from 1 into the steps that ran; 0: the check fails before any; None: never."""

    step: int | None
    status: int
    checks: int


def bisect(start: Graph, steps: Sequence[Step], check: Check) -> Verdict:
    """The first step after which a check fails, if it fails after the last and holds before the first.

    Between a step that holds and one that fails there is a first that fails, and halving finds one such border. Steps that gave
    the very graph they were given are not checked.
    """
    graphs = [(0, start), *((i, step.after) for i, step in enumerate(steps, 1) if step.after is not step.before)]
    status = check(start)
    if status:
        return Verdict(0, status, 1)
    good, bad, checks = 0, len(graphs) - 1, 2
    status = check(graphs[bad][1]) if bad else 0
    if not status:
        return Verdict(None, 0, 1 + bool(bad))
    while bad - good > 1:
        middle = (good + bad) // 2
        found = check(graphs[middle][1])
        checks += 1
        if found:
            bad, status = middle, found
        else:
            good = middle
    return Verdict(graphs[bad][0], status, checks)


VALUES = "values"
"""The check that is no command: whether outputs, losses and states on random values are those of the graph before all passes."""


def values_check(start: Graph) -> Check:
    """A check that no value moves. Raises `CompileError` where the graph cannot be run on random values."""

    def check(graph: Graph) -> int:
        try:
            told = moved(start, graph)
        except CannotRun as why:
            message = f"the graph cannot be run on random values: {why}"
            raise CompileError([Diagnostic("CC0720", message, (Label(NOWHERE),), "give --bisect a command of your own")]) from why
        progress(f"checked: {told or 'no value moves'}")
        return int(bool(told))

    return check


def command_check(command: str, text: Callable[[Graph], str]) -> Check:
    """A check that writes a graph to a file and runs a command of the shell on it: in the place of `{}`, else at the end."""

    def check(graph: Graph) -> int:
        with tempfile.TemporaryDirectory(prefix="chunkc-") as folder:
            file = Path(folder) / "graph.cc"
            file.write_text(text(graph), encoding="utf-8")
            path = shlex.quote(str(file))
            full = command.replace("{}", path) if "{}" in command else f"{command} {path}"
            status = subprocess.run(full, shell=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
        progress(f"checked: exit status {status}")
        return status

    return check
