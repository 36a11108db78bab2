"""The passes by name, and the loop that runs them: each result is verified before the next pass sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar, Protocol

from ..compiler.diagnostics import CompileError, Diagnostic, Label, did_you_mean
from ..compiler.ir import Graph
from ..compiler.source import NOWHERE
from ..compiler.verify import verify as check
from .canonicalize import Canonicalize
from .eliminate_dead import EliminateDead
from .factor_pairs import FactorPairs
from .fold_constants import FoldConstants


class Pass(Protocol):
    """A frozen dataclass: a name, options as fields, and a graph for a graph.

    One that takes sums in another order, and so moves the last bits of floats, says `exact: ClassVar[bool] = False`.
    """

    name: ClassVar[str]

    def apply(self, graph: Graph) -> Graph:
        """The graph after the pass. Keys, shapes and order of the parameter table stay as they are."""
        ...


PASSES: dict[str, Callable[[], Pass]] = {kind.name: kind for kind in (Canonicalize, FoldConstants, EliminateDead, FactorPairs)}
"""Every pass under the name that is typed on the command line. A new pass is a file of its own and a word here."""

DEFAULT = ("canonicalize", "fold-constants", "eliminate-dead", "factor-pairs", "canonicalize")
"""What runs unless told otherwise: what is eliminated leaves something to tidy."""

PIPELINES: dict[str, tuple[str, ...]] = {"O0": (), "O1": ("canonicalize", "fold-constants", "eliminate-dead"), "O2": DEFAULT}


def named(name: str) -> Pass:
    """A pass with its usual options; `CompileError` if there is none of this name."""
    if name not in PASSES:
        hint = did_you_mean(name, PASSES) or f"there are {', '.join(PASSES)}"
        raise CompileError([Diagnostic("CC0709", f"there is no pass `{name}`", (Label(NOWHERE),), hint)])
    return PASSES[name]()


def exact(names: Iterable[str]) -> bool:
    """Whether these passes leave every bit of the results as it is."""
    return all(getattr(named(name), "exact", True) for name in names)


def run(
    graph: Graph,
    passes: Iterable[str | Pass],
    *,
    on_pass: Callable[[str, Graph], None] | None = None,
    verify: bool = True,
) -> Graph:
    """The graph after these passes, in this order; `on_pass(name, graph)` sees each result.

    Raises `CompileError` for an unknown name before any pass runs, `VerifyError` where a pass breaks the graph.
    """
    chosen = [named(one) if isinstance(one, str) else one for one in passes]
    for one in chosen:
        graph = one.apply(graph)
        if verify:
            check(graph)
        if on_pass is not None:
            on_pass(one.name, graph)
    return graph
