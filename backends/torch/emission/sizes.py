"""Run-time sizes as Python expressions of the names of their dimensions; which values have the positions that are gathered."""

from __future__ import annotations

from collections.abc import Callable

from ....compiler.dims import Atom, Quotient, Size
from ....compiler.ir import Graph, Node
from ....compiler.ops import OPS
from ....compiler.types import TensorType


def size_text(size: Size, symbol: Callable[[str], str]) -> str:
    """`2 * B * T`, with `symbol` giving the text of a dimension. Division rounds as the size says."""
    if isinstance(size, int):
        return str(size)
    text = ""
    for monomial, coefficient in size.terms:
        factors = [_atom(atom, symbol) for atom in monomial]
        if abs(coefficient) != 1 or not factors:
            factors.insert(0, str(abs(coefficient)))
        sign = (" - " if coefficient < 0 else " + ") if text else ("-" if coefficient < 0 else "")
        text += sign + " * ".join(factors)
    return text


def _atom(atom: Atom, symbol: Callable[[str], str]) -> str:
    return symbol(atom) if isinstance(atom, str) else _quotient(atom, symbol)


def _quotient(quotient: Quotient, symbol: Callable[[str], str]) -> str:
    over, under = (_factor(size_text(part, symbol)) for part in (quotient.over, quotient.under))
    match quotient.kind:
        case "floor":
            return f"({over} // {under})"
        case "ceil":
            return f"(-(-{over} // {under}))"
        case "mod":
            return f"({over} % {under})"
        case "max":
            return f"torch.sym_max({over}, {under})"


def _factor(text: str) -> str:
    return text if text.isidentifier() or text.isdigit() else f"({text})"


def with_positions(graph: Graph, inputs: set[Node]) -> set[Node]:
    """Nodes with the positions of the inputs that have them, and those that are made in as many."""
    found = set(inputs)
    sizes = {node.shape[0] for node in inputs if isinstance(node.type, TensorType) and node.shape}
    for node in graph.nodes:
        made = node.op in OPS and OPS[node.op].shaped and node.shape[:1] and node.shape[0] in sizes
        if made or any(operand in found for operand in node.operands):
            found.add(node)
    return found
