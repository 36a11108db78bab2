"""What a name can mean while a file is elaborated: tensors of the graph, and things that exist only at compile time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...compiler.dims import Dim
from ...compiler.ir import Graph, Node
from ...compiler.source import Span
from ...compiler.types import TensorType, Type
from .. import tree

if TYPE_CHECKING:
    from .env import Env, Unit

Axes = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Tensor:
    """A node of the graph, and the name of each axis (None: nameless)."""

    node: Node
    axes: Axes

    @property
    def type(self) -> TensorType:
        return self.node.tensor

    @property
    def shape(self) -> tuple[Any, ...]:
        return self.node.tensor.shape


@dataclass(frozen=True, slots=True)
class Items:
    """A compile-time list, or a bundle: then `bundle` is the node that makes all its streams."""

    values: Sequence[Value]
    bundle: Node | None = None
    depth: int = field(init=False)
    """How far lists lie in lists."""
    run_time: bool = field(init=False)
    """Whether something in it is known only when the model runs."""

    def __post_init__(self) -> None:
        inside = [] if self.bundle else [value for value in self.values if isinstance(value, Items)]
        run_time = bool(self.bundle) or any(isinstance(value, (Tensor, Record, Selected)) for value in self.values)
        object.__setattr__(self, "depth", 1 + max((items.depth for items in inside), default=0))
        object.__setattr__(self, "run_time", run_time or any(items.run_time for items in inside))


@dataclass(frozen=True, slots=True)
class Record:
    """Several named outputs; in the place of a value it is the first of them."""

    fields: dict[str, Value]

    @property
    def first(self) -> Value:
        return next(iter(self.fields.values()))


@dataclass(frozen=True, slots=True)
class Outer:
    """A param or state: a node is made in each unit that reads it. `path` is relative to the frame of `unit`."""

    unit: Unit
    path: str
    type: TensorType
    axes: Axes
    init: tuple[str, float]
    kind: str
    span: Span


@dataclass(eq=False, slots=True)
class Selected:
    """A router or mask. `node` is None until its use decides it (levels and blocks)."""

    syntax: tree.Selection
    path: str
    unit: Unit
    pending: Any = None
    """The fields of a mask that its use decides."""
    node: Node | None = None
    grain: str = ""
    block: tuple[int, int] = (1, 1)
    axes: Axes = ()
    after: bool = False
    """A pair mask whose weight is a bare softmax: absent pairs are multiplied away after it."""
    straight_through: bool = False

    @property
    def kind(self) -> str:
        return self.syntax.kind


@dataclass(eq=False, slots=True)
class Chunked:
    """A chunk declaration where it stands.

    `labels` has one tuple of labels a dimension of the array, `index` what has been chosen of them.
    """

    syntax: tree.Chunk
    env: Env
    path: str
    labels: tuple[tuple[str, ...], ...]
    members: tuple[str, ...]
    bodies: dict[Any, tuple[Graph | None, Type, dict[str, Axes]] | None] = field(default_factory=dict)
    """By the arguments' types: the body, what it gives, and its axes; None for one that is wrong."""
    index: tuple[str, ...] = ()
    origin: Chunked | None = None
    on_missing: str = ""
    """What becomes of a call where it cannot be loaded, if it says so; `error` for what is written here."""

    gone: bool = False
    """Missing when it is compiled, and nothing tells its body."""

    @property
    def root(self) -> Chunked:
        return self.origin or self


@dataclass(frozen=True, slots=True)
class Template:
    """A model of a file, called like an op."""

    syntax: tree.Model
    scope: Any


@dataclass(frozen=True, slots=True)
class Function:
    """The bare name of an op (`weight = softmax`)."""

    name: str


@dataclass(frozen=True, slots=True)
class Fraction:
    """A share: `25%` or `share(x)`."""

    value: float


@dataclass(frozen=True, slots=True)
class Poison:
    """What a statement that failed leaves under its name: later uses stay silent."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """`none`, and an input that is not given."""


NOTHING = Nothing()
POISON = Poison()

Value = (
    Tensor
    | Items
    | Record
    | Outer
    | Selected
    | Chunked
    | Template
    | Function
    | Fraction
    | Poison
    | Nothing
    | Dim
    | int
    | float
    | bool
    | str
)


def describe(value: Value) -> str:
    """What a value is, in the words of a message."""
    match value:
        case Tensor():
            return f"a tensor `{value.type}`"
        case Outer():
            return f"a {value.kind} `{value.type}`"
        case Items():
            return f"a {'bundle' if value.bundle else 'list'} of {len(value.values)}"
        case Record():
            return f"several outputs ({', '.join(value.fields)})"
        case Selected():
            return f"the {value.kind} `{value.syntax.name.text}`"
        case Chunked():
            return f"the chunk `{value.syntax.name.text}`"
        case Template():
            return f"the model `{value.syntax.name.text}`"
        case Function():
            return f"the op `{value.name}`"
        case Fraction():
            return "a share"
        case Nothing():
            return "`none`"
        case bool():
            return f"`{str(value).lower()}`"
        case int() | float():
            return f"the number `{value}`"
        case str():
            return f'the string "{value}"'
        case Dim():
            return f"the size `{value}`"
        case _:
            return "nothing"
