"""Walking and comparing syntax trees without recursion, so that no depth of nesting is too much."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from .tree import Syntax

_PARTS: dict[type, tuple[str, ...]] = {}


def parts(node: Syntax) -> tuple[str, ...]:
    """The names of a node's fields, but for its span."""
    kind = type(node)
    if kind not in _PARTS:
        _PARTS[kind] = tuple(field.name for field in fields(node) if field.name != "span")
    return _PARTS[kind]


def children(node: Syntax) -> Iterator[Syntax]:
    """The nodes directly below `node`, in written order."""
    for part in parts(node):
        value = getattr(node, part)
        if isinstance(value, Syntax):
            yield value
        elif isinstance(value, tuple):
            yield from (item for item in value if isinstance(item, Syntax))


def walk(root: Syntax) -> Iterator[tuple[Syntax, int]]:
    """Every node with its depth below `root`, parents first."""
    stack = [(root, 0)]
    while stack:
        node, depth = stack.pop()
        yield node, depth
        stack.extend((child, depth + 1) for child in children(node))


def same(left: object, right: object) -> bool:
    """Whether two trees (or tuples of trees) are equal but for their spans; floats compare by bits, so NaN equals itself."""
    stack: list[tuple[object, object]] = [(left, right)]
    while stack:
        a, b = stack.pop()
        if type(a) is not type(b):
            return False
        if isinstance(a, Syntax) and isinstance(b, Syntax):
            stack.extend((getattr(a, part), getattr(b, part)) for part in parts(a))
        elif isinstance(a, tuple) and isinstance(b, tuple):
            if len(a) != len(b):
                return False
            stack.extend(zip(a, b))
        elif a != b and repr(a) != repr(b):
            return False
    return True
