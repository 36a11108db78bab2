"""How long what a schedule orders is expected to run, and its chunks to load, on a machine."""

from __future__ import annotations

from ..compiler.calls import move_calls
from ..compiler.cost import CostModel, Price
from ..compiler.dims import UnboundDim, evaluate, product
from ..compiler.ir import Node, streams_of
from ..compiler.planning.demand import decided_on
from ..compiler.planning.replacement import Times
from ..compiler.planning.uses import Needs, Use
from ..compiler.work import Dims
from .kernel_costs import UNSURE, Estimate, members, reach


def times_of(needs: Needs, model: CostModel, dims: Dims) -> Times:
    """Of each unit the seconds from the host to the device, of each use those that it computes."""
    estimate = Estimate(model, {}, resident=True)
    loads = {unit: model.price(move_calls(size)).seconds for unit, size in needs.units.items()}
    return Times(loads, tuple(use_price(estimate, use, dims).seconds for use in needs.uses))


def use_price(estimate: Estimate, use: Use, dims: Dims) -> Price:
    """Of one way, rung or member, on the rows that are expected to keep it; nothing where sizes are not known."""
    try:
        if use.way < 0:
            return estimate.node(use.node, dims, 1.0)
        if "routing" in use.node.attrs:
            return _way(estimate, use.node, use.way, dims)
        if use.node.op == "ladder":
            return _rung(estimate, use.node, use.way, dims)
        return estimate.call(use.node, dims, 1.0).times(1 / members(use.node))
    except UnboundDim:
        return Price()


def _way(estimate: Estimate, fuse: Node, way: int, dims: Dims) -> Price:
    streams, by = streams_of(fuse)
    assert by is not None
    decided, axes = decided_on(fuse), fuse.attrs["routing"].prefix
    rows = float(evaluate(product(decided[:axes]), dims))
    kept = reach(estimate.kept(by, dims), evaluate(product(decided[axes:]), dims))
    owners = [stream for stream in streams for _ in range(members(stream))]
    return estimate.reached(owners[way], dims, 1.0, kept, rows).times(1 / members(owners[way]))


def _rung(estimate: Estimate, ladder: Node, way: int, dims: Dims) -> Price:
    told = estimate.told(ladder.attrs["select"])
    leaving = UNSURE if told is None else told
    rung, left = ladder.attrs["rungs"][way], (1 - leaving) ** way
    late = estimate.price(rung.late.apply.attrs["body"], dims, left * leaving) if rung.late else Price()
    return estimate.price(rung.apply.attrs["body"], dims, left) + late
