"""The fields of a router or mask, as written and as what has been made of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from ...compiler.diagnostics import Abort, did_you_mean
from ...compiler.selection import GRAINS
from ...compiler.source import Span
from .. import tree
from . import build
from .env import Env, label
from .expressions import as_tensor, evaluate
from .values import POISON, Tensor

Made = TypeVar("Made")
WORDS = ("score", "weight", "keep", "grain", "train", "cache", "fallback", "within")
ROUTER_WORDS = tuple(word for word in WORDS if word != "grain")


@dataclass(slots=True)
class Fields:
    """The fields of one selection as written, and what has been made of them."""

    env: Env
    syntax: tree.Selection
    written: dict[str, tree.Expr]
    score: Tensor
    weight: Tensor | None = None
    renormalise: bool = False
    train: str = "hard"
    levels: bool = False
    over: tuple[int, ...] = (-1,)
    """The axes of the score ranked together unless a rule says otherwise."""
    failed: bool = False

    def attempt(self, elaborate: Callable[[], Made]) -> Made | None:
        """What a field gives; None if it is wrong, so that the other fields are still looked at."""
        try:
            return elaborate()
        except Abort:
            self.failed = True
            return None

    def scope_weight(self) -> None:
        """Until the weight is known, its name stays silent."""
        self.env.scope.names["weight"] = (POISON, self.syntax.span)


def fields_written(env: Env, syntax: tree.Selection) -> dict[str, tree.Expr]:
    words = WORDS if syntax.kind == "mask" else ROUTER_WORDS
    written: dict[str, tree.Expr] = {}
    for field in syntax.fields:
        name = field.name.text
        if name not in words:
            hint = did_you_mean(name, words) or f"its fields are {', '.join(words)}"
            hint = "a `mask` has a grain; a router keeps whole streams" if name == "grain" else hint
            raise env.error("CC0203", f"a {syntax.kind} has no field `{name}`", field.name.span, hint=hint)
        if name in written:
            raise env.error("CC0202", f"`{name}` is given twice", field.name.span)
        written[name] = field.value
    if "score" not in written:
        raise env.error(
            "CC0407", f"the {syntax.kind} `{syntax.name.text}` has no score", syntax.name.span, hint="add `score = …`"
        )
    return written


def score_of(env: Env, expr: tree.Expr, syntax: tree.Selection) -> Tensor:
    score = as_tensor(env, evaluate(env, expr), expr.span)
    if not score.type.is_float or score.type.rank == 0:
        also = [label(score.node.span, f"`{score.type}` comes from here")]
        last = "ways" if syntax.kind == "router" else "parts"
        raise env.error(
            "CC0402", f"a score is a float tensor that ends in its {last}, found `{score.type}`", expr.span, also=also
        )
    if score.type.dtype in ("bf16", "f16"):
        score = build.op(env, "cast", [score], {"dtype": "f32"}, expr.span)
    return score


def grain_of(env: Env, syntax: tree.Selection, expr: tree.Expr | None) -> tuple[str, tuple[int, int]]:
    if syntax.kind == "router":
        return "", (1, 1)
    if expr is None:
        raise env.error("CC0408", f"the mask `{syntax.name.text}` has no grain", syntax.name.span, hint="add `grain = neuron`")
    if isinstance(expr, tree.Name) and expr.text in GRAINS and expr.text != "block":
        return expr.text, (1, 1)
    if isinstance(expr, tree.Call) and expr.function.span.text == "block" and len(expr.arguments) == 2:
        sizes = [evaluate(env, argument.value) for argument in expr.arguments]
        if all(isinstance(n, int) and not isinstance(n, bool) and n > 0 for n in sizes):
            return "block", (sizes[0], sizes[1])  # type: ignore[return-value]
    near = did_you_mean(expr.span.text, GRAINS[:-1]) if isinstance(expr, tree.Name) and expr.text != "block" else ""
    hint = near or "write `neuron`, `channel`, `head`, `weight`, `pair` or `block(32, 32)`"
    raise env.error("CC0408", "this is no grain", expr.span, hint=hint)


def cache_of(env: Env, expr: tree.Expr | None) -> tuple[Any, ...]:
    if expr is None:
        return ()
    kinds: dict[str, tuple[str, ...]] = {"exact": ("entries",), "fingerprint": ("bits", "entries")}
    name = expr.function.span.text if isinstance(expr, tree.Call) else ""
    if name not in kinds:
        hint = "write `exact(entries=1024)` or `fingerprint(bits=16, entries=1024)`"
        raise env.error("CC0409", "this is no cache", expr.span, hint=hint)
    assert isinstance(expr, tree.Call)
    found: dict[str, int] = {}
    for argument in expr.arguments:
        value = evaluate(env, argument.value)
        key = argument.name.text if argument.name else ""
        if key not in kinds[name] or isinstance(value, bool) or not isinstance(value, int) or value < 1:
            takes = " and ".join(f"`{key}=…`" for key in kinds[name])
            raise env.error("CC0409", f"`{name}` takes {takes}, whole numbers from 1", argument.span)
        found[key] = value
    if missing := [key for key in kinds[name] if key not in found]:
        raise env.error("CC0409", f"`{name}` needs `{missing[0]}`", expr.span)
    return (name, *(found[key] for key in kinds[name]))


def train_of(fields: Fields, expr: tree.Expr | None, path: str) -> str:
    env = fields.env
    if expr is None or isinstance(expr, tree.Name) and expr.text in ("hard", "straight_through"):
        return "hard" if expr is None else expr.span.text
    if isinstance(expr, tree.Call) and expr.function.span.text == "gumbel" and len(expr.arguments) == 1:
        tau = evaluate(env, expr.arguments[0].value)
        if isinstance(tau, (int, float)) and not isinstance(tau, bool) and tau > 0:
            if env.program.training:
                fields.score = _gumbel(env, fields.score, float(tau), path, expr.span)
                env.scope.names["score"] = (fields.score, expr.span)
            return "straight_through"
    hint = (
        did_you_mean(expr.span.text, ["hard", "straight_through", "gumbel"])
        or "write `hard`, `straight_through` or `gumbel(1.0)`"
    )
    raise env.error("CC0410", "this is no way to train a selection", expr.span, hint=hint)


def _gumbel(env: Env, score: Tensor, tau: float, path: str, span: Span) -> Tensor:
    """(score + Gumbel noise) / tau; the noise is −log(−log u)."""
    u = build.op(env, "uniform", [score], {"path": f"{path}.gumbel"}, span)
    if u.type.dtype != score.type.dtype:
        u = build.op(env, "cast", [u], {"dtype": score.type.dtype}, span)
    inner = build.op(env, "neg", [build.op(env, "log", [u], {}, span)], {}, span)
    noise = build.op(env, "neg", [build.op(env, "log", [inner], {}, span)], {}, span)
    noisy = build.op(env, "add", [score, noise], {}, span)
    return build.op(env, "div", [noisy, build.constant(env, tau, score.type.dtype, span)], {}, span)
