"""Rewrite rules as data: a line of algebra each, `not(eq(a, b)) = ne(a, b)`.

On both sides stand ops of the table by name. A small name is a value; twice, it is one and the same. An attribute is a name too
(`axis=i`: any, the same wherever `i` stands) or a whole number; those of the left side that are not mentioned may be anything. A
rule applies only where the type of the node stays what it is, so `reshape(x, shape=s) = x` needs no condition.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ..compiler.ir import Node
from ..compiler.ops import OPS, ShapeError
from .rewrite import Laws, Site

_TOKEN = re.compile(r"\s*(?:(?P<name>[A-Za-z_]\w*)|(?P<number>-?\d+)|(?P<mark>[(),=]))")


@dataclass(frozen=True, slots=True)
class Call:
    """One op of a side. `attrs` are names to be bound, or numbers."""

    op: str
    operands: tuple[Call | str, ...]
    attrs: tuple[tuple[str, str | int], ...]

    def names(self) -> Iterator[str]:
        """All names of values and attributes."""
        for operand in self.operands:
            yield from operand.names() if isinstance(operand, Call) else (operand,)
        yield from (value for _, value in self.attrs if isinstance(value, str))


@dataclass(slots=True)
class Bound:
    """What the names of a left side stand for at a node."""

    values: dict[str, Node] = field(default_factory=dict)
    attrs: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rule:
    """A left side and what may stand in its place."""

    text: str
    left: Call
    right: Call | str

    def __call__(self, site: Site, node: Node) -> Node | None:
        """The right side in the place of a node, or None where the left side is another or the type would change."""
        bound = Bound()
        if not _matches(self.left, node, bound):
            return None
        if isinstance(self.right, str):
            value = bound.values[self.right]
            return value if value.type == node.type else None
        try:
            made = _make(self.right, site, bound)
        except ShapeError:
            return None  # the sides have other types here
        return made if made.type == node.type else None


def rules(*texts: str) -> Laws:
    """The laws of these rules; `ValueError` for what is none."""
    laws = Laws()
    for text in texts:
        made = rule(text)
        laws.of(made.left.op)(made)
    return laws


def rule(text: str) -> Rule:
    """A rule as written; `ValueError` where it is none."""
    reader = _Reader(text)
    left = reader.side()
    reader.take("=")
    right = reader.side()
    if reader.tokens:
        raise ValueError(f"`{text}` goes on behind its right side")
    if isinstance(left, str):
        raise ValueError(f"the left side of `{text}` is no op")
    unknown = set(right.names() if isinstance(right, Call) else (right,)) - set(left.names())
    if unknown:
        raise ValueError(f"the left side of `{text}` has no `{min(unknown)}`")
    return Rule(text, left, right)


class _Reader:
    """Reads a rule from left to right."""

    def __init__(self, text: str):
        self.text = text
        self.tokens: list[str] = []
        at = 0
        while text[at:].strip():
            match = _TOKEN.match(text, at)
            if match is None:
                raise ValueError(f"`{text}` has no meaning from `{text[at:].strip()}` on")
            self.tokens.append(match[0].strip())
            at = match.end()

    def take(self, expected: str = "") -> str:
        token = self.tokens.pop(0) if self.tokens else ""
        if not token or expected and token != expected:
            wanted = f"`{expected}`" if expected else "a name"
            raise ValueError(f"`{self.text}` has `{token or 'its end'}` where {wanted} should be")
        return token

    def side(self) -> Call | str:
        name = self.take()
        if self.tokens[:1] != ["("]:
            return name
        if name not in OPS:
            raise ValueError(f"there is no op `{name}`, as in `{self.text}`")
        operands: list[Call | str] = []
        attrs: list[tuple[str, str | int]] = []
        self.take("(")
        while self.tokens[:1] != [")"]:
            if self.tokens[1:2] == ["="]:
                key, _, value = self.take(), self.take("="), self.take()
                attrs.append((key, int(value) if value.lstrip("-").isdigit() else value))
            else:
                operands.append(self.side())
            if self.tokens[:1] != [")"]:
                self.take(",")
        self.take(")")
        return Call(name, tuple(operands), tuple(attrs))


def _matches(pattern: Call | str, node: Node, bound: Bound) -> bool:
    """Whether a node is what a pattern says; binds the pattern's names."""
    if isinstance(pattern, str):
        return bound.values.setdefault(pattern, node) is node
    if node.op != pattern.op or len(node.operands) != len(pattern.operands):
        return False
    for key, value in pattern.attrs:
        wanted = bound.attrs.setdefault(value, node.attrs[key]) if isinstance(value, str) else value
        if node.attrs[key] != wanted:
            return False
    return all(_matches(part, operand, bound) for part, operand in zip(pattern.operands, node.operands))


def _make(pattern: Call | str, site: Site, bound: Bound) -> Node:
    if isinstance(pattern, str):
        return bound.values[pattern]
    attrs = {key: bound.attrs[value] if isinstance(value, str) else value for key, value in pattern.attrs}
    return site.op(pattern.op, *(_make(part, site, bound) for part in pattern.operands), **attrs)
