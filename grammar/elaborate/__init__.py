"""Elaboration: from a file to the graph. Names are resolved, types and shapes inferred, loops unrolled, models written out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...compiler.diagnostics import Abort, CompileError, Findings, did_you_mean
from ...compiler.ir import Attrs, Graph
from ...compiler.loading.places import Resolver
from ...compiler.source import Source, Span
from .. import tree
from ..parse import parse
from . import unused
from .bodies import finish
from .env import Program
from .files import Library, main_model
from .limits import allow_deep_values
from .models import main
from .stored_tensors import check_stored
from .tables import with_tables
from .values import Template, Value


def load(
    path: str | Path,
    *,
    params: dict[str, object] | None = None,
    training: bool = False,
    bind: dict[str, str] | None = None,
    resolver: Resolver | None = None,
    lenient: bool = False,
    weights: str = "",
    findings: Findings | None = None,
    model: str | None = None,
) -> Graph:
    """The graph of the last model of a file (or of `model`), for eval or for training.

    `params` gives compile-time parameters, `bind` puts a written model (path of a `.cc` file) in the place of an extern chunk.
    With a `resolver` stored chunks have the bodies that they are stored with, and what is stored is checked; `lenient`: what it
    cannot find has no body, and is told of where one is needed. `weights` is the handle of the whole model's. Warnings are left
    in `findings`; errors raise `CompileError`, a file that cannot be read `OSError`.
    """
    found = Findings() if findings is None else findings
    here = Path(path)
    library = Library(found, here.resolve().parent)
    allow_deep_values()
    try:
        asked = Program(found, training, resolver=resolver, lenient=lenient)
        return _load(library, library.open(here), params or {}, asked, bind or {}, model, weights)
    except (Abort, CompileError):
        raise CompileError(found.items) from None


def loads(
    text: str,
    *,
    path: str = "<text>",
    findings: Findings | None = None,
    training: bool = False,
    resolver: Resolver | None = None,
    **params: object,
) -> Graph:
    """`load` from a text; `use` looks in the current folder."""
    found = Findings() if findings is None else findings
    library = Library(found, Path.cwd())
    allow_deep_values()
    try:
        opened = library.enter(parse(Source(path, text), found), Path.cwd())
        return _load(library, opened, params, Program(found, training, resolver=resolver), {}, None)
    except (Abort, CompileError):
        raise CompileError(found.items) from None


def _load(
    library: Library,
    opened: tuple[tree.File, Any],
    params: dict[str, object],
    program: Program,
    bind: dict[str, str],
    wanted: str | None,
    weights: str = "",
) -> Graph:
    found = library.findings
    file, scope = opened
    core = next((item for item in file.items if isinstance(item, tree.Core)), None)
    if core is not None:
        found.check()
        from ..read_core import read_core

        graph = read_core(core, found)
        check_stored(program, graph, weights)
        found.check()
        return graph
    model = main_model(found, file, wanted)
    found.check()
    program.bind = _bindings(library, bind)
    program.files = library.chunks
    unit = main(program, model, scope, _given(params))
    _check_bindings(program, bind)
    found.check()
    unused.warn(found, file)
    graph = finish(unit, model.name.text, model.span, memory=Attrs(program.memory or {}))
    graph = with_tables(graph, unit)
    check_stored(program, graph, weights)
    found.check()
    return graph


def _given(params: dict[str, object]) -> dict[str, tuple[Value, Span]]:
    result: dict[str, tuple[Value, Span]] = {}
    for name, value in params.items():
        text = f"{name}={str(value).lower() if isinstance(value, bool) else value}"
        result[name] = (value, Span(Source("<parameters>", text), 0, len(text)))  # type: ignore[assignment]
    return result


def _bindings(library: Library, bind: dict[str, str]) -> dict[str, Template]:
    """The last model of each file that is bound to an extern."""
    bound: dict[str, Template] = {}
    for name, path in bind.items():
        root, library.root = library.root, Path(path).resolve().parent
        try:
            file, scope = library.open(Path(path))
        finally:
            library.root = root
        library.findings.check()
        bound[name] = Template(main_model(library.findings, file, None), scope)
    return bound


def _check_bindings(program: Program, bind: dict[str, str]) -> None:
    externs = list(program.externs)
    for name in bind:
        if name not in externs:
            text = f"--bind {name}={bind[name]}"
            span = Span(Source("<command line>", text), 7, 7 + len(name))
            hint = did_you_mean(name, externs) or (
                f"the externs are {', '.join(externs)}" if externs else "the file has no extern chunk"
            )
            program.findings.error("CC0508", f"there is no extern chunk `{name}`", span, hint=hint)
