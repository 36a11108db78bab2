"""The form of an op's row: how it is written, what it makes, what it costs, and what passes may ask about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..dims import Size, product
from ..ir import Attrs
from ..types import BYTES, TensorType

Types = Sequence[TensorType]


class ShapeError(Exception):
    """An op's operands do not fit. `operands` are the indices of those to underline; `hint` is the remedy."""

    def __init__(self, message: str, *operands: int, hint: str = ""):
        super().__init__(message)
        self.operands = operands
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Work:
    """Multiply-adds, and bytes read and written if nothing stays in a cache. Sizes may be symbolic."""

    macs: Size = 0
    bytes: Size = 0


@dataclass(frozen=True, slots=True)
class Arg:
    """One argument as written in `.cc`.

    Kinds: `value` (a tensor: an operand), `values` (a list of tensors: operands), `int`, `float`, `bool`, `string`, `dtype`,
    `size` (int or symbolic), `sizes` (a list of sizes, or the rest of the arguments), `axis` (a name or position; an attribute
    counted from the end), `axes` and `order` (several of them, or the rest of the arguments), `pair` (one int or one for each
    of `ndim` axes; an attribute that is a tuple), `strings`, `param` (true: the op makes it for itself, as `implicit` says;
    false: there is none; or a tensor: an operand). A tensor written where a `size` stands goes to the next `param`
    (`linear(w)`); where a weight is given so, the other `param`s are false unless written.
    `required` arguments must be written, but for a `param`, which is there in any case; an absent optional value is no operand
    (and its slot is missing).
    `form`: an argument of the `surface` is no attribute of a node, one of the `core` is written by passes only.
    """

    name: str
    kind: str
    default: Any = None
    required: bool = False
    form: Literal["both", "surface", "core"] = "both"
    ndim: int = 1


@dataclass(frozen=True, slots=True)
class Implicit:
    """A parameter that an op makes for itself: `weight` of `linear(n)`. `init` as in `ir.Parameter`."""

    name: str
    shape: tuple[Size, ...]
    init: tuple[str, float]


def no_rows(rows: Sequence[int | None], types: Types, attrs: Attrs, result: TensorType) -> int:
    """Rows rule of ops that mix all positions: none."""
    return 0


@dataclass(frozen=True, slots=True)
class Op:
    """A row of the op table.

    - `args`: the surface signature; operands in order, then attributes.
    - `infer(types, attrs)`: the result's type, or `ShapeError`. Nodes have `slots` only where an op has optional operands.
    - `work(types, attrs, result)`: what the dense computation costs.
    - `rows(rows, types, attrs, result)`: how many leading axes of the result are independent positions: result[i…] depends on no
      other than position [i…] of those operands that have the positions (`rows[k]` leading axes of operand k are positions, None:
      it has none and is shared), nor on where the position stands. This is the property `mixes`, in the form that passes ask it.
    - `implicit(types, attrs)`: the parameters it makes when they are not given, in operand order after the values.
    - `zero_preserving`: where the first operand is zero, so is the result. `random`: reads draws. `batch_dependent`: mixes
      samples.
    """

    name: str
    args: tuple[Arg, ...]
    infer: Callable[[Types, Attrs], TensorType]
    doc: str
    work: Callable[[Types, Attrs, TensorType], Work] | None = None
    rows: Callable[[Sequence[int | None], Types, Attrs, TensorType], int] = no_rows
    implicit: Callable[[Types, Attrs], tuple[Implicit, ...]] | None = None
    zero_preserving: bool = False
    random: bool = False
    batch_dependent: bool = False
    pointwise: bool = False
    """Each element of the result depends only on the elements at its (broadcast) place."""
    commutative: bool = False
    """Of two operands the order makes no difference, not to a bit (but for which of two NaN it is)."""
    shaped: bool = False
    """The attribute `shape` is the shape of the result, read at run time from the sizes of the inputs."""
    normalise: Callable[[Types, Attrs], Attrs] | None = None
    """What an op does to its attributes beyond what the kinds of its arguments say: fills in sizes, checks bounds."""
    outside: bool = False
    """It reads what lies outside of the graph, and may give something else in the next call."""
    written: bool = True
    """Whether a spec may call it; what may not be is made by elaboration."""
    axis_of_result: bool = False
    """The attribute `axis` counts in the result, which has one axis more (`stack`, `unsqueeze`)."""

    @property
    def slots(self) -> tuple[str, ...]:
        """Names of the operands in order where some are optional (then nodes say in `slots` which they have), else ()."""
        operands = tuple(arg for arg in self.args if arg.kind in ("value", "param"))
        return tuple(arg.name for arg in operands) if any(not arg.required for arg in operands) else ()

    def cost(self, types: Types, attrs: Attrs, result: TensorType) -> Work:
        """Work of the dense op; without a rule of its own it only moves its operands and result."""
        return self.work(types, attrs, result) if self.work else Work(0, traffic(types, result))


def traffic(types: Types, result: TensorType) -> Size:
    """Bytes of all operands and of the result."""
    total: Size = 0
    for type in (*types, result):
        total = total + product(type.shape) * BYTES[type.dtype]
    return total
