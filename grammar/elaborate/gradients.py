"""What training reaches: a selection whose learned score or threshold gets no gradient is warned of."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator

from ...compiler.diagnostics import Findings
from ...compiler.ir import Graph, Node
from ...compiler.types import TensorType
from .. import tree
from .env import Unit

Learned = tuple[str, int, str]
"""Something that is trained: a param, or the params of one member of a chunk; how many frames out, and its path."""


def warn(unit: Unit, graph: Graph) -> None:
    """Warn of the selections of a unit that decide by what nothing trains. Only a training graph has the losses to tell."""
    if not unit.program.training or not unit.decided:
        return
    roots = [node for _, node in (*graph.outputs, *graph.losses)]
    reached: set[Node] = set()
    trained = set(learned(unit, roots, reached))
    alive = set(graph.nodes)
    for node, syntax in unit.decided:
        if node not in alive:
            continue
        for slot, operand in zip(node.attrs["slots"], node.operands):
            what = "score" if slot in ("score", "level") else "threshold" if slot.startswith("threshold") else ""
            lost = [one for one in learned(unit, [operand], set(), reached) if one[1] == 0 and one not in trained] if what else []
            if lost:
                _warn(unit.program.findings, syntax, what, lost[0][2])
                break


def _warn(findings: Findings, syntax: tree.Selection, what: str, path: str) -> None:
    field = next(field for field in syntax.fields if field.name.text == ("score" if what == "score" else "keep"))
    message = f"the learned {what} of `{syntax.name.text}` gets no gradient: nothing trains `{path}`"
    findings.warn("CC0801", message, field.value.span, hint="add `train = straight_through`")


def learned(unit: Unit, roots: Iterable[Node], seen: set[Node], known: Container[Node] = ()) -> Iterator[Learned]:
    """What a gradient flows to from `roots`: through weights and surrogates, not through decisions. It stops at `known` nodes."""
    stack = list(roots)
    while stack:
        node = stack.pop()
        if node in seen or node in known or node.op in ("stop_gradient", "state", "const"):
            continue
        seen.add(node)
        if node.op == "param":
            if not node.attrs["frozen"]:
                yield ("param", node.attrs["up"], node.attrs["path"])
        elif node.op == "select":
            stack += _through(node, "weight")
        elif node.op == "field" and node.operands[0].op == "select":
            stack += _through(node.operands[0], node.attrs["name"])
        elif not isinstance(node.type, TensorType) or node.type.is_float:
            if node.op == "apply" and _learns(unit, node.attrs["body"]):
                up, path = node.attrs["up"], node.attrs["chunk"]
                yield from (("chunk", up, f"{path}.{member}" if member else path) for member in node.attrs["members"])
            stack += reversed(node.operands)


def _through(select: Node, field: str) -> list[Node]:
    """The operands of a selection that a result passes its gradient to."""
    slots = dict(zip(select.attrs["slots"], select.operands))
    smooth = select.attrs["train"] == "straight_through"
    if smooth and field in ("weight", "gate"):
        return list(slots.values())
    return [slots[field]] if field in slots and field in ("weight", "score") else []


def _learns(unit: Unit, body: Graph | None) -> bool:
    """Whether a body has parameters of its own, or calls one that has."""
    if body is None:
        return False
    inside = unit.program.units[id(body)]
    if inside.learns is None:
        inner = (node.attrs["body"] for node in body.nodes if node.op == "apply")
        inside.learns = any(outer.kind == "param" for outer in inside.declared) or any(_learns(unit, one) for one in inner)
    return inside.learns
