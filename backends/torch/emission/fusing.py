"""A `fuse` as statements: kept positions taken out for each way and put together, or all streams computed everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....compiler.dims import Dim
from ....compiler.ir import Graph, Node, streams_of
from ....compiler.plan import Step, Way
from ....compiler.planning.guards import guard_of
from ....compiler.selection import paths_of
from ....compiler.types import TensorType
from ..expressions import bare
from .grouping import grouped_call
from .guarding import Routed, guarded
from .marking import mark, mark_rows
from .text import atom

if TYPE_CHECKING:
    from .body import Body


def write_fuse(body: Body, fuse: Node, step: Step | None) -> None:
    """A fuse, routed if it has a `combine` step."""
    streams, by = streams_of(fuse)
    kind = fuse.attrs["kind"]
    option = "" if kind == "sum" else f', kind="{kind}"'
    if step is not None:
        write_routed(body, fuse, step)
    elif by is None:
        body.define(fuse, plain(body, fuse, kind))
    else:
        kept, through = body.selected(by, "kept"), by.attrs["train"] == "straight_through"
        weight = _all_weights(body, by, kept) if through else body.selected(by, "weight")
        gate = f", gate={body.selected(by, 'gate')}" if through else ""
        body.define(fuse, f"fuse_dense({listed_streams(body, fuse)}, {kept}, {weight}{option}{gate})", named=True)


def listed_streams(body: Body, fuse: Node) -> str:
    """The list of a dense fuse's streams."""
    streams, _ = streams_of(fuse)
    if len(streams) == 1 and not isinstance(streams[0].type, TensorType):
        return body.text(streams[0])
    return f"[{', '.join(bare(body.tensor(stream)) for stream in streams)}]"


def plain(body: Body, fuse: Node, kind: str) -> str:
    """Streams put together as they are."""
    streams, _ = streams_of(fuse)
    texts = [body.tensor(stream) for stream in streams if not hasattr(stream.type, "count")]
    if kind == "sum" and len(texts) == len(streams):
        return atom(" + ".join(texts))
    listed = listed_streams(body, fuse)
    if kind == "concat":
        return f"torch.cat({listed}, dim=-1)"
    if kind == "stack":
        return f"torch.stack({listed}, dim=-2)"
    return f'fuse_terms({listed}, kind="{kind}")'


def routed(body: Body, fuse: Node, step: Step) -> Routed:
    """The lines that say which rows each way of a fuse runs on; written once. `step` is its `combine`."""
    if fuse in body.routes:
        return body.routes[fuse]
    _, by = streams_of(fuse)
    assert by is not None
    kept = body.selected(by, "kept")
    # Dropped positions are not read, so the weights need no zeros there.
    weight = body.selected(by, "weight") if by.attrs["renormalise"] else _slot(body, by)
    axes, shared, kind = step.rows, body.shared(by), fuse.attrs["kind"]
    option = "" if kind == "sum" else f', kind="{kind}"'
    if by.selection.kept.rank == 1:
        (kept, weight), shared = spread(body, step, kept, weight), ""
    rows = body.names.fresh("rows")
    label, *others = _labels(fuse)
    mark(body, beside(body, step, "dispatch"))
    body.line(f'{rows} = {body.ctx}.dispatch("{label}", {kept}, {axes})')
    mark_rows(body, rows)
    for other in others:
        body.line(f'{body.ctx}.ran("{other}", {rows})')
    body.routes[fuse] = Routed(label, kept, weight, rows, f"{kept}, {axes}{shared}", option)
    return body.routes[fuse]


def write_routed(body: Body, fuse: Node, step: Step) -> None:
    """Each way computes the positions that kept it."""
    route = routed(body, fuse, step)
    guard = guard_of(fuse, step.ways, step.rows)

    def full() -> str:
        if guard is not None:
            mark_rows(body, "(0,)")
        return all_ways(body, step, route.rows, route.where, f"{route.kept}, {route.weight}, {step.rows}{route.option}")

    if fuse in body.parts:
        from .residing import parts_text

        parts = body.names.fresh("parts")
        mark(body, step, route.rows)
        body.line(f"{parts} = {parts_text(body, fuse, step)}")
        text = f"combine({parts}, {route.rows}, {route.kept}, {route.weight}, {step.rows}{route.option})"
    else:
        text = full() if guard is None else guarded(body, step, guard, route, full)
    body.define(fuse, text, named=True)


