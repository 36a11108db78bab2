"""A plain call of an op: bound as its row in the op table says, implicit parameters behind the values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ...compiler.diagnostics import Abort, did_you_mean
from ...compiler.dims import Dim
from ...compiler.ops import OPS
from ...compiler.ops.table import Arg
from ...compiler.source import Span
from ...compiler.types import DTYPES
from .. import tree
from . import build
from .arguments import Arguments, Given
from .env import Env, label
from .expressions import as_tensor, evaluate, whole
from .values import Fraction, Items, Record, Tensor, Value, describe


@dataclass(slots=True)
class Bound:
    """A call sorted into operands and attributes; operands by the name of their argument, in the order of the row."""

    operands: dict[str, Tensor] = field(default_factory=dict)
    attrs: dict[str, Any] = field(default_factory=dict)
    rest: list[Tensor] = field(default_factory=list)


def table_op(arguments: Arguments) -> Tensor:
    """A call of an op by its row."""
    from .masks import MASKABLE, masked_call

    if arguments.callee in MASKABLE and "mask" in arguments.named:
        return masked_call(arguments)
    return finish(arguments, bind(arguments))


def bind(arguments: Arguments) -> Bound:
    """Sort a call's arguments, making the parameters that are not given."""
    row = OPS[arguments.callee]
    args = [arg for arg in row.args if arg.form != "core"]
    names = [arg.name for arg in args]
    many = next((arg for arg in args if arg.kind in ("axes", "order", "sizes", "values")), None)
    variadic = many.name if many is not None and not _is_list(arguments.positional[args.index(many) :], many) else ""
    given = arguments.bind(names, variadic=variadic)
    if variadic and variadic not in given and (rest := arguments.rest(names, variadic)):
        given[variadic] = Given(arguments.env, rest[0].span, piped=_Many(rest))  # type: ignore[arg-type]
    _weights_for_sizes(arguments, args, given)
    bound = Bound()
    _operands(arguments, args, given, bound)
    _attributes(arguments, args, given, bound)
    _parameters(arguments, args, given, bound)
    return bound


def _is_list(rest: list[Given], many: Arg) -> bool:
    """A list is all the values, axes or sizes; what follows belongs to the next arguments."""
    if not rest:
        return False
    return isinstance(rest[0].expr, tree.ListOf) or many.kind == "values" and isinstance(rest[0].value, Items)


def finish(arguments: Arguments, bound: Bound) -> Tensor:
    """The node of a bound call."""
    row = OPS[arguments.callee]
    surface = {arg.name for arg in row.args if arg.form == "surface" or arg.kind == "param"}
    attrs = {name: value for name, value in bound.attrs.items() if name not in surface and value is not None}
    operands = [*bound.operands.values(), *bound.rest]
    slots = tuple(name for name in row.slots if name in bound.operands)
    return build.op(arguments.env, arguments.callee, operands, attrs, arguments.span, slots)


class _Many(tuple):  # type: ignore[type-arg]
    """The positional arguments behind a variadic name."""


def _weights_for_sizes(arguments: Arguments, args: list[Arg], given: dict[str, Given]) -> None:
    """A tensor where a size stands is the weight: `linear(w)`; then there is no other parameter unless written."""
    params = [arg.name for arg in args if arg.kind == "param"]
    size = next((arg.name for arg in args if arg.kind == "size" and arg.form == "surface"), "")
    if not params or size not in given or not isinstance(given[size].value, (Tensor, Record)):
        return
    if params[0] in given:
        raise arguments.env.error("CC0307", f"the {params[0]} is given twice", given[size].span)
    given[params[0]] = given.pop(size)
    for other in params[1:]:
        given.setdefault(other, Given(arguments.env, arguments.span, piped=False))


