"""The plan: what a graph does, step by step, on the rows that are kept. Backends run it, the simulator times it.

A `Block` is the planned form of one graph or body: its steps in an order that may be run as it stands. A `Region` is a run of
steps with no host step between them; without caches, branches and a memory budget there is one. A plan says what is skipped:
a step on `rows` runs on the kept positions of a way only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from .ir import Graph, Node
from .ops import OPS
from .source import Span

Kind = Literal[
    "draw",
    "select",
    "dispatch",
    "compute",
    "combine",
    "each",
    "branch",
    "probe",
    "remember",
    "pack",
    "prefetch",
    "acquire",
    "release",
    "evict",
    "record",
]
RESIDENCY = frozenset({"prefetch", "acquire", "release", "evict"})
"""Kinds of steps that move chunks."""
CACHING = frozenset({"probe", "compute", "remember"})
"""Kinds of steps whose rows are those of a cached part: looked up, not held, all of them."""
HOSTED = RESIDENCY | {"probe", "remember", "branch"}
"""Kinds of steps that the host runs between regions, with what it holds across calls: they bound the regions."""


@dataclass(frozen=True, slots=True)
class Way:
    """What one way runs: the body that `apply` calls for `member`. `gathered` says which arguments have the positions."""

    apply: Node
    member: str
    arguments: tuple[Node, ...]
    gathered: tuple[bool, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One step. Identity is its `id`, unique in its plan.

    - `nodes`: what it computes, in order; `writes` are those that later steps read, `reads` what it needs from earlier ones.
    - `rows`: how many leading axes of its values are gathered into the kept positions (0: it runs on everything).
    - `after`: ids of the steps that must have run.
    - `ways` (of `dispatch`, `each`, `combine`, and the `compute` of a cached part): what the ways run, in order.
    - `label` is the path or name to print.
    - `part`: of an `each` that runs one way of several, which; the others have steps of their own.
    - `wanted`: the selections, each with a way, of which one must have kept it anywhere; else the step does nothing. Empty: it is
      done in any case. `target` (of `evict`): the chunk that needs the room.
    """

    id: int
    kind: Kind
    span: Span
    reads: tuple[Node, ...]
    writes: tuple[Node, ...]
    rows: int = 0
    after: tuple[int, ...] = ()
    engine: str = "device"
    nodes: tuple[Node, ...] = ()
    ways: tuple[Way, ...] = ()
    label: str = ""
    part: int | None = None
    wanted: tuple[tuple[Node, int], ...] = ()
    target: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """The steps of one graph or body."""

    graph: Graph
    steps: tuple[Step, ...]

    def routed(self, fuse: Node) -> Step | None:
        """The `combine` step of a fuse that is computed on kept positions, or None."""
        return next((step for step in self.steps if step.kind == "combine" and step.writes[0] is fuse), None)


@dataclass(frozen=True, slots=True)
class Region:
    """Steps of the outer block, `first` to before `last`, that are captured as one pure function."""

    first: int
    last: int


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """A graph's block, the blocks of all bodies under it (by identity of the body), and the regions of the outer block."""

    block: Block
    blocks: Mapping[int, Block] = field(repr=False)
    regions: tuple[Region, ...]

    @property
    def graph(self) -> Graph:
        return self.block.graph

    def of(self, body: Graph) -> Block:
        """The block of a body that some step of this plan runs."""
        return self.blocks[id(body)]


def regions_of(block: Block, blocks: Mapping[int, Block]) -> tuple[Region, ...]:
    """Maximal runs of steps without a host step, in them or in the bodies that they run (`blocks`, by identity of the body)."""
    known: dict[int, bool] = {}

    def hosts(step: Step) -> bool:
        outside = any(OPS[node.op].outside for node in step.nodes if node.op in OPS)
        runs = step.ways if step.kind in ("each", "compute") else ()
        return outside or step.kind in HOSTED or any(inside(way.apply.attrs["body"]) for way in runs)

    def inside(body: Graph | None) -> bool:
        if id(body) not in known:
            inner = blocks.get(id(body))
            known[id(body)] = inner is not None and any(map(hosts, inner.steps))
        return known[id(body)]

    bounds = [-1, *(i for i, step in enumerate(block.steps) if hosts(step)), len(block.steps)]
    return tuple(Region(low + 1, high) for low, high in zip(bounds, bounds[1:]) if high > low + 1)


def plan_text(plan: Plan) -> str:
    """The plan as text, one step a line, the bodies that ways run below the step that runs them."""
    mode, count = "training" if plan.graph.training else "eval", len(plan.regions)
    lines = [f"plan {plan.graph.name} ({mode}, {count} region{'s' if count > 1 else ''})"]
    lines += _block_lines(plan, plan.block, 1, set())
    return "\n".join(lines) + "\n"


def _block_lines(plan: Plan, block: Block, depth: int, shown: set[int]) -> Iterator[str]:
    indent = "  " * depth
    for step in block.steps:
        yield indent + step_text(step)
        for way in step.ways if step.kind in ("each", "compute") else ():
            body = way.apply.attrs["body"]
            if id(body) not in shown:
                shown.add(id(body))
                yield f"{indent}  body of {way.apply.attrs['chunk'] or 'this way'}"
                yield from _block_lines(plan, plan.of(body), depth + 2, shown)


def step_text(step: Step) -> str:
    """One line: id, kind, label, what it computes, on which rows, after what."""
    words = [f"{step.id:>3} {step.kind:<9}{step.label}"]
    if step.kind == "compute" and not step.ways:
        words.append(", ".join(node.name or node.op for node in step.nodes))
    if step.ways and step.kind != "compute":
        words.append(f"{len(step.ways)} ways")
    if step.rows:
        words.append(f"on {'rows' if step.kind in CACHING else 'kept rows'} of {step.rows} axes")
    if step.after:
        words.append(f"after {', '.join(map(str, step.after))}")
    return "; ".join(words)
