"""Dense against conditional: the same spec with everything kept, on the same target under the same workload."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import attrs

from ..compiler.bodies import map_bodies
from ..compiler.ir import Graph, Node, rebuild
from ..compiler.kernels import kernels_of
from .report import Comparison, Report, StepReport, Won


def dense_graph(graph: Graph) -> Graph:
    """The graph with every kernel `dense`: all streams and masked products are computed everywhere, and what is absent is
    selected away."""

    def dense(node: Node) -> Node | None:
        chosen = "dense" in kernels_of(node) and node.attrs.get("kernel") != "dense"
        return replace(node, attrs=node.attrs.but(kernel="dense")) if chosen else None

    return map_bodies(graph, lambda body: rebuild(body, dense))


def compared(report: Report, dense: Report) -> Report:
    """The report with what the dense one says."""
    ours, theirs = seconds_by_part(report.steps), seconds_by_part(dense.steps)
    parts = [Won(*part, theirs.get(part, 0.0), ours.get(part, 0.0)) for part in dict.fromkeys((*theirs, *ours))]
    parts.sort(key=lambda one: -abs(one.saved))
    ratio = dense.seconds / report.seconds if report.seconds else 1.0
    found = Comparison(dense.seconds, dense.joules, dense.macs, dense.bytes, ratio, tuple(parts))
    return attrs.evolve(report, dense=found)


def seconds_by_part(steps: Iterable[StepReport]) -> dict[tuple[str, str], float]:
    """Seconds by chunk, its members together, and what is outside of chunks by kind of step: those are in both plans alike."""
    found: dict[tuple[str, str], float] = {}
    for step in steps:
        part = part_of(step)
        found[part] = found.get(part, 0.0) + step.seconds
    return found


def part_of(step: StepReport) -> tuple[str, str]:
    """The call path without numbers of members, and the chunk or kind of step."""
    labels = [label for label in step.path.split(".") if label and not label.isdigit()]
    chunk = ".".join(label for label in step.label.split(".") if not label.isdigit())
    if step.kind == "each" and chunk.isidentifier():
        return ".".join(labels), chunk
    if labels:
        return ".".join(labels[:-1]), labels[-1]
    return "", step.kind
