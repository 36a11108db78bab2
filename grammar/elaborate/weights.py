"""The weight of a selection: an expression of its score, in the score's shape."""

from __future__ import annotations

from ...compiler.source import Span
from .. import tree
from . import build
from .env import Env, label
from .expressions import as_tensor, evaluate
from .fields import Fields
from .values import Fraction, Function, Tensor, Value


def set_weight(fields: Fields, expr: tree.Expr | None) -> None:
    env, score = fields.env, fields.score
    if expr is None:
        if fields.syntax.kind == "mask":
            fields.weight = score
        else:
            name = "sigmoid" if score.shape[-1] == 1 else "softmax"
            fields.weight = build.op(env, name, [score], {"axis": -1} if name == "softmax" else {}, fields.syntax.span)
    else:
        if isinstance(expr, tree.Call) and expr.function.span.text == "renormalise":
            if len(expr.arguments) != 1:
                raise env.error("CC0307", "`renormalise` takes one weight", expr.span)
            fields.renormalise, expr = True, expr.arguments[0].value
        fields.weight = weight_of(env, score, expr)
    env.scope.names["weight"] = (fields.weight, fields.syntax.span)
    env.scope.used.add("weight")


def weight_of(env: Env, score: Tensor, expr: tree.Expr, what: str = "a weight") -> Tensor:
    """An expression of the score, in the score's shape; a bare function name applies it."""
    from .calls import apply_function

    value: Value = evaluate(env, expr)
    if isinstance(value, Function):
        value = apply_function(env, value, score, expr.span)
    if isinstance(value, Fraction):
        value = value.value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = build.constant(env, value, score.type.dtype, expr.span)
    return shaped(env, as_tensor(env, value, expr.span), score, what, expr.span)


def shaped(env: Env, x: Tensor, score: Tensor, what: str, span: Span) -> Tensor:
    """`x` in the dtype and shape of the score, broadcast if need be."""
    if x.type.is_float and x.type.dtype != score.type.dtype:
        x = build.op(env, "cast", [x], {"dtype": score.type.dtype}, span)
    if x.shape == score.shape and x.type.is_float:
        return x
    if not x.type.is_float:
        raise env.error(
            "CC0402", f"{what} is a float tensor, found `{x.type}`", span, also=[label(x.node.span, "it comes from here")]
        )
    if x.type.rank > score.type.rank or any(a not in (1, b) for a, b in zip(reversed(x.shape), reversed(score.shape))):
        also = [
            label(x.node.span, f"`{x.type}` comes from here"),
            label(score.node.span, f"the score `{score.type}` comes from here"),
        ]
        raise env.error("CC0402", f"{what} `{x.type}` does not fit the score `{score.type}`", span, also=also)
    return build.op(env, "broadcast", [x], {"shape": score.shape}, span)


def after_softmax(fields: Fields, expr: tree.Expr | None) -> bool:
    """Whether absent pairs are multiplied away after the softmax."""
    text = expr.span.text.replace(" ", "") if expr is not None else "renormalise(softmax)"
    if text not in ("renormalise(softmax)", "softmax"):
        hint = "absent before the softmax: `renormalise(softmax)`; multiplied after: `softmax`"
        raise fields.env.error(
            "CC0411", "the weight of a mask over pairs is one of two", expr.span if expr else fields.syntax.span, hint=hint
        )
    return text == "softmax"
