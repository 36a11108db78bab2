"""The loop that runs passes: in an order that they allow, groups until they come to rest, each result told and verified.

What a pass declares besides its name and options, as class variables that it may leave out:

| variable | meaning |
| --- | --- |
| `after` | names of passes that stand earlier, where both are in a pipeline |
| `needs` | names of passes that must stand earlier |
| `lowering` | it chooses how the graph is run; no rewriting pass stands behind it, for that would lose the choice |
| `ends` | what it gives is no graph, so nothing stands behind it |
| `exact` | whether outputs stay equal to the bit (True unless said); a pass that sums in another order says False |
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol, runtime_checkable

from ..compiler.diagnostics import CompileError
from ..compiler.equality import difference
from ..compiler.ir import Graph
from ..compiler.verify import VerifyError, verify


@runtime_checkable
class Pass(Protocol):
    """A frozen dataclass: a name, options as fields, and a graph for a graph."""

    name: ClassVar[str]

    def apply(self, graph: Graph) -> Graph:
        """The graph after the pass. Keys, shapes and order of the parameter table stay as they are."""
        ...


@dataclass(frozen=True, slots=True)
class Fixpoint:
    """Passes run in order again and again until none changes the graph; the whole group at most `rounds` times.

    Sound at any bound, for each pass alone is. A pass is not run again while nothing has changed the graph since it last ran:
    passes are idempotent.
    """

    passes: tuple[Pass, ...]
    rounds: int = 8


Stage = Pass | Fixpoint
"""What a pipeline is a sequence of."""


@dataclass(frozen=True, slots=True)
class Step:
    """One pass that was run: the graph it was given, and the one it gave."""

    name: str
    before: Graph
    after: Graph
    seconds: float
    """CPU time of the pass alone, without verification."""
    round: int = 0
    """Which round of its fixpoint, from 1; 0 for a pass that stands alone."""
    changed: bool = True
    """Whether the graphs differ in structure (let-names and the order of nodes are none). Known where steps are watched."""


class PassError(Exception):
    """A pass raised an error, or gave a graph that is not well formed; `__cause__` is that error."""

    def __init__(self, one: Pass, cause: Exception):
        self.failed = one
        broken = isinstance(cause, VerifyError)
        super().__init__(f"the pass `{one.name}` {'fails: ' if not broken else 'breaks the graph: '}{_words(cause)}")


def is_ours(one: Pass) -> bool:
    """Whether a pass comes with this package."""
    return type(one).__module__.startswith(__package__ + ".")


def _words(error: Exception) -> str:
    return str(error) if isinstance(error, VerifyError) else f"{type(error).__name__}: {error}"


# ---- what passes declare


def declared(one: Pass | type[Pass], what: str) -> tuple[str, ...]:
    """The names in `after` or `needs`."""
    names: tuple[str, ...] = getattr(one, what, ())
    return names


def lowering(one: Pass | type[Pass]) -> bool:
    """Whether a pass chooses how the graph is run, so that only others of the kind may follow."""
    return bool(getattr(one, "lowering", False))


def flat(stages: Sequence[Stage]) -> list[Pass]:
    """The passes of a pipeline in order, those of a fixpoint once."""
    return [one for stage in stages for one in (stage.passes if isinstance(stage, Fixpoint) else (stage,))]


def misplaced(passes: Sequence[Pass]) -> Iterator[tuple[int, str, str]]:
    """The place of each pass that may not stand where it does, why not, and the remedy."""
    names = [one.name for one in passes]
    for i, one in enumerate(passes):
        end = next((other.name for other in passes[:i] if getattr(other, "ends", False)), "")
        if end:
            yield i, f"`{end}` makes a plan, which no pass can follow", f"put `{end}` last"
            continue
        choice = next((other.name for other in passes[:i] if lowering(other)), "")
        if choice and not lowering(one):
            why = f"`{one.name}` rewrites the graph and would lose what `{choice}` has chosen"
            yield i, why, f"put `{one.name}` before `{choice}`"
        for name in declared(one, "after"):
            if name in names[i + 1 :]:
                yield i, f"`{one.name}` stands before `{name}`, whose result it builds on", f"put it behind `{name}`"
        for name in declared(one, "needs"):
            if name not in names[:i]:
                yield i, f"`{one.name}` needs `{name}` to have run", f"put `{name}` before it"


def text(stage: Stage) -> str:
    """A pass or fixpoint as it is written on the command line, with the options that are not the usual ones.

    What only Python can give is left out.
    """
    if isinstance(stage, Fixpoint):
        return f"fixpoint({', '.join(map(text, stage.passes))})"
    given = []
    for option in getattr(stage, "__dataclass_fields__", {}).values():
        value = getattr(stage, option.name) if option.init else option.default
        if value != option.default and isinstance(value, bool | int | float | str | tuple | None):
            given.append(f"{option.name}={_literal(value)}")
    return stage.name + (f"({', '.join(given)})" if given else "")


def _literal(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(map(_literal, value))}]"
    if isinstance(value, str):
        return f'"{value}"' if "'" in value else f"'{value}'"
    return repr(value)


# ---- the loop


def run(
    graph: Graph, stages: Sequence[Stage], *, on_pass: Callable[[Step], None] | None = None, verify_each: bool = False
) -> Graph:
    """The graph after these stages, in this order; `on_pass` sees each step.

    The last graph is verified always, each one with `verify_each`. Raises `PassError` that names the pass which failed or broke
    the graph, whichever way.
    """
    try:
        result = _Run(on_pass, verify_each).stages(graph, stages)
        if result is not graph and not verify_each:
            verify(result)
    except (PassError, VerifyError) as error:
        if not verify_each:
            _Run(None, True).stages(graph, stages)  # raises where it began: passes are functions, so the same happens again
        if isinstance(error, PassError):
            raise
        raise PassError(flat(stages)[-1], error) from error
    return result


@dataclass(frozen=True, slots=True)
class _Run:
    """How stages are run."""

    on_pass: Callable[[Step], None] | None
    verify_each: bool

    def stages(self, graph: Graph, stages: Sequence[Stage]) -> Graph:
        for stage in stages:
            graph = self.fixpoint(graph, stage) if isinstance(stage, Fixpoint) else self.step(graph, stage, 0).after
        return graph

    def fixpoint(self, graph: Graph, group: Fixpoint) -> Graph:
        resting: set[int] = set()  # passes after which nothing has changed the graph
        for turn in range(1, group.rounds + 1):
            for i, one in enumerate(group.passes):
                if i in resting:
                    continue
                step = self.step(graph, one, turn, compare=True)
                graph = step.after
                resting = {i} if step.changed else resting | {i}
            if len(resting) == len(group.passes):
                break
        return graph

    def step(self, graph: Graph, one: Pass, turn: int, compare: bool = False) -> Step:
        if graph.schedule and not lowering(one):
            graph = replace(graph, schedule=())  # it holds for the graph that it was made for
        start = time.process_time()
        try:
            after = one.apply(graph)
        except (CompileError, MemoryError):
            raise
        except Exception as error:
            raise PassError(one, error) from error
        seconds = time.process_time() - start
        if self.verify_each and after is not graph:
            try:
                verify(after)
            except VerifyError as error:
                raise PassError(one, error) from error
        changed = after is not graph
        if changed and (compare or self.on_pass is not None):
            changed = difference(graph, after) is not None
        step = Step(one.name, graph, after, seconds, turn, changed)
        if self.on_pass is not None:
            self.on_pass(step)
        return step
