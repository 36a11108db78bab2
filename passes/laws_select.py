"""Laws of selections: what their rules keep stays the same, decision for decision, and so do weights, losses and gradients.

Straight-through training also reads the rules for its surrogate (`top` gives σ(v − lowest kept v), `first` and `all` give 1), so
there only what leaves the surrogate as it is applies.
"""

from __future__ import annotations

from dataclasses import replace

from ..compiler.ir import Node
from ..compiler.selection import Rule, Share
from ..compiler.types import SelectionType
from .rewrite import Laws, Site

LAWS = Laws()


def group_size(rule: Rule, node: Node) -> int | None:
    """How many positions are ranked together, if that is known."""
    size = 1
    for axis in rule.over:
        length = node.selection.kept.shape[axis]
        if not isinstance(length, int):
            return None
        size *= length
    return size


def _free_to_change(rule: Rule, node: Node) -> bool:
    """Whether a rule's surrogate is 1, or not read."""
    return rule.kind == "first" or (rule.kind == "top" and node.attrs["train"] == "hard")


# top(n) = first(n) = all, of n positions or fewer; so is a share of 100%
@LAWS.of("select")
def keeps_everything(site: Site, node: Node) -> Node | None:
    def simpler(rule: Rule) -> Rule:
        if not _free_to_change(rule, node):
            return rule
        if isinstance(rule.amount, Share):
            return Rule("all") if rule.amount.value >= 1 else rule
        size = group_size(rule, node)
        return Rule("all") if size is not None and rule.amount >= size else rule

    rules = tuple(map(simpler, node.attrs["rules"]))
    return site.but(rules=rules) if rules != node.attrs["rules"] else None


# r |> all = r (all |> r is not r: `first` is what the first rule kept)
@LAWS.of("select")
def all_in_a_chain(site: Site, node: Node) -> Node | None:
    first, *rest = node.attrs["rules"]
    kept = tuple(rule for rule in rest if rule.kind != "all")
    return site.but(rules=(first, *kept)) if len(kept) < len(rest) and not node.attrs["levels"] else None


# top(m) |> r |> top(n) = top(m) |> r where m ≤ n and both rank over the same; so for first, and for shares
@LAWS.of("select")
def already_fewer(site: Site, node: Node) -> Node | None:
    rules: tuple[Rule, ...] = node.attrs["rules"]
    if node.attrs["levels"]:
        return None
    for i, late in enumerate(rules):
        if _free_to_change(late, node) and any(_fewer(early, late) for early in rules[:i]):
            return site.but(rules=rules[:i] + rules[i + 1 :])
    return None


def _fewer(early: Rule, late: Rule) -> bool:
    if early.kind not in ("top", "first") or sorted(early.over) != sorted(late.over):
        return False
    if isinstance(early.amount, Share) and isinstance(late.amount, Share):
        return early.amount.value <= late.amount.value
    return isinstance(early.amount, int) and isinstance(late.amount, int) and early.amount <= late.amount


# a fallback that cannot come about: coverage is never below 0; a rule that keeps one of every decision's ways leaves none without
@LAWS.of("select")
def no_fallback(site: Site, node: Node) -> Node | None:
    fallback, rules = node.attrs["fallback"], node.attrs["rules"]
    if fallback[:1] == ("all",) and fallback[1] <= 0:
        return site.but(fallback=())
    if fallback == ("last",) and len(rules) == 1 and "allowed" not in node.attrs["slots"] and not node.attrs["levels"]:
        return site.but(fallback=()) if _always_one(rules[0], node) else None
    return None


def _always_one(rule: Rule, node: Node) -> bool:
    ways = node.selection.kept.shape[-1]
    some = rule.over == (-1,) and (isinstance(rule.amount, Share) or rule.amount >= 1)
    return isinstance(ways, int) and ways > 0 and (rule.kind == "all" or (rule.kind in ("top", "first") and some))


# an operand that no rule and no fallback reads is not read
@LAWS.of("select")
def unread_slots(site: Site, node: Node) -> Node | None:
    read = {name for rule in node.attrs["rules"] for name in (rule.of, rule.threshold)}
    read |= {"score", "weight", "allowed", "level", "allowed_gate"}
    read |= {"coverage"} if node.attrs["fallback"][:1] == ("all",) else set()
    pairs = [(slot, operand) for slot, operand in zip(node.attrs["slots"], node.operands) if slot in read]
    if len(pairs) == len(node.operands):
        return None
    return replace(site.but(slots=tuple(slot for slot, _ in pairs)), operands=tuple(operand for _, operand in pairs))


# the field `score` of a selection is its score
@LAWS.of("field")
def score_of(site: Site, node: Node) -> Node | None:
    (source,) = node.operands
    if source.op != "select" or not isinstance(source.type, SelectionType) or node.attrs["name"] != "score":
        return None
    score = source.operands[0]
    return score if score.type == node.type else None