def _operands(arguments: Arguments, args: list[Arg], given: dict[str, Given], bound: Bound) -> None:
    env = arguments.env
    values: dict[str, tuple[Value, Span]] = {}
    for arg in args:
        if arg.kind == "values":
            arguments.need(given, arg.name, "values")
            many = given[arg.name].piped
            for entry in many if isinstance(many, _Many) else (given[arg.name],):
                items = entry.value.values if isinstance(entry.value, Items) else (entry.value,)
                if build.is_number(entry.value):
                    hint = f"name what it is: `axis={entry.value}`"
                    raise env.error("CC0301", f"expected a tensor, found {describe(entry.value)}", entry.span, hint=hint)
                bound.rest += [as_tensor(env, item, entry.span) for item in items]
        elif arg.kind == "value":
            if arg.name in given:
                values[arg.name] = (given[arg.name].value, given[arg.name].span)
            elif arg.required:
                arguments.need(given, arg.name, f"a value for `{arg.name}`")
    for name, (value, span) in values.items():
        if build.is_number(value) and not OPS[arguments.callee].pointwise:
            hint = f"a value comes first: `x |> {arguments.callee}(…)`"
            raise env.error("CC0301", f"`{name}` of `{arguments.callee}` is a tensor, found {describe(value)}", span, hint=hint)
    tensors = [as_tensor(env, value, span) for value, span in values.values() if not build.is_number(value)]
    beside = next((x for x in reversed(tensors) if x.type.dtype != "bool"), tensors[0] if tensors else None)
    for name, (value, span) in values.items():
        if build.is_number(value) and beside is not None and OPS[arguments.callee].pointwise:
            bound.operands[name] = build.number(env, value, beside.type, span)
        else:
            bound.operands[name] = as_tensor(env, value, span)


def _attributes(arguments: Arguments, args: list[Arg], given: dict[str, Given], bound: Bound) -> None:
    env = arguments.env
    first = next(iter(bound.operands.values()), None)
    for arg in args:
        if arg.kind in ("value", "values", "param"):
            continue
        if arg.name not in given:
            if arg.required:
                arguments.need(given, arg.name)
            bound.attrs[arg.name] = arg.default
            continue
        entry = given[arg.name]
        if arg.kind in ("axes", "order", "sizes"):
            many = entry.piped if isinstance(entry.piped, _Many) else (entry,)
            if arg.kind == "sizes":
                bound.attrs[arg.name] = tuple(size for one in many for size in _sizes(env, one))
            elif first is not None:
                bound.attrs[arg.name] = tuple(place for one in many for place in _axes(env, one, first))
        elif arg.kind == "axis" and entry.expr is not None:
            x = first or (bound.rest[0] if bound.rest else None)
            assert x is not None
            bound.attrs[arg.name] = whole_axis(env, entry) if OPS[arguments.callee].axis_of_result else axis(env, entry.expr, x)
        else:
            bound.attrs[arg.name] = scalar(env, entry, arg.kind, arguments.callee, arg.name)


def _parameters(arguments: Arguments, args: list[Arg], given: dict[str, Given], bound: Bound) -> None:
    env = arguments.env
    made: list[str] = []
    for arg in args:
        if arg.kind != "param":
            continue
        value = given[arg.name].value if arg.name in given else arg.default
        bound.attrs[arg.name] = value is True
        if not isinstance(value, bool):
            bound.operands[arg.name] = as_tensor(env, value, given[arg.name].span)
        elif value:
            made.append(arg.name)
    if not made:
        return
    before = [bound.operands[arg.name] for arg in args if arg.name in bound.operands]
    new = build.implicit(env, arguments.callee, before, bound.attrs, arguments.span)
    for name, parameter in new.items():
        bound.operands[name] = parameter
    bound.operands = {arg.name: bound.operands[arg.name] for arg in args if arg.name in bound.operands}


def _sizes(env: Env, given: Given) -> tuple[Any, ...]:
    """Sizes written one by one, or as a list that is computed (`shape(x)`)."""
    if isinstance(given.expr, tree.ListOf):
        return tuple(build.size(env, expr) for expr in given.expr.items)
    value = given.value
    many = value.values if isinstance(value, Items) else (value,)
    for one in many:
        if isinstance(one, bool) or not isinstance(one, (int, Dim)):
            raise env.error("CC0301", f"expected a whole number or a dimension, found {describe(one)}", given.span)
    return tuple(many)


