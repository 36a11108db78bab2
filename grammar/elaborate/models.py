"""Models: the main one of a file becomes the graph, the others are elaborated in place where they are called."""

from __future__ import annotations

from typing import Any

from ...compiler.diagnostics import Abort, did_you_mean
from ...compiler.source import Span
from .. import tree
from .arguments import Arguments, Given
from .chunks import declare as declare_chunk
from .env import Env, Program, Scope, Unit, label
from .expressions import as_tensor, evaluate
from .files import standard
from .memory import of_model
from .places import called, library_call
from .signatures import bind_signature, declare_dims, tensor_type
from .statements import block, outputs_of
from .values import NOTHING, Record, Template, Tensor, Value, describe

KINDS: dict[str, Any] = {"int": int, "float": float, "bool": bool, "string": str}


def parameters(env: Env, model: tree.Model, given: dict[str, tuple[Value, Span]], span: Span) -> None:
    """Bind a model's compile-time parameters in `env.scope`: as given, or to their defaults."""
    names = [parameter.name.text for parameter in model.parameters]
    for name, (_, place) in given.items():
        if name not in names:
            hint = did_you_mean(name, names) or (f"its parameters are {', '.join(names)}" if names else "it has none")
            env.error("CC0204", f"the model `{model.name.text}` has no parameter `{name}`", place, hint=hint)
    for parameter in model.parameters:
        name = parameter.name.text
        if parameter.type.text not in KINDS:
            hint = did_you_mean(parameter.type.text, KINDS) or f"the kinds are {', '.join(KINDS)}"
            raise env.error("CC0201", f"unknown kind of parameter `{parameter.type.text}`", parameter.type.span, hint=hint)
        if name in given:
            value, place = given[name]
        elif parameter.default is not None:
            value, place = evaluate(env, parameter.default), parameter.default.span
        else:
            message = f"the model `{model.name.text}` needs a value for `{name}`"
            raise env.error(
                "CC0307", message, span, also=[label(parameter.span, "declared here without a default")], hint=f"give `{name}=…`"
            )
        value = _fitting(env, name, parameter.type.text, value, place)
        if name in env.scope.names:
            also = [label(env.scope.names[name][1], "first declared here")]
            raise env.error("CC0202", f"the parameter `{name}` is declared twice", parameter.name.span, also=also)
        env.scope.names[name] = (value, parameter.name.span)


def _fitting(env: Env, name: str, kind: str, value: Value, place: Span) -> Value:
    if kind == "float" and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, KINDS[kind]) or (isinstance(value, bool) and kind != "bool"):
        raise env.error("CC0301", f"the parameter `{name}` is of kind `{kind}`, found {describe(value)}", place)
    return value


def main(program: Program, model: tree.Model, scope: Scope, given: dict[str, tuple[Value, Span]]) -> Unit:
    """Elaborate a file's main model into a unit."""
    unit = Unit(program)
    env = Env(program, unit, Scope(parent=scope))
    of_model(program, model)
    try:
        for home, chunk in program.files:
            declare_chunk(Env(program, unit, home), chunk)
        parameters(env, model, given, model.name.span)
        env = env.inner(scope=Scope(parent=env.scope))
        _main_inputs(env, model)
        block(env, _rest(model))
        outputs = outputs_of(env, model.name.span, f"the model `{model.name.text}`")
        unit.outputs.extend((name, x.node) for name, x in outputs.items())
    except Abort:
        pass
    return unit


def _rest(model: tree.Model) -> tree.Block:
    return tree.Block(model.body.span, tuple(s for s in model.body.statements if not isinstance(s, tree.Input)))


def inputs_of(model: tree.Model) -> list[tree.Input]:
    return [s for s in model.body.statements if isinstance(s, tree.Input)]


def _main_inputs(env: Env, model: tree.Model) -> None:
    for statement in inputs_of(model):
        name = statement.name.text
        try:
            if statement.type is None:
                raise env.error(
                    "CC0309", f"the input `{name}` needs a type", statement.span, hint=f"write `input {name}: f32[B, d]`"
                )
            declare_dims(env, statement.type)
            type, axes = tensor_type(env, statement.type)
            node = env.unit.emit("input", (), {"name": name}, type, statement.span, name)
            env.declare(statement.name, Tensor(node, axes))
        except Abort:
            env.scope.names.setdefault(name, (_poison(), statement.name.span))


