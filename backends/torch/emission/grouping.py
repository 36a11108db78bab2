"""An array's members as one method that runs on the rows of all of them (`backends.torch.grouped`)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ....compiler.ir import Node
from ....compiler.plan import Step
from ....compiler.planning.grouping import grouped
from ..expressions import EXPRESSIONS
from .names import Names
from .text import atom, bare_call, wrap

if TYPE_CHECKING:
    from .body import Body
    from .classes import Method


def grouped_call(body: Body, step: Step, rows: str) -> str:
    """The text of what all members make of their rows, if they run together; else ""."""
    way, shop = step.ways[0], body.shop
    apply = way.apply
    if not shop.together or not grouped(step):
        return ""
    alone = shop.method(body.frame, apply, way.gathered, logged=False)
    if not alone.plain:
        return ""
    name = _method(body, apply, alone)
    inputs = ", ".join(body.tensor(operand) for operand in way.arguments)
    captured = [body.reach(apply.attrs["up"] + up - 1, path) for up, path in alone.captures]
    inputs = f"({inputs},)" if len(way.arguments) == 1 else f"({inputs})"
    return bare_call(f"self.{name}", [shop.home(body, apply), rows, str(step.rows), inputs, *captured])


def _method(outer: Body, apply: Node, alone: Method) -> str:
    """Writes the method into the class of the caller; its name."""
    from .body import Body

    shop, names = outer.shop, Names()
    block, each = shop.plan.of(apply.attrs["body"]), names.fresh("each")
    inputs = {node: names.fresh(str(node.attrs["name"])) for node in block.graph.inputs}
    body = Body(shop, block, outer.frame.enter(apply, apply.attrs["members"][0]), inputs, names, "ctx", set(inputs))
    body.each = each
    body.captures = {(up, path): names.fresh(path.replace(".", "_")) for up, path in alone.captures}
    rank = block.graph.inputs[0].tensor.rank
    own = [node for node in block.graph.nodes if node.op in ("param", "state") and not node.attrs["up"]]
    body.texts.update({node: f'{each}.of("{node.attrs["path"]}", {rank})' for node in own})
    body.write()
    paths = [str(node.attrs["path"]) for node in own]
    members, place = apply.attrs["members"], shop.layout.place(outer.frame.out(apply.attrs["up"]).prefix + apply.attrs["chunk"])
    labels = [] if list(place.children) == list(members) else [repr(label) for label in members]
    given = ", ".join([*labels, f"sources={paths!r}"]).replace("'", '"')
    lines = [f"@grouped({given})", f"({', '.join(['self', each, *inputs.values(), *body.captures.values()])}):"]
    result = shop.returned(body)
    lines += [f"    {line}" for text in (*body.first_lines, *body.lines, f"return {result}") for line in wrap(text)]
    return shop.written(shop.layout.keys[outer.frame.prefix], f"grouped_{str(apply.attrs['chunk']).replace('.', '_')}", lines)


def grouped_text(body: Body, node: Node) -> str:
    """The text of an op that reads parameters of its own member; "" for others."""
    own = {operand: str(operand.attrs["path"]) for operand in node.operands[1:] if operand.op in ("param", "state")}
    own = {operand: path for operand, path in own.items() if not operand.attrs["up"]}
    if not own or "slots" not in node.attrs:
        return ""
    if node.op == "linear":
        paths = [f'"{own[operand]}"' for operand in node.operands[1:]]
        return bare_call(f"{body.each}.linear", [body.tensor(node.operands[0]), *paths])
    if node.op not in ("layer_norm", "rms_norm"):
        return ""
    bare = replace(node, operands=node.operands[:1], attrs=node.attrs.but(slots=("x",)))
    text = EXPRESSIONS[node.op](bare, (body.tensor(node.operands[0]),), body.size)
    for slot, sign in (("weight", "*"), ("bias", "+")):
        operand = node.slot(slot)
        text += f" {sign} {body.text(operand)}" if operand is not None else ""
    return atom(text)
