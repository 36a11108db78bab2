"""Statements, in order; one that fails leaves its name poisoned, and the rest goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ...compiler.diagnostics import Abort
from ...compiler.dims import Dim
from ...compiler.source import Span
from .. import tree
from . import build, chunks, limits, selections
from .env import Env, Scope, label
from .expressions import as_tensor, evaluate, items_of, truth, whole
from .signatures import tensor_type
from .values import POISON, Items, Outer, Selected, Tensor, Value, describe

Deferred = list[tuple[Env, tree.Loss]]
DRAWN = ("normal", "uniform")
FUNCTIONS = ("abs", "ceil", "exp", "floor", "log", "max", "min", "sqrt")
"""Calls that give a number at compile time."""


def block(env: Env, body: tree.Block) -> Deferred:
    """Run a body's statements. Losses over a selection that its use has not decided yet wait until the end."""
    deferred: Deferred = []
    for statement in body.statements:
        env.program.step(statement.span)
        try:
            if isinstance(statement, tree.Loss):
                _loss_or_wait(env, statement, deferred)
            elif isinstance(statement, (tree.For, tree.If)):
                deferred += _for(env, statement) if isinstance(statement, tree.For) else _if(env, statement)
            else:
                STATEMENTS[type(statement)](env, statement)
        except selections.Undecided as undecided:
            if env.inlined:
                raise
            undecided.report()
            _poison(env, statement)
        except Abort:
            _poison(env, statement)
    if env.scope.carries:
        return deferred
    for waiting, statement in deferred:
        try:
            _loss(waiting, statement)
        except Abort:
            continue
    return []


def _poison(env: Env, statement: tree.Statement) -> None:
    """Names that a failed statement would have declared here mean nothing, silently."""
    for name in _declared(env, statement):
        env.scope.names.setdefault(name.text, (POISON, name.span))


def _declared(env: Env, statement: tree.Statement) -> Iterator[tree.Name]:
    if isinstance(statement, tree.If):
        for body in (statement.then, statement.otherwise):
            for inner in body.statements if body else ():
                yield from _declared(env, inner)
    elif isinstance(statement, tree.For):
        collected = (s for s in statement.body.statements if getattr(s, "index", None) is not None)
        yield from (name for s in collected for name in _declared(env, s))
    elif isinstance(name := getattr(statement, "name", None), tree.Name) and name.text and env.scope.find(name.text) is None:
        yield name


def _let(env: Env, statement: tree.Let) -> None:
    here = env.statement(statement.name.text)
    value = evaluate(here, statement.value)
    if isinstance(value, Items) and value.bundle is not None and statement.fuse:
        hint = "join the streams: `weighted_sum(…, by=router)`"
        raise env.error("CC0401", "a `fuse` gives one value, and this is a bundle", statement.value.span, hint=hint)
    if statement.index is not None:
        collect(env, statement.name, statement.index, value)
    else:
        env.declare(statement.name, _named(value, statement.name.text), rebind=True)


def _named(value: Value, name: str) -> Value:
    """The value; its node keeps the first name it was given, for printing."""
    if isinstance(value, Tensor) and not value.node.name:
        object.__setattr__(value.node, "name", name)
    return value


def collect(env: Env, name: tree.Name, index: tree.Expr, value: Value) -> None:
    """`name[i] = value`: the next entry of a list that outlives the loop."""
    place = whole(env, index)
    scope = env.scope
    while scope.carries and scope.parent is not None:
        scope = scope.parent
    before = scope.names.get(name.text)
    entries: Sequence[Value] = before[0].values if before and isinstance(before[0], Items) else ()
    if before and not isinstance(before[0], Items):
        raise env.error(
            "CC0202", f"`{name.text}` is already declared, and not a list", name.span, also=[label(before[1], "declared here")]
        )
    if place != len(entries):
        raise env.error("CC0306", f"`{name.text}[{place}]` comes where entry {len(entries)} is expected", index.span)
    scope.names[name.text] = (items_of(env, (*entries, value), name.span), name.span)


