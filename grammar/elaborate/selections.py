"""Routers and masks: one table of fields, checked and turned into a `select` node."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from ...compiler.diagnostics import Abort, did_you_mean
from ...compiler.selection import FIELDS, GRAINS
from ...compiler.source import Span
from ...compiler.types import SelectionType, TensorType
from .. import tree
from . import build, keep
from .env import Env, Scope, label
from .expressions import as_tensor, evaluate
from .values import POISON, Fraction, Function, Selected, Tensor, Value, describe

Made = TypeVar("Made")
WORDS = ("score", "weight", "keep", "grain", "train", "cache", "fallback", "within")
ROUTER_WORDS = tuple(word for word in WORDS if word != "grain")


class Undecided(Exception):
    """A result was read of a mask that only its use decides."""

    def __init__(self, env: Env, selected: Selected, span: Span):
        super().__init__(selected.path)
        self.env, self.selected, self.span = env, selected, span

    def report(self) -> Abort:
        """The error, where nothing decides the mask after all."""
        name = self.selected.syntax.name
        return self.env.error(
            "CC0405",
            f"the mask `{name.text}` is decided by its use, and no use stands before this",
            self.span,
            also=[label(name.span, "declared here")],
            hint="use it first: `attention(…, mask=…)` or `linear(…, mask=…)`",
        )


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


def declare(env: Env, syntax: tree.Selection) -> Selected:
    """Elaborate a selection. Block masks, and `levels`, wait for their use."""
    written = _written(env, syntax)
    grain, block = _grain(env, syntax, written.get("grain"))
    selected = Selected(syntax, ".".join(env.path), env.unit, grain=grain, block=block)
    _cache(env, written.get("cache"))
    scoring = env.inner(grain=(grain, block)) if syntax.kind == "mask" else env
    score = _score(scoring, written["score"], syntax)
    fields = Fields(env.inner(scope=Scope(parent=env.scope)), syntax, written, score)
    fields.env.scope.names["score"] = (score, syntax.span)
    fields.env.scope.used.add("score")
    train = _train(fields, written.get("train"), selected.path)
    fields.train = train
    selected.straight_through = train == "straight_through" and env.program.training
    levels = keep.is_levels(fields.env, written.get("keep"))
    if levels and grain not in ("pair", "block"):
        raise env.error("CC0406", "`levels` is for masks over pairs or blocks", written["keep"].span)
    if levels:
        keep.level_names(fields.env, written["keep"])
    if grain == "pair" or grain == "block" or levels:
        selected.after = _pair_weight(fields, written.get("weight"))
    if levels or grain == "block":
        fields.levels = levels
        selected.pending = fields
        return selected
    if grain == "weight":
        fields.over = (-2, -1)
    if grain != "pair":
        fields.scope_weight()
        fields.attempt(lambda: _weight(fields, written.get("weight")))
    decide(selected, fields, {})
    return selected


def decide(selected: Selected, fields: Fields, more: dict[str, Tensor], *, levels: tuple[str, ...] = ()) -> None:
    """Make the `select` node. `more` has slots that the use adds (`level`, `allowed`)."""
    env, syntax, score = fields.env, fields.syntax, fields.score
    slots: dict[str, Tensor] = {"score": score}
    if fields.weight is not None:
        slots["weight"] = fields.weight
    slots |= more
    fields.attempt(lambda: _within(fields, slots, selected))
    rules = fields.attempt(lambda: keep.rules(fields, slots, levels))
    fallback = fields.attempt(lambda: _fallback(fields, slots))
    if fields.failed:
        raise Abort
    attrs = {
        "path": selected.path,
        "kind": syntax.kind,
        "grain": selected.grain,
        "block": selected.block if selected.grain == "block" else (),
        "rules": rules,
        "levels": levels,
        "fallback": fallback,
        "renormalise": fields.renormalise,
        "train": fields.train if env.program.training else "hard",
        "cache": _cache(env, fields.written.get("cache")),
        "slots": tuple(slots),
    }
    weight = (fields.weight or score).type
    type = SelectionType(TensorType("bool", score.shape), TensorType(weight.dtype, score.shape))
    node = env.unit.emit("select", tuple(x.node for x in slots.values()), attrs, type, syntax.span, syntax.name.text)
    if selected.path in env.unit.paths:
        also = [label(env.unit.paths[selected.path], "first declared here")]
        raise env.error("CC0202", f"there are two selections `{selected.path}`", syntax.name.span, also=also)
    env.unit.paths[selected.path] = syntax.name.span
    selected.node, selected.axes = node, score.axes
    env.unit.decided.append((node, syntax))


def result(env: Env, selected: Selected, field: str, span: Span) -> Tensor:
    """`gate.weight`."""
    if selected.node is None:
        raise Undecided(env, selected, span)
    if selected.unit is not env.unit:
        raise env.error(
            "CC0502",
            f"a chunk cannot see the selection `{selected.path}` outside it",
            span,
            hint="hand its result in as an argument",
        )
    if field == "score":
        score = selected.node.slot("score")
        assert score is not None
        return Tensor(score, selected.axes)
    kept, weight = selected.node.selection.kept, selected.node.selection.weight
    type = kept if field in ("kept", "first") else weight
    axes = selected.axes
    if field == "load":
        type, axes = TensorType(weight.dtype, weight.shape[-1:]), selected.axes[-1:]
    return Tensor(env.unit.emit("field", (selected.node,), {"name": field}, type, span), axes)


# ---- fields


def _written(env: Env, syntax: tree.Selection) -> dict[str, tree.Expr]:
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


def _score(env: Env, expr: tree.Expr, syntax: tree.Selection) -> Tensor:
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


def _grain(env: Env, syntax: tree.Selection, expr: tree.Expr | None) -> tuple[str, tuple[int, int]]:
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


def _cache(env: Env, expr: tree.Expr | None) -> tuple[Any, ...]:
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


def _train(fields: Fields, expr: tree.Expr | None, path: str) -> str:
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


def _weight(fields: Fields, expr: tree.Expr | None) -> None:
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


def _pair_weight(fields: Fields, expr: tree.Expr | None) -> bool:
    """Whether absent pairs are multiplied away after the softmax."""
    text = expr.span.text.replace(" ", "") if expr is not None else "renormalise(softmax)"
    if text not in ("renormalise(softmax)", "softmax"):
        hint = "absent before the softmax: `renormalise(softmax)`; multiplied after: `softmax`"
        raise fields.env.error(
            "CC0411", "the weight of a mask over pairs is one of two", expr.span if expr else fields.syntax.span, hint=hint
        )
    return text == "softmax"


def _within(fields: Fields, slots: dict[str, Tensor], selected: Selected) -> None:
    expr = fields.written.get("within")
    if expr is None:
        return
    from .within import allowed

    kept, gate = allowed(fields.env, expr, slots["score"], selected)
    both = build.op(fields.env, "and", [slots["allowed"], kept], {}, expr.span) if "allowed" in slots else kept
    slots["allowed"] = both
    if gate is not None:
        slots["allowed_gate"] = gate


def _fallback(fields: Fields, slots: dict[str, Tensor]) -> tuple[Any, ...]:
    expr, env = fields.written.get("fallback"), fields.env
    if expr is None:
        return ()
    hint = "write `all when coverage < 0.7` or `last when none`"
    if not isinstance(expr, tree.When):
        raise env.error("CC0412", "a fallback says when", expr.span, hint=hint)
    kind, condition = expr.value.span.text, expr.condition
    if kind == "last" and condition.span.text == "none":
        return ("last",)
    if (
        kind == "all"
        and isinstance(condition, tree.Binary)
        and condition.operator == "<"
        and condition.left.span.text == "coverage"
    ):
        limit = evaluate(env, condition.right)
        limit = limit.value if isinstance(limit, Fraction) else limit
        if isinstance(limit, (int, float)) and not isinstance(limit, bool):
            score = slots["score"]
            slots["coverage"] = build.op(env, "softmax", [score], {"axis": -1}, expr.span)
            return ("all", float(limit))
    raise env.error("CC0412", "this is no fallback", expr.span, hint=hint)


__all__ = ["FIELDS", "Fields", "Undecided", "decide", "declare", "describe", "result", "shaped", "weight_of"]
