"""Laws of what is decided before anything runs: selections that keep all or nothing, masks and conditions that are constant."""

from __future__ import annotations

from dataclasses import replace

from ..compiler.ir import Node
from ..compiler.selection import Rule
from .decided import uniformly
from .laws_number import known_choice
from .rewrite import Laws, Site, everywhere

LAWS = Laws()
LAWS.of("where")(known_choice)


# rules that keep every way of whatever they are given = all; weights, and what they are divided by, stay
@LAWS.of("select")
def keeps_all(site: Site, node: Node) -> Node | None:
    plain = node.attrs["rules"] == (Rule("all"),) and not node.attrs["fallback"] and "allowed" not in node.attrs["slots"]
    without = replace(node, attrs=node.attrs.but(fallback=()))
    if plain or node.attrs["train"] != "hard" or node.attrs["levels"] or uniformly(without) is not True:
        return None
    pairs = [(slot, operand) for slot, operand in zip(node.attrs["slots"], node.operands) if slot in ("score", "weight")]
    changed = site.but(rules=(Rule("all"),), fallback=(), slots=tuple(slot for slot, _ in pairs))
    return replace(changed, operands=tuple(operand for _, operand in pairs))


# results of a selection that keeps every way (or none) of whatever it is given
@LAWS.of("field")
def known_result(site: Site, node: Node) -> Node | None:
    (source,) = node.operands
    kept = uniformly(source) if source.op == "select" else None
    if kept is None:
        return None
    match node.attrs["name"]:
        case "kept":
            return site.filled("ones" if kept else "zeros")
        case "gate" if source.attrs["train"] == "hard":
            return site.filled("ones" if kept else "zeros")
        case "first" if kept and not source.attrs["fallback"]:  # a chain only ever drops
            return site.filled("ones")
        case "weight" if kept and not source.attrs["renormalise"]:
            return source.slot("weight") or site.filled("ones")
        case "weight" | "load" if not kept:
            return site.filled("zeros")
    return None


# a fuse of which nothing is ever kept is 0
@LAWS.of("fuse")
def nothing_kept(site: Site, node: Node) -> Node | None:
    by = node.operands[-1] if node.attrs["by"] else None
    return site.filled("zeros") if by is not None and by.attrs["train"] == "hard" and uniformly(by) is False else None


# masked(x, true) = x; masked(x, false) = 0
@LAWS.of("masked")
def known_mask(site: Site, node: Node) -> Node | None:
    kept = node.slot("kept")
    value = everywhere(kept) if kept is not None and node.slot("gate") is None else None
    if value is None:
        return None
    return node.slot("x") if value else site.filled("zeros")


# attention(q, k, v, mask=true) = attention(q, k, v); attention(q, k, v, mask=false) = 0
@LAWS.of("attention")
def known_attention_mask(site: Site, node: Node) -> Node | None:
    mask = node.slot("mask")
    value = everywhere(mask) if mask is not None and node.slot("gate") is None else None
    if value is None:
        return None
    if value is False:
        return site.filled("zeros")
    pairs = [(slot, operand) for slot, operand in zip(node.attrs["slots"], node.operands) if slot != "mask"]
    return replace(site.but(slots=tuple(slot for slot, _ in pairs)), operands=tuple(operand for _, operand in pairs))
