"""Run-time sizes as Python expressions of the names of their dimensions."""

from __future__ import annotations

from collections.abc import Callable

from ....compiler.dims import Atom, Quotient, Size


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