def _output(env: Env, statement: tree.Output) -> None:
    name = statement.name
    if statement.value is not None:
        value = evaluate(env.statement(name.text), statement.value)
    else:
        value = evaluate(env, name)
    x = as_tensor(env, value, (statement.value or name).span)
    if name.text in env.sink:
        also = [label(env.sink[name.text][1], "first given here")]
        raise env.error("CC0202", f"there are two outputs `{name.text}`", name.span, also=also)
    env.sink[name.text] = (_named(x, name.text), statement.span)
    if statement.value is not None and name.text and env.scope.find(name.text) is None:
        env.scope.names[name.text] = (value, name.span)


def outputs_of(env: Env, span: Span, what: str) -> dict[str, Tensor]:
    """The outputs that a body has given; none is an error."""
    if not env.sink:
        if env.findings.errors:
            raise Abort
        raise env.error("CC0506", f"{what} has no output", span, hint="add `output y`")
    return {name: as_tensor(env, value, place) for name, (value, place) in env.sink.items()}


def _param(env: Env, statement: tree.Param) -> None:
    type, axes = tensor_type(env, statement.type)
    for size, expr in zip(type.shape, statement.type.shape):
        if isinstance(size, Dim):
            raise env.error("CC0302", f"the size `{size}` of a parameter is not known at compile time", expr.span)
    kind = "frozen" if statement.frozen or env.unit.frozen else "param"
    _declare_outer(env, statement.name, type, axes, _init(env, statement.init, type), kind)


def _state(env: Env, statement: tree.State) -> None:
    type, axes = tensor_type(env, statement.type)
    for size, expr in zip(type.shape, statement.type.shape):
        if isinstance(size, Dim):
            raise env.error("CC0302", f"the size `{size}` of a state is not known at compile time", expr.span)
    init = _init(env, statement.init, type) if statement.init is not None else ("constant", 0.0)
    _declare_outer(env, statement.name, type, axes, init, "state")


def _declare_outer(env: Env, name: tree.Name, type: Any, axes: Any, init: tuple[str, float], kind: str) -> None:
    path = ".".join(env.statement(name.text).path)
    outer = Outer(env.unit, path, type, axes, init, kind, name.span)
    build.declare_outer(env, outer)
    env.declare(name, outer)


def _init(env: Env, expr: tree.Expr | None, type: Any) -> tuple[str, float]:
    """`= 0`, `= normal(0.02)`, `= uniform(0.1)`, or nothing: as `linear` starts its weight, the last axis being the fan-in."""
    if expr is None:
        fan = type.shape[-1] if type.shape else 1
        return ("uniform", fan**-0.5 if fan else 0.0)
    if isinstance(expr, tree.Call) and isinstance(expr.function, tree.Name) and expr.function.text not in FUNCTIONS:
        if expr.function.text in DRAWN and len(expr.arguments) == 1:
            scale = evaluate(env, expr.arguments[0].value)
            if isinstance(scale, (int, float)) and not isinstance(scale, bool):
                return (expr.function.text, float(scale))
        found = f"`{expr.span.text}`"
    else:
        value = evaluate(env, expr)
        if isinstance(value, (int, float)):
            return ("constant", float(value))
        found = describe(value)
    hint = "a start value is a number, `normal(std)` or `uniform(bound)`"
    raise env.error("CC0310", f"nothing starts at {found}", expr.span, hint=hint)


def _next(env: Env, statement: tree.Next) -> None:
    found = env.scope.find(statement.name.text)
    if found is None or not isinstance(found[1], Outer) or found[1].kind != "state":
        raise env.error(
            "CC0205", f"`{statement.name.text}` is no state", statement.name.span, hint="declare it: `state s: f32[n] = 0`"
        )
    outer = found[1]
    value = as_tensor(env, evaluate(env.statement(statement.name.text), statement.value), statement.value.span)
    if value.type != outer.type:
        also = [label(outer.span, f"declared `{outer.type}` here"), label(value.node.span, f"`{value.type}` comes from here")]
        raise env.error(
            "CC0305", f"the next `{statement.name.text}` is `{value.type}`, not `{outer.type}`", statement.value.span, also=also
        )
    if outer.unit is not env.unit:
        raise env.error(
            "CC0503", "a chunk cannot set a state outside it", statement.name.span, hint="declare the state in the chunk"
        )
    set_next(env, outer, value, statement.span)


def set_next(env: Env, outer: Outer, value: Tensor, span: Span) -> None:
    """Give a state its value for the next call; twice is an error."""
    if outer.path in env.unit.nexts:
        also = [label(env.unit.nexts[outer.path][2], "first set here")]
        raise env.error("CC0202", f"the next `{outer.path}` is set twice", span, also=also)
    env.unit.nexts[outer.path] = (env.unit.reach(outer, span).node, value.node, span)


