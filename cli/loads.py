"""`chunkc loads`: a recorded trace of loads on a target: what was waited for chunks, what is predicted, and what another budget,
policy or depth of prefetches would give."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..compiler.loading.eviction import POLICIES
from ..compiler.loading.trace_files import read_trace
from ..simulator.units import Scale, UnitError, convert
from ..simulator.words import amount, seconds, share
from .arguments import CommandLine
from .report import guarded, progress, table
from .simulate import check_writable, targets_of

if TYPE_CHECKING:
    from ..compiler.loading.trace import LoadTrace
    from ..simulator.loading import Replay
    from ..simulator.target import Target

ENDLESS = 2.0**62
"""Bytes: any larger budget is none."""
COLUMNS = ("loads", "time", "waited for chunks", "loading", "hidden", "chunks loaded", "bytes")


@click.command()
@click.argument("path", metavar="TRACE.json")
@click.option(
    "--target", "targets", metavar="NAME", multiple=True, required=True, help="A machine (`chunkc calibrate` makes one)."
)
@click.option("--budget", "budgets", metavar='"256 MiB"', multiple=True, help="As if chunks had this much room; repeatable.")
@click.option("--evict", "policies", type=click.Choice(POLICIES), multiple=True, help="As if this policy evicted; repeatable.")
@click.option(
    "--prefetch", "depths", type=click.IntRange(0, 64), multiple=True, help="As if so many were prefetched; repeatable."
)
@click.option(
    "--cache", type=click.Choice(["cold", "warm"]), help="Whether the page cache holds the files; as recorded by default."
)
@click.option("--html", metavar="FILE.html", help="Write a page that shows what was in memory when, and what waited.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, times in seconds.")
@guarded
def command(
    path: str,
    targets: tuple[str, ...],
    budgets: tuple[str, ...],
    policies: tuple[str, ...],
    depths: tuple[int, ...],
    cache: str | None,
    html: str | None,
    as_json: bool,
) -> None:
    """Time a trace that `module.record_loads()` recorded on a target's disk, beside what was measured."""
    from ..simulator.loading.replay import measured

    line = CommandLine("loads", path, {"--target": targets, "--budget": budgets, "--html": [html] if html is not None else []})
    hardware, rooms = targets_of(line), rooms_of(line)
    check_writable(line, "--html")
    line.findings.check()
    trace = read_trace(path)
    rows: list[tuple[str, Replay]] = [("measured", measured(trace))]
    for name, target in hardware.items():
        on = f" on {name}" if len(hardware) > 1 else ""
        rows += [(what + on, one) for what, one in predicted(trace, target, cache, rooms, policies, depths)]
    if html is not None:
        write_page(html, path, trace, rows)
    if as_json:
        told = {"trace": path, "room": trace.room, "policy": trace.policy, "cold": trace.cold}
        click.echo(json.dumps({**told, "rows": [as_values(*row) for row in rows]}, indent=2))
    else:
        table(COLUMNS, [(what, *shown(one)) for what, one in rows])


def write_page(html: str, path: str, trace: LoadTrace, rows: Sequence[tuple[str, Replay]]) -> None:
    """The rows as pictures. Of what was measured only the order of things is known, and how long each took: so it is replayed."""
    from ..simulator.html.loads import loads_page
    from ..simulator.loading import replay

    told = [(what, *shown(one)) for what, one in rows]
    drawn = {"replayed: loads take what was recorded": replay(trace, None), **dict(rows[1:])}
    Path(html).write_text(loads_page(path, COLUMNS, told, drawn), encoding="utf-8")
    progress(f"wrote {html}")


def rooms_of(line: CommandLine) -> dict[str, int]:
    """The budgets in bytes, as they were given; what is none is reported."""
    found = {}
    for text, span in line.spans("--budget"):
        try:
            size = convert(text, "B", Scale(math.nan, math.nan))
            if size < 0:
                raise UnitError("less than nothing", "the bytes that chunks may take")
            found[text] = int(min(size, ENDLESS))
        except UnitError as error:
            line.findings.error("CC0722", f"`{text}` is no budget: {error}", span, label="bytes", hint=error.hint)
    return found


def predicted(
    trace: LoadTrace, target: Target, cache: str | None, rooms: dict[str, int], policies: tuple[str, ...], depths: tuple[int, ...]
) -> list[tuple[str, Replay]]:
    """The trace as recorded, Belady's yardstick, and each combination of what is asked for."""
    from ..simulator.loading import decided, disk_at, replay

    cold = trace.cold if cache is None else cache == "cold"
    found = [("predicted", replay(trace, disk_at(trace, target, cold)))]
    asked = list(itertools.product(rooms or [None], policies or [None], depths or [None]))
    for room, policy, ahead in [(None, "belady", None), *(one for one in asked if any(given is not None for given in one))]:
        other = decided(trace, room=None if room is None else rooms[room], policy=policy, ahead=ahead)
        said = [room] if room is not None else []
        said += [policy] if policy is not None else []
        said += [f"{ahead} ahead"] if ahead is not None else []
        found.append((", ".join(said), replay(other, disk_at(other, target, cold))))
    return found


def shown(one: Replay) -> tuple[str, ...]:
    """A row of the table."""
    loading = (seconds(one.loading), f"{one.hidden:.0%}") if one.loading else ("-", "-")
    return (
        seconds(one.seconds),
        f"{seconds(one.stalled)} ({share(one.stalled, one.seconds)})",
        *loading,
        f"{one.loads:,}",
        amount(one.bytes, "B"),
    )


def as_values(what: str, one: Replay) -> dict[str, Any]:
    """A row for machines, its calls too."""
    calls = [{"seconds": call.seconds, "stalled": call.stalled, "loads": call.loads, "bytes": call.bytes} for call in one.calls]
    told = {"what": what, "seconds": one.seconds, "stalled": one.stalled, "loading": one.loading, "hidden": one.hidden}
    return {**told, "loads": one.loads, "bytes": one.bytes, "calls": calls}
