"""Stored chunks: what an `extern` names is looked up, and becomes the body that its text says or a call of what runs it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...compiler.diagnostics import Abort, CompileError, Diagnostic, Label, did_you_mean
from ...compiler.loading.places import Resolved
from ...compiler.loading.signatures import of_member
from ...compiler.source import Source, Span
from ...compiler.types import free_symbols
from .. import tree
from ..parse import parse
from . import build
from .env import Env, Scope, label
from .files import Library, main_model
from .limits import LONGEST_FILE
from .signatures import bind_signature, declare_dims, tensor_type
from .values import Chunked, Template, Tensor

FOREIGN = ("onnx", "pt2", "py")


NOWHERE = ("CC1423", "CC1426", "CC1427")
"""Of what cannot be found: not there, not allowed, no store."""


def resolve(env: Env, handle: str, place: Span, excused: str = "") -> Resolved | None:
    """What a handle stands for; what is wrong with it is told once, at `place`.

    None where it stands for nothing: without a store, if that is all there is to it; and for a chunk that calls can do without
    (`excused`: its name), with a warning.
    """
    program = env.program
    assert program.resolver is not None
    if handle not in program.resolved:
        try:
            program.resolved[handle] = program.resolver.resolve(handle)
        except CompileError as error:
            program.resolved[handle] = error.diagnostics
    found = program.resolved[handle]
    if isinstance(found, Resolved):
        return found
    if program.lenient and not excused and all(item.code in NOWHERE for item in found):
        return None
    if excused:
        why, hint = found[0].message, found[0].hint
        message = f"`{excused}` is missing now, and calls do without it, as `on_missing` says: {why}"
        env.findings.warn("CC1444", message, place, hint=hint)
        return None
    for item in found:
        env.findings.add(placed(item, place))
    raise Abort


def look_up(env: Env, chunk: Chunked, handle: str) -> None:
    """Tells what is wrong with the handles of a chunk where it is declared, so that those of all chunks are told at once."""
    for member in chunk.members:
        try:
            _member(env, chunk, handle, member)
        except Abort:
            continue


def _member(env: Env, chunk: Chunked, handle: str, member: str) -> Resolved | None:
    path = f"{chunk.path}.{member}" if member else chunk.path
    excused = path if may_be_missing(env, chunk) else ""
    return resolve(env, of_member(handle, member), env.program.places[chunk.syntax.span], excused)


def may_be_missing(env: Env, chunk: Chunked) -> bool:
    """Whether calls of a chunk do without it where it cannot be had."""
    return (chunk.root.on_missing or env.program.on_missing) in ("skip", "zero")


def placed(item: Diagnostic, place: Span) -> Diagnostic:
    """What is wrong with a handle, at its place in the spec: the very part of it, where it stands there letter by letter."""
    first = item.labels[0]
    if first.span.source.path != "<handle>":
        return replace(item, labels=(Label(place, "named here"), *item.labels))
    if place.text == f'"{first.span.source.text}"':
        start = place.start + 1
        place = Span(place.source, start + first.span.start, start + max(first.span.end, first.span.start + 1))
    return replace(item, labels=(Label(place, first.text), *item.labels[1:]))


def extern_of(env: Env, chunk: Chunked) -> Resolved | None:
    """What an extern chunk's handle stands for; of an array, what all members have in common. None: it has no body."""
    place = env.program.places[chunk.syntax.span]
    handle = chunk.env.unit.chunks[chunk.path].extern
    name = chunk.syntax.name.text
    found = [_member(env, chunk, handle, member) for member in chunk.members]
    known = [one for one in found if one is not None]
    if not known or (len(known) < len(found) and not may_be_missing(env, chunk)):
        return None
    first, *others = known
    if first.kind == "weights":
        hint = f"write its body: `chunk {name}(…) {{ … }} from …`, or add it to the store with its .cc text"
        raise env.error("CC1440", f"`{handle}` holds weights alone, and nothing says what `{name}` computes", place, hint=hint)
    if first.kind in FOREIGN and chunk.members != ("",):
        message = f"`{name}` is an array, and what `{first.kind}:` runs is one chunk"
        raise env.error("CC1442", message, place, hint="declare a chunk for each, and list them: `[a(x), b(x)]`")
    for other in others:
        texts = [one.program.text if one.program else "" for one in (first, other)]
        if other.kind != first.kind or texts[0] != texts[1] or head(other.part) != head(first.part):
            message = f"the members of `{name}` are unlike: `{other.location}` is not the same model as `{first.location}`"
            raise env.error("CC1442", message, place, hint="declare a chunk for each")
    return first


