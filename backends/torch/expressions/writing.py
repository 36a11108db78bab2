"""What the expressions share: how dtypes, arguments and axes are spelled."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ....compiler.dims import Size
from ....compiler.ir import Node

Operands = tuple[str, ...]
Sizes = Callable[[Size], str]
Expression = Callable[[Node, Operands, Sizes], str]

LIKE = "like"
"""The name that stands in a text for some floating value or parameter of the body."""

LITERAL = {
    "f64": "torch.float64",
    "bf16": "torch.bfloat16",
    "f16": "torch.float16",
    "f32": "torch.float32",
    "i64": "torch.int64",
    "i32": "torch.int32",
    "bool": "torch.bool",
}
FOLDED = frozenset({"neg", "add", "sub", "mul", "div", "mod", "pow", "eq", "ne", "lt", "le", "gt", "ge"})
"""Ops that are Python operators, and so make a Python number of Python numbers."""
WITH_NUMBERS = FOLDED | {"maximum", "minimum", "where"}
"""Ops whose text may hold a Python number as an operand; others are given a tensor."""


def dtype(name: str) -> str:
    """A dtype of the spec. f32 is what the module was made, or moved to by `.to(dtype)`."""
    return f"{LIKE}.dtype" if name == "f32" else LITERAL[name]


def is_number(node: Node) -> bool:
    """Whether the text of a node is a Python number: it came from constants by Python's operators."""
    return node.op == "const" or (node.op in FOLDED and all(map(is_number, node.operands)))


def tensor(node: Node, text: str) -> str:
    """The text of an operand, as a tensor where it is a Python number."""
    return f"torch.tensor({text})" if is_number(node) else text


def call(function: str, *arguments: str, **options: object) -> str:
    """A call; options that are None are left out."""
    named = (f"{name}={value}" for name, value in options.items() if value is not None)
    return f"{function}({', '.join([*arguments, *named])})"


def by_slot(node: Node, operands: Sequence[str]) -> dict[str, str]:
    """The operands by the names of their slots."""
    return dict(zip(node.attrs["slots"], operands))


def tuple_of(items: Sequence[str]) -> str:
    return f"({items[0]},)" if len(items) == 1 else f"({', '.join(items)})"


def one_or_tuple(values: Sequence[int]) -> str:
    """`3` where all are alike, else `(3, 5)`."""
    return str(values[0]) if len(set(values)) == 1 else tuple_of([str(value) for value in values])


def at_axis(axis: int, what: str) -> str:
    """The index that reads `what` along an axis counted from the end: `..., what, :`."""
    return ", ".join(["...", what, *[":"] * (-axis - 1)])


def bare(text: str) -> str:
    """A text without parentheses around the whole of it."""
    if not text.startswith("("):
        return text
    depth = 0
    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            # A comma would make it a tuple either way; those are no values of a node.
            return text[1:-1] if place == len(text) - 1 else text
    return text
