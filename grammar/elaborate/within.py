"""`within = coarse`: what a coarser selection leaves for a finer one to decide on."""

from __future__ import annotations

from ...compiler.dims import divide
from ...compiler.source import Span
from .. import tree
from . import build
from .env import Env, label
from .expressions import evaluate
from .values import Selected, Tensor, describe

PLANAR = ("weight", "pair", "block")


def allowed(env: Env, expr: tree.Expr, score: Tensor, fine: Selected) -> tuple[Tensor, Tensor | None]:
    """Which positions of the finer score are open, and (for straight-through) their gate."""
    from .selections import result

    negated = isinstance(expr, tree.Unary) and expr.operator == "not"
    inner = expr.value if isinstance(expr, tree.Unary) else expr
    coarse = evaluate(env, inner)
    if not isinstance(coarse, Selected):
        raise env.error(
            "CC0417", f"`within` names a router or mask, found {describe(coarse)}", expr.span, hint="write `within = group`"
        )
    kept = result(env, coarse, "kept", expr.span)
    gate = result(env, coarse, "gate", expr.span) if coarse.straight_through else None
    if negated:
        axes = (-2, -1) if coarse.grain in PLANAR else (-1,)
        some = build.op(env, "any", [kept], {"axes": axes, "keepdims": True}, expr.span)
        none = build.op(env, "not", [some], {}, expr.span)
        return _spread(env, none, score, expr.span), None
    return (
        _fit(env, kept, coarse, score, fine, expr.span),
        _fit(env, gate, coarse, score, fine, expr.span) if gate is not None else None,
    )


def _fit(env: Env, x: Tensor, coarse: Selected, score: Tensor, fine: Selected, span: Span) -> Tensor:
    """Coarse ways map to equal runs of finer ones, coarse parts to what they contain."""
    planar = fine.grain in PLANAR
    if coarse.grain in PLANAR:
        if not planar:
            raise _misfit(env, x, score, span)
        if coarse.grain == "block":
            shape = tuple(score.shape[-2:])
            x = build.op(env, "expand_blocks", [x], {"axes": (-2, -1), "sizes": coarse.block, "shape": shape}, span)
        return _spread(env, x, score, span)
    place = -2 if planar else -1
    runs = divide(score.shape[place], x.shape[-1])
    if not isinstance(runs, int) or runs < 1:
        raise _misfit(env, x, score, span)
    if runs > 1:
        x = build.op(env, "repeat", [x], {"n": runs, "axis": -1}, span)
    if planar:
        x = build.op(env, "unsqueeze", [x], {"axis": -1}, span)
    return _spread(env, x, score, span)


def _spread(env: Env, x: Tensor, score: Tensor, span: Span) -> Tensor:
    """Decisions taken more rarely hold for all the finer ones."""
    parts = (
        1
        if x.type.rank < 2 or score.type.rank < 2
        else (2 if x.shape[-2:] == score.shape[-2:] and x.type.rank < score.type.rank else 1)
    )
    x = build.aligned(env, x, min(parts, x.type.rank), score.type.rank, span)
    if x.type.rank != score.type.rank or any(a not in (1, b) for a, b in zip(x.shape, score.shape)):
        raise _misfit(env, x, score, span)
    return x if x.shape == score.shape else build.op(env, "broadcast", [x], {"shape": score.shape}, span)


def _misfit(env: Env, x: Tensor, score: Tensor, span: Span) -> Exception:
    also = [label(score.node.span, f"the score `{score.type}` comes from here"), label(x.node.span, f"`{x.type}` is kept here")]
    return env.error("CC0417", f"what `{x.type}` keeps does not contain the parts of the score `{score.type}`", span, also=also)
