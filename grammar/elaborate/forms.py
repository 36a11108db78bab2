"""Calls with a rule of their own: those that make several nodes, take bundles or masks, or answer at compile time."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ...compiler.dims import Dim, TooLarge, product
from ...compiler.ops import Implicit
from ...compiler.types import SelectionType
from . import build, fuses, static
from .arguments import Arguments, Given
from .attending import attention
from .env import Env
from .expressions import as_tensor
from .limits import LONGEST_RANGE
from .masks import masked_form
from .rows import axis, table_op
from .statements import set_next
from .values import Fraction, Items, Nothing, Outer, Record, Selected, Tensor, Value, describe


def _tensor(arguments: Arguments, bound: dict[str, Given], name: str) -> Tensor:
    given = arguments.need(bound, name)
    return as_tensor(arguments.env, given.value, given.span)


def _number(arguments: Arguments, bound: dict[str, Given], name: str, default: float) -> float:
    if name not in bound:
        return default
    value = bound[name].value
    value = value.value if isinstance(value, Fraction) else value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        message = f"`{name}` of `{arguments.callee}` is a number, found {describe(value)}"
        raise arguments.env.error("CC0301", message, bound[name].span)
    return float(value)


# ---- noise


def dropout(arguments: Arguments) -> Tensor:
    """In training, each element is absent with probability p and the others are divided by 1 − p (Srivastava et al., 2014)."""
    env, span = arguments.env, arguments.span
    bound = arguments.bind(["x", "p"])
    x, p = _tensor(arguments, bound, "x"), _number(arguments, bound, "p", 0.5)
    if not 0 <= p < 1:
        raise env.error("CC0311", f"dropout drops a share from 0 to below 1, found {p:g}", span)
    if not env.program.training or p == 0:
        return x
    u = _uniform(env, x, "dropout", arguments)
    kept = build.op(env, "ge", [u, build.constant(env, p, u.type.dtype, span)], {}, span)
    y = build.op(env, "masked", [x, kept], {}, span, ("x", "kept"))
    return build.op(env, "div", [y, build.constant(env, 1 - p, x.type.dtype, span)], {}, span)


def jitter(arguments: Arguments) -> Tensor:
    """In training, each element times a draw from 1 − eps to 1 + eps (Fedus et al., 2022)."""
    env, span = arguments.env, arguments.span
    bound = arguments.bind(["x", "eps"])
    x, eps = _tensor(arguments, bound, "x"), _number(arguments, bound, "eps", 1e-2)
    if not env.program.training or eps == 0:
        return x
    u = _uniform(env, x, "jitter", arguments)
    if u.type.dtype != x.type.dtype:
        u = build.op(env, "cast", [u], {"dtype": x.type.dtype}, span)
    scaled = build.op(env, "mul", [u, build.constant(env, 2 * eps, x.type.dtype, span)], {}, span)
    factor = build.op(env, "add", [scaled, build.constant(env, 1 - eps, x.type.dtype, span)], {}, span)
    return build.op(env, "mul", [x, factor], {}, span)


def _uniform(env: Env, x: Tensor, what: str, arguments: Arguments) -> Tensor:
    return build.op(env, "uniform", [x], {"path": env.numbered(what)}, arguments.span)


# ---- batch norm


def batch_norm(arguments: Arguments) -> Tensor:
    """Normalised over all but the channels: by the batch in training (which moves the running statistics), by those in eval."""
    env, span = arguments.env, arguments.span
    bound = arguments.bind(["x", "eps", "momentum"])
    x = _tensor(arguments, bound, "x")
    eps, momentum = _number(arguments, bound, "eps", 1e-5), _number(arguments, bound, "momentum", 0.1)
    channel = 1 - x.type.rank if x.type.rank > 2 else -1
    size = x.shape[channel] if x.type.rank > 1 else None
    if not isinstance(size, int):
        raise env.error("CC0305", f"`batch_norm` needs [B, C, …] with a known number of channels, found `{x.type}`", span)
    path = env.numbered("batch_norm")
    dtype = x.type.dtype
    weight = build.parameter(env, path, Implicit("weight", (size,), ("constant", 1.0)), dtype, span)
    bias = build.parameter(env, path, Implicit("bias", (size,), ("constant", 0.0)), dtype, span)
    mean = build.parameter(env, path, Implicit("running_mean", (size,), ("constant", 0.0)), dtype, span, "state")
    var = build.parameter(env, path, Implicit("running_var", (size,), ("constant", 1.0)), dtype, span, "state")
    if not env.program.training:
        return build.op(env, "batch_norm", [x, mean, var, weight, bias], {"axis": channel, "eps": eps}, span)
    env.unit.batch_norms.append(span)
    outers = {outer.path: outer for outer in env.unit.declared}
    return _batch_statistics(
        env, x, channel, [weight, bias], [outers[f"{path}.running_{k}"] for k in ("mean", "var")], eps, momentum, span
    )


def _batch_statistics(
    env: Env, x: Tensor, channel: int, affine: list[Tensor], running: list[Outer], eps: float, momentum: float, span: Any
) -> Tensor:
    rank, dtype = x.type.rank, x.type.dtype
    axes = tuple(place for place in range(-rank, 0) if place != channel)

    def op(name: str, *operands: Tensor, **attrs: Any) -> Tensor:
        return build.op(env, name, list(operands), attrs, span)

    def const(value: float) -> Tensor:
        return build.constant(env, value, dtype, span)

    def beside(v: Tensor) -> Tensor:
        for _ in range(-channel - 1):
            v = op("unsqueeze", v, axis=-1)
        return v

    mean = op("mean", x, axes=axes, keepdims=True)
    centred = op("sub", x, mean)
    var = op("mean", op("mul", centred, centred), axes=axes, keepdims=True)
    normal = op("div", centred, op("sqrt", op("add", var, const(eps))))
    counted = tuple(size if place - rank != channel else 1 for place, size in enumerate(x.shape))
    n = op("sum", op("ones", shape=counted, dtype=dtype), axes=tuple(range(-rank, 0)), keepdims=False)
    unbiased = op("mul", var, op("div", n, op("maximum", op("sub", n, const(1.0)), const(1.0))))
    for outer, now in zip(running, (mean, unbiased)):
        flat = op("stop_gradient", op("reshape", now, shape=(x.shape[channel],)))
        old = env.unit.reach(outer, span)
        set_next(env, outer, op("add", op("mul", old, const(1 - momentum)), op("mul", flat, const(momentum))), span)
    return op("add", op("mul", normal, beside(affine[0])), beside(affine[1]))


# ---- lists


def split(arguments: Arguments) -> Value:
    """Equal parts (`split(3)`) or parts of given sizes (`split([2, 6])`) of an axis, as a list."""
    env, span = arguments.env, arguments.span
    bound = arguments.bind(["x", "sizes", "axis"])
    x = _tensor(arguments, bound, "x")
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
    x = _tensor(arguments, bound, "x")
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
    x = _tensor(arguments, arguments.bind(["x"]), "x")
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
    return Fraction(_number(arguments, bound, "x", 0.0))


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
    x = _tensor(arguments, bound, "x")
    found: Value = x.shape[_axis(arguments, bound, x)]
    return found


def rank(arguments: Arguments) -> Value:
    """How many axes."""
    return _tensor(arguments, arguments.bind(["x"]), "x").type.rank


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


def uniform(arguments: Arguments) -> Tensor:
    """Draws in (0, 1), one an element of x."""
    x = _tensor(arguments, arguments.bind(["x"]), "x")
    return _uniform(arguments.env, x, "uniform", arguments)


def shape(arguments: Arguments) -> Value:
    """The sizes of all axes, as a list."""
    return Items(tuple(_tensor(arguments, arguments.bind(["x"]), "x").shape))


def cast(arguments: Arguments) -> Tensor:
    """`cast(x, f32)`, or to the dtype of another value: `cast(x, dtype(y))`."""
    from .. import tree

    env = arguments.env
    bound = arguments.bind(["x", "dtype"])
    x, wanted = _tensor(arguments, bound, "x"), arguments.need(bound, "dtype")
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
