"""What must hold of a `select`: its slots, rules and fallback, as `selection.py` says them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from .ir import Node
from .kernels import kernel_problem
from .selection import GRAINS, Rule, Share
from .types import SelectionType, TensorType

ATTRIBUTES: dict[str, type] = {
    "path": str,
    "kind": str,
    "grain": str,
    "slots": tuple,
    "rules": tuple,
    "levels": tuple,
    "fallback": tuple,
    "renormalise": bool,
    "train": str,
    "cache": tuple,
}
RULES = ("top", "first", "above", "top_p", "all")
_SLOT = re.compile(r"score|weight|allowed|coverage|level|allowed_gate|(of|threshold)\.[0-9]+")


def select_problems(node: Node) -> Iterator[str]:
    """What is wrong with a `select`, in words."""
    for check in (_attributes, _paths, _recorded, _slots, _rules, _others):
        wrong = [f"`select {node.attrs.get('path')}`: {message}" for message in check(node)]
        if wrong:
            yield from wrong
            return


def _attributes(node: Node) -> Iterator[str]:
    for name, kind in ATTRIBUTES.items():
        if name not in node.attrs:
            yield f"it needs the attribute `{name}`"
        elif not isinstance(node.attrs[name], kind):
            yield f"`{name} = {node.attrs[name]!r}` is no {kind.__name__}"


def _paths(node: Node) -> Iterator[str]:
    also = node.attrs.get("also", ("",))
    named = isinstance(also, tuple) and also and all(isinstance(path, str) for path in also)
    if not named or len({node.attrs["path"], *also}) <= len(also):
        yield f"`also = {also!r}` is no list of other paths"


def _recorded(node: Node) -> Iterator[str]:
    if node.attrs.get("recorded", True) is not True:
        yield f"`recorded = {node.attrs['recorded']!r}` is absent or true"


def _slots(node: Node) -> Iterator[str]:
    slots = node.attrs["slots"]
    if not slots or slots[0] != "score" or len(set(slots)) < len(slots) or len(slots) != len(node.operands):
        yield f"the slots {list(slots)} name {len(node.operands)} operands, of which the first is the score"
        return
    if not isinstance(node.type, SelectionType) or any(not isinstance(operand.type, TensorType) for operand in node.operands):
        yield f"it takes tensors and gives a selection, and not `{node.type}`"
        return
    score = node.operands[0].tensor
    if score.dtype not in ("f32", "f64") or not score.rank:
        yield f"the score is f32 or f64 and ends in its ways, and not `{score}`"
    for name, operand in zip(slots, node.operands):
        expected = _expected(str(name), operand.tensor, score, len(node.attrs["levels"]))
        if expected != operand.type:
            yield f"the slot `{name}` is `{operand.type}`" + (f", and should be `{expected}`" if expected else "")
    weight = node.slot("weight")
    wanted = SelectionType(TensorType("bool", score.shape), weight.tensor if weight else score)
    if wanted != node.type:
        yield f"it gives `{wanted}`, and not `{node.type}`"


def _expected(slot: str, found: TensorType, score: TensorType, levels: int) -> TensorType | None:
    """The type of the operand in a slot; None if there is no such slot."""
    if not _SLOT.fullmatch(slot):
        return None
    if slot == "allowed":
        return TensorType("bool", score.shape)
    if slot == "level":
        return TensorType(found.dtype, (*score.shape, levels)) if found.is_float else None
    if slot.startswith("threshold"):
        fits = found.is_float and found.rank <= score.rank and _repeats(found, score)
        return found if fits else TensorType(score.dtype, score.shape)
    return TensorType(found.dtype if found.is_float else score.dtype, score.shape)


def _repeats(found: TensorType, score: TensorType) -> bool:
    return all(a == b or a == 1 for a, b in zip(found.shape[::-1], score.shape[::-1]))


def _rules(node: Node) -> Iterator[str]:
    rules, levels = node.attrs["rules"], node.attrs["levels"]
    if levels and (len(levels) != len(rules) or "level" not in node.attrs["slots"]):
        yield f"{len(levels)} levels need as many rules, and a slot `level`"
    if not rules:
        yield "it needs a rule"
    known = {*node.attrs["slots"], "weight"}
    for rule in rules:
        if not isinstance(rule, Rule) or rule.kind not in RULES:
            yield f"`{rule!r}` is no rule"
        else:
            yield from _rule(rule, node.operands[0].tensor.rank, known)


def _rule(rule: Rule, rank: int, known: set[str]) -> Iterator[str]:
    axes: Any = rule.over
    fits = isinstance(axes, tuple) and axes and all(type(axis) is int and -rank <= axis < 0 for axis in axes)
    if not fits or len(set(axes)) < len(axes):
        yield f"`{rule.kind}` ranks over {axes!r}, and the score has {rank} axes, counted from the end"
    counted = rule.kind in ("top", "first")
    amount: Any = rule.amount.value if isinstance(rule.amount, Share) else rule.amount
    number = type(amount) in (int, float) if isinstance(rule.amount, Share) else type(amount) is int
    if counted and not (number and amount >= 0):
        yield f"`{rule.kind}` keeps {rule.amount!r}, which is no count"
    limits = rule.kind in ("above", "top_p")
    if limits and (type(rule.limit) not in (int, float) if not rule.threshold else rule.threshold not in known):
        yield f"`{rule.kind}` needs a limit, or the slot of a threshold"
    if not isinstance(rule.of, str) or rule.of not in known:
        yield f"`{rule.kind}` reads `{rule.of}`, which is no slot"


def _others(node: Node) -> Iterator[str]:
    attrs, fallback = node.attrs, node.attrs["fallback"]
    if attrs["kind"] not in ("router", "mask") or (attrs["kind"] == "router") != (not attrs["grain"]):
        yield f"`{attrs['kind']}` with the grain `{attrs['grain']}`"
    elif attrs["grain"] and attrs["grain"] not in GRAINS:
        yield f"`{attrs['grain']}` is no grain"
    forms = fallback in ((), ("last",)) or (len(fallback) == 2 and fallback[0] == "all" and type(fallback[1]) in (int, float))
    if not forms or (fallback[:1] == ("all",) and "coverage" not in attrs["slots"]):
        yield f"`fallback = {fallback!r}` is none, or lacks the slot `coverage`"
    if attrs["train"] not in ("hard", "straight_through"):
        yield f"`train = {attrs['train']!r}` is neither hard nor straight_through"
    if attrs["kind"] in ("router", "mask"):
        yield from kernel_problem(node)
