"""What a chunk says of what is stored elsewhere: its handle, whether it is trained, what happens where it is missing, what it
requires."""

from __future__ import annotations

from dataclasses import dataclass

from ...compiler.diagnostics import CompileError, did_you_mean
from ...compiler.loading.handles import parse_handle
from ...compiler.source import Span
from .. import tree
from .env import Env
from .expressions import evaluate
from .values import describe

ARGUMENTS = ("trainable", "on_missing")
WAYS = ("error", "skip", "zero")
"""What becomes of a call of a chunk that cannot be loaded."""


@dataclass(frozen=True, slots=True)
class Written:
    """`extern("handle", trainable=true, on_missing=zero)`; `on_missing` is "" where nothing is said."""

    handle: str = ""
    place: Span | None = None
    trainable: bool = False
    on_missing: str = ""


def handle_of(env: Env, syntax: tree.Chunk) -> Written | None:
    """What stands behind `=` of an extern chunk, or behind `from` of a written one: there a bare handle is enough."""
    if syntax.extern is not None:
        _need_signature(env, syntax)
        return _call(env, syntax.extern)
    source = syntax.source
    if source is None:
        return None
    if isinstance(source, tree.Call) and source.function.span.text == "extern":
        return _call(env, source)
    return Written(_text(env, source), source.span)


def _call(env: Env, call: tree.Call) -> Written:
    bare = [argument for argument in call.arguments if argument.name is None]
    if not bare:
        raise env.error("CC0504", "`extern` needs a handle", call.span, hint='write `extern("models/edges@stable")`')
    if len(bare) > 1:
        raise env.error("CC0307", "`extern` takes one handle", bare[1].span, hint=f"its arguments are {', '.join(ARGUMENTS)}")
    handle = _text(env, bare[0].value)
    given: dict[str, tree.Expr] = {}
    for argument in call.arguments:
        if argument.name is None:
            continue
        name = argument.name.text
        if name not in ARGUMENTS:
            hint = did_you_mean(name, ARGUMENTS) or f"its arguments are {', '.join(ARGUMENTS)}"
            raise env.error("CC0204", f"`extern` has no argument `{name}`", argument.name.span, hint=hint)
        if name in given:
            raise env.error("CC0307", f"`{name}` is given twice", argument.name.span)
        given[name] = argument.value
    trainable = "trainable" in given and _yes(env, given["trainable"])
    missing = way_of(env, given["on_missing"]) if "on_missing" in given else ""
    return Written(handle, bare[0].value.span, trainable, missing)


def _yes(env: Env, expr: tree.Expr) -> bool:
    value = evaluate(env, expr)
    if not isinstance(value, bool):
        raise env.error("CC0301", f"`trainable` is true or false, found {describe(value)}", expr.span)
    return value


def way_of(env: Env, expr: tree.Expr) -> str:
    """`error`, `skip` or `zero`."""
    if isinstance(expr, tree.Name) and expr.text in WAYS:
        return expr.text
    raise env.error("CC0301", f"`on_missing` is one of {', '.join(WAYS)}", expr.span, hint=did_you_mean(expr.span.text, WAYS))


def _need_signature(env: Env, syntax: tree.Chunk) -> None:
    if syntax.returns is None or any(given.type is None for given in syntax.inputs):
        message = f"the extern chunk `{syntax.name.text}` needs the types of its inputs and of its result"
        raise env.error("CC0504", message, syntax.name.span, hint="write `chunk name(x: f32[B, d]) -> f32[B, d] = extern(…)`")


def _text(env: Env, expr: tree.Expr) -> str:
    """A handle, of which nothing is looked up here."""
    from .stored import placed

    value = evaluate(env, expr)
    if not isinstance(value, str) or not value:
        raise env.error("CC0504", f"a handle is a string, found {describe(value)}", expr.span)
    try:
        parse_handle(value)
    except CompileError as error:
        for item in error.diagnostics:
            env.findings.add(placed(item, expr.span))
    return value


def requirements(env: Env, syntax: tree.Chunk) -> tuple[str, ...]:
    """What a chunk requires, each a requirement as `pip` reads them (PEP 508). What is installed is not looked at here."""
    if syntax.requires:
        from packaging.requirements import InvalidRequirement, Requirement

        for text in syntax.requires:
            try:
                Requirement(text.value)
            except InvalidRequirement as error:
                why = str(error).splitlines()[0].rstrip(":")
                hint = 'write a name and versions, as in `requires "onnxruntime>=1.20"`'
                env.error("CC1447", f"`{text.value}` is no requirement: {why[:1].lower()}{why[1:]}", text.span, hint=hint)
    return tuple(text.value for text in syntax.requires)
