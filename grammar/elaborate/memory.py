"""`memory { budget = 256MiB  evict = lru  prefetch = 1 }`: checked, and carried by the graph; the runtime reads it."""

from __future__ import annotations

from typing import Any

from ...compiler.diagnostics import did_you_mean
from ...compiler.loading.eviction import POLICIES
from .. import tree
from .env import Env, Program
from .expressions import evaluate
from .handles import WAYS, way_of
from .values import Fraction, describe

FIELDS = ("budget", "ram", "evict", "prefetch", "on_missing")


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
        if name == "on_missing":
            _on_missing(env, field.value)
        else:
            found[name] = {"budget": _budget, "ram": _ram, "evict": _evict, "prefetch": _prefetch}[name](env, field.value)
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


def _ram(env: Env, expr: tree.Expr) -> int:
    value = evaluate(env, expr)
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    raise env.error("CC0301", f"`ram` is a number of bytes, `2GiB`, found {describe(value)}", expr.span)


def _on_missing(env: Env, expr: tree.Expr) -> None:
    """Read before the calls are (`of_model`); a block elsewhere comes too late."""
    if way_of(env, expr) != env.program.on_missing:
        hint = "write it there, or at the chunk: `extern(…, on_missing=zero)`"
        raise env.error("CC1448", "`on_missing` stands in the `memory` block of the model itself", expr.span, hint=hint)


def of_model(program: Program, model: tree.Model) -> None:
    """What the `memory` block of a model says of chunks that are missing, wherever it stands in the model."""
    fields = (field for one in model.body.statements if isinstance(one, tree.Memory) for field in one.fields)
    for field in fields:
        if field.name.text == "on_missing" and isinstance(field.value, tree.Name) and field.value.text in WAYS:
            program.on_missing = field.value.text


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
