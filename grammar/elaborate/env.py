"""Where elaboration stands: the program, the graph under construction, the names in sight, the path being written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ...compiler.diagnostics import Abort, Diagnostic, Findings, Label
from ...compiler.dims import Size
from ...compiler.ir import Attrs, Chunk, Node
from ...compiler.loading.places import Resolved, Resolver
from ...compiler.source import Span
from ...compiler.types import Type, tensor_types
from .. import tree
from . import limits
from .values import Chunked, Outer, Selected, Tensor, Value

if TYPE_CHECKING:
    from .missing import MayBeMissing


@dataclass(eq=False)
class Program:
    """One elaboration: what it was asked for, what it found, and what it has spent."""

    findings: Findings
    training: bool
    bind: dict[str, Any] = field(default_factory=dict)
    steps: int = 0
    nodes: int = 0
    depth: int = 0
    calling: list[Any] = field(default_factory=list)
    memory: dict[str, Any] | None = None
    files: list[tuple[Any, tree.Chunk]] = field(default_factory=list)
    """Chunks at the top of files, with the scope of each."""
    externs: dict[str, None] = field(default_factory=dict)
    """Names of the extern chunks that were declared, in order."""
    units: dict[int, Unit] = field(default_factory=dict)
    """The unit of each body graph, by its identity."""
    resolver: Resolver | None = None
    """Finds what handles stand for; None: stored chunks have no body."""
    on_missing: str = "error"
    """What becomes of calls of stored chunks that cannot be loaded, where the chunk does not say."""
    lenient: bool = False
    """What the resolver cannot find has no body, as without one, unless calls do without it."""
    resolved: dict[str, Resolved | tuple[Diagnostic, ...]] = field(default_factory=dict)
    """What handles stand for, or what is wrong with them."""
    places: dict[Span, Span] = field(default_factory=dict)
    """Where the handle of a chunk stands, by the place of the chunk."""
    reading: list[str] = field(default_factory=list)
    """The stored texts that are being elaborated, one in the other."""

    def step(self, span: Span, cost: int = 1) -> None:
        """Count evaluations; too many are an error with a span, so that checking takes bounded time."""
        self.steps += cost
        if self.steps > limits.MOST_STEPS:
            message = f"the file asks for more than {limits.MOST_STEPS} evaluations"
            raise limits.stop(self.findings, "CC1001", message, span, "are loops nested by mistake?")

    def enter(self, span: Span) -> None:
        """Go one level of values deeper; `leave` comes back."""
        self.depth += 1
        if self.depth > limits.DEEPEST_VALUES:
            message = f"values and calls are nested more than {limits.DEEPEST_VALUES} levels deep"
            raise limits.stop(self.findings, "CC1005", message, span, "give a part of it a name of its own")

    def leave(self) -> None:
        self.depth -= 1

    def call(self, callee: Any, span: Span) -> None:
        """Go into the body of a chunk or model; `calling.pop()` comes back."""
        if len(self.calling) >= limits.DEEPEST_CALLS:
            message = f"calls of models and chunks are nested more than {limits.DEEPEST_CALLS} levels deep"
            raise limits.stop(self.findings, "CC1005", message, span, "repeat with a `for`")
        self.calling.append(callee)


@dataclass(eq=False)
class Unit:
    """A graph under construction: the model's, or that of a chunk's body. `parent` is the unit that the chunk is written in."""

    program: Program
    parent: Unit | None = None
    nodes: list[Node] = field(default_factory=list)
    outputs: list[tuple[str, Node]] = field(default_factory=list)
    losses: list[tuple[str, Node]] = field(default_factory=list)
    nexts: dict[str, tuple[Node, Node, Span]] = field(default_factory=dict)
    chunks: dict[str, Chunk] = field(default_factory=dict)
    counters: dict[str, int] = field(default_factory=dict)
    outer: dict[tuple[int, str], Node] = field(default_factory=dict)
    declared: list[Outer] = field(default_factory=list)
    paths: dict[str, Span] = field(default_factory=dict)
    among: tuple[Tensor, Tensor] | None = None
    """In a body called with `among=`: which positions are kept, and where each stands (`[B, T]` both)."""
    batch_norms: list[Span] = field(default_factory=list)
    learns: bool | None = None
    """Whether there is something to train in it, once that has been looked at."""
    decided: list[tuple[Node, tree.Selection]] = field(default_factory=list)
    skipped: dict[Node, MayBeMissing] = field(default_factory=dict)
    """Calls of chunks whose ways are closed where they are missing."""
    frozen: bool = False
    """The body of a stored chunk that is not trained, or in one."""
    place: Span | None = None
    """Where nodes come from while the standard library is written out: its call."""

    def emit(self, op: str, operands: tuple[Node, ...], attrs: dict[str, Any], type: Type, span: Span, name: str = "") -> Node:
        """Add a node. A result too large for any machine is an error."""
        program = self.program
        program.nodes += 1
        if program.nodes > limits.MOST_NODES:
            message = f"the model has more than {limits.MOST_NODES} nodes"
            raise limits.stop(program.findings, "CC1002", message, span, "share bodies by arrays of chunks")
        for tensor in tensor_types(type):
            limits.check_type(program.findings, tensor, span)
        node = Node(op, operands, Attrs(attrs), type, self.place or span, name)
        self.nodes.append(node)
        return node

    def count(self, key: str) -> int:
        """How often a key has been counted in this unit, this time included."""
        self.counters[key] = self.counters.get(key, 0) + 1
        return self.counters[key]

    def count_call(self, call: str, index: tuple[str, ...]) -> int:
        """How often members of `call` with this index have been called in this unit, alone or in an array, this time included."""
        around = [f"call {call} {'.'.join(index[:end])}" for end in range(len(index) + 1)]
        within = [f"within {key}" for key in around]
        used = 1 + max(self.counters.get(key, 0) for key in [*around, within[-1]])
        self.counters.update(dict.fromkeys([around[-1], *within], used))
        return used

    def reach(self, outer: Outer, span: Span) -> Tensor:
        """The node of this unit that reads a param or state of this unit or one around it."""
        up, unit = 0, self
        while unit is not outer.unit:
            assert unit.parent is not None
            up, unit = up + 1, unit.parent
        key = (up, outer.path)
        if key not in self.outer:
            word = "state" if outer.kind == "state" else "param"
            attrs: dict[str, Any] = {"path": outer.path, "up": up}
            if word == "param":
                attrs["frozen"] = outer.kind == "frozen"
            self.outer[key] = self.emit(word, (), attrs, outer.type, outer.span)
        return Tensor(self.outer[key], outer.axes)

    def depth_to(self, unit: Unit) -> int:
        """How many frames out `unit` lies."""
        up, here = 0, self
        while here is not unit:
            assert here.parent is not None
            up, here = up + 1, here.parent
        return up


@dataclass(eq=False)
class Scope:
    """Names in sight. `barrier` marks the body of a chunk: run-time values outside it are not reachable."""

    parent: Scope | None = None
    names: dict[str, tuple[Value, Span]] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    barrier: bool = False
    carries: bool = False
    """The body of a `for` or `if`: it rebinds outer names."""

    def find(self, name: str) -> tuple[Scope, Value, Span, bool] | None:
        """The scope that binds a name, its value, where, and whether a barrier lies between."""
        scope: Scope | None = self
        crossed = False
        while scope is not None:
            if name in scope.names:
                scope.used.add(name)
                return scope, *scope.names[name], crossed
            crossed = crossed or scope.barrier
            scope = scope.parent
        return None

    def visible(self) -> Iterator[str]:
        scope: Scope | None = self
        while scope is not None:
            yield from scope.names
            scope = scope.parent


@dataclass(frozen=True, eq=False)
class Env:
    """Handed to every function of the elaborator. `path` is where implicit parameters and selections written here are named."""

    program: Program
    unit: Unit
    scope: Scope
    base: tuple[str, ...] = ()
    loops: tuple[str, ...] = ()
    path: tuple[str, ...] = ()
    sink: dict[str, tuple[Value, Span]] = field(default_factory=dict)
    """The outputs of the body that is being elaborated."""
    inlined: bool = False
    """In a model called like an op: what waits for a decision waits at the call."""
    grain: tuple[str, tuple[int, int]] | None = None
    """In the score of a mask: its grain, and the sizes of its blocks."""

    @property
    def findings(self) -> Findings:
        return self.program.findings

    def statement(self, name: str) -> Env:
        """The environment for the right side of a statement: its name, then the indices of the loops around it."""
        return replace(self, path=self.base + ((name,) if name else ()) + self.loops)

    def inner(self, **changes: Any) -> Env:
        return replace(self, **changes)

    def numbered(self, op: str) -> str:
        """The path of the next use of `op` in this statement: `y.linear_2`."""
        parent = ".".join(self.path)
        stem = f"{parent}.{op}" if parent else op
        return f"{stem}_{self.unit.count(stem)}"

    def error(self, code: str, message: str, span: Span, **more: Any) -> Abort:
        return self.findings.error(code, message, span, **more)

    def declare(self, name: tree.Name, value: Value, *, rebind: bool = False) -> None:
        """Bind a name here. Inside a `for` or `if` a plain statement rebinds an outer name where it carries it."""
        scope = self.scope
        if rebind:
            home = _carrier(scope, name.text)
            if home is not None and isinstance(home.names[name.text][0], Chunked | Outer | Selected) and home is not scope:
                home = None
            if home is not None and (home is not scope or scope.carries):
                home.names[name.text] = (value, name.span)
                return
        if name.text in scope.names and not (rebind and scope.carries):
            earlier = scope.names[name.text][1]
            raise self.error(
                "CC0202",
                f"`{name.text}` is already declared here",
                name.span,
                also=[label(earlier, "first declared here")],
                hint="choose another name, or chain the two with `|>`" if rebind else "choose another name",
            )
        scope.names[name.text] = (value, name.span)


def _carrier(scope: Scope, name: str) -> Scope | None:
    """The scope whose binding of `name` a statement here rebinds."""
    here: Scope | None = scope
    while here is not None:
        if name in here.names:
            return here
        if not here.carries:
            return None
        here = here.parent
    return None


def label(span: Span, text: str) -> Label:
    return Label(span, text)


def sizes_text(shape: tuple[Size, ...]) -> str:
    return "[" + ", ".join(map(str, shape)) + "]"
