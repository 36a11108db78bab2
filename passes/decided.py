"""What a selection decides whatever its inputs are: ways that are always kept, and ways that never are."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..compiler.ir import Node
from ..compiler.selection import Rule, Share
from .ranges import range_of
from .rewrite import everywhere

Kept = bool | None
"""Of one way: always kept, never kept, or it depends (None)."""

NEAR = 1e-5
"""Numbers closer than this (relative) may be equal, or not, in fewer bits: nothing is concluded from their order."""


def decided(select: Node) -> tuple[Kept, ...]:
    """For each way of a selection what is known of it; () where its ways are not counted or are picked by level."""
    ways = select.selection.kept.shape[-1]
    if not isinstance(ways, int) or select.attrs["levels"]:
        return ()
    allowed = select.slot("allowed")
    given = True if allowed is None else everywhere(allowed)
    kept: list[Kept] = [bool(given) if given is not None else None] * ways
    start = tuple(kept)
    for rule in select.attrs["rules"]:
        kept = _after(rule, kept, select, total=ways if given is True else None)
    return tuple(_with_fallback(select.attrs["fallback"], kept, start))


def uniformly(select: Node) -> Kept:
    """Whether a selection keeps everything, or nothing, of whatever it is given; None where it depends."""
    ways = select.selection.kept.shape[-1]
    if isinstance(ways, int):
        found = set(decided(select))
        return found.pop() if len(found) == 1 else None
    rules, allowed = select.attrs["rules"], select.slot("allowed")
    alike = all(rule.kind in ("all", "above", "top_p") or rule.amount == 0 for rule in rules)
    if not alike or select.attrs["levels"] or select.attrs["fallback"]:
        return None
    given = True if allowed is None else everywhere(allowed)
    one: list[Kept] = [None if given is None else bool(given)]
    for rule in rules:
        one = _after(rule, one, select, total=None)
    return one[0]


def _after(rule: Rule, before: list[Kept], select: Node, total: int | None) -> list[Kept]:
    """What a rule leaves. `total` is how many ways are ranked together, where all are allowed."""
    maybe: list[Kept] = [False if kept is False else None for kept in before]
    if rule.kind == "all":
        return before
    if rule.kind == "above":
        return _above(rule, before, select)
    if rule.kind == "top_p":
        source = select.slot(rule.of)  # sums of what is never negative never fall below 0
        never = rule.limit is not None and rule.limit <= 0 and (source is None or _never_negative(source))
        return [False] * len(before) if never else maybe
    amount = rule.amount
    if isinstance(amount, Share):
        if total is None:
            return maybe
        amount = amount.count(total)
    if amount == 0:
        return [False] * len(before)
    if rule.over != (-1,):
        return maybe
    if sum(kept is not False for kept in before) <= amount:
        return before
    return _first(before, amount) if rule.kind == "first" else _top(rule, before, amount, select) or maybe


def _above(rule: Rule, before: list[Kept], select: Node) -> list[Kept]:
    limit = everywhere(select.operands[select.attrs["slots"].index(rule.threshold)]) if rule.threshold else rule.limit
    if limit is None:
        return [False if kept is False else None for kept in before]
    source = select.slot(rule.of)
    values = along(source, len(before)) if source else [1.0] * len(before)  # without a slot, a weight is 1
    out = source is not None and _never_above(source, float(limit))
    known: Sequence[float | None] = values or [None] * len(before)
    return [False if out else _passes(kept, value, float(limit)) for kept, value in zip(before, known)]


def _never_above(source: Node, limit: float) -> bool:
    """Whether no element is above a limit (a NaN never is): by its range, with a margin where that is rounded."""
    found = range_of(source)
    return found.high <= limit and (found.exact or not _near(found.high, limit))


def _never_negative(source: Node) -> bool:
    found = range_of(source)
    return found.low >= 0 and (found.exact or found.low > NEAR)


def _passes(kept: Kept, value: float | None, limit: float) -> Kept:
    if kept is False:
        return False
    if value is None or (value != limit and _near(value, limit)):
        return None
    return kept if value > limit else False


def _first(before: list[Kept], amount: int) -> list[Kept]:
    """A way is out where so many before it are surely eligible, and as eligible as it was where so few may be."""
    after: list[Kept] = []
    for i, kept in enumerate(before):
        sure, possible = sum(k is True for k in before[:i]), sum(k is not False for k in before[:i])
        after.append(False if sure >= amount else kept if possible < amount or kept is False else None)
    return after


def _top(rule: Rule, before: list[Kept], amount: int, select: Node) -> list[Kept]:
    """The best by constants that are clearly apart or the same, of ways that are surely in or out; else nothing."""
    source = select.slot(rule.of)
    values = along(source, len(before)) if source else [1.0] * len(before)
    if values is None or None in before:
        return []
    eligible = [i for i, kept in enumerate(before) if kept]
    if any(values[i] != values[j] and _near(values[i], values[j]) for i in eligible for j in eligible):
        return []
    best = sorted(eligible, key=lambda i: (math.isnan(values[i]), 0.0 if math.isnan(values[i]) else -values[i], i))[:amount]
    return [i in best for i in range(len(before))]


def _with_fallback(fallback: tuple[object, ...], kept: Sequence[Kept], allowed: Sequence[Kept]) -> list[Kept]:
    if fallback[:1] == ("all",):
        return [None if k is False and a is not False else k for k, a in zip(kept, allowed)]
    if fallback == ("last",) and not any(k is True for k in kept):
        none = all(k is False for k in kept)
        last = allowed[-1] if none else None if allowed[-1] is not False else kept[-1]
        return [*kept[:-1], last]
    return list(kept)


def _near(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=NEAR, abs_tol=1e-30)


def along(node: Node, ways: int) -> list[float] | None:
    """The constants of a value along its last axis, the same at every position; None where they are not known."""
    value = everywhere(node)
    if value is not None:
        return [float(value)] * ways
    if node.op in ("broadcast", "cast", "stop_gradient") and node.operands[0].shape[-1:] == node.shape[-1:]:
        return along(node.operands[0], ways) if node.operands[0].tensor.is_float else None
    if node.op == "unsqueeze" and node.attrs["axis"] < -1:
        return along(node.operands[0], ways)
    if node.op not in ("stack", "concat") or node.attrs["axis"] != -1:
        return None
    found: list[float] = []
    for part in node.operands:
        length = 1 if node.op == "stack" else part.shape[-1]
        one = everywhere(part)
        if one is None or not isinstance(length, int):
            return None
        found += [float(one)] * length
    return found