def all_ways(body: Body, step: Step, rows: str, where: str, by: str) -> str:
    """Every way on its rows, and these put together. `where` says what the rows are of, `by` what was decided."""
    parts = body.names.fresh("parts")
    mark(body, beside(body, step, "each"), rows)
    if one_array(step):
        calls = grouped_call(body, step, rows) or body.shop.routed_calls(body, step, rows, where)
        body.line(f"{parts} = {calls}")
    else:
        texts = [way_text(body, way, place, rows, step.rows, where) for place, way in enumerate(step.ways)]
        body.line(f"{parts} = [{', '.join(texts)}]")
    mark(body, step, rows)
    return f"combine({parts}, {rows}, {by})"


def beside(body: Body, combine: Step, kind: str) -> Step:
    """The step of this kind that belongs to the same fuse as a `combine`."""
    return next(step for step in body.block.steps if step.kind == kind and step.nodes and step.ways is combine.ways)


def one_array(step: Step) -> bool:
    """Whether the ways are the members of one array of chunks."""
    return len({id(way.apply) for way in step.ways}) == 1 and bool(step.ways[0].apply.attrs["chunk"])


def spread(body: Body, step: Step, kept: str, weight: str) -> tuple[str, str]:
    """One decision for everything, as one for each sample."""
    of = next(o for way in step.ways for o, gathered in zip(way.arguments, way.gathered) if gathered)
    names = [body.names.fresh(f"{name}_each") for name in ("kept", "weight")]
    for name, text in zip(names, (kept, weight)):
        body.line(f"{name} = {text}.expand({body.variable(of)}.shape[0], -1)")
    return names[0], names[1]


def _slot(body: Body, by: Node) -> str:
    from .selecting import slot_text

    return slot_text(body, by, "weight")


def _all_weights(body: Body, by: Node, kept: str) -> str:
    """The weights before keeping: what a gate's gradient is multiplied by."""
    weight = _slot(body, by)
    return f"share_of_kept({weight}, {kept})" if by.attrs["renormalise"] else weight


def _labels(fuse: Node) -> list[str]:
    """The names under which the rows that ran are recorded: of the selection's paths, and of the fuse if it has one."""
    return [f"{path}:{fuse.name}" if fuse.name else path for path in paths_of(fuse.operands[-1])]


def read_once(graph: Graph, given: Node) -> bool:
    """Whether the text of an input may stand where it is read: in one place, which is no loop, and nothing asks for its shape."""
    readers = [reader for reader in graph.nodes for operand in reader.operands if operand is given]
    looped = any(reader.op == "apply" and not reader.attrs["single"] for reader in readers)
    roots = sum(node is given for node in graph.roots)
    sized = any(isinstance(value, Dim) or key == "shape" for node in graph.nodes for key, value in node.attrs.items())
    return len(readers) + roots == 1 and not looped and not sized


def way_text(body: Body, way: Way, place: int, rows: str, axes: int, where: str) -> str:
    """One way written out; the text of its value on the kept rows. `where` says what these are rows of."""
    at = f"{rows}[{place}]"
    inner = body.shop.plan.of(way.apply.attrs["body"])
    arguments = []
    for operand, gathered, given in zip(way.arguments, way.gathered, inner.graph.inputs):
        text = body.tensor(operand)
        if gathered:
            text = f"take({text}, {at}, {axes})"
            if not read_once(inner.graph, given):
                name = body.names.fresh(f"{given.attrs['name']}_{place}")
                body.line(f"{name} = {text}")
                text = name
        arguments.append(text)
    ctx = body.ctx
    if body.logged or body.shop.needs_ctx(way.apply.attrs["body"]):
        ctx = body.names.fresh(f"ctx_{place}")
        body.line(f"{ctx} = {body.ctx}.at({at}, {where})")
    return body.inline(way.apply, tuple(arguments), ctx, way.gathered)
