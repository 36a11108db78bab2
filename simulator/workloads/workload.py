"""A workload: the sizes and dtype of the calls, how many, and how selections fall in them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from typing import Any

import numpy as np

from ...compiler.diagnostics import CompileError, Findings, did_you_mean
from ...compiler.dims import evaluate
from ...compiler.ir import Graph, Node
from ...compiler.profile import selections_of
from ...compiler.source import NOWHERE
from ...compiler.types import FLOATS, free_symbols
from ..routes import Counts, Route, route_of
from ..walking.decided import Decided, Decisions
from ..walking.falls import Falls
from .rules import allowed
from .sampled import Sampled
from .trace import Trace, belongs, read_trace

LARGEST = 2**40
"""The largest size of a dimension: what is more is a slip."""

Routes = str | Route | Trace | Mapping[str, Any] | PathLike[str] | None


@dataclass(frozen=True, slots=True)
class Workload:
    """
    What is run.

    - `dims`: sizes by name; `dtype`: what the module was moved to;
    - `inputs`: how many calls, one after the other; those of a trace or of decisions are as many as it holds;
    - `falls`: how selections fall; `routes` says so in words.
    """

    dims: Mapping[str, int]
    dtype: str
    inputs: int
    falls: Falls = field(repr=False)
    routes: str = ""

    @classmethod
    def of(
        cls,
        graph: Graph,
        dims: Mapping[str, int] | None = None,
        *,
        dtype: str = "f32",
        routes: Routes = None,
        decisions: Decisions | Sequence[Decisions] | None = None,
        hits: Mapping[str, float] | None = None,
        inputs: int = 1,
        seed: int = 0,
    ) -> Workload:
        """
        The workload of a graph. `CompileError` with everything that does not fit.

        Args:
            dims: a size for each run-time dimension of the inputs; those of a trace if none are given.
            dtype: of what the spec calls f32.
            routes: `"zipf(1.2)"` for all selections; or by path of one its route, its kept share, or its counts [inputs, ways];
                or a trace, or its file.
            decisions: those of a call, or of several, as `module.decisions()` gives them.
            hits: by path of a cache, the share of rows that it holds.
            inputs: how many calls to draw.
            seed: of what is drawn.
        """
        findings = Findings()
        trace = _trace(routes)
        if trace is not None:
            belongs(trace, graph, dims)
            dims = {**trace.dims, **(dims or {})}
        sizes = checked_dims(graph, dims or {}, findings)
        if dtype not in FLOATS:
            findings.error("CC1302", f"`{dtype}` is no dtype to run in", graph.span, hint=f"one of {', '.join(FLOATS)}")
        if inputs < 1:
            findings.error("CC1302", f"{inputs} inputs are none to run", graph.span, hint="one or more")
        findings.check()
        calls = trace.calls if trace is not None else _calls(decisions)
        if calls is not None:
            return cls(sizes, dtype, len(calls), Decided(calls, trace.hits if trace is not None else ()), "recorded")
        return _sampled(graph, sizes, dtype, routes, hits or {}, inputs, seed, findings)


def _trace(routes: Routes) -> Trace | None:
    if isinstance(routes, Trace):
        return routes
    named = isinstance(routes, PathLike) or (isinstance(routes, str) and routes.endswith(".npz"))
    return read_trace(routes) if named else None  # type: ignore[arg-type]


def _calls(decisions: Decisions | Sequence[Decisions] | None) -> Sequence[Decisions] | None:
    return [decisions] if isinstance(decisions, Mapping) else decisions


def checked_dims(graph: Graph, given: Mapping[str, int], findings: Findings) -> dict[str, int]:
    """The sizes; what is missing, unknown or impossible is reported together."""
    needed = {name: node for node in reversed(graph.inputs) for name in sorted(free_symbols(node.type))}
    for name, size in given.items():
        if name not in needed:
            hint = did_you_mean(name, needed) or f"the inputs have {', '.join(f'`{one}`' for one in needed) or 'none'}"
            findings.error("CC1302", f"no input has a dimension `{name}`", graph.span, hint=hint)
        elif isinstance(size, bool) or not isinstance(size, (int, np.integer)) or not 0 < size <= LARGEST:
            findings.error("CC1302", f"`{name}` takes a whole number above 0, not `{size}`", needed[name].span)
    missing = sorted(name for name in needed if name not in given)
    if missing:
        hint = "add --dims " + ",".join(f"{name}={8 if name == 'B' else 512}" for name in missing)
        listed, first = ", ".join(f"`{name}`" for name in missing), needed[missing[0]]
        findings.error("CC1302", f"the size of {listed} is not given", first.span, label=f"{first.type}", hint=hint)
    return {name: int(size) for name, size in given.items() if name in needed and not findings.errors}


def _sampled(
    graph: Graph,
    dims: Mapping[str, int],
    dtype: str,
    routes: Routes,
    hits: Mapping[str, float],
    inputs: int,
    seed: int,
    findings: Findings,
) -> Workload:
    selects = selections_of(graph)
    by_path: dict[str, Any] = dict(routes) if isinstance(routes, Mapping) else {} if routes is None else {"": routes}
    found: dict[str, Route] = {}
    counts: dict[str, Counts] = {}
    shares: dict[str, float] = {}
    for path, given in by_path.items():
        if path and path not in selects:
            hint = did_you_mean(path, selects) or f"there are {', '.join(f'`{one}`' for one in selects) or 'none'}"
            findings.error("CC1303", f"there is no selection `{path}`", graph.span, hint=hint)
        elif isinstance(given, Route):
            found[path] = given
        elif isinstance(given, str):
            try:
                found[path] = route_of(given)
            except CompileError as error:
                findings.items.extend(error.diagnostics)
        elif isinstance(given, (int, float)) and not isinstance(given, bool):
            if not 0 <= given <= 1:
                findings.error("CC1303", f"the kept share of `{path}` is from 0 to 1, not {given}", graph.span)
            shares[path] = float(given)
        else:
            counts[path] = _counts(path, np.asarray(given), selects.get(path), dims, findings)
    rows = {len(one) for one in counts.values()}
    if len(rows) > 1:
        findings.error("CC1303", f"counts of {', '.join(map(str, sorted(rows)))} inputs do not go together", graph.span)
    if findings.items:
        raise CompileError(findings.items)
    falls = Sampled(max(rows, default=inputs), found, counts, shares, dict(hits), seed)
    named = str(found[""]) if "" in found else "measured" if counts else "as the rules say"
    return Workload(dims, dtype, falls.inputs, falls, named)


def _counts(path: str, given: Any, select: Node | None, dims: Mapping[str, int], findings: Findings) -> Counts:
    """Measured counts [inputs, ways], within what the rules allow."""
    ways = select.selection.kept.shape[-1] if select is not None else None
    found = np.atleast_2d(given)
    where = select.span if select is not None else NOWHERE
    if select is None or found.ndim != 2 or found.dtype.kind not in "iu" or found.shape[1] != ways or (found < 0).any():
        message = f"the counts of `{path}` are whole numbers [inputs, {ways}], not {found.dtype}{list(found.shape)}"
        findings.error("CC1303", message, where, label="decided here")
        return np.zeros((1, 0), np.int64)
    if "." not in path:  # inside a chunk it decides where the chunk runs
        decisions = math.prod(evaluate(size, dims) for size in select.selection.kept.shape[:-1])
        each = allowed(select, dims).each
        if each and (found.sum(1) != each * decisions).any():
            message = f"`{path}` keeps {each} ways in each of {decisions} decisions, {each * decisions} together"
            first = int(np.flatnonzero(found.sum(1) != each * decisions)[0])
            findings.error("CC1303", message, where, label=f"counts of input {first} sum to {found[first].sum()}")
        elif (found > decisions).any():
            findings.error("CC1303", f"a way of `{path}` is kept by {found.max()} of {decisions} decisions", where)
    return found.astype(np.int64)
