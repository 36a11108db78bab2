"""Selections as statements: what each rule keeps, and the results that are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....compiler.ir import Node
from ....compiler.selection import Rule, Share, paths_of
from .text import number

if TYPE_CHECKING:
    from .body import Body


def selection_lines(body: Body, select: Node) -> None:
    """The line that decides; results other than `kept` are written when they are read."""
    attrs, stem = select.attrs, body.stem(select)
    allowed = slot_text(body, select, "allowed")
    rules = rule_texts(body, select, allowed)
    if attrs.get("levels"):
        kept = f"keep_level({slot_text(body, select, 'level')}, {', '.join(rules)})"
    else:
        kept = rules[-1]
    fallback = attrs["fallback"]
    if fallback and fallback[0] == "all":
        more = f", allowed={allowed}" if allowed else ""
        kept = f"fallback_all({kept}, {slot_text(body, select, 'coverage')}, {fallback[1]!r}{more})"
    elif fallback:
        kept = f"fallback_last({kept})" + (f" & {allowed}" if allowed else "")
    name = body.names.fresh(f"{stem}_kept")
    body.decisions.extend(paths_of(select))
    body.line(f"{name} = {body.ctx}.{recording('keep', select)}, {kept}{body.shared(select)})")
    body.fields[select, "kept"] = name


def recording(method: str, select: Node, behind: str = "") -> str:
    """The start of the call that records (`keep`) or asks (`rung`) a decision, under its path or all of its paths."""
    named = [f'"{path}{behind}"' for path in paths_of(select)]
    return f"{method}({named[0]}" if len(named) == 1 else f"{method}_alike(({', '.join(named)})"


def rule_texts(body: Body, select: Node, allowed: str) -> list[str]:
    """What each rule keeps; in a chain each but the last is named, and the next chooses among it."""
    rules: tuple[Rule, ...] = select.attrs["rules"]
    levels = bool(select.attrs.get("levels"))
    texts: list[str] = []
    among = allowed
    for i, rule in enumerate(rules):
        text = rule_text(body, select, rule, among, allowed)
        inside = levels or i + 1 < len(rules) or _rereads(select)
        if inside:
            label = select.attrs["levels"][i] if levels else rule.kind
            name = body.names.fresh(f"{body.stem(select)}_{label}")
            body.line(f"{name} = {text}")
            text = name
        texts.append(text)
        among = allowed if levels else text
    body.shop.rule_names[body.graph, select] = texts
    return texts


def _rereads(select: Node) -> bool:
    """Whether what the last rule kept is needed besides the decision itself (a fallback changes that)."""
    return select.attrs["train"] == "straight_through" or bool(select.attrs["fallback"])


def rule_text(body: Body, select: Node, rule: Rule, among: str, allowed: str) -> str:
    """One rule as the call of its kernel."""
    of = slot_text(body, select, rule.of)
    over = "" if rule.over == (-1,) else f", over={rule.over}"
    chosen = f", among={among}" if among else ""
    match rule.kind:
        case "top" | "first":
            return f"{rule.kind}({of}, {amount_text(rule, of, allowed)}{over}{chosen})"
        case "above":
            return f"above({of}, {limit_text(body, select, rule)}{chosen})"
        case "top_p":
            return f"top_p({of}, {limit_text(body, select, rule)}{over}{chosen})"
        case "all":
            return f"keep_all({of}{chosen})"


def amount_text(rule: Rule, of: str, allowed: str) -> str:
    if not isinstance(rule.amount, Share):
        return str(rule.amount)
    over = "" if rule.over == (-1,) else f", over={rule.over}"
    among = f", allowed={allowed}" if allowed else ""
    return f"share({rule.amount.value!r}, {of}{over}{among})"


def limit_text(body: Body, select: Node, rule: Rule) -> str:
    return slot_text(body, select, rule.threshold) if rule.threshold else number(float(rule.limit or 0.0))


def slot_text(body: Body, select: Node, name: str) -> str:
    """The operand in a slot; "" if there is none. Weights that were not given are 1."""
    operand = select.slot(name)
    if operand is None and name != "weight":
        return ""
    key = (select, f"slot {name}")
    if key not in body.fields:
        if operand is None:
            text = f"torch.ones_like({slot_text(body, select, 'score')})"
        else:
            text = body.score(operand) if operand in body.scores else body.tensor(operand)
        if not text.isidentifier():
            label = name.replace(".", "_")
            variable = body.names.fresh(f"{body.stem(select)}_{label}")
            body.line(f"{variable} = {text}")
            text = variable
        body.fields[key] = text
    return body.fields[key]


def field_text(body: Body, select: Node, name: str) -> str:
    """A result of a selection that has been decided."""
    kept = body.fields[select, "kept"]
    match name:
        case "score":
            return slot_text(body, select, "score")
        case "weight":
            weight = slot_text(body, select, "weight")
            return f"renormalise({weight}, {kept})" if select.attrs["renormalise"] else f"torch.where({kept}, {weight}, 0.0)"
        case "load":
            return f"load({kept}, {_dtype(body, select)})"
        case "first":
            return first_text(body, select, kept)
        case "gate":
            return gate_text(body, select, kept)
    raise KeyError(name)


def first_text(body: Body, select: Node, kept: str) -> str:
    """What the first rule kept. In a chain it is a decision of its own, to be replayed as such."""
    if len(select.attrs["rules"]) == 1 and not select.attrs["fallback"]:
        return kept
    body.decisions.extend(f"{path}:first" for path in paths_of(select))
    kept_first = body.shop.rule_names[body.graph, select][0]
    return f"{body.ctx}.{recording('keep', select, ':first')}, {kept_first}{body.shared(select)})"


def gate_text(body: Body, select: Node, kept: str) -> str:
    """`kept` as 0 or 1; trained straight through, with the gradient of the surrogate."""
    if select.attrs["train"] != "straight_through":
        return f"{kept}.to({_dtype(body, select)})"
    factors = surrogates(body, select)
    gate = slot_text(body, select, "allowed_gate")
    factors += [gate] if gate else []
    return f"straight_through({kept}, {' * '.join(factors)})" if factors else f"{kept}.to({_dtype(body, select)})"


def _dtype(body: Body, select: Node) -> str:
    """The dtype of the weights: the score's where there are none."""
    return slot_text(body, select, "weight" if "weight" in select.attrs["slots"] else "score") + ".dtype"


def surrogates(body: Body, select: Node) -> list[str]:
    """The surrogate of each rule that has one."""
    rules, kept = select.attrs["rules"], body.shop.rule_names[body.graph, select]
    if select.attrs.get("levels"):
        return [f"surrogate_levels({slot_text(body, select, 'level')}, {', '.join(kept)})"]
    found = []
    for rule, mine in zip(rules, kept):
        of = slot_text(body, select, rule.of)
        over = "" if rule.over == (-1,) else f", over={rule.over}"
        if rule.kind == "above":
            found.append(f"surrogate_above({of}, {limit_text(body, select, rule)})")
        elif rule.kind in ("top", "top_p"):
            found.append(f"surrogate_top({of}, {mine}{over})")
    return found