def _for(env: Env, statement: tree.For) -> Deferred:
    deferred: Deferred = []
    for place, value in enumerate(_values(env, statement.values)):
        env.program.step(statement.span)
        scope = Scope(parent=env.scope, carries=True)
        scope.names[statement.variable.text] = (value, statement.variable.span)
        scope.used.add(statement.variable.text)
        word = str(value) if isinstance(value, (int, str)) else str(place)
        inner = env.inner(scope=scope, loops=(*env.loops, word))
        before = len(env.findings.errors)
        deferred += block(inner, statement.body)
        if len(env.findings.errors) > before:
            break  # the same mistake again in every round helps nobody
    if not env.scope.carries and deferred:
        _run_deferred(deferred)
        return []
    return deferred


def _run_deferred(deferred: Deferred) -> None:
    for waiting, statement in deferred:
        _loss(waiting, statement)


def _values(env: Env, expr: tree.Expr) -> Sequence[Value]:
    if isinstance(expr, tree.Range):
        start = whole(env, expr.start) if expr.start is not None else 0
        if expr.stop is None:
            raise env.error("CC0302", "a `for` needs an end", expr.span, hint="write `0..n`")
        stop = whole(env, expr.stop)
        if stop - start > limits.LONGEST_RANGE:
            message = f"a `for` of {stop - start} rounds is too long to unroll"
            raise env.error("CC1001", message, expr.span, hint=f"the most is {limits.LONGEST_RANGE}")
        return range(start, stop)
    value = evaluate(env, expr)
    if isinstance(value, Items):
        return value.values
    raise env.error("CC0301", f"a `for` goes over a range or a list, found {describe(value)}", expr.span)


def _if(env: Env, statement: tree.If) -> Deferred:
    chosen = statement.then if truth(env, statement.condition) else statement.otherwise
    if chosen is None:
        return []
    scope = Scope(parent=env.scope, carries=True)
    deferred = block(env.inner(scope=scope), chosen)
    for name, (value, span) in scope.names.items():
        env.declare(tree.Name(span, name), value, rebind=True)
    return deferred


def _loss_or_wait(env: Env, statement: tree.Loss, deferred: Deferred) -> None:
    counters = dict(env.unit.counters)
    try:
        _loss(env, statement, wait=True)
    except selections.Undecided:
        env.unit.counters.clear()
        env.unit.counters.update(counters)
        deferred.append((env, statement))


def _loss(env: Env, statement: tree.Loss, *, wait: bool = False) -> None:
    name = statement.name.text
    here = env.statement(name)
    try:
        x = as_tensor(here, evaluate(here, statement.value), statement.value.span)
    except selections.Undecided as undecided:
        if wait:
            raise
        raise undecided.report() from None
    if x.type.rank != 0 or not x.type.is_float:
        also = [label(x.node.span, f"`{x.type}` comes from here")]
        raise env.error(
            "CC0305", f"a loss is one number, found `{x.type}`", statement.value.span, also=also, hint="take its `mean`"
        )
    path = ".".join((*env.base, name, *env.loops))
    if env.program.training:
        env.unit.losses.append((path, x.node))


def _selection(env: Env, statement: tree.Selection) -> None:
    value: Selected = selections.declare(env.statement(statement.name.text), statement)
    if statement.index is not None:
        collect(env, statement.name, statement.index, value)
    else:
        env.declare(statement.name, value, rebind=env.scope.carries)


def _memory(env: Env, statement: tree.Memory) -> None:
    from .memory import declare

    declare(env, statement)


def _input(env: Env, statement: tree.Input) -> None:
    message = "inputs stand in the block of a model, and those of a chunk in parentheses behind its name"
    raise env.error("CC0507", message, statement.span, hint=f"write `({statement.name.text}, …)`")


STATEMENTS: dict[type, Callable[[Env, Any], None]] = {
    tree.Let: _let,
    tree.Output: _output,
    tree.Param: _param,
    tree.State: _state,
    tree.Next: _next,
    tree.Chunk: chunks.declare,
    tree.Selection: _selection,
    tree.Memory: _memory,
    tree.Input: _input,
}