def head(part: str) -> str:
    return part.partition(".")[0]


# ---- a text


@contextmanager
def named_at(env: Env, source: Source, place: Span) -> Iterator[None]:
    """What is wrong in a stored text is told there, and where the spec names it."""
    start = len(env.findings.items)
    try:
        yield
    finally:
        if len(env.findings.items) > start:
            env.findings.amend(start, lambda item: _with_name(item, source, place))


def _with_name(item: Diagnostic, source: Source, place: Span) -> Diagnostic:
    known = item.span.source is not source or any(one.span == place for one in item.labels)
    return item if known else replace(item, labels=(*item.labels, Label(place, "which is stored under this name")))


def text_outputs(env: Env, stored: Resolved, inputs: list[Tensor], chunk: tree.Chunk, span: Span) -> dict[str, Tensor]:
    """The body of a stored text: of the model or chunk that is its part, else of its last model."""
    from .chunks import declare
    from .memory import of_model
    from .models import bound_outputs

    assert stored.program is not None
    program, place, key = env.program, env.program.places[chunk.span], f"{stored.sha256}#{stored.part}"
    if key in program.reading:
        raise env.error("CC1441", f"`{stored.location}` holds itself", place, label="the same again")
    if len(stored.program.text) > LONGEST_FILE:
        raise env.error("CC1441", f"the text of `{stored.location}` is longer than {LONGEST_FILE >> 20} MiB", place)
    program.reading.append(key)
    around = program.memory, program.on_missing  # a budget is the whole model's
    try:
        with named_at(env, stored.program, place):
            library = Library(env.findings, Path(), closed=True)
            file, scope = library.enter(parse(stored.program, env.findings), Path())
            if any(item.span.source is stored.program for item in env.findings.errors):
                raise Abort
            for home, one in library.chunks:
                declare(Env(env.program, env.unit, home), one)
            models = {item.name.text: item for item in file.items if isinstance(item, tree.Model)}
            if not stored.part or stored.part in models:
                template = Template(main_model(env.findings, file, stored.part or None), scope)
                program.memory, program.on_missing = None, "error"
                of_model(program, template.syntax)
                return bound_outputs(env, template, inputs, chunk, span)
            return _part_outputs(env, file, scope, stored, inputs, chunk, span)
    finally:
        program.reading.pop()
        program.memory, program.on_missing = around


