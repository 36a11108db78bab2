"""Calls with a rule of their own: those that make several nodes, take bundles or masks, or answer at compile time."""

from __future__ import annotations

import math
from collections.abc import Callable

from ...compiler.dims import Dim, TooLarge, product
from ...compiler.types import SelectionType
from . import build, fuses, static
from .arguments import Arguments, Given
from .attending import attention
from .batch_norm import batch_norm
from .expressions import as_tensor
from .limits import LONGEST_RANGE
from .masks import masked_form
from .noise import dropout, jitter, uniform
from .rows import axis, table_op
from .values import Fraction, Items, Nothing, Record, Selected, Tensor, Value, describe

# ---- lists


def split(arguments: Arguments) -> Value:
    """Equal parts (`split(3)`) or parts of given sizes (`split([2, 6])`) of an axis, as a list."""
    env, span = arguments.env, arguments.span
    bound = arguments.bind(["x", "sizes", "axis"])
    x = arguments.tensor(bound, "x")
    place = _axis(arguments, bound, x)
    total, given = x.shape[place], arguments.need(bound, "sizes").value
    sizes: list[int] = []
    if isinstance(given, Items):
        sizes = [n for n in given.values if isinstance(n, int) and not isinstance(n, bool) and n >= 0]
        if len(sizes) != len(given.values) or sum(sizes) != total:
            raise env.error("CC0305", f"the sizes of a split must be whole and add up to {total}", span)
    elif isinstance(given, int) and 0 < given <= LONGEST_RANGE and isinstance(total, int) and total % given == 0:
        sizes = [total // given] * given
    else:
        parts = f"{given} equal parts" if isinstance(given, int) else describe(given)
        raise env.error("CC0305", f"an axis of {total} does not split into {parts}", span)
    slices, start = [], 0
    for n in sizes:
        stop = start + n
        slices.append(build.op(env, "slice", [x], {"axis": place, "start": start, "stop": stop, "step": 1}, span))
        start = stop
    return Items(tuple(slices))


def unstack(arguments: Arguments) -> Value:
    """The entries along an axis (the last, unless given), as a list."""
    env = arguments.env
    bound = arguments.bind(["x", "axis"])
    x = arguments.tensor(bound, "x")
    place = _axis(arguments, bound, x)
    size = x.shape[place]
    if not isinstance(size, int):
        raise env.error("CC0302", f"`unstack` needs a size known at compile time, found `{size}`", arguments.span)
    if size > LONGEST_RANGE:
        message = f"`unstack` would make a list of {size}"
        raise env.error("CC1003", message, arguments.span, hint=f"the most is {LONGEST_RANGE}")
    return Items(tuple(build.op(env, "index", [x], {"axis": place, "index": i}, arguments.span) for i in range(size)))


def _axis(arguments: Arguments, bound: dict[str, Given], x: Tensor) -> int:
    if "axis" not in bound:
        return -1
    expr = bound["axis"].expr
    assert expr is not None
    return axis(arguments.env, expr, x)


def einsum(arguments: Arguments) -> Tensor:
    """`einsum("bti,io->bto", x, w)`: the equation in front, as in NumPy."""
    first = arguments.positional[0] if arguments.positional else None
    if first is not None and isinstance(first.value, str) and "equation" not in arguments.named:
        arguments.named["equation"] = arguments.positional.pop(0)
        arguments.places["equation"] = first.span
    return table_op(arguments)


def flatten(arguments: Arguments) -> Tensor:
    """All axes but the first as one (`[B, …]` to `[B, n]`)."""
    x = arguments.tensor(arguments.bind(["x"]), "x")
    try:
        total = product(x.shape[1:])
    except TooLarge:
        message = "the flat size is too long an expression of the dimensions"
        raise arguments.env.error("CC1004", message, arguments.span) from None
    return build.op(arguments.env, "reshape", [x], {"shape": (*x.shape[:1], total)}, arguments.span)


# ---- positions


def rope(arguments: Arguments) -> Tensor:
    """Rotary positions; in a body called `among` a selection, the original ones."""
    among = arguments.env.unit.among
    if among is not None and "position" not in arguments.named and len(arguments.positional) < 2:
        arguments.named["position"] = Given(arguments.env, arguments.span, piped=among[1])
        arguments.places["position"] = arguments.span
    return table_op(arguments)


# ---- at compile time


def larger(arguments: Arguments) -> Value:
    """`max(x)` over axes; `max(a, b)` of two values or two numbers."""
    values = arguments.positional
    if len(values) == 2 and not arguments.named:
        a, b = values[0].value, values[1].value
        if static.is_static(a) and static.is_static(b):
            return static.larger(arguments.env, arguments.callee, a, b, arguments.span)
        if not static.is_static(b) or isinstance(b, float):
            pair = build.operands(arguments.env, a, values[0].span, b, values[1].span)
            return build.op(arguments.env, f"{arguments.callee}imum", list(pair), {}, arguments.span)
    return table_op(arguments)


def rounded(arguments: Arguments) -> Value:
    """`floor(a / b)` and `ceil(a / b)` of sizes."""
    from .. import tree
    from .expressions import evaluate

    env = arguments.env
    given = arguments.need(arguments.bind(["x"]), "x")
    if isinstance(given.expr, tree.Binary) and given.expr.operator == "/":
        a, b = evaluate(env, given.expr.left), evaluate(env, given.expr.right)
        if isinstance(a, (int, Dim)) and isinstance(b, (int, Dim)):
            return static.rounded(env, arguments.callee, a, b, arguments.span)
    value = given.value
    if isinstance(value, (int, float)) and abs(value) < static.LARGEST:
        return int(value // 1) if arguments.callee == "floor" else -int(-value // 1)
    raise env.error("CC0301", f"`{arguments.callee}` rounds a quotient of sizes, found {describe(value)}", given.span)


def share(arguments: Arguments) -> Value:
    """`share(x)`: a share of all positions ranked together."""
    bound = arguments.bind(["x"])
    arguments.need(bound, "x")
    return Fraction(arguments.number(bound, "x", 0.0))


def given(arguments: Arguments) -> Value:
    """Whether an input of the standard library was given."""
    return not isinstance(arguments.need(arguments.bind(["x"]), "x").value, Nothing)


def count(arguments: Arguments) -> Value:
    """Streams of a bundle or list, ways of a selection."""
    entry = arguments.need(arguments.bind(["x"]), "x")
    value = entry.value
    if isinstance(value, Items):
        return len(value.values)
    if isinstance(value, Selected) and value.node is not None:
        type = value.node.type
        assert isinstance(type, SelectionType)
        return type.kept.shape[-1]
    raise arguments.env.error("CC0301", f"`count` is of a bundle, a list or a selection, found {describe(value)}", entry.span)


def size(arguments: Arguments) -> Value:
    """The size of an axis."""
    bound = arguments.bind(["x", "axis"])
    x = arguments.tensor(bound, "x")
    found: Value = x.shape[_axis(arguments, bound, x)]
    return found


def rank(arguments: Arguments) -> Value:
    """How many axes."""
    return arguments.tensor(arguments.bind(["x"]), "x").type.rank


def function(arguments: Arguments) -> Value:
    """`sqrt(d)`, `exp(x)`, `log(x)`, `abs(x)`: of a compile-time number, a number."""
    value = arguments.positional[0].value if len(arguments.positional) == 1 else None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            return FUNCTIONS[arguments.callee](value)
        except ValueError:
            message = f"`{arguments.callee}` of {value} is no number"
            raise arguments.env.error("CC0303", message, arguments.span) from None
        except OverflowError:
            raise arguments.env.error("CC1004", "the number is too large", arguments.span) from None
    return table_op(arguments)


FUNCTIONS: dict[str, Callable[[float], float]] = {"abs": abs, "exp": math.exp, "log": math.log, "sqrt": math.sqrt}


def shape(arguments: Arguments) -> Value:
    """The sizes of all axes, as a list."""
    return Items(tuple(arguments.tensor(arguments.bind(["x"]), "x").shape))


def cast(arguments: Arguments) -> Tensor:
    """`cast(x, f32)`, or to the dtype of another value: `cast(x, dtype(y))`."""
    from .. import tree

    env = arguments.env
    bound = arguments.bind(["x", "dtype"])
    x, wanted = arguments.tensor(bound, "x"), arguments.need(bound, "dtype")
    if isinstance(wanted.expr, tree.Call) and wanted.expr.function.span.text == "dtype" and len(wanted.expr.arguments) == 1:
        like = wanted.expr.arguments[0].value
        value = Given(env, like.span, like).value
        value = value.values[0] if isinstance(value, Items) and value.values else value
        name = as_tensor(env, value.first if isinstance(value, Record) else value, like.span).type.dtype
        return x if name == x.type.dtype else build.op(env, "cast", [x], {"dtype": name}, arguments.span)
    return table_op(arguments)


FORMS: dict[str, Callable[[Arguments], Value]] = {
    "attention": attention,
    "batch_norm": batch_norm,
    "cast": cast,
    "ceil": rounded,
    "concat": fuses.joined,
    "count": count,
    "dropout": dropout,
    "einsum": einsum,
    "flatten": flatten,
    "floor": rounded,
    "given": given,
    "jitter": jitter,
    "masked": masked_form,
    "max": larger,
    "mean": fuses.reduced,
    "min": larger,
    "rank": rank,
    "rope": rope,
    "shape": shape,
    "share": share,
    "size": size,
    "split": split,
    "stack": fuses.joined,
    "sum": fuses.reduced,
    "uniform": uniform,
    "unstack": unstack,
    **dict.fromkeys(FUNCTIONS, function),
}
