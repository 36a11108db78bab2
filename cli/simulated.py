"""Reports of the simulator as tables: what a call takes, where the time goes, what bounds it, and whether it pays."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from ..simulator.alike import Group, groups, name_of
from ..simulator.words import amount, faster, pays, seconds
from .report import table

if TYPE_CHECKING:
    from ..simulator.report import Report

MOST_PARTS = 8
"""Rows of what dense and conditional take part by part."""


def show(reports: Sequence[Report], top: int) -> None:
    """The whole beside each other, then the longest steps and the comparison of each."""
    levels = dict.fromkeys(level for report in reports for level, moved in report.bytes.items() if moved)
    said = [together(report, list(levels)) for report in reports]
    names = list(dict.fromkeys(name for one in said for name in one))
    columns = ("simulated", *(report.target for report in reports))
    table(columns, [(name, *(one.get(name, "-") for one in said)) for name in names])
    for report in reports:
        if top and report.steps:
            click.echo()
            head = (f"step on {report.target}", "times", "time", "share", "bound by", "rows", "FLOP/B", "FLOP/s", "of roofline")
            table(head, [step_line(one, report.seconds) for one in groups(report.steps)[:top] if one.seconds])
        if report.dense is not None:
            click.echo()
            parts = [one for one in report.dense.parts if max(one.dense, one.conditional) > 0][:MOST_PARTS]
            rows = [
                (name_of(one.path, one.label), seconds(one.dense), seconds(one.conditional), signed(one.saved)) for one in parts
            ]
            table((f"part on {report.target}", "dense", "conditional", "saved"), rows)


def together(report: Report, levels: Sequence[str]) -> dict[str, str]:
    """One target's column of the table of wholes."""
    many = report.inputs > 1
    sizes = ",".join(f"{name}={size}" for name, size in report.dims.items())
    found = {
        "model": f"{report.model} {sizes}".strip(),
        "run": f"{report.dtype}, {report.launch}, {report.inputs:,} input{'s' * many}",
        "routes": report.routes,
        "time": seconds(report.seconds),
    }
    if many:
        latency = report.latency
        found["p50, p90, p99"] = ", ".join(seconds(one) for one in (latency.p50, latency.p90, latency.p99))
    if report.dense is not None:
        found["time, dense"] = seconds(report.dense.seconds)
        found["does it pay?"] = verdict(report.dense.ratio)
    found["bound by"] = shares(report.bound, report.seconds)
    found["in use"] = ", ".join(f"{name} {share:.0%}" for name, share in report.utilisation.items() if share)
    found["cycles"] = f"{report.cycles:,.0f}"
    found["FLOPs"] = versus(report.flops, None, "FLOP")
    found["multiply-adds"] = versus(report.macs, report.dense.macs if report.dense is not None else None, "MAC")
    for level in levels:
        dense = report.dense.bytes.get(level) if report.dense is not None else None
        found[f"bytes, {level}"] = versus(report.bytes[level], dense, "B") if report.bytes.get(level) else "-"
    found["energy"] = versus(report.joules, report.dense.joules if report.dense is not None else None, "J")
    if report.loads is not None:
        loads = report.loads
        found["chunks loaded"] = f"{loads.loads:.4g} of {amount(loads.bytes, 'B')}, {loads.ahead:.4g} used ahead"
        found["waited for chunks"] = f"{seconds(loads.stalled)}, {loads.hidden:.0%} of {seconds(loads.loading)} hidden"
        found["chunks resident"] = f"{amount(loads.peak, 'B')} of {amount(loads.room, 'B')}"
    if report.unknown:
        found["not known"] = f"what {', '.join(report.unknown)} {'compute' if len(report.unknown) > 1 else 'computes'}"
    return found


def verdict(ratio: float) -> str:
    """Whether computing only what is kept is faster."""
    return pays(ratio) if pays(ratio) == "alike" else f"{pays(ratio)}, {faster(ratio)}"


def versus(value: float, dense: float | None, unit: str) -> str:
    """An amount, and behind it what share of the dense one it is."""
    return amount(value, unit) + (f" ({value / dense:.0%} of dense)" if dense else "")


def shares(parts: Mapping[str, float], whole: float) -> str:
    """What bound how much of the time, the most first."""
    most = sorted(parts.items(), key=lambda one: -one[1])
    return ", ".join(f"{name} {spent / whole:.0%}" for name, spent in most if whole and spent / whole >= 0.005) or "-"


def step_line(group: Group, whole: float) -> tuple[str, ...]:
    """Steps that are alike as a row."""
    rows = "-" if math.isnan(group.rows) else f"{group.rows:,.0f}"
    share = f"{group.seconds / whole:.1%}" if whole else "-"
    intensity = f"{group.flops / group.moved:.3g}" if group.moved and group.flops else "-"
    rate = amount(group.flops / group.seconds, "FLOP/s") if group.flops and group.seconds else "-"
    reached = f"{group.flops / group.most:.0%}" if group.most else "-"
    return group.name, f"{group.times}", seconds(group.seconds), share, group.bound, rows, intensity, rate, reached


def signed(value: float) -> str:
    """What was won, or, below zero, lost."""
    return ("-" if value < 0 else "+") + seconds(abs(value)) if value else seconds(0.0)
