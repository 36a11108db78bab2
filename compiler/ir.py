"""The graph: one SSA form for every pass and backend, of frozen nodes that each have a type and a span.

A node is an op of the table (`ops`), or one of the structural words below. Operands are references to earlier nodes of the
same graph. Axes in attributes count from the end (negative), so a body means the same for a gathered row as for the whole.

| word | operands | attributes |
| --- | --- | --- |
| `input` | – | `name` |
| `param`, `state` | – | `path` (relative to the frame), `up` (how many frames out it lives); a `param` also `frozen` |
| `const` | – | `value` (bool, int, float), a scalar |
| `select` | one per slot | `path kind slots rules …`: see `selection.py` |
| `apply` | the arguments | `chunk` (path), `up`, `members`, `call` (call path), `body`, `zipped`; see `Chunk` |
| `fuse` | streams (one bundle, or tensors), then the `select` if `by` | `kind` (`sum mean concat stack`), `by`; `kernel` |
| `field` | a select, an apply with several outputs, or a bundle | `name` |

`kernel`, of a `fuse` or a mask's `select`, says how what is absent is left out, and need not be there: see `kernels.py`.

Of an `apply`, `single` says that it gives one value and no bundle, `zipped` that operand i goes to member i. With `among` the
last two operands are, for each position `[B, T]`, whether it is kept and where it stands: kept positions see only each other.

What a profile told of a `fuse` with `by` may stand with it (`passes/specialize.py`) and changes nothing of what it means: `cold`
lists the ways that were never kept, `hot` the others, the most frequent first, `paths` the sets that whole calls kept most often,
`capacity` the share of positions that each way's rows are expected to stay below.

An `apply` of no chunk (`chunk` is "") is an *outlined* part of its caller, in the caller's frame. Its attribute `word` says why
it was set apart: `hoisted`, what no input reaches, is computed once per eval period; `cached`, whose result is remembered
across calls. `grouped` stands with an array whose members run as stacked products. All mean what the plain call means.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from .residency import Residency
from .source import Span
from .types import BundleType, RecordType, SelectionType, TensorType, Type

STRUCTURAL = frozenset({"input", "param", "state", "const", "select", "apply", "fuse", "field"})


class Attrs(dict[str, Any]):
    """Compile-time data of a node: a mapping that cannot be changed. Values are hashable, or a body `Graph`."""

    def _refuse(self, *args: object, **kwargs: object) -> None:
        raise TypeError("attributes are immutable")

    __setitem__ = __delitem__ = update = pop = popitem = clear = setdefault = _refuse  # type: ignore[assignment]

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(sorted(self)))

    def but(self, **changes: Any) -> Attrs:
        """A copy with some values changed."""
        return Attrs({**self, **changes})


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One value of the graph. Equality is identity: structural equality is `equality.equal` of graphs."""

    op: str
    operands: tuple[Node, ...]
    attrs: Attrs
    type: Type
    span: Span
    name: str = ""
    """The let-name it was written under; for printing only."""

    @property
    def tensor(self) -> TensorType:
        """The type of a node that is a tensor."""
        assert isinstance(self.type, TensorType), f"{self.op} is no tensor: {self.type}"
        return self.type

    @property
    def selection(self) -> SelectionType:
        assert isinstance(self.type, SelectionType)
        return self.type

    @property
    def shape(self) -> tuple[Any, ...]:
        return self.tensor.shape

    def slot(self, name: str) -> Node | None:
        """The operand in a named slot (`select`, `attention`), or None."""
        slots = self.attrs["slots"]
        return self.operands[slots.index(name)] if name in slots else None

    def with_operands(self, operands: Iterable[Node]) -> Node:
        new = tuple(operands)
        same = len(new) == len(self.operands) and all(a is b for a, b in zip(new, self.operands))
        return self if same else replace(self, operands=new)

    def __repr__(self) -> str:
        return f"<{self.op} {self.name or self.attrs.get('path', '')} : {self.type}>"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One entry of the state dict: full path, type, how it starts, and whether it is trained, frozen or a state (buffer).

    `init` is one of `("uniform", bound)`, `("normal", std)`, `("constant", value)`.
    """

    path: str
    type: TensorType
    init: tuple[str, float]
    kind: str = "param"
    """`param`, `frozen` or `state`."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """What is loaded, addressed and scheduled on its own. `path` is full; `members` the labels of an array (`("",)`: single).

    `extern`: the handle of a body stored elsewhere, `source` that of the weights of a written one; what a `--bind` puts in its
    place has none. `requires`: what running it needs (PEP 508).
    """

    path: str
    members: tuple[str, ...]
    extern: str = ""
    trainable: bool = True
    source: str = ""
    requires: tuple[str, ...] = ()
    isolated: bool = False
    """Run in an environment of its own, with what it `requires`."""
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """A model, or the body of a chunk at one call (then `parameters`, `chunks` and `memory` are empty)."""

    name: str
    nodes: tuple[Node, ...]
    outputs: tuple[tuple[str, Node], ...]
    losses: tuple[tuple[str, Node], ...]
    """Named scalars; a name comes several times where a `for` adds to it, with its index behind a dot."""
    nexts: tuple[tuple[Node, Node], ...]
    """A `state` node, and its value for the next call."""
    span: Span
    training: bool = False
    parameters: tuple[Parameter, ...] = ()
    """All of them, whether still used or not: no pass changes keys, shapes or order."""
    chunks: tuple[Chunk, ...] = ()
    memory: Attrs = Attrs()
    schedule: tuple[Residency, ...] = ()
    """What is resident when, under the budget of `memory`; of the outermost graph. Empty: everything, always."""

    @property
    def inputs(self) -> tuple[Node, ...]:
        return tuple(node for node in self.nodes if node.op == "input")

    @property
    def roots(self) -> tuple[Node, ...]:
        """Every node that the graph is computed for, in order."""
        nexts = tuple(node for pair in self.nexts for node in pair)
        return tuple(n for _, n in self.outputs) + tuple(n for _, n in self.losses) + nexts

    def output(self, name: str) -> Node:
        return dict(self.outputs)[name]


OUTLINED = ("hoisted", "cached")
"""Words of outlined parts: they stand in the place of `apply`, and say no chunk."""
WORDS = (*OUTLINED, "grouped")
"""What an `apply` may have as its attribute `word`; most have none."""
PART: dict[str, Any] = {"chunk": "", "up": 0, "members": ("",), "call": "", "single": True, "zipped": False, "among": False}
"""The attributes that every outlined part has."""


def outlined(word: str, body: Graph, operands: Iterable[Node], type: Type, span: Span, name: str = "", **more: Any) -> Node:
    """A part of its caller set apart as a body; `word` is one of `OUTLINED`, `more` what that word needs besides."""
    return Node("apply", tuple(operands), Attrs({**PART, "body": body, "word": word, **more}), type, span, name)


def users(graph: Graph) -> dict[Node, list[Node]]:
    """For each node, the nodes that read it, in order."""
    found: dict[Node, list[Node]] = {node: [] for node in graph.nodes}
    for node in graph.nodes:
        for operand in dict.fromkeys(node.operands):
            found[operand].append(node)
    return found


def reachable(roots: Iterable[Node]) -> set[Node]:
    """All nodes that the roots need, themselves included."""
    seen: set[Node] = set()
    stack = list(roots)
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            stack.extend(node.operands)
    return seen


def bodies(graph: Graph) -> Iterator[Graph]:
    """The distinct bodies that a graph's applies call, in order (not those inside the bodies)."""
    seen: set[int] = set()
    for node in graph.nodes:
        body = node.attrs.get("body") if node.op == "apply" else None
        if body is not None and id(body) not in seen:
            seen.add(id(body))
            yield body


