"""Routers and masks: one table of fields, checked and turned into a `select` node."""

from __future__ import annotations

from typing import Any

from ...compiler.diagnostics import Abort
from ...compiler.source import Span
from ...compiler.types import SelectionType, TensorType
from .. import tree
from . import build, keep
from .env import Env, Scope, label
from .expressions import evaluate
from .fields import Fields, cache_of, fields_written, grain_of, score_of, train_of
from .values import Fraction, Selected, Tensor
from .weights import after_softmax, set_weight


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


def declare(env: Env, syntax: tree.Selection) -> Selected:
    """Elaborate a selection. Block masks, and `levels`, wait for their use."""
    written = fields_written(env, syntax)
    grain, block = grain_of(env, syntax, written.get("grain"))
    selected = Selected(syntax, ".".join(env.path), env.unit, grain=grain, block=block)
    cache_of(env, written.get("cache"))
    scoring = env.inner(grain=(grain, block)) if syntax.kind == "mask" else env
    score = score_of(scoring, written["score"], syntax)
    fields = Fields(env.inner(scope=Scope(parent=env.scope)), syntax, written, score)
    fields.env.scope.names["score"] = (score, syntax.span)
    fields.env.scope.used.add("score")
    train = train_of(fields, written.get("train"), selected.path)
    fields.train = train
    selected.straight_through = train == "straight_through" and env.program.training
    levels = keep.is_levels(fields.env, written.get("keep"))
    if levels and grain not in ("pair", "block"):
        raise env.error("CC0406", "`levels` is for masks over pairs or blocks", written["keep"].span)
    if levels:
        keep.level_names(fields.env, written["keep"])
    if grain == "pair" or grain == "block" or levels:
        selected.after = after_softmax(fields, written.get("weight"))
    if levels or grain == "block":
        fields.levels = levels
        selected.pending = fields
        return selected
    if grain == "weight":
        fields.over = (-2, -1)
    if grain != "pair":
        fields.scope_weight()
        fields.attempt(lambda: set_weight(fields, written.get("weight")))
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
        "cache": cache_of(env, fields.written.get("cache")),
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
