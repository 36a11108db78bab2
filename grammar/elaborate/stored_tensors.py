"""Whether what is stored fits: the tensors of each handle against the parameters that the graph has there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ...compiler.bodies import body_order
from ...compiler.diagnostics import Abort
from ...compiler.ir import Chunk, Frame, Graph
from ...compiler.loading.fitting import misfits
from ...compiler.loading.handles import place_of
from ...compiler.loading.places import Resolved
from ...compiler.loading.signatures import present_paths, stored_handles, wanted_of
from ...compiler.source import Span
from ...compiler.types import TensorType
from .env import Env, Program, Scope, Unit
from .stored import FOREIGN, resolve

OUTSIDE = ("foreign", "present")
MOST = 8
"""Tensors of one chunk that are told one by one."""


def check_stored(program: Program, graph: Graph, weights: str = "") -> None:
    """Reports everything that does not fit, of all chunks that have parameters; `weights`: the handle of the whole model's."""
    if program.resolver is None:
        return
    _apart(program, graph)
    handles = stored_handles(graph, weights)
    homes = [(chunk, chunk.span) for chunk in graph.chunks if chunk.span is not None]
    spans = {path: program.places.get(span, span) for chunk, span in homes for path in _paths(chunk)}
    wanted = wanted_of(graph, handles)
    env, optional = Env(program, Unit(program), Scope()), present_paths(graph)
    for path, handle in handles.items():
        if path and not wanted[path]:
            continue  # what is given for the whole model is looked at all the same
        place = spans[path] if path else place_of(handle)
        try:
            stored = resolve(env, handle, place, path if path in optional else "")
        except Abort:
            continue
        if stored is None and not program.lenient:
            continue  # it has been told
        if stored is None:
            name = f"`{path}`" if path else "the model"
            message = f"the weights of {name} are stored elsewhere, and there is no store: they are drawn from the seed"
            program.findings.warn("CC1446", message, place, hint="give it by `--store DIR`, `store=` or CHUNKC_STORE")
        elif stored.kind in FOREIGN:
            message = f"`{handle}` is run by `{stored.kind}`, and has no weights for what is written here"
            program.findings.error("CC1440", message, place, hint="write it as `= extern(…)`, without a body")
        else:
            _compare(program, path, wanted[path], stored, place)


def _paths(chunk: Chunk) -> Iterable[str]:
    return [f"{chunk.path}.{member}" if member else chunk.path for member in chunk.members]


def _compare(program: Program, path: str, wanted: Mapping[str, TensorType], stored: Resolved, place: Span) -> None:
    """One chunk: what is missing or unlike, and as warnings what is too much."""
    name, found = f"`{path}`" if path else "the model", misfits(stored.location, stored.tensors, wanted, place, exactly=False)
    for item in found[:MOST]:
        program.findings.add(item)
    if len(found) > MOST:
        program.findings.error("CC1414", f"{len(found) - MOST} more tensors of {name} do not fit", place)
    extra = [f"`{tensor}`" for tensor in stored.tensors if tensor not in wanted]
    if extra and not found:
        listed = ", ".join(extra[:4]) + (f" and {len(extra) - 4} more" if len(extra) > 4 else "")
        hint = "is another part (`#part`) or version meant?"
        program.findings.warn("CC1445", f"`{stored.location}` has what {name} does not read: {listed}", place, hint=hint)


def _apart(program: Program, graph: Graph) -> None:
    """What something else runs is one chunk: its body is not shared by members of arrays around it."""
    if not any(node.op in OUTSIDE for one in (graph, *body_order(graph)) for node in one.nodes):
        return
    homes: dict[int, set[str]] = {}
    stack: list[tuple[Graph, Frame]] = [(graph, Frame())]
    seen: set[tuple[int, str]] = set()
    while stack:
        one, frame = stack.pop()
        for node in one.nodes:
            if node.op in OUTSIDE and frame.prefix:
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
