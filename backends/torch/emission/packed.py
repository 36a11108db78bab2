"""A chunk called among kept positions, on those alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....compiler.ir import Node
from ....compiler.kernels import kernel_of
from ....compiler.planning.packing import packs_rows
from ..expressions import bare

if TYPE_CHECKING:
    from .body import Body


def packed_call(body: Body, node: Node) -> str:
    """The text of the call's value; what packs the positions stands in lines before it."""
    given = [body.variable(operand) for operand in node.operands]
    kept, places = given[-2], body.names.fresh("places")
    apart = kernel_of(node) == "gather" and packs_rows(node)
    body.line(f"{places} = {'pack_rows' if apart else 'pack'}({kept})")
    arguments = [f"packed({text}, {places})" for text in given]
    if apart:
        arguments[-2] = f"sample_of({kept}, {places})"
    return f"unpacked({bare(body.shop.calls(body, node, arguments))}, {places}, {kept})"
