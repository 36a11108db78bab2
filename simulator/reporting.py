"""From priced steps and their times to a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .engine import latencies
from .machine import Bound, Machine
from .pricing import Columns, Priced
from .pricing.columns import BOUND, BOUNDS, BYTES, CALLS, FLOPS, HOST, JOULES, MACS, SECONDS, Floats
from .report import Course, Loads, Report, Roof, Roofline, StepReport, WayReport
from .stays import stays_of
from .target import Target
from .timing import Times
from .workloads import Workload

LONG = 0.5
"""Where the device stands idle for longer than this share of a step, what it waits for is said to bind it."""


def report_of(
    model: str,
    machine: Machine,
    workload: Workload,
    launch: str,
    steps: Sequence[Priced],
    times: Times,
    columns: Columns,
    loads: Loads | None = None,
) -> Report:
    """The means over inputs, step by step and together."""
    target = machine.target
    found = tuple(step_report(one, times, i, columns, target, workload.dtype) for i, one in enumerate(steps))
    seconds = float(times.total.mean())
    macs, flops, joules = (sum(getattr(one, name) for one in found) for name in ("macs", "flops", "joules"))
    moved = {level: sum(one.bytes[level] for one in found) for level in columns.levels}
    bound: dict[str, float] = {}
    for one in found:
        bound[one.bound] = bound.get(one.bound, 0.0) + one.seconds
    return Report(
        model=model,
        target=target.name,
        dtype=workload.dtype,
        launch=launch,
        routes=workload.routes,
        dims=dict(workload.dims),
        inputs=workload.inputs,
        seconds=seconds,
        cycles=seconds * target.clock,
        macs=macs,
        flops=flops,
        bytes=moved,
        joules=joules + target.power.idle * seconds,
        utilisation=utilisation(found, target, workload.dtype, seconds, macs, moved),
        bound=bound,
        roof=Roof(2 * peak(target, workload.dtype), target.device_memory.bandwidth),
        latency=latencies(times.total),
        samples=times.total,
        steps=found,
        course=course_of(steps, times, columns),
        ways=tuple(way for one in steps for way in way_reports(one, columns)),
        loads=loads,
    )


def course_of(steps: Sequence[Priced], times: Times, columns: Columns) -> Course:
    """The input that took as long as half of all do not exceed: the lower median."""
    n = int(np.argsort(times.total, kind="stable")[(len(times.total) - 1) // 2])
    ran = np.array([one.ran.ran is None or bool(one.ran.ran[n]) for one in steps], bool)
    rows = np.array([one.rows[n if len(one.rows) > 1 else 0] for one in steps]).reshape(len(steps), columns.width)
    begin, host = times.begin[:, n], times.host[:, n]
    return Course(
        input=n,
        total=float(times.total[n]),
        ran=ran,
        begin=begin,
        end=begin + times.spent[:, n],
        busy=rows[:, SECONDS],
        host_begin=host,
        host_end=host + rows[:, HOST],
        flops=2 * rows[:, MACS] + rows[:, FLOPS],
        bytes={level: rows[:, BYTES + place] for place, level in enumerate(columns.levels)},
        copies=tuple(one for one in times.copies if one.input == n),
        stays=stays_of(times.copies, n, float(times.total[n])),
    )


def utilisation(
    steps: Sequence[StepReport], target: Target, dtype: str, seconds: float, macs: float, moved: Mapping[str, float]
) -> dict[str, float]:
    """The share of the total in which the device ran something, in which the host launched, and of the peak rates of products and
    of the device's memory."""
    if not seconds:
        return {}
    memory = target.device_memory
    found = {"device": sum(one.busy for one in steps) / seconds, "host": sum(one.host for one in steps) / seconds}
    found["matrix"] = macs / (peak(target, dtype) * seconds)
    found[memory.name] = moved.get(memory.name, 0.0) / (memory.bandwidth * seconds)
    return found