def rebuild(graph: Graph, change: Callable[[Node], Node | None], **changes: Any) -> Graph:
    """The graph with each node replaced by `change(node)` (None: as it is), its operands already replaced.

    The new node gets the span and name of what it replaces where it has none of its own. Nodes that a change brings in are
    placed before it, in order of need. Where nothing is replaced, it is the graph itself.
    """
    done: dict[Node, Node] = {}
    order: list[Node] = []
    placed: set[Node] = set()

    def place(root: Node) -> None:
        stack: list[tuple[Node, bool]] = [(root, False)]
        while stack:
            node, ready = stack.pop()
            if node in placed:
                continue
            if ready:
                placed.add(node)
                order.append(node)
            else:
                stack.append((node, True))
                stack.extend((operand, False) for operand in reversed(node.operands) if operand not in placed)

    for node in graph.nodes:
        moved = node.with_operands(done[operand] for operand in node.operands)
        new = change(moved)
        done[node] = moved if new is None else new
        place(done[node])
    if not changes and all(new is node for node, new in done.items()):
        return graph
    return replace(
        graph,
        nodes=tuple(order),
        outputs=tuple((name, done[node]) for name, node in graph.outputs),
        losses=tuple((name, done[node]) for name, node in graph.losses),
        nexts=tuple((done[state], done[value]) for state, value in graph.nexts),
        **changes,
    )


@dataclass(frozen=True, slots=True)
class Frame:
    """Where relative paths of a body resolve: `prefix` is "" or ends in a dot."""

    prefix: str = ""
    parent: Frame | None = None

    def out(self, up: int) -> Frame:
        """The frame `up` levels out, lexically."""
        frame = self
        for _ in range(up):
            assert frame.parent is not None, "a path leads out of the graph"
            frame = frame.parent
        return frame

    def resolve(self, node: Node) -> str:
        """The full path of a `param` or `state` node."""
        return self.out(node.attrs["up"]).prefix + str(node.attrs["path"])

    def path(self, text: str) -> str:
        """The full path of one that is relative to this frame, `^` in front of it for each frame further out."""
        inner = text.lstrip("^")
        return self.out(len(text) - len(inner)).prefix + inner

    def enter(self, apply: Node, member: str) -> Frame:
        """The frame of an apply's body for one member (its label; "" for a single chunk).

        An apply without a chunk is an outlined part of its caller: it lives in the caller's frame.
        """
        if not apply.attrs["chunk"]:
            return self
        home = self.out(apply.attrs["up"])
        prefix = home.prefix + str(apply.attrs["chunk"]) + "."
        return Frame(prefix + (f"{member}." if member else ""), home)


def call_path(caller: str, apply: Node, member: str) -> str:
    """The call path of an apply's body: `caller` is "" or ends in a dot, and so does the result unless empty."""
    if not apply.attrs["chunk"]:
        return caller
    return caller + str(apply.attrs["call"]) + "." + (f"{member}." if member else "")


def streams_of(fuse: Node) -> tuple[tuple[Node, ...], Node | None]:
    """The streams of a fuse (a bundle counts as one operand) and its selection, if any."""
    return (fuse.operands[:-1], fuse.operands[-1]) if fuse.attrs["by"] else (fuse.operands, None)


def element_type(type: Type) -> Type:
    """The type of one stream of a bundle, or the type itself."""
    return type.element if isinstance(type, BundleType) else type


def record_field(type: RecordType, name: str) -> TensorType:
    return dict(type.fields)[name]
