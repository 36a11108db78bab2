"""Sizes of axes: integers, or polynomials over run-time dimensions (`B`, `T`) with floor and ceiling division as atoms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, Union

Size = Union[int, "Dim"]
MOST_TERMS = 4096


class TooLarge(ArithmeticError):
    """A size that is too long an expression to compute with."""


class UnboundDim(KeyError):
    """Evaluation met a symbol that has no value."""


@dataclass(frozen=True, slots=True)
class Quotient:
    """`floor(over / under)`, `ceil(over / under)`, `over mod under`, or `max(over, under)`: an atom of a `Dim`."""

    kind: Literal["floor", "ceil", "mod", "max"]
    over: Size
    under: Size

    def evaluate(self, values: Mapping[str, int]) -> int:
        a, b = evaluate(self.over, values), evaluate(self.under, values)
        if self.kind == "max":
            return max(a, b)
        if self.kind == "mod":
            return a % b
        return a // b if self.kind == "floor" else -(-a // b)

    def __str__(self) -> str:
        if self.kind == "max":
            return f"max({self.over}, {self.under})"
        over = f"({self.over})" if isinstance(self.over, Dim) and self.over.compound else str(self.over)
        under = f"({self.under})" if isinstance(self.under, Dim) and self.under.compound else str(self.under)
        return f"({over} mod {under})" if self.kind == "mod" else f"{self.kind}({over} / {under})"


Atom = str | Quotient
Monomial = tuple[Atom, ...]


@dataclass(frozen=True, slots=True)
class Dim:
    """A non-constant polynomial with integer coefficients; `terms` is sorted, holds no zero, and is never just a constant."""

    terms: tuple[tuple[Monomial, int], ...]

    @property
    def compound(self) -> bool:
        return len(self.terms) > 1 or self.terms[0][1] != 1 or len(self.terms[0][0]) > 1

    def __add__(self, other: Size) -> Size:
        return _collect([*self.terms, *_terms(other)])

    __radd__ = __add__

    def __neg__(self) -> Size:
        return self * -1

    def __sub__(self, other: Size) -> Size:
        return self + other * -1

    def __rsub__(self, other: Size) -> Size:
        return self * -1 + other

    def __mul__(self, other: Size) -> Size:
        if not isinstance(other, int) and len(self.terms) * len(other.terms) > MOST_TERMS:
            raise TooLarge(f"a product of {len(self.terms)} and {len(other.terms)} terms")
        return _collect(((tuple(sorted(a + b, key=str)), m * n) for a, m in self.terms for b, n in _terms(other)))

    __rmul__ = __mul__

    def evaluate(self, values: Mapping[str, int]) -> int:
        total = 0
        for monomial, coefficient in self.terms:
            product = coefficient
            for atom in monomial:
                product *= _value(atom, values)
            total += product
        return total

    def __str__(self) -> str:
        text = ""
        for monomial, coefficient in self.terms:
            body = " * ".join(map(str, monomial))
            size = abs(coefficient)
            part = body if size == 1 and monomial else f"{size} * {body}" if monomial else str(size)
            text += (" - " if coefficient < 0 else " + ") + part if text else ("-" if coefficient < 0 else "") + part
        return text

    def __repr__(self) -> str:
        return f"Dim({self})"


def symbol(name: str) -> Dim:
    """The run-time dimension called `name`."""
    return Dim((((name,), 1),))


def evaluate(size: Size, values: Mapping[str, int]) -> int:
    """The number that a size is for these values of its symbols; `UnboundDim` if one is missing."""
    return size if isinstance(size, int) else size.evaluate(values)


def symbols(size: Size) -> frozenset[str]:
    """Names of the run-time dimensions in a size."""
    if isinstance(size, int):
        return frozenset()
    atoms = (atom for monomial, _ in size.terms for atom in monomial)
    return frozenset().union(*({a} if isinstance(a, str) else symbols(a.over) | symbols(a.under) for a in atoms))


def atoms(size: Size, most: int) -> int:
    """How many symbols and numbers a size is written with, counted up to one above `most`."""
    count, stack = 0, [size]
    while stack and count <= most:
        here = stack.pop()
        count += 1
        if isinstance(here, Dim):
            for monomial, _ in here.terms:
                count += len(monomial)
                for atom in monomial:
                    if isinstance(atom, Quotient):
                        stack += (atom.over, atom.under)
    return count


def substitute(size: Size, values: Mapping[str, Size]) -> Size:
    """The size with symbols replaced (a chunk's own dimensions at one call)."""
    if isinstance(size, int):
        return size
    total: Size = 0
    for monomial, coefficient in size.terms:
        product: Size = coefficient
        for atom in monomial:
            product = product * _substitute(atom, values)
        total = total + product
    return total


def divide(over: Size, under: Size) -> Size | None:
    """Exact quotient, or None where it is not known to be exact."""
    if isinstance(under, int):
        if under == 0 or any(n % under for _, n in _terms(over)):
            return None
        return _collect((m, n // under) for m, n in _terms(over))
    if len(under.terms) != 1:
        return 1 if over == under else None
    below, coefficient = under.terms[0]
    result = []
    for monomial, n in _terms(over):
        rest = list(monomial)
        for atom in below:
            if atom not in rest:
                return None
            rest.remove(atom)
        if n % coefficient:
            return None
        result.append((tuple(rest), n // coefficient))
    return _collect(result)


def floor_divide(over: Size, under: Size) -> Size:
    """`floor(over / under)`, simplified where it is exact."""
    return _quotient("floor", over, under)


def ceil_divide(over: Size, under: Size) -> Size:
    """`ceil(over / under)`, simplified where it is exact."""
    return _quotient("ceil", over, under)


def modulo(over: Size, under: Size) -> Size:
    """`over mod under`, 0 where the division is exact."""
    if isinstance(over, int) and isinstance(under, int):
        return over % under
    return 0 if divide(over, under) is not None else Dim((((Quotient("mod", over, under),), 1),))


def maximum(a: Size, b: Size) -> Size:
    """The larger size; symbolic unless both are known or alike."""
    if isinstance(a, int) and isinstance(b, int):
        return max(a, b)
    return a if a == b else Dim((((Quotient("max", a, b),), 1),))


def product(sizes: Iterable[Size]) -> Size:
    """Number of elements of a shape."""
    total: Size = 1
    for size in sizes:
        total = total * size
    return total


def _quotient(kind: Literal["floor", "ceil"], over: Size, under: Size) -> Size:
    if isinstance(over, int) and isinstance(under, int):
        return over // under if kind == "floor" else -(-over // under)
    exact = divide(over, under)
    return exact if exact is not None else Dim((((Quotient(kind, over, under),), 1),))


def _terms(size: Size) -> tuple[tuple[Monomial, int], ...]:
    return (((), size),) if isinstance(size, int) else size.terms


def _collect(terms: Iterable[tuple[Monomial, int]]) -> Size:
    total: dict[Monomial, int] = {}
    for monomial, n in terms:
        total[monomial] = total.get(monomial, 0) + n
    kept = [(m, n) for m, n in total.items() if n]
    if all(not m for m, _ in kept):
        return sum(n for _, n in kept)
    return Dim(tuple(sorted(kept, key=lambda term: (not term[0], -len(term[0]), str(term)))))


def _value(atom: Atom, values: Mapping[str, int]) -> int:
    if isinstance(atom, Quotient):
        return atom.evaluate(values)
    if atom not in values:
        raise UnboundDim(atom)
    return values[atom]


def _substitute(atom: Atom, values: Mapping[str, Size]) -> Size:
    if isinstance(atom, str):
        return values.get(atom, symbol(atom))
    over, under = substitute(atom.over, values), substitute(atom.under, values)
    if atom.kind == "max":
        return maximum(over, under)
    if atom.kind == "mod":
        return modulo(over, under)
    return _quotient(atom.kind, over, under)