def peak(target: Target, dtype: str) -> float:
    """Multiply-adds a second; of a dtype without a rate, the lowest there is."""
    return target.peak_macs(dtype if dtype in target.matrix.macs else min(target.matrix.macs, key=target.peak_macs))


def step_report(priced: Priced, times: Times, i: int, columns: Columns, target: Target, dtype: str) -> StepReport:
    ran, rows = priced.ran, priced.rows.mean(0)
    some = np.ones(len(times.total), bool) if ran.ran is None else ran.ran
    spent = float(times.spent[i].mean())
    moved = {level: float(rows[BYTES + place]) for place, level in enumerate(columns.levels)}
    counts = np.full(len(some), np.nan) if ran.rows is None else ran.rows.sum(1)
    return StepReport(
        path=ran.place.path,
        step=ran.step.id,
        kind=ran.step.kind,
        label=label_of(priced),
        engine=ran.step.engine,
        start=float(times.begin[i][some].mean()) if some.any() else float("nan"),
        seconds=spent,
        busy=float(rows[SECONDS]),
        host=float(rows[HOST]),
        macs=float(rows[MACS]),
        flops=float(2 * rows[MACS] + rows[FLOPS]),
        bytes=moved,
        joules=float(rows[JOULES]),
        calls=float(rows[CALLS]),
        bound=bound_of(rows, spent, float(times.launched[i].mean()), float(times.loaded[i].mean())),
        roofline=roofline(rows, spent, moved.get(target.device_memory.name, 0.0), target, dtype),
        rows=float(counts[some].mean()) if some.any() else 0.0,
        ran=float(some.mean()),
    )


def label_of(priced: Priced) -> str:
    """The step's label; of plain ops their names, where they are few."""
    step = priced.ran.step
    if step.kind == "compute" and not step.ways:
        names = [node.name or node.op for node in step.nodes]
        return ", ".join(names) if len(names) <= 3 else f"{names[0]} … {names[-1]} ({len(names)} ops)"
    return step.label


def bound_of(rows: Floats, spent: float, launched: float, loaded: float) -> Bound:
    """What a step was as slow as: what the device waited for, where that is most of it, else what bound its calls."""
    if spent and loaded > LONG * spent:
        return "load"
    own = rows[BOUND : BOUND + len(BOUNDS)]
    if (spent and launched > LONG * spent) or not own.any():
        return "launch" if spent else "wait"
    return BOUNDS[int(own.argmax())]


def roofline(rows: Floats, spent: float, moved: float, target: Target, dtype: str) -> Roofline:
    flops, most = float(2 * rows[MACS] + rows[FLOPS]), 2 * peak(target, dtype)
    intensity = flops / moved if moved else float("inf") if flops else 0.0
    ceiling = min(most, intensity * target.device_memory.bandwidth)
    return Roofline(intensity, flops / spent if spent else 0.0, ceiling)


def way_reports(priced: Priced, columns: Columns) -> list[WayReport]:
    """What the ways of a routed step have taken, where the walk stayed outside of them."""
    ran = priced.ran
    if ran.rows is None or ran.step.kind != "each":
        return []
    made: Any = priced.ways if priced.ways is not None else np.full((ran.rows.shape[1], columns.width), np.nan)
    rows, some, numbers = ran.rows.mean(0).tolist(), (ran.rows > 0).mean(0).tolist(), made.tolist()
    return [
        WayReport(
            path=ran.place.path,
            step=ran.step.id,
            way=f"{ran.step.label}.{way.member}" if way.member else f"{ran.step.label}.{place}",
            rows=rows[place],
            ran=some[place],
            seconds=numbers[place][SECONDS],
            macs=numbers[place][MACS],
            bytes=dict(zip(columns.levels, numbers[place][BYTES:])),
            joules=numbers[place][JOULES],
        )
        for place, way in enumerate(ran.step.ways)
    ]
