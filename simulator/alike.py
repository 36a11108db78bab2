"""Steps that are alike: the same step in the members of a chunk array, layer after layer, as one."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from .machine import Bound
    from .report import StepReport


@attrs.frozen
class Group:
    """Steps that are alike, together: how many, their seconds, FLOPs, bytes of device memory; `most`: the FLOPs that the roofline
    allows in that time; `bound`: what most of the time is bound by; `rows`: of one of them, NaN where they are not counted."""

    name: str
    times: int
    seconds: float
    flops: float
    moved: float
    most: float
    bound: Bound
    rows: float


def groups(steps: Iterable[StepReport]) -> list[Group]:
    """The steps by what they are alike in, the longest first."""
    found: dict[tuple[str, str, str], list[StepReport]] = {}
    for step in steps:
        found.setdefault((alike(step.path), step.kind, alike(step.label)), []).append(step)
    made = [_group(name_of(path, f"{kind} {label}".rstrip()), mine) for (path, kind, label), mine in found.items()]
    return sorted(made, key=lambda group: -group.seconds)


def _group(name: str, steps: list[StepReport]) -> Group:
    bounds: dict[Bound, float] = {}
    for step in steps:
        bounds[step.bound] = bounds.get(step.bound, 0.0) + step.seconds
    flops = sum(step.flops for step in steps)
    intense = [step for step in steps if step.flops and math.isfinite(step.roofline.intensity)]
    return Group(
        name=name,
        times=len(steps),
        seconds=sum(step.seconds for step in steps),
        flops=flops,
        moved=sum(step.flops / step.roofline.intensity for step in intense),
        most=sum(step.roofline.ceiling * step.seconds for step in steps),
        bound=max(bounds, key=lambda bound: bounds[bound]),
        rows=sum(step.rows for step in steps) / len(steps),
    )


def alike(path: str) -> str:
    """A call path with `*` for the numbers of members: `block.3.expert.0.` as `block.*.expert.*`."""
    return ".".join("*" if part.isdigit() else part for part in path.removesuffix(".").split("."))


def name_of(path: str, label: str) -> str:
    """A step's label behind the chunk that it stands in."""
    return f"{path.rstrip('.')}: {label}" if path else label
