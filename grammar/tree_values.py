"""The syntax tree of values and types: what stands on the right of a statement, with spans."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..compiler.source import Span


@dataclass(frozen=True, slots=True)
class Syntax:
    """A piece of a file; equality includes the span, so compare printed text where spans may differ."""

    span: Span


# ---- expressions


@dataclass(frozen=True, slots=True)
class Name(Syntax):
    text: str


@dataclass(frozen=True, slots=True)
class Number(Syntax):
    """`text` as written; `value` is an int exactly when the text has neither point nor exponent."""

    text: str
    value: int | float


@dataclass(frozen=True, slots=True)
class Percent(Syntax):
    """`25%`: value is 25.0."""

    text: str
    value: float


@dataclass(frozen=True, slots=True)
class Bytes(Syntax):
    """`256MiB`: value in bytes."""

    text: str
    value: int


@dataclass(frozen=True, slots=True)
class String(Syntax):
    """`value` is unescaped."""

    value: str


@dataclass(frozen=True, slots=True)
class Boolean(Syntax):
    value: bool


@dataclass(frozen=True, slots=True)
class ListOf(Syntax):
    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Argument(Syntax):
    """`value`, or `name=value`."""

    name: Name | None
    value: Expr


@dataclass(frozen=True, slots=True)
class Call(Syntax):
    function: Expr
    arguments: tuple[Argument, ...]


@dataclass(frozen=True, slots=True)
class Pipe(Syntax):
    """`value |> function`: the right side is a Name, a Call, an Index or an Attribute."""

    value: Expr
    function: Expr


@dataclass(frozen=True, slots=True)
class Unary(Syntax):
    operator: Literal["-", "not"]
    value: Expr


@dataclass(frozen=True, slots=True)
class Binary(Syntax):
    """Operators: `+ - * / mod @ == != < <= > >= and or`; precedence as in Python, `..` is `Range`."""

    operator: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Conditional(Syntax):
    """`if condition { then } else { otherwise }` as a value."""

    condition: Expr
    then: Expr
    otherwise: Expr


@dataclass(frozen=True, slots=True)
class Index(Syntax):
    """`value[i, j]`; an index may be a `Range` (half-open), of which either end may be missing."""

    value: Expr
    indices: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Attribute(Syntax):
    value: Expr
    name: Name


@dataclass(frozen=True, slots=True)
class Range(Syntax):
    """`start..stop`, half-open."""

    start: Expr | None
    stop: Expr | None


@dataclass(frozen=True, slots=True)
class When(Syntax):
    """`value when condition`: only a selection's field (`fallback = all when coverage < 0.7`, `last when none`)."""

    value: Expr
    condition: Expr


Expr = (
    Name
    | Number
    | Percent
    | Bytes
    | String
    | Boolean
    | ListOf
    | Call
    | Pipe
    | Unary
    | Binary
    | Conditional
    | Index
    | Attribute
    | Range
    | When
)


# ---- types


@dataclass(frozen=True, slots=True)
class TypeExpr(Syntax):
    """`f32[B, T, 4 * d]`; `shape` is () for a scalar `f32`."""

    dtype: Name
    shape: tuple[Expr, ...]
