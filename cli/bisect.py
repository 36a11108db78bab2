"""`chunkc opt --bisect CMD`: the first pass after which a check of the user's own fails."""

from __future__ import annotations

import shlex
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..compiler.ir import Graph
from ..passes.manager import Step

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


def command_check(command: str, text: Callable[[Graph], str], tell: Callable[[int], None]) -> Check:
    """A check that writes a graph to a file and runs a command of the shell on it: in the place of `{}`, else at the end."""

    def check(graph: Graph) -> int:
        with tempfile.TemporaryDirectory(prefix="chunkc-") as folder:
            file = Path(folder) / "graph.cc"
            file.write_text(text(graph), encoding="utf-8")
            path = shlex.quote(str(file))
            full = command.replace("{}", path) if "{}" in command else f"{command} {path}"
            status = subprocess.run(full, shell=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
        tell(status)
        return status

    return check