def _axes(env: Env, given: Given, x: Tensor) -> list[int]:
    """Axes written one by one, in a list, or as a range of positions (`0..rank(x)`)."""
    if given.expr is None:
        raise env.error("CC0301", "this cannot be an axis or a size", given.span)
    if isinstance(given.expr, tree.Range):
        start = whole(env, given.expr.start) if given.expr.start is not None else 0
        stop = whole(env, given.expr.stop) if given.expr.stop is not None else x.type.rank
        if not 0 <= start <= stop <= x.type.rank:
            raise env.error("CC0308", f"the axes {start}..{stop} are out of range for `{x.type}`", given.span)
        return [place - x.type.rank for place in range(start, stop)]
    return [axis(env, expr, x) for expr in (given.expr.items if isinstance(given.expr, tree.ListOf) else (given.expr,))]


def whole_axis(env: Env, given: Given) -> int:
    """An axis of a result that has one more: only by position."""
    value = given.value
    if isinstance(value, bool) or not isinstance(value, int):
        raise env.error("CC0308", f"a new axis is given by its position, found {describe(value)}", given.span)
    return value


WORDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "`true` or `false`",
    "string": "a string",
    "size": "a whole number or a dimension",
}
CLASSES: dict[str, Any] = {"int": int, "float": float, "bool": bool, "string": str, "size": (int, Dim)}


def scalar(env: Env, given: Given, kind: str, callee: str, name: str) -> Any:
    """A compile-time argument of the kind that the signature asks for."""
    if kind == "dtype":
        from .signatures import dtype

        if not isinstance(given.expr, tree.Name):
            hint = f"the dtypes are {', '.join(DTYPES)}"
            raise env.error("CC0301", f"`{name}` of `{callee}` is a dtype", given.span, hint=hint)
        return dtype(env, given.expr)
    value = given.value
    if kind == "pair":
        values = value.values if isinstance(value, Items) else (value,)
        if any(isinstance(item, bool) or not isinstance(item, int) for item in values):
            raise env.error("CC0301", f"`{name}` of `{callee}` is a whole number or a list of them", given.span)
        return tuple(values) if isinstance(value, Items) else value
    if kind == "float" and isinstance(value, (int, Fraction)) and not isinstance(value, bool):
        return float(value.value if isinstance(value, Fraction) else value)
    if not isinstance(value, CLASSES[kind]) or (isinstance(value, bool) and kind != "bool"):
        raise env.error("CC0301", f"`{name}` of `{callee}` is {WORDS[kind]}, found {describe(value)}", given.span)
    return value


def axis(env: Env, expr: tree.Expr, x: Tensor) -> int:
    """An axis by name or position, counted from the end."""
    if isinstance(expr, tree.Name) and expr.text in x.axes:
        if x.axes.count(expr.text) > 1:
            raise env.error("CC0308", f"two axes are called `{expr.text}`", expr.span, hint="give the axis by position")
        return x.axes.index(expr.text) - x.type.rank
    if isinstance(expr, tree.Name) and env.scope.find(expr.text) is None:
        raise _unknown_axis(env, expr, x)
    value = evaluate(env, expr)
    if isinstance(value, bool) or not isinstance(value, int):
        raise _unknown_axis(env, expr, x)
    if not -x.type.rank <= value < x.type.rank:
        raise env.error("CC0308", f"axis {value} is out of range for `{x.type}`", expr.span)
    return value % x.type.rank - x.type.rank


def _unknown_axis(env: Env, expr: tree.Expr, x: Tensor) -> Abort:
    names = [name for name in x.axes if name]
    hint = did_you_mean(expr.span.text, names) or (
        f"its named axes are {', '.join(names)}" if names else "give the axis by position"
    )
    also = [label(x.node.span, f"`{x.type}` comes from here")]
    return env.error("CC0308", f"`{x.type}` has no axis `{expr.span.text}`", expr.span, also=also, hint=hint)
