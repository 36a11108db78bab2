"""`memory { budget = 256MiB  evict = lru  prefetch = 1 }`: checked, and carried by the graph; the runtime reads it."""

from __future__ import annotations

from typing import Any

from ...compiler.diagnostics import did_you_mean
from .. import tree
from .env import Env
from .expressions import evaluate
from .values import Fraction, describe

FIELDS = ("budget", "evict", "prefetch")
POLICIES = ("lru", "lfu", "cost", "belady")


def declare(env: Env, statement: tree.Memory) -> None:
    """Check a `memory` block and leave it with the program."""
    found: dict[str, Any] = {}
    for field in statement.fields:
        name = field.name.text
        if name not in FIELDS:
            hint = did_you_mean(name, FIELDS) or f"its fields are {', '.join(FIELDS)}"
            raise env.error("CC0203", f"`memory` has no field `{name}`", field.name.span, hint=hint)
        if name in found:
            raise env.error("CC0202", f"`{name}` is given twice", field.name.span)
        found[name] = {"budget": _budget, "evict": _evict, "prefetch": _prefetch}[name](env, field.value)
    if env.program.memory is not None:
        raise env.error("CC0202", "there are two `memory` blocks", statement.span)
    env.program.memory = found


def _budget(env: Env, expr: tree.Expr) -> tuple[str, float]:
    value = evaluate(env, expr)
    if isinstance(value, Fraction) and 0 < value.value <= 1:
        return ("share", value.value)
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return ("bytes", value)
    raise env.error("CC0301", f"a budget is `256MiB` or a share of the model, `25%`, found {describe(value)}", expr.span)


def _evict(env: Env, expr: tree.Expr) -> str:
    if isinstance(expr, tree.Name) and expr.text in POLICIES:
        return expr.text
    raise env.error("CC0301", f"`evict` is one of {', '.join(POLICIES)}", expr.span, hint=did_you_mean(expr.span.text, POLICIES))


def _prefetch(env: Env, expr: tree.Expr) -> tuple[str, int]:
    kind, inner = "ahead", expr
    if isinstance(expr, tree.Call) and expr.function.span.text == "speculative" and len(expr.arguments) == 1:
        kind, inner = "speculative", expr.arguments[0].value
    value = evaluate(env, inner)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise env.error("CC0301", f"`prefetch` is a number of chunks, or `speculative(n)`, found {describe(value)}", expr.span)
    return (kind, value)
