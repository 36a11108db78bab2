"""What is no function of its operands alone, as text: draws, stored bodies, and which chunks are missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ....compiler.ir import Node
from ..expressions.writing import LITERAL, tuple_of

if TYPE_CHECKING:
    from .body import Body


def outside_text(body: Body, node: Node, operands: Sequence[str]) -> str:
    """A draw, or the call of a host step.

    `foreign(ctx.host, "edges", (image,), (B, 64), torch.float32)` gives a tensor of that size and dtype,
    `present(ctx.host, ("edges", "expert.3"))` a bool for each chunk.
    """
    host = f"{body.ctx}.host"
    if node.op == "uniform":
        return f'{body.ctx}.uniform({operands[0]}, "{node.attrs["path"]}"{body.shared(node)})'
    if node.op == "present":
        return f"present({host}, {tuple_of([repr(body.frame.path(chunk)) for chunk in node.attrs['chunks']])})"
    given = tuple_of(operands)
    sizes = tuple_of([body.size(size) for size in node.shape]) if node.shape else "()"
    return f"foreign({host}, {body.frame.prefix[:-1]!r}, {given}, {sizes}, {LITERAL[node.tensor.dtype]})"
