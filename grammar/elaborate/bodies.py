"""The body of a chunk at one call: elaborated once for each way of calling it, then shared by all members and calls."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ...compiler.bodies import live
from ...compiler.diagnostics import Abort
from ...compiler.dims import Dim, Size, substitute, symbol
from ...compiler.ir import Graph
from ...compiler.loading.places import Resolved
from ...compiler.source import Span
from ...compiler.types import RecordType, TensorType, Type
from .. import tree
from . import gradients
from .env import Env, Scope, Unit, label
from .missing import skip_missing
from .places import called
from .signatures import bind_signature, declare_dims, tensor_type
from .stored import extern_of, foreign_outputs, may_be_missing, text_outputs, zeros_of
from .values import Axes, Chunked, Tensor

Body = tuple[Graph | None, Type, dict[str, Axes]]


def body_of(env: Env, chunk: Chunked, arguments: list[Tensor], among: bool, span: Span) -> Body:
    """The body graph for arguments of these types (None for an extern that nothing is bound to), and what a call gives."""
    key = (tuple((x.type, x.axes) for x in arguments), among)
    if key not in chunk.bodies:
        chunk.bodies[key] = None
        with called(env, span):
            chunk.bodies[key] = _elaborate(env, chunk, arguments, among, span)
    body = chunk.bodies[key]
    if body is None:
        raise Abort  # what is wrong with it has been said at an earlier call
    return body


def _elaborate(env: Env, chunk: Chunked, arguments: list[Tensor], among: bool, span: Span) -> Body:
    program, syntax = env.program, chunk.syntax
    bound = program.bind.get(syntax.name.text) if syntax.extern is not None else None
    if syntax.extern is not None and bound is None:
        bound = extern_of(env, chunk) if program.resolver is not None else None
        if bound is None and (program.resolver is None or not may_be_missing(env, chunk)):
            return _declared(env, chunk, arguments, span)
        chunk.gone = bound is None
    entry = chunk.env.unit.chunks[chunk.path]
    unit = Unit(program, parent=chunk.env.unit)
    unit.frozen = chunk.env.unit.frozen or not entry.trainable
    scope = Scope(parent=chunk.env.scope, barrier=True)
    inner = Env(program, unit, scope)
    fresh, local = _local_sizes(arguments)
    inputs = [
        _input(unit, f"%{i}" if i >= len(syntax.inputs) else syntax.inputs[i].name.text, x, t)
        for i, (x, t) in enumerate(zip(arguments, local))
    ]
    if among:
        unit.among = (inputs[-2], inputs[-1])
    for given, x in zip(syntax.inputs, inputs):
        axes = (
            x.axes
            if given.type is None
            else bind_signature(inner, given.type, x, f"`{given.name.text}` of `{syntax.name.text}`", span)
        )
        scope.names[given.name.text] = (Tensor(x.node, axes), given.name.span)
    program.call(chunk, span)
    try:
        if chunk.gone:
            outputs = zeros_of(inner, syntax, span)
        elif isinstance(bound, Resolved) and bound.kind != "model":
            outputs = foreign_outputs(inner, chunk, bound, inputs, among, span)
        else:
            outputs = _run(inner, syntax, bound, inputs, span)
    finally:
        program.calling.pop()
    _check_returns(inner, syntax, outputs, span)
    unit.outputs.extend((name, x.node) for name, x in outputs.items())
    graph = finish(unit, chunk.path, syntax.span)
    types = {name: _restore(x.type, fresh) for name, x in outputs.items()}
    result: Type = next(iter(types.values())) if len(types) == 1 else RecordType(tuple(types.items()))
    return graph, result, {name: x.axes for name, x in outputs.items()}


def _run(env: Env, syntax: tree.Chunk, bound: Any, inputs: list[Tensor], span: Span) -> dict[str, Tensor]:
    from .models import bound_outputs
    from .statements import block, outputs_of

    if syntax.requires and (bound is None or isinstance(bound, Resolved)):
        message = f"`{syntax.name.text}` is computed as it is written: what it requires is not looked at"
        hint = "leave it out: `requires` is for what `onnx:`, `pt2:` and `py:` run"
        env.findings.warn("CC1479", message, syntax.requires[0].span, hint=hint)

    if isinstance(bound, Resolved):
        return text_outputs(env, bound, inputs, syntax, span)
    if bound is not None:
        return bound_outputs(env, bound, inputs, syntax, span)
    assert syntax.body is not None
    block(env, syntax.body)
    return outputs_of(env, syntax.name.span, f"the chunk `{syntax.name.text}`")


def _input(unit: Unit, name: str, x: Tensor, type: TensorType) -> Tensor:
    return Tensor(unit.emit("input", (), {"name": name}, type, x.node.span, name), x.axes)


def _local_sizes(arguments: list[Tensor]) -> tuple[dict[str, Size], list[TensorType]]:
    """Each size that is an expression becomes a dimension of the body's own, so that the body can read it off its inputs."""
    names: dict[Size, str] = {}
    taken = {str(size) for x in arguments for size in x.shape if isinstance(size, Dim) and not size.compound}
    types = []
    for x in arguments:
        shape: list[Size] = []
        for size in x.shape:
            if isinstance(size, Dim) and (size.compound or not str(size).isidentifier()):
                if size not in names:
                    names[size] = next(name for i in range(len(taken) + 1) if (name := f"N{i or ''}") not in taken)
                    taken.add(names[size])
                size = symbol(names[size])
            shape.append(size)
        types.append(TensorType(x.type.dtype, tuple(shape)))
    return {name: size for size, name in names.items()}, types


def _restore(type: TensorType, fresh: dict[str, Size]) -> TensorType:
    return TensorType(type.dtype, tuple(substitute(size, fresh) for size in type.shape)) if fresh else type


def _check_returns(env: Env, syntax: tree.Chunk, outputs: dict[str, Tensor], span: Span) -> None:
    if syntax.returns is None:
        return
    wanted, _ = tensor_type(env, syntax.returns)
    found = next(iter(outputs.values()))
    if found.type != wanted:
        message = f"`{syntax.name.text}` is declared to give `{wanted}`, and gives `{found.type}`"
        also = [label(found.node.span, f"`{found.type}` comes from here"), label(span, "in this call")]
        raise env.error("CC0305", message, syntax.returns.span, also=also)


def _declared(env: Env, chunk: Chunked, arguments: list[Tensor], span: Span) -> Body:
    """What the signature of an extern chunk says."""
    syntax = chunk.syntax
    scope = Scope(parent=chunk.env.scope)
    inner = Env(env.program, env.unit, scope)
    for given, x in zip(syntax.inputs, arguments):
        assert given.type is not None
        bind_signature(inner, given.type, x, f"`{given.name.text}` of `{syntax.name.text}`", span)
    assert syntax.returns is not None
    declare_dims(inner, syntax.returns)
    type, axes = tensor_type(inner, syntax.returns)
    return None, type, {"": axes}


def finish(unit: Unit, name: str, span: Span, **more: Any) -> Graph:
    """The graph of a unit, without what nothing needs."""
    nexts = tuple((state, value) for state, value, _ in unit.nexts.values())
    parts = (tuple(unit.nodes), tuple(unit.outputs), tuple(unit.losses), nexts)
    graph = Graph(name, *parts, span, training=unit.program.training, **more)
    wanted = live(graph)
    graph = replace(graph, nodes=tuple(node for node in unit.nodes if node in wanted or node.op == "input"))
    gradients.warn(unit, graph)
    if unit.skipped:
        graph = skip_missing(unit, graph)
    unit.program.units[id(graph)] = unit
    return graph