def _poison() -> Value:
    from .values import POISON

    return POISON


def inline(env: Env, template: Template, arguments: Arguments) -> Value:
    """A model called like an op: elaborated here, with weights of its own under the call's path."""
    model = template.syntax
    if any(template is caller for caller in env.program.calling):
        raise env.error(
            "CC0505", f"the model `{model.name.text}` calls itself", arguments.span, hint="use a `for` of fixed length"
        )
    settings = [parameter.name.text for parameter in model.parameters]
    wanted = inputs_of(model)
    bound = arguments.bind([*(statement.name.text for statement in wanted), *settings])
    given = {name: bound.pop(name) for name in settings if name in bound}
    base = tuple(env.numbered(model.name.text).split("."))
    inner = Env(env.program, env.unit, Scope(parent=template.scope), base=base, path=base, inlined=True)
    values = {name: (entry.value, entry.span) for name, entry in given.items()}
    parameters(inner, model, _of_mask(env, settings, arguments.span) | values, arguments.span)
    inner = inner.inner(scope=Scope(parent=inner.scope))
    for statement in wanted:
        _bind_input(inner, model, statement, bound.get(statement.name.text), arguments.span)
    if template.scope is not standard():
        with called(env, arguments.span):
            return _run(inner, template, arguments.span)
    spans = {name: given.span for name, given in bound.items()}
    with library_call(env, arguments.span, model.span.source, spans):
        return _run(inner, template, arguments.span)


def _of_mask(env: Env, settings: list[str], span: Span) -> dict[str, tuple[Value, Span]]:
    """In the score of a mask, parameters that are called so take the mask's grain and block."""
    if env.grain is None:
        return {}
    grain, (rows, columns) = env.grain
    known: dict[str, Value] = {"grain": grain, "rows": rows, "columns": columns}
    return {name: (value, span) for name, value in known.items() if name in settings and "grain" in settings}


def _bind_input(env: Env, model: tree.Model, statement: tree.Input, given: Given | None, span: Span) -> None:
    name = statement.name.text
    if given is None:
        if statement.type is not None:
            raise env.error("CC0307", f"`{model.name.text}` needs `{name}`", span, also=[label(statement.span, "declared here")])
        env.scope.names[name] = (NOTHING, statement.name.span)
        return
    value = given.value
    if statement.type is not None:
        x = as_tensor(env, value, given.span)
        value = Tensor(x.node, bind_signature(env, statement.type, x, f"`{name}` of `{model.name.text}`", given.span))
    env.scope.names[name] = (value, statement.name.span)


def _run(env: Env, template: Template, span: Span) -> Value:
    model = template.syntax
    env.program.call(template, span)
    try:
        block(env, _rest(model))
    finally:
        env.program.calling.pop()
    outputs = outputs_of(env, model.name.span, f"the model `{model.name.text}`")
    return next(iter(outputs.values())) if len(outputs) == 1 else Record(dict(outputs))


def _of_same_name(env: Env, model: tree.Model) -> dict[str, tuple[Value, Span]]:
    """Parameters of a bound model take the value of the same name where the extern stands."""
    found: dict[str, tuple[Value, Span]] = {}
    for parameter in model.parameters:
        here = env.scope.find(parameter.name.text)
        if here is not None and isinstance(here[1], (int, float, str)):
            found[parameter.name.text] = (here[1], here[2])
    return found


def bound_outputs(env: Env, template: Template, inputs: list[Tensor], chunk: tree.Chunk, span: Span) -> dict[str, Tensor]:
    """The body that `--bind` puts in an extern's place: a model of another file, its inputs taken in order."""
    model = template.syntax
    wanted = inputs_of(model)
    if len(wanted) != len(inputs):
        message = f"`{model.name.text}`, bound to `{chunk.name.text}`, takes {len(wanted)} inputs, and the chunk {len(inputs)}"
        raise env.error("CC0508", message, chunk.name.span, also=[label(model.name.span, "bound from here")])
    inner = Env(env.program, env.unit, Scope(parent=template.scope))
    parameters(inner, model, _of_same_name(env, model), model.name.span)
    inner = inner.inner(scope=Scope(parent=inner.scope))
    for statement, x in zip(wanted, inputs):
        _bind_input(inner, model, statement, Given(inner, span, piped=x), span)
    block(inner, _rest(model))
    return outputs_of(inner, model.name.span, f"the model `{model.name.text}`")
