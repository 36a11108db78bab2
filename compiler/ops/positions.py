"""Rules of which leading axes stay independent positions (`Op.rows`).

A rule is asked with `rows[k]` leading axes of operand k that are positions (None: operand k is shared by all positions), at least
one of them not None. It is always sound to answer less.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..ir import Attrs
from ..types import TensorType
from .table import Types

Rows = Sequence[int | None]
Rule = Callable[[Rows, Types, Attrs, TensorType], int]


def broadcast_rows(rows: Rows, types: Types, attrs: Attrs, result: TensorType) -> int:
    """Element by element, aligned at the right. A shared operand may span no position axis with more than one entry."""
    limit = result.rank
    for have, type in zip(rows, types):
        own = first_wide(type, result.rank) if have is None else have if type.rank == result.rank else 0
        limit = min(limit, own)
    return limit


def first_wide(type: TensorType, rank: int) -> int:
    """The first axis, in a result of this rank, along which a shared operand has more than one entry."""
    offset = rank - type.rank
    return next((offset + i for i, size in enumerate(type.shape) if size != 1), rank)


def keeps(trailing: int) -> Rule:
    """The first operand's leading axes, all but its last `trailing`; the others are weights, the same for all positions."""

    def rule(rows: Rows, types: Types, attrs: Attrs, result: TensorType) -> int:
        if rows[0] is None or any(row is not None for row in rows[1:]):
            return 0
        return min(rows[0], types[0].rank - trailing)

    return rule


def leads(count: int) -> Rule:
    """At most the first `count` axes of the first operand (images and the like: `[B, C, H, W]`); the others are weights."""

    def rule(rows: Rows, types: Types, attrs: Attrs, result: TensorType) -> int:
        return min(keeps(0)(rows, types, attrs, result), count)

    return rule


def before(*names: str) -> Rule:
    """The axes before the first of those that these attributes name, of operands that all have the positions and one rank."""

    def rule(rows: Rows, types: Types, attrs: Attrs, result: TensorType) -> int:
        axes = [axis for name in names for axis in (attrs[name] if isinstance(attrs[name], tuple) else (attrs[name],))]
        return min(joint(rows), types[0].rank + min(axes, default=0))

    return rule


def joint(rows: Rows) -> int:
    """What all operands have; nothing if one is shared (it would not fit gathered positions)."""
    return min(0 if row is None else row for row in rows)
