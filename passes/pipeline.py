"""The passes by name, the pipelines `-O0 -O1 -O2`, and their loop: `manager` runs them, `options` reads them as text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, cast

from ..compiler.diagnostics import Findings, did_you_mean
from ..compiler.ir import Graph
from ..compiler.source import Source, Span
from . import manager
from .cache_masks import CacheMasks
from .canonicalize import Canonicalize
from .choose_kernels import ChooseKernels
from .common_subexpressions import CommonSubexpressions
from .eliminate_dead import EliminateDead
from .factor_pairs import FactorPairs
from .fold_constants import FoldConstants
from .fuse_routes import FuseRoutes
from .group_chunks import GroupChunks
from .hoist import Hoist
from .lower_plan import LowerPlan
from .manager import Fixpoint, Pass, Stage, Step
from .options import Level, Placed, needed, option_fields, read
from .plugins import installed, load_installed
from .pool_blocks import PoolBlocks
from .schedule import Schedule
from .share_masks import ShareMasks
from .specialize import Specialize

PASSES: dict[str, type[Pass]] = {
    kind.name: kind
    for kind in (
        # In the order of -O2.
        Canonicalize,
        FoldConstants,
        CommonSubexpressions,
        EliminateDead,
        ShareMasks,
        FactorPairs,
        PoolBlocks,
        FuseRoutes,
        Hoist,
        CacheMasks,
        GroupChunks,
        Specialize,
        ChooseKernels,
        Schedule,
    )
}
"""Every pass under the name that is typed on the command line. A new pass is a file of its own and a word here."""

TIDY = ("canonicalize", "fold-constants", "common-subexpressions", "eliminate-dead")
"""A group that runs until nothing changes: what one of them leaves, another may take."""

REWRITES = ("share-masks", "factor-pairs", "pool-blocks", "fuse-routes")
OUTLINES = ("hoist", "cache-masks", "group-chunks", "specialize")
CHOICES = ("choose-kernels", "schedule")

Declared = str | tuple[str, ...]
"""The name of a pass, or the names of a fixpoint's."""

PIPELINES: dict[str, tuple[Declared, ...]] = {
    "O0": (),
    "O1": (TIDY,),
    "O2": (TIDY, *REWRITES, TIDY, *OUTLINES, *CHOICES),
}
"""Levels. A tuple inside one is a fixpoint. What cannot run without options (a profile) runs only where it is given them."""


def level(name: str, given: Mapping[str, Pass] | None = None) -> tuple[Stage, ...]:
    """The stages of a level, with the passes that are given in the places of those of their names."""
    found: list[Stage] = []
    for declared in PIPELINES[name]:
        names = declared if isinstance(declared, tuple) else (declared,)
        usual = {one: PASSES[one] for one in names if not needed(PASSES[one])}
        passes = tuple((given or {}).get(one) or usual[one]() for one in names if one in {**usual, **(given or {})})
        if passes:
            found.append(Fixpoint(passes) if isinstance(declared, tuple) else passes[0])
    return tuple(found)


DEFAULT = ("O2",)
"""What runs unless told otherwise."""

Item = str | tuple[str, ...] | Pass | Fixpoint
"""What a pipeline may be given as: text (`"a, b(k=2)"`, `"O1"`), the names of a fixpoint's passes, or the pass itself."""


def resolve(items: Iterable[Item], *, plugins: Mapping[str, type[Pass]] | None = None) -> list[Stage]:
    """The stages that are meant, in order; `CompileError` with all that is unknown, ill written, or out of order."""
    findings = Findings()
    found: list[Placed] = []
    for item in items:
        if isinstance(item, str | tuple):
            written = item if isinstance(item, str) else f"fixpoint({', '.join(item)})"
            found += placed(whole(written), findings, plugins=plugins)
        else:
            said = ", ".join(manager.text(one) for one in manager.flat([item]))
            found.append(Placed(item, (whole(said),) * len(manager.flat([item]))))
    return ordered(found, findings)


def whole(text: str) -> Span:
    """A text of its own as a place."""
    return Span(Source("<passes>", text), 0, len(text))


def placed(
    place: Span, findings: Findings, *, plugins: Mapping[str, type[Pass]] | None = None, plan: bool = False
) -> list[Placed]:
    """The stages written at a place, each with where it stands; what is wrong is added to the findings.

    With `plan`, `lower-plan` is known too, though what it gives is no graph; `ordered` sees to it that it comes last.
    """

    known = {**PASSES, **(plugins or {}), **({LowerPlan.name: cast(type[Pass], LowerPlan)} if plan else {})}

    def lookup(name: str, span: Span, findings: Findings) -> type[Pass] | Level:
        if name in PIPELINES:
            return Level(name, lambda given: level(name, given))
        if name in known:
            return known[name]
        others = installed()
        if name in others:
            return load_installed(name, others[name], span, findings)
        hint = did_you_mean(name, [*known, *others]) or f"there are {', '.join([*known, *others])}"
        raise findings.error("CC0709", f"there is no pass `{name}`", span, label="not known", hint=hint)

    return read(place, lookup, findings)


def ordered(found: Iterable[Placed], findings: Findings) -> list[Stage]:
    """The stages, if the passes allow this order and nothing was found wrong; else `CompileError`."""
    stages = list(found)
    places = [span for one in stages for span in one.spans]
    for one in stages:
        if isinstance(one.stage, Fixpoint):
            for each, span in zip(one.stage.passes, one.spans):
                if getattr(each, "ends", False):
                    message = f"`{each.name}` gives no graph, so it cannot be run again"
                    findings.error("CC0715", message, span, label="in a fixpoint", hint=f"put `{each.name}` last, by itself")
    for i, message, hint in manager.misplaced(manager.flat([one.stage for one in stages])):
        findings.error("CC0715", message, places[i], label="in this order", hint=hint)
    findings.check()
    return [one.stage for one in stages]


def told(stages: Iterable[Stage], **options: Any) -> list[Stage]:
    """The stages, with these options (a profile, a cost model, sizes) for each pass that takes one and was given none."""

    def one(each: Pass) -> Pass:
        usual = option_fields(type(each))
        free = {name: value for name, value in options.items() if name in usual and getattr(each, name) == usual[name].default}
        return cast(Pass, replace(cast(Any, each), **free)) if free else each

    return [Fixpoint(tuple(map(one, each.passes)), each.rounds) if isinstance(each, Fixpoint) else one(each) for each in stages]


def named(name: str) -> Pass:
    """A pass as it is written, usually by its name alone; `CompileError` if there is none or its options do not fit."""
    (one,) = manager.flat(resolve([name]))
    return one


def exact(items: Iterable[Item]) -> bool:
    """Whether these passes leave every bit of the results as it is."""
    return all(getattr(one, "exact", True) for one in manager.flat(resolve(items)))


def run(
    graph: Graph,
    passes: Iterable[Item],
    *,
    on_pass: Callable[[Step], None] | None = None,
    verify_each: bool = False,
    plugins: Mapping[str, type[Pass]] | None = None,
) -> Graph:
    """The graph after these passes, in this order; `on_pass` sees each step.

    Raises `CompileError` before any pass runs for what is unknown or out of order, `PassError` where a pass fails or breaks the
    graph.
    """
    return manager.run(graph, resolve(passes, plugins=plugins), on_pass=on_pass, verify_each=verify_each)