def _part_outputs(
    env: Env, file: tree.File, scope: Scope, stored: Resolved, inputs: list[Tensor], chunk: tree.Chunk, span: Span
) -> dict[str, Tensor]:
    """The body of a chunk of a stored text, at the top of it or in its last model."""
    from .chunks import declare
    from .models import _of_same_name, parameters
    from .statements import block, outputs_of

    name, _, member = stored.part.partition(".")
    model = main_model(env.findings, file, None) if any(isinstance(item, tree.Model) for item in file.items) else None
    inside = [one for one in model.body.statements if isinstance(one, tree.Chunk)] if model is not None else []
    known = {one.name.text: one for one in (*(item for item in file.items if isinstance(item, tree.Chunk)), *inside)}
    place = env.program.places[chunk.span]
    part = known.get(name)
    if part is None or part.body is None or bool(member) != (part.members is not None):
        names = [*known, *(item.name.text for item in file.items if isinstance(item, tree.Model))]
        hint = did_you_mean(name, names) or f"it has {', '.join(f'`{one}`' for one in names) or 'none'}"
        raise env.error("CC1441", f"the text of `{stored.location}` has no model or chunk `{stored.part}`", place, hint=hint)
    inner = Env(env.program, env.unit, Scope(parent=scope))
    if model is not None:
        parameters(inner, model, _of_same_name(env, model), model.name.span)
        _samples(inner, model, inputs)
    for one in inside:
        if one is not part:
            declare(inner, one)
    inner = inner.inner(scope=Scope(parent=inner.scope))
    if len(part.inputs) != len(inputs):
        message = f"`{stored.part}`, stored for `{chunk.name.text}`, takes {len(part.inputs)} values, and the chunk {len(inputs)}"
        raise env.error("CC1441", message, chunk.name.span, also=[label(part.name.span, "stored so")])
    for given, x in zip(part.inputs, inputs):
        axes = (
            bind_signature(inner, given.type, x, f"`{given.name.text}` of `{name}`", span) if given.type is not None else x.axes
        )
        inner.scope.names[given.name.text] = (Tensor(x.node, axes), given.name.span)
    block(inner, part.body)
    return outputs_of(inner, part.name.span, f"the chunk `{name}`")


def _samples(env: Env, model: tree.Model, inputs: list[Tensor]) -> None:
    """The sample dimension of a model, whose other inputs are not there, is that of what its chunk is given."""
    from .models import inputs_of

    types = [statement.type for statement in inputs_of(model) if statement.type is not None and statement.type.shape]
    first = types[0].shape[0] if types else None
    if isinstance(first, tree.Name) and first.text[:1].isupper() and inputs and inputs[0].shape:
        env.scope.names[first.text] = (inputs[0].shape[0], first.span)


def zeros_of(env: Env, chunk: tree.Chunk, span: Span) -> dict[str, Tensor]:
    """The body of a chunk that is not there, and so is never called: zeros of the type that its signature declares."""
    assert chunk.returns is not None
    declare_dims(env, chunk.returns)
    type, axes = tensor_type(env, chunk.returns)
    made = build.op(env, "zeros", [], {"shape": type.shape, "dtype": type.dtype}, span)
    return {"": Tensor(made.node, axes)}


# ---- what something else runs


def foreign_outputs(
    env: Env, chunk: Chunked, stored: Resolved, inputs: list[Tensor], among: bool, span: Span
) -> dict[str, Tensor]:
    """One node for all of it, with the type that the signature declares."""
    syntax, entry = chunk.syntax, chunk.env.unit.chunks[chunk.path]
    name, place = syntax.name.text, env.program.places[syntax.span]
    if among:
        message = f"`{name}` is run by `{stored.kind}`, which knows no kept positions: it cannot be called `among` them"
        raise env.error("CC1443", message, span, also=[label(place, "stored here")])
    assert syntax.returns is not None
    declare_dims(env, syntax.returns)
    type, axes = tensor_type(env, syntax.returns)
    bare = {str(size) for x in inputs for size in x.shape}
    unknown = sorted(free_symbols(type) - bare)
    if unknown:
        message = f"no input of `{name}` says what `{unknown[0]}` is, so the size of its result is not known"
        raise env.error("CC1443", message, syntax.returns.span, hint="a size of the result stands in an input, or is a number")
    attrs: dict[str, Any] = {
        "kind": stored.kind,
        "handle": entry.extern,
        "bytes": stored.bytes,
        "shape": type.shape,
        "dtype": type.dtype,
        "requires": entry.requires,
        "isolated": entry.isolated,
    }
    made = build.op(env, "foreign", inputs, attrs, place)
    return {"": Tensor(made.node, axes)}
