"""The syntax tree of a `.cc` file: what was written, with spans, before any name means anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .tree_values import Argument as Argument
from .tree_values import Attribute as Attribute
from .tree_values import Binary as Binary
from .tree_values import Boolean as Boolean
from .tree_values import Bytes as Bytes
from .tree_values import Call as Call
from .tree_values import Conditional as Conditional
from .tree_values import Expr as Expr
from .tree_values import Index as Index
from .tree_values import ListOf as ListOf
from .tree_values import Name as Name
from .tree_values import Number as Number
from .tree_values import Percent as Percent
from .tree_values import Pipe as Pipe
from .tree_values import Range as Range
from .tree_values import String as String
from .tree_values import Syntax as Syntax
from .tree_values import TypeExpr as TypeExpr
from .tree_values import Unary as Unary
from .tree_values import When as When

# ---- statements


@dataclass(frozen=True, slots=True)
class Block(Syntax):
    statements: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Parameter(Syntax):
    """A compile-time parameter of a model: `d: int = 512`; the default may be missing."""

    name: Name
    type: Name
    default: Expr | None


@dataclass(frozen=True, slots=True)
class Input(Syntax):
    """`input x: f32[B, d]`. Only the standard library leaves the type out: the input then takes whatever value it is given."""

    name: Name
    type: TypeExpr | None


@dataclass(frozen=True, slots=True)
class Output(Syntax):
    """`output y`, or `output y = value`."""

    name: Name
    value: Expr | None


@dataclass(frozen=True, slots=True)
class Param(Syntax):
    """`param w: f32[n, d] = init frozen`."""

    name: Name
    type: TypeExpr
    init: Expr | None
    frozen: bool


@dataclass(frozen=True, slots=True)
class State(Syntax):
    name: Name
    type: TypeExpr
    init: Expr | None


@dataclass(frozen=True, slots=True)
class Next(Syntax):
    """`next s = value`."""

    name: Name
    value: Expr


@dataclass(frozen=True, slots=True)
class ChunkInput(Syntax):
    name: Name
    type: TypeExpr | None


@dataclass(frozen=True, slots=True)
class Chunk(Syntax):
    """`chunk name[members](inputs) -> returns = extern(...) / { body } / from handle, requires "..." isolated`.

    `members` is None without brackets. Exactly one of `body` and `extern` is given: `extern` is the Call `extern(...)`;
    a body that is a single expression is a Block with one `Output` whose name is "" (empty text) at the expression's span.
    `source` is the handle after `from` of a written chunk.
    """

    name: Name
    members: tuple[Expr, ...] | None
    inputs: tuple[ChunkInput, ...]
    returns: TypeExpr | None
    body: Block | None
    extern: Call | None
    source: Expr | None
    requires: tuple[String, ...]
    isolated: bool = False


@dataclass(frozen=True, slots=True)
class Field(Syntax):
    """`score = …` in a router, mask or memory."""

    name: Name
    value: Expr


@dataclass(frozen=True, slots=True)
class Selection(Syntax):
    """`router name { … }` or `mask name[i] { … }`; the index only inside a `for`."""

    kind: Literal["router", "mask"]
    name: Name
    index: Expr | None
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Let(Syntax):
    """`name = value` or `name[i] = value` (collects a list in a `for`); `fuse name = value` sets `fuse`."""

    name: Name
    index: Expr | None
    value: Expr
    fuse: bool


@dataclass(frozen=True, slots=True)
class For(Syntax):
    """`for i in 0..layers { … }`; also over a compile-time list."""

    variable: Name
    values: Expr
    body: Block


@dataclass(frozen=True, slots=True)
class If(Syntax):
    """Compile-time choice between statements; `otherwise` may hold one more `If`."""

    condition: Expr
    then: Block
    otherwise: Block | None


@dataclass(frozen=True, slots=True)
class Loss(Syntax):
    name: Name
    index: Expr | None
    value: Expr


@dataclass(frozen=True, slots=True)
class Memory(Syntax):
    fields: tuple[Field, ...]


# ---- the core form that passes print


@dataclass(frozen=True, slots=True)
class CoreNode(Syntax):
    """`%3 = word "path" (%1, %2) {key = value, …} : type`.

    `word` is `input param state const select fuse apply field` or `op NAME` (then `target` holds the op's name).
    `target` is the text of the string or name after the word, "" if none. Type is printed text parsed as CoreType.
    """

    name: str
    word: str
    target: str
    operands: tuple[Name, ...]
    attributes: tuple[Field, ...]
    type: CoreType | None


@dataclass(frozen=True, slots=True)
class CoreType(Syntax):
    """`f32[B, T, 8]`, or a constructor over types: `bundle[8](f32[B, d])`, `selection(f32[B, 8], f32[B, 8])`, `record(y=f32[B])`.

    `word` is the dtype or constructor, `sizes` what stands in brackets, `items` what stands in parentheses, `names` its
    keywords ("" if none).
    """

    word: str
    sizes: tuple[Expr, ...]
    items: tuple[CoreType, ...]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CoreRoot(Syntax):
    """`output "y" = %9`, `loss "balance" = %4`, `next "bias" = %5`."""

    word: str
    target: str
    value: Name


@dataclass(frozen=True, slots=True)
class CoreBody(Syntax):
    """`chunk %c "expert" {key = value, …} { nodes and roots }`: a chunk's body for the calls that name it."""

    name: str
    target: str
    attributes: tuple[Field, ...]
    statements: tuple[CoreStatement, ...]


@dataclass(frozen=True, slots=True)
class CoreEntry(Syntax):
    """`acquire "block.3"`."""

    word: str
    target: str


@dataclass(frozen=True, slots=True)
class CorePlan(Syntax):
    """`plan { acquire "block.0"  run "block.0" … }`: what is resident when."""

    entries: tuple[CoreEntry, ...]


CoreStatement = CoreNode | CoreRoot | CoreBody | CorePlan


@dataclass(frozen=True, slots=True)
class Core(Syntax):
    """`core name {key = value, …} { statements }`: a whole graph, at the top of a file."""

    name: Name
    attributes: tuple[Field, ...]
    statements: tuple[CoreStatement, ...]


Statement = Input | Output | Param | State | Next | Chunk | Selection | Let | For | If | Loss | Memory


# ---- files


@dataclass(frozen=True, slots=True)
class Use(Syntax):
    path: String


@dataclass(frozen=True, slots=True)
class Model(Syntax):
    name: Name
    parameters: tuple[Parameter, ...]
    body: Block


@dataclass(frozen=True, slots=True)
class File(Syntax):
    """Top level: `use`, `model`, `chunk` and `core`, in written order."""

    items: tuple[Use | Model | Chunk | Core, ...]
