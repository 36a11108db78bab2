"""The keep algebra: `top(2) |> above(0.1)`, `levels(coarse=top(5%), …)`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...compiler.diagnostics import did_you_mean
from ...compiler.ops import Implicit
from ...compiler.selection import Rule, Share
from ...compiler.source import Span
from .. import tree
from . import build
from .arguments import Arguments, Given, collect
from .env import Env, label
from .expressions import as_tensor, truth
from .rows import axis
from .values import Fraction, Outer, Tensor, describe

if TYPE_CHECKING:
    from .fields import Fields

KINDS = ("top", "first", "above", "top_p", "all", "levels")


def chosen(env: Env, expr: tree.Expr) -> tree.Expr:
    """The branch of a compile-time `if` that holds."""
    while isinstance(expr, tree.Conditional):
        expr = expr.then if truth(env, expr.condition) else expr.otherwise
    return expr


def is_levels(env: Env, expr: tree.Expr | None) -> bool:
    """Whether a `keep` gives each part a level."""
    if expr is None:
        return False
    found = chosen(env, expr)
    return isinstance(found, tree.Call) and found.function.span.text == "levels"


def level_names(env: Env, expr: tree.Expr) -> tuple[str, ...]:
    """Names of the levels, in order."""
    found = chosen(env, expr)
    assert isinstance(found, tree.Call)
    for argument in found.arguments:
        if argument.name is None:
            raise env.error("CC0413", "a level has a name", argument.span, hint="write `levels(coarse=top(5%), fine=all)`")
    return tuple(argument.name.text for argument in found.arguments if argument.name)


def rules(fields: Fields, slots: dict[str, Tensor], levels: tuple[str, ...]) -> tuple[Rule, ...]:
    """The rules of a selection; operands that they read are added to `slots`."""
    env, expr = fields.env, fields.written.get("keep")
    if expr is None:
        return (Rule("all", over=fields.over),)
    expr = chosen(env, expr)
    if levels:
        assert isinstance(expr, tree.Call)
        chain: list[tree.Expr] = [argument.value for argument in expr.arguments]
    else:
        chain = _chain(env, expr)
    return tuple(_rule(fields, slots, link, place) for place, link in enumerate(chain))


def _chain(env: Env, expr: tree.Expr) -> list[tree.Expr]:
    links: list[tree.Expr] = []
    expr = chosen(env, expr)
    while isinstance(expr, tree.Pipe):
        links.append(chosen(env, expr.function))
        expr = chosen(env, expr.value)
    return [expr, *reversed(links)]


def _rule(fields: Fields, slots: dict[str, Tensor], expr: tree.Expr, place: int) -> Rule:
    env = fields.env
    expr = chosen(env, expr)
    call = expr if isinstance(expr, tree.Call) else None
    name = (call.function if call else expr).span.text
    if name not in KINDS or name == "levels":
        hint = did_you_mean(name, KINDS[:-1]) or "the rules are `top(n)`, `first(n)`, `above(t)`, `top_p(p)` and `all`"
        raise env.error("CC0414", f"`{name}` is no rule", expr.span, hint=hint)
    if name == "all":
        return Rule("all", over=fields.over)
    arguments = collect(env, name, call, None, expr.span)
    bound = arguments.bind(["amount", "over", "of"])
    amount = arguments.need(bound, "amount", "how much to keep" if name in ("top", "first") else "a threshold")
    over = _over(fields, slots["score"], bound.get("over"))
    of = _of(fields, slots, name, bound.get("of"), place)
    if name in ("top", "first"):
        return Rule(name, over=over, amount=_amount(fields, slots["score"], arguments, amount, over), of=of)  # type: ignore[arg-type]
    limit, threshold = _threshold(fields, slots, amount, place)
    return Rule(name, over=over, limit=limit, of=of, threshold=threshold)  # type: ignore[arg-type]


def _over(fields: Fields, score: Tensor, given: Given | None) -> tuple[int, ...]:
    if given is None or given.expr is None:
        return fields.over
    entries = given.expr.items if isinstance(given.expr, tree.ListOf) else (given.expr,)
    return tuple(sorted({axis(fields.env, entry, score) for entry in entries}))


def _of(fields: Fields, slots: dict[str, Tensor], kind: str, given: Given | None, place: int) -> str:
    from .weights import weight_of

    if given is None:
        return "weight" if kind in ("above", "top_p") and "weight" in slots else "score"
    assert given.expr is not None
    if isinstance(given.expr, tree.Name) and given.expr.text in slots and given.expr.text in ("score", "weight"):
        return given.expr.text
    slots[f"of.{place}"] = weight_of(fields.env, slots["score"], given.expr, "what `of` names,")
    return f"of.{place}"


def _amount(fields: Fields, score: Tensor, arguments: Arguments, given: Given, over: tuple[int, ...]) -> int | Share:
    env, value = fields.env, given.value
    if isinstance(value, Fraction):
        if not 0 < value.value <= 1:
            raise env.error("CC0415", f"a share is above 0 and at most 1, found {value.value:g}", given.span)
        return Share(value.value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        message = f"`{arguments.callee}` keeps a number or a share, found {describe(value)}"
        raise env.error("CC0415", message, given.span, hint="write `top(2)` or `top(25%)`")
    total = 1
    for place in over:
        size = score.shape[place]
        total = total * size if isinstance(size, int) else 0
    if total and value > total:
        what = "ways" if fields.syntax.kind == "router" else "parts"
        also = [label(score.node.span, f"the score `{score.type}` comes from here")]
        raise env.error(
            "CC0416",
            f"`{arguments.callee}({value})` keeps more than the {total} {what} ranked together",
            given.span,
            also=also,
            hint=f"keep at most {total}",
        )
    return value


def _threshold(fields: Fields, slots: dict[str, Tensor], given: Given, place: int) -> tuple[float | None, str]:
    """A number, or an operand: `learned(t)`, `learned(t, from=v)`, any tensor that broadcasts to the score."""
    env, expr = fields.env, given.expr
    if isinstance(expr, tree.Call) and expr.function.span.text == "learned":
        x = _learned(fields, slots["score"], expr)
    else:
        value = given.value
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return float(value), ""
        if isinstance(value, Fraction):
            return value.value, ""
        if not isinstance(value, (Tensor, Outer)):
            raise env.error("CC0415", f"a threshold is a number, `learned(t)` or a value, found {describe(value)}", given.span)
        x = as_tensor(env, value, given.span)
    slots[f"threshold.{place}"] = _beside_score(env, x, slots["score"], given.span)
    return None, f"threshold.{place}"


def _beside_score(env: Env, x: Tensor, score: Tensor, span: Span) -> Tensor:
    decisions = score.type.rank - 1
    if 1 < x.type.rank < score.type.rank and x.shape[-1] == 1 and x.shape[:-1] == score.shape[: x.type.rank - 1]:
        return build.aligned(env, x, 1, score.type.rank, span)
    if x.type.rank == 1 and decisions and x.shape == score.shape[:1] and x.shape != score.shape[-1:]:
        x = build.op(env, "unsqueeze", [x], {"axis": -1}, span)
        return build.aligned(env, x, 1, score.type.rank, span)
    if x.type.rank > score.type.rank or any(a not in (1, b) for a, b in zip(reversed(x.shape), reversed(score.shape))):
        also = [label(score.node.span, f"the score `{score.type}` comes from here")]
        raise env.error("CC0402", f"a threshold `{x.type}` does not fit the score `{score.type}`", span, also=also)
    return x


def _learned(fields: Fields, score: Tensor, expr: tree.Call) -> Tensor:
    """`learned(t)`: a parameter that starts at t. `learned(t, from=v)`: t + linear(1)(v), zero at first."""
    env = fields.env
    bound = collect(env, "learned", expr, None, expr.span).bind(["t", "from"])
    start = bound["t"].value if "t" in bound else None
    start = start.value if isinstance(start, Fraction) else start
    if isinstance(start, bool) or not isinstance(start, (int, float)):
        raise env.error("CC0415", "`learned` starts at a number", expr.span, hint="write `learned(0.5)`")
    path = env.numbered("learned")
    if "from" not in bound:
        return build.parameter(env, path, Implicit("", (), ("constant", float(start))), score.type.dtype, expr.span)
    v = as_tensor(env, bound["from"].value, bound["from"].span)
    if v.type.rank < 1 or not isinstance(v.shape[-1], int) or not v.type.is_float:
        raise env.error("CC0402", f"`from` is a float tensor whose last size is known, found `{v.type}`", bound["from"].span)
    zero = ("constant", 0.0)
    weight = build.parameter(env, path, Implicit("weight", (1, v.shape[-1]), zero), v.type.dtype, expr.span)
    bias = build.parameter(env, path, Implicit("bias", (1,), zero), v.type.dtype, expr.span)
    x = build.op(env, "linear", [v, weight, bias], {}, expr.span, ("x", "weight", "bias"))
    if x.type.dtype != score.type.dtype:
        x = build.op(env, "cast", [x], {"dtype": score.type.dtype}, expr.span)
    return build.op(env, "add", [x, build.constant(env, float(start), score.type.dtype, expr.span)], {}, expr.span)
