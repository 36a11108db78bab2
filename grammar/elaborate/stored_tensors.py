"""Whether what is stored fits: the tensors of each handle against the parameters that the graph has there."""

from __future__ import annotations

from collections.abc import Iterable

from ...compiler.diagnostics import Abort
from ...compiler.ir import Chunk, Frame, Graph
from ...compiler.loading.handles import place_of
from ...compiler.loading.places import Resolved
from ...compiler.loading.signatures import Wanted, differences, listed, stored_handles, wanted_of
from ...compiler.source import Span
from .env import Env, Program, Scope, Unit
from .stored import FOREIGN, resolve

MOST = 4
"""Tensors of one chunk that are told one by one."""


def check_stored(program: Program, graph: Graph, weights: str = "") -> None:
    """Reports everything that does not fit, of all chunks that have parameters; `weights`: the handle of the whole model's."""
    if program.resolver is None:
        return
    _apart(program, graph)
    handles = stored_handles(graph, weights)
    spans = {path: program.places[chunk.span] for chunk in graph.chunks if chunk.span in program.places for path in _paths(chunk)}
    wanted = wanted_of(graph, handles)
    env = Env(program, Unit(program), Scope())
    for path, handle in handles.items():
        if not wanted[path]:
            continue
        place = spans[path] if path else place_of(handle)
        try:
            stored = resolve(env, handle, place)
        except Abort:
            continue
        if stored.kind in FOREIGN:
            message = f"`{handle}` is run by `{stored.kind}`, and has no weights for what is written here"
            program.findings.error("CC1440", message, place, hint="write it as `= extern(…)`, without a body")
        else:
            _compare(program, path, wanted[path], stored, place)


def _paths(chunk: Chunk) -> Iterable[str]:
    return [f"{chunk.path}.{member}" if member else chunk.path for member in chunk.members]


def _compare(program: Program, path: str, wanted: Wanted, stored: Resolved, place: Span) -> None:
    """One chunk: names of what is missing, shapes of both sides, and what is too much."""
    found = differences(wanted, stored.tensors)
    name, findings = f"`{path}`" if path else "the model", program.findings
    if found.missing:
        message = f"{name} has parameters that `{stored.location}` does not: {listed(found.missing, MOST)}"
        also = f"it has {listed(found.superfluous or stored.tensors, MOST) if stored.tensors else 'no tensors'}"
        findings.error("CC1444", message, place, hint=also)
    for tensor, kind, there in found.other[:MOST]:
        full = f"{path}.{tensor}" if path else tensor
        findings.error("CC1444", f"`{full}` is `{kind}` here, and `{there}` in `{stored.location}`", place)
    if len(found.other) > MOST:
        findings.error("CC1444", f"{len(found.other) - MOST} more tensors of {name} are of another type", place)
    if found.superfluous and not found.missing:
        message = f"`{stored.location}` has tensors that {name} does not use: {listed(found.superfluous, MOST)}"
        findings.warn("CC1445", message, place)


def _apart(program: Program, graph: Graph) -> None:
    """What something else runs is one chunk: its body is not shared by members of arrays around it."""
    homes: dict[int, set[str]] = {}
    stack: list[tuple[Graph, Frame]] = [(graph, Frame())]
    seen: set[tuple[int, str]] = set()
    while stack:
        one, frame = stack.pop()
        for node in one.nodes:
            if node.op in ("foreign", "present") and frame.prefix:
                homes.setdefault(id(node), set()).add(frame.prefix)
                if len(homes[id(node)]) == 2:
                    message = "a stored chunk that something else runs, or may be missing, stands inside an array of chunks"
                    program.findings.error("CC1442", message, node.span, hint="declare it outside of the array")
            elif node.op == "apply" and node.attrs["body"] is not None:
                for member in node.attrs["members"]:
                    inner = frame.enter(node, member)
                    if (id(node.attrs["body"]), inner.prefix) not in seen:
                        seen.add((id(node.attrs["body"]), inner.prefix))
                        stack.append((node.attrs["body"], inner))
