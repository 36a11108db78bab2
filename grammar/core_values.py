"""The values and types of the core form: from expressions of the syntax tree to what attributes hold."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping
from typing import Any, cast

from ..compiler import dims
from ..compiler.diagnostics import Abort, Findings, did_you_mean
from ..compiler.dims import Dim, Size
from ..compiler.ir import Attrs, Chunk, Graph, Parameter
from ..compiler.selection import Rule, Share
from ..compiler.source import Span
from ..compiler.types import DTYPES, BundleType, RecordType, SelectionType, TensorType, Type
from . import tree as t
from .print_core import CHUNK_DEFAULTS

RULES = ("top", "first", "above", "top_p", "all")
INITS = ("uniform", "normal", "constant")
KINDS = ("param", "frozen", "state")
MOST_TERMS = 256
"""Terms of a size, so that no product of sums takes unbounded memory."""
LARGEST = 2**63

Keywords = dict[str, t.Expr]


class CoreValues:
    """Reads values; what is wrong goes into `findings`, and `Abort` leaves the statement."""

    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self.calls: dict[str, Callable[[t.Call], Any]] = {
            "share": lambda call: Share(self.number(self.only(call))),
            "nan": self.nan,
            "attrs": lambda call: Attrs({name: self.value(item) for name, item in self.arguments(call, 0)[1].items()}),
            **dict.fromkeys(RULES, self.rule),
            **dict.fromkeys(("floor", "ceil", "max"), self.size),
        }

    def wrong(self, message: str, span: Span, hint: str = "") -> Abort:
        return self.findings.error("CC0605", message, span, hint=hint)

    # ---- attributes

    def value(self, expr: t.Expr, bodies: Mapping[str, Graph] | None = None) -> Any:
        """What an attribute holds. `%name` is one of `bodies`."""
        match expr:
            case t.Boolean() | t.String():
                return expr.value
            case t.Number(value=float() as number):
                return number
            case t.Unary(operator="-", value=inner):
                value = self.value(inner)
                return -value if isinstance(value, float) else self.size(expr)
            case t.ListOf(items=items):
                return tuple(self.value(item) for item in items)
            case t.Name(text=text) if text.startswith("%"):
                return self.body(expr, bodies or {})
            case t.Name(text=text) if text in ("none", "inf", "nan", "all", *DTYPES):
                return {"none": None, "inf": math.inf, "nan": math.nan, "all": Rule("all")}.get(text, text)
            case t.Call(function=t.Name(text=text)) if text in self.calls:
                return self.calls[text](expr)
            case t.Call(function=t.Name(text=text), span=span):
                raise self.wrong(f"`{text}` makes no value of an attribute", span, did_you_mean(text, self.calls))
        return self.size(expr)

    def body(self, name: t.Name, bodies: Mapping[str, Graph]) -> Graph:
        if name.text not in bodies:
            message = f"`{name.text}` is no chunk body above this line"
            raise self.findings.error("CC0602", message, name.span, hint=did_you_mean(name.text, bodies))
        return bodies[name.text]

    def number(self, expr: t.Expr) -> float:
        value = self.value(expr)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.wrong("this must be a number", expr.span)
        return value

    def nan(self, call: t.Call) -> float:
        bits = self.value(self.only(call))
        if not isinstance(bits, int) or not -LARGEST <= bits < LARGEST:
            raise self.wrong("`nan` takes the 64 bits of a float as a whole number", call.span)
        number: float = struct.unpack("<d", struct.pack("<q", bits))[0]
        return number

    def rule(self, call: t.Call) -> Rule:
        """`top(2, over=[-1], of="score")`: the argument in front is the amount of `top` and `first`, else the limit."""
        kind = cast(t.Name, call.function).text
        front, rest = self.arguments(call, 1)
        given = {name: self.value(item) for name, item in rest.items()}
        if front:
            given["amount" if kind in ("top", "first") else "limit"] = self.value(front[0])
        unknown = set(given) - {"amount", "limit", "over", "of", "threshold"}
        if unknown:
            raise self.wrong(f"a rule has no `{min(unknown)}`", call.span)
        return Rule(cast(Any, kind), **given)

    # ---- sizes

    def size(self, expr: t.Expr) -> Size:
        """A whole number, or an expression over run-time dimensions."""
        match expr:
            case t.Number(value=int() as number):
                return number
            case t.Name(text=text) if not text.startswith("%"):
                return dims.symbol(text)
            case t.Unary(operator="-", value=inner):
                return self.bounded(self.size(inner) * -1, expr.span)
            case t.Binary(operator="+" | "-" | "*" | "mod" as operator, left=left, right=right):
                return self.combined(operator, self.size(left), self.size(right), expr.span)
            case t.Call(function=t.Name(text="floor" | "ceil" as kind)):
                inner = self.only(expr)
                if isinstance(inner, t.Binary) and inner.operator == "/":
                    return self.combined(kind, self.size(inner.left), self.size(inner.right), expr.span)
            case t.Call(function=t.Name(text="max")):
                front, _ = self.arguments(expr, 2)
                if len(front) == 2:
                    return self.combined("max", self.size(front[0]), self.size(front[1]), expr.span)
        raise self.wrong(f"`{expr.span.text}` is no value of the core form", expr.span)

    def combined(self, operator: str, a: Size, b: Size, span: Span) -> Size:
        if operator in ("floor", "ceil", "mod") and b == 0:
            raise self.wrong("a division by zero", span)
        if operator == "*" and _terms(a) * _terms(b) > MOST_TERMS:
            raise self.wrong("this size has too many terms", span)
        made: dict[str, Callable[[], Size]] = {
            "+": lambda: a + b,
            "-": lambda: a + b * -1,
            "*": lambda: a * b,
            "mod": lambda: dims.modulo(a, b),
            "floor": lambda: dims.floor_divide(a, b),
            "ceil": lambda: dims.ceil_divide(a, b),
            "max": lambda: dims.maximum(a, b),
        }
        return self.bounded(made[operator](), span)

    def bounded(self, size: Size, span: Span) -> Size:
        """The size, if its numbers are of the size that sizes have."""
        numbers = [size] if isinstance(size, int) else [n for _, n in size.terms]
        if len(numbers) > MOST_TERMS or any(not -LARGEST <= n < LARGEST for n in numbers):
            raise self.wrong("this size is too large", span)
        return size

    # ---- types

    def type(self, kind: t.CoreType) -> Type:
        """What stands behind the colon of a node."""
        inside = [self.type(item) for item in kind.items]
        tensors = [item for item in inside if isinstance(item, TensorType)]
        sizes = tuple(self.size(size) for size in kind.sizes)
        if kind.word in DTYPES and not inside:
            return TensorType(kind.word, sizes)
        if kind.word == "bundle" and len(inside) == 1 and len(sizes) == 1 and isinstance(sizes[0], int):
            return BundleType(sizes[0], inside[0])
        if kind.word == "selection" and len(tensors) == len(inside) == 2 and not sizes:
            return SelectionType(tensors[0], tensors[1])
        if kind.word == "record" and tensors and len(tensors) == len(inside) and not sizes and all(kind.names):
            return RecordType(tuple(zip(kind.names, tensors)))
        forms = "`f32[B, 8]`, `bundle[4](f32[B, 8])`, `selection(bool[B, 4], f32[B, 4])` and `record(y=f32[B, 8])`"
        known = (*DTYPES, "bundle", "selection", "record")
        hint = "" if kind.word in known else did_you_mean(kind.word, known)
        raise self.findings.error("CC0604", f"`{kind.span.text}` is no type", kind.span, hint=hint or f"types are {forms}")

    def tensor(self, expr: t.Expr) -> TensorType:
        """A type as it stands in the parameter table: `f32[8, 512]`."""
        dtype, sizes = (expr.value, expr.indices) if isinstance(expr, t.Index) else (expr, ())
        if not isinstance(dtype, t.Name) or dtype.text not in DTYPES:
            raise self.findings.error("CC0604", "a type such as `f32[8, 512]` is expected here", expr.span)
        return TensorType(dtype.text, tuple(self.size(size) for size in sizes))

    # ---- tables

    def parameter(self, expr: t.Expr) -> Parameter:
        """`p("gate.weight", f32[8, 512], uniform(0.04))`, with `"frozen"` or `"state"` behind."""
        front, rest = self.arguments(expr, 4)
        if len(front) < 3 or rest:
            raise self.wrong('an entry of `parameters` is `p("path", f32[8, 4], uniform(0.5))`', expr.span)
        init, kind = front[2], self.string(front[3], KINDS) if len(front) == 4 else "param"
        if not isinstance(init, t.Call) or not isinstance(init.function, t.Name) or init.function.text not in INITS:
            raise self.wrong(f"a parameter starts as one of {', '.join(f'`{name}(…)`' for name in INITS)}", init.span)
        start = (init.function.text, self.number(self.only(init)))
        return Parameter(self.string(front[0]), self.tensor(front[1]), start, kind)

    def chunk(self, expr: t.Expr) -> Chunk:
        """`c("expert", ["0", "1"], extern="…")`."""
        front, rest = self.arguments(expr, 2)
        members: Any = self.value(front[1]) if len(front) == 2 else None
        given = {name: self.value(item) for name, item in rest.items()}
        kinds = {name: type(usual) for name, usual in CHUNK_DEFAULTS.items()}
        fits = all(name in kinds and isinstance(value, kinds[name]) for name, value in given.items())
        if not _strings(members) or not _strings(given.get("requires", ())) or not fits:
            raise self.wrong('an entry of `chunks` is `c("path", ["0", "1"], extern="", trainable=true)`', expr.span)
        return Chunk(self.string(front[0]), members, **given, span=expr.span)

    def string(self, expr: t.Expr, known: tuple[str, ...] = ()) -> str:
        if not isinstance(expr, t.String) or (known and expr.value not in known):
            raise self.wrong(f"one of {known} is expected here" if known else "a string is expected here", expr.span)
        return expr.value

    # ---- calls

    def arguments(self, call: t.Expr, most: int) -> tuple[list[t.Expr], Keywords]:
        """The arguments of a call by position (at most so many) and by name."""
        if not isinstance(call, t.Call):
            raise self.wrong("a call is expected here", call.span)
        front = [argument.value for argument in call.arguments if argument.name is None]
        rest = {argument.name.text: argument.value for argument in call.arguments if argument.name is not None}
        if len(front) > most or len(front) + len(rest) != len(call.arguments):
            raise self.wrong("this call has too many arguments, or one of them twice", call.span)
        return front, rest

    def only(self, call: t.Expr) -> t.Expr:
        """The one argument of a call."""
        front, rest = self.arguments(call, 1)
        if len(front) != 1 or rest:
            raise self.wrong("this call takes one argument", call.span)
        return front[0]


def _terms(size: Size) -> int:
    return len(size.terms) if isinstance(size, Dim) else 1


def _strings(value: object) -> bool:
    return isinstance(value, tuple) and all(isinstance(item, str) for item in value)
